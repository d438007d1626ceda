# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""pose_tracker with positions in metres: filtered, with velocity, predicted, and NaN otherwise."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from pose_ros.core.camera import CameraModel
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER
from pose_ros.core.tracks import PositionSource
from pose_ros.msg import SkeletonArray
from pose_ros.ros.messages import keypoints_to_msg
from pose_ros.ros.pose_tracker_node import PoseTrackerNode
from pose_ros.ros.space_messages import (
    sources_from_msg,
    space_from_msg,
    write_space,
)
from pose_ros.tools.synthetic_rgbd import Figure, joints

K = [525.0, 0.0, 320.0, 0.0, 525.0, 240.0, 0.0, 0.0, 1.0]
CAMERA = CameraModel.from_camera_info(640, 480, '', (), K)
TRUNK = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]
SPEED_M_S = 0.6


class Walk:
    """Sends `pose` of somebody who walks to the right; the clock of the stamps is the node's."""

    def __init__(self, ros: Any, **parameters: Any) -> None:
        self.ros = ros
        self.node = ros.add(PoseTrackerNode, parameters=parameters)
        assert self.node.start()
        self.publisher = ros.probe.create_publisher(SkeletonArray, 'pose', 10)
        self.tracked = ros.collect(SkeletonArray, 'pose/tracked')
        self.predicted = ros.collect(SkeletonArray, 'pose/predicted')
        assert ros.spin_until(lambda: self.publisher.get_subscription_count() == 1)
        assert ros.spin_until(
            lambda: self.node._outputs['tracked'].get_subscription_count() == 1
        )
        self.begin_ns = self.node.get_clock().now().nanoseconds
        self.rng = np.random.default_rng(1)

    def truth(self, t_s: float) -> np.ndarray:
        return joints(Figure(-0.4 + SPEED_M_S * t_s, 2.6))

    def send(self, frame: int, depth: bool = True) -> SkeletonArray:
        place = self.truth(frame / 30)[None]
        noisy = place + self.rng.normal(0, 0.01, place.shape)
        stamp_ns = self.begin_ns + frame * 33_333_333
        head = Header(stamp=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9),
                      frame_id='optical')
        xy = CAMERA.project(noisy).astype(np.float32)
        people = Keypoints(xy, np.full((1, 17), 0.9, np.float32), np.ones(1, np.float32))
        pose = keypoints_to_msg(people, head, (640, 480))
        if depth:
            covariance = np.broadcast_to(np.eye(3) * 1e-4, (1, 17, 3, 3))
            write_space(
                pose, noisy, covariance, np.full((1, 17), PositionSource.DEPTH, np.int8)
            )
        del self.tracked[:]
        self.publisher.publish(pose)
        assert self.ros.spin_until(lambda: self.tracked)
        return self.tracked[-1]


@pytest.mark.ros
def test_positions_are_filtered_and_have_velocity(ros):
    walk = Walk(ros)
    for frame in range(45):
        msg = walk.send(frame)
    assert (sources_from_msg(msg) == PositionSource.DEPTH).all()
    position, covariance = space_from_msg(msg)
    assert np.linalg.norm(position[0] - walk.truth(44 / 30), axis=1).max() < 0.05
    assert np.isfinite(covariance).all()
    velocity = np.array([[k.velocity.x, k.velocity.y, k.velocity.z]
                         for k in msg.skeletons[0].keypoints])
    assert velocity[TRUNK].mean(axis=0) == pytest.approx([SPEED_M_S, 0, 0], abs=0.15)


@pytest.mark.ros
def test_without_depth_metres_hold_then_end_and_return(ros):
    walk = Walk(ros)
    info = ros.probe.create_publisher(CameraInfo, 'camera_info', 1)
    assert ros.spin_until(lambda: info.get_subscription_count() == 1)
    info.publish(CameraInfo(width=640, height=480, k=K))
    assert ros.spin_until(lambda: walk.node._space.camera is not None)
    for frame in range(30):
        walk.send(frame)
    for frame in range(30, 36):
        msg = walk.send(frame, depth=False)
    assert (sources_from_msg(msg) == PositionSource.PREDICTED).all()
    position, _ = space_from_msg(msg)
    assert np.linalg.norm(position[0, TRUNK] - walk.truth(35 / 30)[TRUNK], axis=1).max() < 0.1
    for frame in range(36, 75):
        msg = walk.send(frame, depth=False)
    assert np.isnan(space_from_msg(msg)[0]).all()
    assert (sources_from_msg(msg) == PositionSource.NONE).all()
    assert all(np.isfinite(k.x) for k in msg.skeletons[0].keypoints)
    for frame in range(75, 80):
        msg = walk.send(frame)
    assert np.isfinite(space_from_msg(msg)[0]).all()


@pytest.mark.ros
def test_predicted_people_move_on_in_metres(ros):
    walk = Walk(ros, prediction_rate_hz=50.0, lead_time_s=0.1, max_prediction_s=5.0)
    walk.begin_ns -= 19 * 33_333_333  # the last image is of now
    for frame in range(20):
        tracked = walk.send(frame)
    del walk.predicted[:]
    assert ros.spin_until(lambda: walk.predicted and walk.predicted[-1].skeletons)
    ahead = walk.predicted[-1]
    later_s = (ahead.header.stamp.sec - tracked.header.stamp.sec) + (
        ahead.header.stamp.nanosec - tracked.header.stamp.nanosec) * 1e-9
    now, _ = space_from_msg(tracked)
    then, _ = space_from_msg(ahead)
    assert later_s > 0.1
    speed = (then - now)[0, TRUNK, 0].mean() / later_s
    assert speed == pytest.approx(SPEED_M_S, abs=0.2)
    assert np.isfinite(then[0, TRUNK]).all()


@pytest.mark.ros
def test_poses_without_metres_stay_without(ros):
    walk = Walk(ros)
    for frame in range(5):
        msg = walk.send(frame, depth=False)
    position, covariance = space_from_msg(msg)
    assert position.shape == (1, 17, 3)
    assert np.isnan(position).all() and np.isnan(covariance).all()


@pytest.mark.ros
def test_metres_can_be_left_alone(ros):
    walk = Walk(ros, metres=False)
    assert np.isnan(space_from_msg(walk.send(0))[0]).all()
