# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""pose_tracker with output_frame and body_frames: transforms that are late, missing, or tf2's."""

from __future__ import annotations

from collections.abc import Iterator
import sys
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest
from walk import SPEED_M_S, TRUNK, Walk

from pose_ros.core.pose3d.body_frame import Transform, body_frame
from pose_ros.core.tracking.tracks import PositionSource
from pose_ros.msg import SkeletonArray, Target
from pose_ros.ros.conversions import joints_from_msg, stamp_ns
from pose_ros.ros.transforms import NoTransform, transforms_of

pytestmark = pytest.mark.ros
MOUNTED = Transform.from_quaternion((-0.5, 0.5, -0.5, 0.5), (0.1, 0.0, 1.4))
"""A camera 1.4 m over the floor that looks ahead."""


class Tree:
    """Transforms that a test gives and takes away; None: of every stamp."""

    def __init__(self) -> None:
        self.known: dict[int | None, Transform] = {}
        self.sent: list[tuple[dict[str, Transform], str, int]] = []
        self.closed = False

    def connect(self, node: Any) -> Tree:
        return self

    def lookup(self, target: str, source: str, stamp: int) -> Transform:
        found = self.known.get(stamp, self.known.get(None))
        if (target, source) != ('base', 'optical') or found is None:
            raise NoTransform(f'{target} is not connected to {source}')
        return found

    def send(self, frames: dict[str, Transform], parent: str, stamp: int) -> None:
        self.sent.append((frames, parent, stamp))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def tree() -> Tree:
    return Tree()


def in_base(walk: Walk, frame: int) -> np.ndarray:
    return walk.truth(frame / 30) @ MOUNTED.rotation.T + MOUNTED.translation


def says(ros: Any, text: str) -> bool:
    said = ros.collect(DiagnosticArray, '/diagnostics')
    return bool(ros.spin_until(lambda: any(
        text in value.value for array in said for status in array.status
        for value in status.values if value.key == 'frames'), 10.0))


def test_tracked_is_in_the_target_frame(ros: Any, tree: Tree) -> None:
    tree.known[None] = MOUNTED
    walk = Walk(ros, tree.connect, output_frame='base')
    targets = ros.collect(Target, 'pose/target')
    for frame in range(40):
        msg = walk.send(frame)
    assert (msg.header.frame_id, msg.image_frame_id) == ('base', 'optical')
    assert ros.spin_until(lambda: targets)
    assert targets[-1].header.frame_id == 'base'
    position, covariance, _ = joints_from_msg(msg)
    assert np.linalg.norm(position[0] - in_base(walk, 39), axis=1).max() < 0.05
    assert (joints_from_msg(msg).source == PositionSource.DEPTH).mean() > 0.8
    # To the right in the image is to the right of the robot.
    person = msg.skeletons[0]
    velocity = np.mean(np.stack([person.dx, person.dy, person.dz])[:, TRUNK], axis=1)
    assert velocity == pytest.approx([0.0, -SPEED_M_S, 0.0], abs=0.15)
    # Along the ray it is less certain: that is x now.
    assert (covariance[0, TRUNK, 0, 0] > covariance[0, TRUNK, 2, 2]).all()
    pixels = np.stack([person.u, person.v])
    assert np.isfinite(pixels).all() and np.ptp(pixels) > 100


def test_it_waits_for_a_late_transform_and_keeps_the_order(ros: Any, tree: Tree) -> None:
    walk = Walk(ros, tree.connect, output_frame='base', transform_timeout_s=2.0)
    sent = [walk.pose(frame) for frame in range(4)]
    for pose in sent:
        walk.publisher.publish(pose)
    assert ros.spin_until(lambda: walk.node.statistics.counts['received'] == 4)
    assert not walk.tracked
    # The later ones are known first, and must wait for the first.
    for pose in sent[1:]:
        tree.known[stamp_ns(pose.header.stamp)] = MOUNTED
    ros.spin_for(0.1)
    assert not walk.tracked
    tree.known[stamp_ns(sent[0].header.stamp)] = MOUNTED
    assert ros.spin_until(lambda: len(walk.tracked) == 4)
    assert [m.header.stamp for m in walk.tracked] == [m.header.stamp for m in sent]
    assert all(np.isfinite(joints_from_msg(m)[0]).all() for m in walk.tracked)


