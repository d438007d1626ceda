# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bad depth and bad camera_info: 2-D goes on, /diagnostics says why, and 3-D return."""

from __future__ import annotations

from typing import Any

from depth_world import World, depth_msg, header, info_msg
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import pytest
from sensor_msgs.msg import Image

from pose_ros.core.tracking.tracks import PositionSource
from pose_ros.msg import Skeleton, SkeletonArray
from pose_ros.ros.conversions import joints_from_msg

pytestmark = pytest.mark.ros


class Watched(World):
    """The world, and what is said of it on /diagnostics."""

    def __init__(self, ros: Any, **parameters: Any) -> None:
        super().__init__(ros, **parameters)
        self.said = ros.collect(DiagnosticArray, '/diagnostics')
        self.ms = 0

    def hears(self, text: str) -> bool:
        """Whether /diagnostics says so within a few of its periods."""
        del self.said[:]
        return bool(self.ros.spin_until(lambda: any(
            text in status.message for array in self.said for status in array.status
        ), 10.0))

    def is_well(self) -> bool:
        """Whether /diagnostics finds nothing to say of its results (of stamps it may)."""
        del self.said[:]
        return bool(self.ros.spin_until(lambda: any(
            status.name == 'pose_estimator: health' and status.level == DiagnosticStatus.OK
            for array in self.said for status in array.status
        ), 10.0))

    def see(self, depth: Image | np.ndarray | None) -> SkeletonArray:
        """Send depth, if any, and an image of the next moment; return what comes of it."""
        self.ms += 100
        if isinstance(depth, np.ndarray):
            depth = depth_msg(depth, header(self.ms))
        if depth is not None:
            depth.header.stamp = header(self.ms).stamp
            self.send_depth(depth)
        self.send_image(self.ms)
        pose = self.pose()
        assert len(pose.skeletons) == 1
        assert (pose.skeletons[0].keypoint_state[:13] == Skeleton.OBSERVED).all()
        return pose

    def has_3d(self, depth: Image | np.ndarray | None) -> bool:
        pose = self.see(depth)
        found = (joints_from_msg(pose).source == PositionSource.DEPTH).any()
        assert found == np.isfinite(joints_from_msg(pose)[0]).any()
        return bool(found)


@pytest.fixture
def world(ros: Any) -> Watched:
    return Watched(ros)


def another_size(depth: np.ndarray) -> Image:
    return depth_msg(depth[::2, ::2].copy(), header(0))


def another_frame(depth: np.ndarray) -> Image:
    return depth_msg(depth, header(0, 'depth_optical'))


def unregistered(depth: np.ndarray) -> Image:
    """Of a sensor elsewhere, that claims to be the camera's: the person is somewhere else."""
    return depth_msg(np.roll(depth, 300, axis=1), header(0))


def zeros(depth: np.ndarray) -> Image:
    return depth_msg(np.zeros_like(depth), header(0))


def nan_and_inf(depth: np.ndarray) -> Image:
    metres = np.full(depth.shape, np.nan, np.float32)
    metres[::2], metres[::3] = np.inf, -np.inf
    return depth_msg(metres, header(0))


def wrong_encoding(depth: np.ndarray) -> Image:
    msg = depth_msg(depth, header(0))
    msg.encoding = 'rgb8'
    return msg


def cut_short(depth: np.ndarray) -> Image:
    msg = depth_msg(depth, header(0))
    msg.data = msg.data[:1000]
    return msg


BAD_DEPTH = (
    (another_size, 'the depth image is 320x240, the image 640x480'),
    (another_frame, "depth is in frame 'depth_optical', the image in 'optical'"),
    (zeros, 'depth is missing (0, NaN or infinite) at'),
    (nan_and_inf, 'depth is missing (0, NaN or infinite) at'),
    (wrong_encoding, "encoding 'rgb8' is no depth"),
    (cut_short, '640x480 16UC1 with step 1280 does not fit 1000 bytes'),
    (lambda depth: None, 'no depth'),
)


def test_bad_depth(world: Watched) -> None:
    good = world.scene.depth
    world.tell_camera(info_msg())
    assert world.has_3d(good)
    for spoil, reason in BAD_DEPTH:
        assert not any(world.has_3d(spoil(good)) for _ in range(10))
        assert world.hears(f'working without 3-D: {reason}')
    assert all(world.has_3d(good) for _ in range(10))
    assert world.is_well() and not world.node._without_depth()
    assert world.node.statistics.counts['depth_no_depth'] >= 12 * 20
    assert world.node.statistics.counts['without_3d'] == 10 * len(BAD_DEPTH)


