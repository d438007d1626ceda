# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth and camera_info in the estimator: 3-D, or the reason why not, and 2-D in any case."""

from __future__ import annotations

from array import array
import struct
from typing import Any

import cv2
from depth_world import World, depth_msg, header, info_msg
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, RegionOfInterest

from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.msg import Skeleton, SkeletonArray
from pose_ros.ros import depth_input
from pose_ros.ros.conversions import camera_from_info, joints_from_msg
from pose_ros.ros.depth_images import DepthImageError, depth_from_msg
from pose_ros.ros.transforms import NoTransform


@pytest.fixture
def world(ros: Any) -> World:
    return World(ros)


def positions(pose: SkeletonArray) -> np.ndarray:
    assert len(pose.skeletons) == 1
    assert pose.skeletons[0].keypoint_state[0] == Skeleton.OBSERVED
    position, covariance, _ = joints_from_msg(pose)
    there = np.isfinite(position).all(axis=2)
    assert (there == np.isfinite(covariance).all(axis=(2, 3))).all()
    assert (joints_from_msg(pose).source == np.where(there, Skeleton.POSITION_DEPTH, 0)).all()
    return position


@pytest.mark.ros
@pytest.mark.parametrize('first', ['depth', 'image'])
def test_depth_before_or_after_its_image_gives_3d(world, first):
    world.tell_camera(info_msg())
    if first == 'depth':
        world.send_depth(world.scene.depth, header(5))
        world.send_image(0)
    else:
        world.send_depth(world.scene.depth, header(-100))  # depth does come here
        world.send_image(0)
        world.send_depth(world.scene.depth, header(5))
    position = positions(world.pose())
    there = np.isfinite(position).all(axis=2)
    assert there.sum() >= 12
    assert np.linalg.norm(position - world.scene.joints, axis=2)[there].mean() < 0.04
    assert world.reason == ''


@pytest.mark.ros
def test_3d_of_float_depth_too(world):
    world.tell_camera(info_msg())
    depth = np.where(world.scene.depth == 0, np.nan, world.scene.depth / 1000).astype(np.float32)
    world.send_depth(depth, header(0))
    world.send_image(0)
    assert np.isfinite(positions(world.pose())).sum() >= 3 * 12


@pytest.mark.ros
def test_depth_of_another_moment_is_not_taken(world):
    world.tell_camera(info_msg())
    world.send_depth(world.scene.depth, header(40))
    world.send_image(0)
    assert np.isnan(positions(world.pose())).all()
    assert 'the nearest is +40.0 ms' in world.reason
    assert world.reason in world.node.health()[1]


