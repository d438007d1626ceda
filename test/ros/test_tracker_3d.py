# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""pose_tracker with 3-D positions: filtered, with velocity, predicted, and NaN otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from walk import SPEED_M_S, TRUNK, K, Walk

from pose_ros.core.tracking.tracks import PositionSource
from pose_ros.ros.conversions import joints_from_msg


@pytest.mark.ros
def test_positions_are_filtered_and_have_velocity(ros):
    walk = Walk(ros)
    for frame in range(45):
        msg = walk.send(frame)
    assert (joints_from_msg(msg).source == PositionSource.DEPTH).all()
    position, covariance, _ = joints_from_msg(msg)
    assert np.linalg.norm(position[0] - walk.truth(44 / 30), axis=1).max() < 0.05
    assert np.isfinite(covariance).all()
    person = msg.skeletons[0]
    velocity = np.stack([person.dx, person.dy, person.dz], axis=1)
    assert velocity[TRUNK].mean(axis=0) == pytest.approx([SPEED_M_S, 0, 0], abs=0.15)


@pytest.mark.ros
def test_without_depth_3d_hold_then_end_and_return(ros):
    walk = Walk(ros)
    info = ros.probe.create_publisher(CameraInfo, 'camera_info', 1)
    assert ros.spin_until(lambda: info.get_subscription_count() == 1)
    info.publish(CameraInfo(width=640, height=480, k=K))
    assert ros.spin_until(lambda: walk.node._space.camera is not None)
    for frame in range(30):
        walk.send(frame)
    for frame in range(30, 36):
        msg = walk.send(frame, depth=False)
    assert (joints_from_msg(msg).source == PositionSource.PREDICTED).all()
    position, *_ = joints_from_msg(msg)
    assert np.linalg.norm(position[0, TRUNK] - walk.truth(35 / 30)[TRUNK], axis=1).max() < 0.1
    for frame in range(36, 75):
        msg = walk.send(frame, depth=False)
    assert np.isnan(joints_from_msg(msg)[0]).all()
    assert (joints_from_msg(msg).source == PositionSource.NONE).all()
    assert np.isfinite(msg.skeletons[0].u).all()
    for frame in range(75, 80):
        msg = walk.send(frame)
    assert np.isfinite(joints_from_msg(msg)[0]).all()


@pytest.mark.ros
def test_predicted_people_move_on_in_3d(ros):
    walk = Walk(ros, prediction_rate_hz=50.0, lead_time_s=0.1, max_prediction_s=5.0)
    walk.begin_ns -= 19 * 33_333_333  # the last image is of now
    for frame in range(20):
        tracked = walk.send(frame)
    del walk.predicted[:]
    assert ros.spin_until(lambda: walk.predicted and walk.predicted[-1].skeletons)
    ahead = walk.predicted[-1]
    later_s = (ahead.header.stamp.sec - tracked.header.stamp.sec) + (
        ahead.header.stamp.nanosec - tracked.header.stamp.nanosec) * 1e-9
    now, *_ = joints_from_msg(tracked)
    then, *_ = joints_from_msg(ahead)
    assert later_s > 0.1
    speed = (then - now)[0, TRUNK, 0].mean() / later_s
    assert speed == pytest.approx(SPEED_M_S, abs=0.2)
    assert np.isfinite(then[0, TRUNK]).all()


@pytest.mark.ros
def test_poses_without_3d_stay_without(ros):
    walk = Walk(ros)
    for frame in range(5):
        msg = walk.send(frame, depth=False)
    position, covariance, _ = joints_from_msg(msg)
    assert position.shape == (1, 17, 3)
    assert np.isnan(position).all() and np.isnan(covariance).all()


@pytest.mark.ros
def test_3d_can_be_left_alone(ros):
    walk = Walk(ros, track_3d=False)
    assert np.isnan(joints_from_msg(walk.send(0))[0]).all()
