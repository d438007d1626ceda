# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""pose_tracker with fixed_frame: a robot drives past a person who stands."""

from __future__ import annotations

from importlib.util import find_spec
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from walk import TRUNK, Walk

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints
from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.ros.conversions import joints_from_msg, stamp_ns
from pose_ros.ros.diagnostics import WARN
from pose_ros.ros.transforms import NoTransform

pytestmark = pytest.mark.ros
SPEED_M_S, TURN_RAD_S = 0.5, 0.2


class Drive(Walk):
    """The camera goes to the right and turns a little; `odom` is where it was at the beginning."""

    def __init__(self, ros: Any, **parameters: Any) -> None:
        self.unknown: set[int] = set()
        self.odom_from_odom = Transform(np.eye(3), np.zeros(3))
        self.jumps_at = 1 << 60
        super().__init__(ros, lambda node: self, **parameters)

    def odom_from_optical(self, t_s: float) -> Transform:
        c, s = np.cos(TURN_RAD_S * t_s), np.sin(TURN_RAD_S * t_s)
        return Transform(
            np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]),
            np.array([SPEED_M_S * t_s - 0.4, 0.0, 0.0]))

    def truth(self, t_s: float) -> np.ndarray:
        back = self.odom_from_optical(t_s).inverse()
        return joints(Figure(0.0, 2.6)) @ back.rotation.T + back.translation

    # What the node asks of tf.

    def lookup(self, target: str, source: str, stamp: int) -> Transform:
        frame = round((stamp - self.begin_ns) / 33_333_333)
        if (target, source) == ('optical', 'odom') and stamp == 0:
            return self.odom_from_optical(self.latest / 30).inverse()
        if (target, source) != ('odom', 'optical') or frame in self.unknown:
            raise NoTransform(f'{target} is not connected to {source}')
        found = self.odom_from_optical(frame / 30)
        return self.odom_from_odom @ found if frame >= self.jumps_at else found

    def close(self) -> None:
        pass

    latest = 0


def speed(*messages: Any) -> float:
    """Return the person's, m/s: the mean velocity of all joints, over all messages."""
    people = [msg.skeletons[0] for msg in messages]
    return float(np.linalg.norm(np.nanmean([[p.dx, p.dy, p.dz] for p in people], axis=(0, 2))))


def off_m(walk: Drive, msg: Any, frame: int) -> float:
    return float(np.linalg.norm(joints_from_msg(msg)[0][0] - walk.truth(frame / 30), axis=1).max())


def test_who_stands_is_at_rest_while_the_robot_drives_past(ros: Any) -> None:
    walk = Drive(ros, fixed_frame='odom')
    assert walk.send(0).velocity_frame_id == 'optical'  # nothing before it
    messages = [walk.send(frame) for frame in range(1, 60)]
    msg = messages[-1]
    assert speed(*messages[29:]) < 0.05
    assert max(speed(msg) for msg in messages[29:]) < 0.25  # the filter's noise, as at rest
    assert (msg.header.frame_id, msg.velocity_frame_id) == ('optical', 'odom')
    assert off_m(walk, msg, 59) < 0.05


def test_without_it_velocities_hold_the_cameras(ros: Any) -> None:
    walk = Drive(ros)
    messages = [walk.send(frame) for frame in range(45)]
    assert messages[-1].velocity_frame_id == 'optical' and speed(*messages[15:]) > 0.6


def test_predicted_is_where_the_camera_is_by_now(ros: Any) -> None:
    walk = Drive(ros, fixed_frame='odom', max_prediction_s=10.0, max_lost_s=10.0)
    walk.begin_ns -= 29 * 33_333_333
    # Without noise: on a busy machine the prediction reaches far.
    walk.rng = SimpleNamespace(normal=lambda mean, sigma, shape: np.zeros(shape))
    for frame in range(30):
        walk.send(frame)
    walk.latest = 45  # half a second after the last image
    from_ns = walk.node.get_clock().now().nanoseconds
    assert ros.spin_until(
        lambda: walk.predicted and stamp_ns(walk.predicted[-1].header.stamp) > from_ns)
    msg = walk.predicted[-1]
    assert (msg.header.frame_id, msg.velocity_frame_id) == ('optical', 'odom')
    place = joints_from_msg(msg)[0][0, TRUNK].mean(axis=0)
    assert place == pytest.approx(walk.truth(45 / 30)[TRUNK].mean(axis=0), abs=0.15)
    assert np.linalg.norm(place - walk.truth(29 / 30)[TRUNK].mean(axis=0)) > 0.3


def test_late_and_missing_transforms_lose_no_track(ros: Any) -> None:
    walk = Drive(ros, fixed_frame='odom', transform_timeout_s=0.2)
    for frame in range(30):
        walk.send(frame)
    # A late one is waited for.
    walk.unknown.add(30)
    pose = walk.pose(30)
    del walk.tracked[:]
    walk.publisher.publish(pose)
    ros.spin_for(0.05)
    assert not walk.tracked
    walk.unknown.clear()
    assert ros.spin_until(lambda: walk.tracked)
    assert stamp_ns(walk.tracked[-1].header.stamp) == stamp_ns(pose.header.stamp)
    assert speed(walk.tracked[-1]) < 0.25
    # One that never comes is waited for once.
    walk.unknown.update(range(31, 51))
    taken_s = []
    for frame in range(31, 51):
        begin_s = time.monotonic()
        msg = walk.send(frame)
        taken_s.append(time.monotonic() - begin_s)
    assert taken_s[0] > 0.19 and np.median(taken_s) < 0.15
    assert msg.velocity_frame_id == 'optical' and off_m(walk, msg, 50) < 0.05
    assert 'odom is not connected to optical' in walk.node._pose.reason
    messages = [walk.send(frame) for frame in range(51, 80)]
    msg = messages[-1]
    assert msg.velocity_frame_id == 'odom' and speed(*messages[14:]) < 0.1
    assert walk.node._pose.reason == ''
    assert [s.id for s in msg.skeletons] == [1] and off_m(walk, msg, 79) < 0.05


def test_a_reset_of_the_odometry_moves_nothing(ros: Any) -> None:
    walk = Drive(ros, fixed_frame='odom')
    walk.odom_from_odom = Transform(np.diag([-1.0, 1.0, -1.0]), np.array([3.0, 0.0, 1.0]))
    walk.jumps_at = 30
    messages = []
    for frame in range(60):
        messages.append(msg := walk.send(frame))
        assert frame < 25 or off_m(walk, msg, frame) < 0.06, frame
        assert (frame != 30) or 'jump of the odometry' in walk.node._pose.reason
    assert speed(*messages[30:40]) < 0.1 and speed(*messages[40:]) < 0.05
    assert walk.node._pose.reason == '' and [s.id for s in msg.skeletons] == [1]
    assert walk.node.statistics.counts['without_camera_tf'] == 1


def test_without_tf2_it_is_said_and_the_rest_goes_on(ros: Any) -> None:
    if find_spec('tf2_ros') is not None:
        pytest.skip('tf2_ros is here')
    walk = Walk(ros, fixed_frame='odom', transform_timeout_s=2.0)
    for frame in range(10):
        begin_s = time.monotonic()
        msg = walk.send(frame)
        assert time.monotonic() - begin_s < 1.5  # nothing to wait for
    assert msg.velocity_frame_id == 'optical' and np.isfinite(joints_from_msg(msg)[0]).all()
    assert walk.node.health() == (WARN, 'fixed_frame: not without tf2_ros')