def test_unregistered_depth_that_claims_to_be_registered(world: Watched) -> None:
    """No message tells: what is left of the person are places on the wall, all at one depth."""
    good = world.scene.depth
    world.tell_camera(info_msg())
    position, *_ = joints_from_msg(world.see(unregistered(good)))
    # Nothing in the message contradicts it, so that some of it is believed; never at the camera.
    assert not (position[..., 2] < 1.0).any()
    assert world.has_3d(good)


BAD_INFO = (
    (None, 'no camera_info has come yet'),
    (info_msg(k=[0.0] * 9), 'the camera is uncalibrated: K[0] = 0'),
    (info_msg(width=320, height=240), 'camera_info is of an image of 320x240'),
    (info_msg(distortion_model='odd', d=[0.1]), "'odd'"),
    (info_msg(k=[float('nan')] * 9), 'not finite'),
)


def test_bad_or_missing_camera_info_that_comes_later(world: Watched) -> None:
    good = world.scene.depth
    for bad, reason in BAD_INFO:
        if bad is not None:
            world.tell_camera(bad)
        assert not any(world.has_3d(good) for _ in range(3))
        assert reason in world.node._without_depth()
    assert world.hears('working without 3-D: ')
    world.tell_camera(info_msg())
    assert all(world.has_3d(good) for _ in range(10))
    assert not world.node._without_depth()


def test_an_uncalibrated_camera_is_said_once(world: Watched) -> None:
    said: list[str] = []
    world.node.get_logger().warning = said.append
    for stamp in range(5):
        info = info_msg(k=[0.0] * 9)
        info.header = header(stamp)
        world.tell_camera(info)
        world.node._throttle._seen.clear()  # as if 5 s had gone by
        assert not world.has_3d(world.scene.depth)
    assert len([line for line in said if 'K[0] = 0' in line]) == 1
    assert not [line for line in said if 'K[0] = 0' not in line]


def test_depth_at_half_the_rate(world: Watched) -> None:
    world.tell_camera(info_msg())
    found = [world.has_3d(world.scene.depth if i % 2 else None) for i in range(12)]
    assert found == [False, True] * 6
    assert world.hears('working without 3-D for 5 of 10 images: no depth')


def test_depth_that_stops_and_comes_again(ros: Any) -> None:
    world = Watched(ros, depth_wait_s=0.05)
    world.tell_camera(info_msg())
    good = world.scene.depth
    assert all(world.has_3d(good) for _ in range(10))
    assert not any(world.has_3d(None) for _ in range(10))
    assert world.ros.spin_until(lambda: not any(world.has_3d(None) for _ in range(2)) and
                                'no depth on /depth' in world.reason)
    assert world.hears('working without 3-D: no depth on /depth')
    assert all(world.has_3d(good) for _ in range(10))


def test_an_assumed_stature_takes_over_where_depth_is_missing(ros: Any) -> None:
    world = Watched(ros, monocular_enabled=True)
    world.tell_camera(info_msg())
    for _ in range(10):
        pose = world.see(zeros(world.scene.depth))
        assert set(joints_from_msg(pose).source.ravel()) <= {
            PositionSource.NONE, PositionSource.MONOCULAR}
    position, covariance, _ = joints_from_msg(pose)
    there = np.isfinite(position).all(axis=2)
    assert there.sum() >= 13
    error = (position - world.scene.joints)[there][:, 2]
    assert (np.abs(error) < 3 * np.sqrt(covariance[there][:, 2, 2])).all()
    assert world.hears('working without depth (assumed stature instead): depth is missing')
    assert set(joints_from_msg(world.see(world.scene.depth)).source.ravel()) <= {
        PositionSource.NONE, PositionSource.DEPTH}


def test_an_assumed_stature_needs_no_depth_and_says_when_there_is_no_camera(ros: Any) -> None:
    world = Watched(ros, depth_enabled=False, monocular_enabled=True)
    assert (joints_from_msg(world.see(None)).source == PositionSource.NONE).all()
    assert world.hears('working without 3-D: no camera_info has come yet')
    world.tell_camera(info_msg())
    assert (joints_from_msg(world.see(None)).source == PositionSource.MONOCULAR).sum() >= 13
    assert world.is_well() and not world.node._without_depth()