def test_without_the_transform_two_dimensions_go_on_and_3d_return(
    ros: Any, tree: Tree
) -> None:
    walk = Walk(ros, tree.connect, output_frame='base', transform_timeout_s=0.05)
    for frame in range(5):
        begin_s = time.monotonic()
        msg = walk.send(frame)
        assert time.monotonic() - begin_s > 0.04
    assert msg.header.frame_id == 'base' and np.isnan(joints_from_msg(msg)[0]).all()
    assert np.isfinite(msg.skeletons[0].u).all()
    assert says(ros, "no transform from 'optical' to 'base': base is not connected to optical")
    tree.known[None] = MOUNTED
    msg = walk.send(5)
    assert np.isfinite(joints_from_msg(msg)[0]).all()
    assert walk.node._frames.reason == ''


def test_what_has_no_3d_waits_for_nothing(ros: Any, tree: Tree) -> None:
    walk = Walk(ros, tree.connect, output_frame='base', transform_timeout_s=2.0)
    assert walk.send(0, depth=False).header.frame_id == 'base'
    assert walk.node._frames.reason == ''  # of a wait in vain


def test_predicted_is_in_the_target_frame(ros: Any, tree: Tree) -> None:
    tree.known[None] = MOUNTED
    walk = Walk(ros, tree.connect, output_frame='base', max_prediction_s=10.0, max_lost_s=10.0)
    walk.begin_ns -= 9 * 33_333_333
    for frame in range(10):
        walk.send(frame)
    del walk.predicted[:]
    assert ros.spin_until(lambda: walk.predicted and walk.predicted[-1].skeletons)
    msg = walk.predicted[-1]
    assert msg.header.frame_id == 'base'
    x = joints_from_msg(msg)[0][0, TRUNK, 0]
    assert x == pytest.approx(in_base(walk, 9)[TRUNK, 0], abs=0.3)


def test_each_body_has_a_frame_when_asked(ros: Any, tree: Tree) -> None:
    walk = Walk(ros, tree.connect, body_frames_enabled=True, body_frames_prefix='front_body_')
    for frame in range(20):
        msg = walk.send(frame)
    assert msg.header.frame_id == 'optical'  # no output_frame
    frames, parent, stamp = tree.sent[-1]
    assert parent == 'optical' and stamp == stamp_ns(msg.header.stamp)
    assert list(frames) == [f'front_body_{msg.skeletons[0].id}']
    truth = body_frame(walk.truth(19 / 30))
    found = frames[f'front_body_{msg.skeletons[0].id}']
    assert found.translation == pytest.approx(truth.translation, abs=0.05)
    assert found.rotation == pytest.approx(truth.rotation, abs=0.3)
    assert len(tree.sent) <= 18  # not while TENTATIVE


def test_stopping_gives_out_what_waits(ros: Any, tree: Tree) -> None:
    walk = Walk(ros, tree.connect, output_frame='base', transform_timeout_s=2.0)
    walk.publisher.publish(walk.pose(0))
    assert ros.spin_until(lambda: walk.node.statistics.counts['received'] == 1)
    walk.node.trigger_deactivate()
    assert ros.spin_until(lambda: walk.tracked)
    assert np.isnan(joints_from_msg(walk.tracked[0])[0]).all()
    assert tree.closed


def test_without_tf2_it_says_so_and_the_rest_works(
    ros: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'tf2_ros', None)
    walk = Walk(ros, output_frame='base', body_frames_enabled=True)
    msg = walk.send(0)
    assert msg.header.frame_id == 'optical'
    assert np.isfinite(joints_from_msg(msg)[0]).all()
    assert says(ros, 'output_frame and body_frames: not without tf2_ros; positions are in the')


def test_without_either_tf2_is_not_asked_for(ros: Any) -> None:
    def connect(node: Any) -> Any:
        raise AssertionError('not wanted')

    assert Walk(ros, connect).send(0).header.frame_id == 'optical'