@pytest.mark.ros
def test_depth_in_another_unit_is_asked_about_and_taken_when_told(world):
    world.tell_camera(info_msg())
    depth = world.scene.depth
    for i, (units, unit_m, question) in enumerate((
        (depth.astype(np.float32), 0.001, 'in millimetres'),  # 32FC1 in mm
        (np.full_like(depth, 2000, np.float32), 0.0, 'depth lies around 2000: is it in mill'),
        ((depth // 1000).astype(np.uint16), 0.0, 'in another unit'),
        ((depth.astype(int) * 10).clip(0, 65535).astype(np.uint16), 1e-4, ''),  # RealSense D405
    )):
        set_parameters(world.node, **{'depth.unit_m': 0.0})
        world.send_depth(units, header(1000 * i))
        world.send_image(1000 * i)
        first = positions(world.pose())
        assert question in world.reason
        assert np.isnan(first).all() or not question
        if unit_m:
            set_parameters(world.node, **{'depth.unit_m': unit_m})
            world.send_depth(units, header(1000 * i + 100))
            world.send_image(1000 * i + 100)
            position = positions(world.pose())
            there = np.isfinite(position).all(axis=2)
            assert there.sum() >= 12 and world.reason == ''
            assert np.linalg.norm(position - world.scene.joints, axis=2)[there].mean() < 0.04


def set_parameters(node, **values):
    done = node.set_parameters([Parameter(name, value=v) for name, v in values.items()])
    assert all(result.successful for result in done)


class Tree:
    """Transforms of depth's frame, as a test knows them."""

    def __init__(self, known):
        self.known, self.asked, self.closed = known, [], False

    def lookup(self, target, source, stamp_ns):
        self.asked.append((target, source))
        if self.known is None:
            raise NoTransform('not connected')
        return self.known

    def close(self):
        self.closed = True


MOVED = Transform(np.eye(3), np.array([0.015, 0.0, 0.0]))


@pytest.mark.ros
@pytest.mark.parametrize(
    ('known', 'frame', 'registered', 'reason'),
    [
        (Transform(np.eye(3), np.zeros(3)), 'depth_optical', False, ''),
        (MOVED, 'depth_optical', False, 'tf says that they are not one'),
        (None, 'depth_optical', False, 'not connected'),
        (None, 'depth_optical', True, ''),
        (None, '/optical', False, ''),
    ],
)
def test_depth_in_a_frame_of_another_name(ros, monkeypatch, known, frame, registered, reason):
    tree = Tree(known)
    monkeypatch.setattr(depth_input, 'transforms_of', lambda node, sends: tree)
    world = World(ros, depth_registered=registered)
    world.tell_camera(info_msg())
    for ms in (0, 100):
        world.send_depth(world.scene.depth, header(ms, frame))
        world.send_image(ms)
        assert np.isfinite(positions(world.pose())).any() == (reason == '')
        assert reason in world.reason
        assert reason == '' or 'must be registered to the image' in world.reason
    # What is known to be one is not asked about again; a slash is no other name.
    asked = [('optical', 'depth_optical')]
    assert tree.asked == asked * (2 if reason else known is not None)
    world.node.release()
    assert tree.closed == bool(tree.asked)


@pytest.mark.ros
def test_every_image_is_published_once_and_in_order_at_half_the_depth_rate(world):
    world.tell_camera(info_msg())
    for i in range(6):
        if i % 2 == 0:
            world.send_depth(world.scene.depth, header(33 * i))
        world.send_image(33 * i)
    assert world.ros.spin_until(lambda: len(world.poses) == 6)
    world.ros.spin_for(0.1)
    stamps = [p.header.stamp.nanosec // 1_000_000 for p in world.poses]
    assert stamps == [0, 33, 66, 99, 132, 165]
    found = [bool(np.isfinite(positions(p)).any()) for p in world.poses]
    assert found == [True, False] * 3


def compressed(depth: np.ndarray, form: str, a: float = 0.0, b: float = 0.0) -> CompressedImage:
    data = struct.pack('<iff', 0, a, b) + cv2.imencode('.png', depth)[1].tobytes()
    return CompressedImage(format=form, data=array('B', data))


@pytest.mark.ros
def test_compressed_depth():
    depth = np.arange(12, dtype=np.uint16).reshape(3, 4) * 500
    assert (depth_from_msg(compressed(depth, '16UC1; compressedDepth')) == depth).all()
    metre = np.array([[0.8, 2.0], [np.nan, 4.0]], np.float32)
    a, b = 100.0 * 101.0, 1.0 - 100.0 * 101.0 / 10.0  # its defaults: quantisation 100, 10 m
    with np.errstate(invalid='ignore'):
        inverse = np.where(np.isnan(metre), 0, a / metre + b).astype(np.uint16)
    back = depth_from_msg(compressed(inverse, '32FC1; compressedDepth png', a, b))
    assert back[0] == pytest.approx(metre[0], rel=1e-3) and np.isnan(back[1, 0])
    for msg in (compressed(depth, '16UC1; compressedDepth rvl'), compressed(depth, 'jpeg'),
                CompressedImage(format='16UC1; compressedDepth', data=array('B', b'12')),
                CompressedImage(format='16UC1; compressedDepth', data=array('B', b'x' * 99))):
        with pytest.raises(DepthImageError):
            depth_from_msg(msg)


@pytest.mark.ros
def test_raw_depth():
    depth = np.arange(12, dtype=np.uint16).reshape(3, 4)
    msg = depth_msg(depth, header(0))
    assert (depth_from_msg(msg) == depth).all()
    msg.is_bigendian = 1
    assert depth_from_msg(msg)[0, 1] == 256
    msg = depth_msg(depth, header(0))
    msg.step, msg.encoding = 0, '16uc1'  # not filled in; in small letters
    assert (depth_from_msg(msg) == depth).all()
    msg = depth_msg(depth, header(0))
    msg.height = 4
    with pytest.raises(DepthImageError, match='4x4'):
        depth_from_msg(msg)


@pytest.mark.ros
def test_camera_info_with_roi_and_binning():
    info = info_msg(binning_x=2, binning_y=2,
                    roi=RegionOfInterest(x_offset=40, y_offset=20, width=320, height=240))
    made = camera_from_info(info)
    assert made.image_size == (160, 120)
    assert made.matrix[:2, 2] == pytest.approx([140.0, 110.0])