class TestTf2:
    """Against the real tf2, where there is one."""

    @pytest.fixture(autouse=True)
    def _tf2(self) -> None:
        pytest.importorskip('tf2_ros', reason='tf2_ros is not here: it is not on PyPI')

    @pytest.fixture
    def robot(self, ros: Any) -> Iterator[Any]:
        """Give what publishes where the camera is."""
        import tf2_ros

        ros.static = tf2_ros.StaticTransformBroadcaster(ros.probe)
        ros.moving = tf2_ros.TransformBroadcaster(ros.probe)
        yield ros

    @staticmethod
    def stamped(parent: str, child: str, transform: Transform, stamp: Any = None) -> Any:
        from builtin_interfaces.msg import Time
        from std_msgs.msg import Header

        from pose_ros.ros.transforms import _stamped

        return _stamped(Header(stamp=stamp or Time(), frame_id=parent), child, transform)

    def test_a_static_camera(self, robot: Any) -> None:
        walk = Walk(robot, transforms_of, output_frame='base', transform_timeout_s=2.0)
        robot.static.sendTransform(self.stamped('base', 'optical', MOUNTED))
        for frame in range(20):
            msg = walk.send(frame)
        position, *_ = joints_from_msg(msg)
        assert np.linalg.norm(position[0] - in_base(walk, 19), axis=1).max() < 0.06

    def test_a_moving_robot_is_where_it_was_at_the_image(self, robot: Any) -> None:
        walk = Walk(robot, transforms_of, output_frame='odom', transform_timeout_s=2.0)
        robot.static.sendTransform(self.stamped('base', 'optical', MOUNTED))
        sent = [walk.pose(frame) for frame in range(20)]
        for frame, pose in enumerate(sent):  # 1 m/s ahead
            ahead = Transform(np.eye(3), np.array([frame / 30, 0.0, 0.0]))
            robot.moving.sendTransform(
                self.stamped('odom', 'base', ahead, pose.header.stamp))
            robot.spin_for(0.01)
        for count, pose in enumerate(sent[:-1], start=1):
            walk.publisher.publish(pose)
            assert robot.spin_until(lambda: len(walk.tracked) == count)  # noqa: B023
        position, *_ = joints_from_msg(walk.tracked[-1])
        truth = in_base(walk, 18) + [18 / 30, 0.0, 0.0]
        assert np.linalg.norm(position[0] - truth, axis=1).max() < 0.06

    def test_a_transform_that_comes_late(self, robot: Any) -> None:
        walk = Walk(robot, transforms_of, output_frame='base', transform_timeout_s=2.0)
        walk.publisher.publish(walk.pose(0))
        assert robot.spin_until(lambda: walk.node.statistics.counts['received'] == 1)
        assert not walk.tracked
        robot.static.sendTransform(self.stamped('base', 'optical', MOUNTED))
        assert robot.spin_until(lambda: walk.tracked)
        assert np.isfinite(joints_from_msg(walk.tracked[0])[0]).all()

    def test_frames_that_are_not_connected(self, robot: Any) -> None:
        walk = Walk(robot, transforms_of, output_frame='nowhere', transform_timeout_s=0.05)
        msg = walk.send(0)
        assert np.isnan(joints_from_msg(msg)[0]).all()
        assert 'nowhere' in walk.node._frames.reason

    def test_bodies_can_be_looked_up(self, robot: Any) -> None:
        from rclpy.time import Time
        import tf2_ros

        buffer = tf2_ros.Buffer()
        tf2_ros.TransformListener(buffer, robot.probe)
        walk = Walk(robot, transforms_of, body_frames_enabled=True)
        for frame in range(20):
            msg: SkeletonArray = walk.send(frame)
        name = f'body_{msg.skeletons[0].id}'
        assert robot.spin_until(lambda: buffer.can_transform('optical', name, Time()))
        found = buffer.lookup_transform('optical', name, Time()).transform.translation
        truth = body_frame(walk.truth(19 / 30)).translation
        assert [found.x, found.y, found.z] == pytest.approx(truth, abs=0.1)

    def test_stopping_leaves_nothing_behind(self, robot: Any) -> None:
        walk = Walk(robot, transforms_of, output_frame='base')
        node = walk.node
        assert any(t == '/tf' for t, _ in node.get_publisher_names_and_types_by_node(
            'pose_tracker', '/'))
        walk.node.trigger_deactivate()
        assert not [s for s in node.subscriptions if s.topic_name.startswith('/tf')]
