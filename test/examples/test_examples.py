# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The examples as real processes: what they do, and that they stop when in doubt."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
import math
from pathlib import Path
import signal
import time
from typing import Any

from geometry_msgs.msg import Twist
from node_processes import ENDS_WITHIN_S, end
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Float32

from pose_ros.msg import Gesture, Proximity, ProximityArray, Skeleton, SkeletonArray, Target

EXAMPLES = Path(__file__).parents[2] / 'examples'
NAMES = ('follow_person', 'gesture_switch', 'slow_for_people')
NAN = float('nan')
TORSO = [5, 6, 11, 12]


def command(name: str, **parameters: Any) -> list[str]:
    given = [part for key, value in parameters.items() for part in ('-p', f'{key}:={value}')]
    return [str(EXAMPLES / f'{name}.py'), '--ros-args', *given]


def skeleton(**fields: Any) -> Skeleton:
    """Return a person of whom nothing is known but `fields`; a dict holds keypoint: value."""
    person = Skeleton(id=7, track_state=Skeleton.CONFIRMED)
    for name in ('u', 'v', 'du', 'dv', 'x', 'y', 'z', 'dx', 'dy', 'dz'):
        setattr(person, name, np.full(17, NAN, np.float32))
    for name, value in fields.items():
        if isinstance(value, dict):
            array = getattr(person, name)
            for k, v in value.items():
                array[k] = v
        else:
            setattr(person, name, value)
    return person


def at(forward: float, left: float = 0.0, away: float = 0.0, **more: Any) -> Skeleton:
    """Return a person in the camera's optical frame."""
    fields = {'x': -left, 'y': 0.0, 'z': forward, 'dx': 0.0, 'dy': 0.0, 'dz': away}
    return skeleton(**{n: dict.fromkeys(TORSO, v) for n, v in fields.items()}, **more)


class Stage:
    """Feeds an example; `now` is what is fed, made anew for each message."""

    def __init__(self, ros: Any) -> None:
        self.ros = ros
        self.tracked = {
            name: ros.probe.create_publisher(SkeletonArray, name, 1)
            for name in ('pose/predicted', 'pose/tracked')}
        self.target = ros.probe.create_publisher(Target, 'pose/target', 1)
        self.proximity = ros.probe.create_publisher(ProximityArray, 'pose/proximity', 1)

    def stamp(self, old_s: float = 0.0) -> Any:
        from rclpy.duration import Duration

        return (self.ros.probe.get_clock().now() - Duration(seconds=old_s)).to_msg()

    def people(self, people: list[Skeleton], old_s: float = 0.0, **fields: Any) -> None:
        fields = {'image_frame_id': 'camera', 'velocity_frame_id': 'odom', **fields}
        msg = SkeletonArray(skeletons=people, **fields)
        msg.header.frame_id, msg.header.stamp = 'camera', self.stamp(old_s)
        if 'frame_id' in self.__dict__:
            msg.header.frame_id = self.frame_id
        for publisher in self.tracked.values():
            publisher.publish(msg)

    def lock(self, state: int = Target.LOCKED) -> None:
        self.target.publish(Target(state=state, id=7 if state != Target.NONE else 0))

    def feed(self, say: Callable[[], None], seconds: float, rate_hz: float = 25.0) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            say()
            self.ros.spin_for(1 / rate_hz)


@pytest.fixture
def stage(ros: Any) -> Stage:
    return Stage(ros)


def ready(stage: Stage, topic: str) -> None:
    """Wait for the example's subscription."""
    assert stage.ros.spin_until(lambda: stage.ros.probe.count_subscribers(topic) > 0, 60)
    stage.ros.spin_for(0.3)


@pytest.mark.parametrize('name, wrong', [
    ('follow_person', {'max_speed_m_s': '.nan'}), ('follow_person', {'keep_distance_m': 'far'}),
    ('follow_person', {'min_distance_m': 3}), ('gesture_switch', {'raised_deg': 120}),
    ('gesture_switch', {'hold_s': True}), ('slow_for_people', {'stop_distance_m': 9.0}),
])
def test_a_bad_limit_is_one_line(start: Any, name: str, wrong: dict[str, Any]) -> None:
    process = start(*command(name, **wrong))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(output.strip().splitlines()) == 1, output
    assert output.startswith(f'{name}: ') and next(iter(wrong)) in output


@pytest.mark.parametrize('name', NAMES)
def test_without_its_topics(start: Any, ros: Any, name: str) -> None:
    twists, limits = ros.collect(Twist, 'cmd_vel'), ros.collect(Float32, 'speed_limit')
    gestures = ros.collect(Gesture, 'pose/gesture')
    process = start(*command(name))
    assert ros.spin_until(lambda: name in ros.probe.get_node_names(), 60)
    ros.spin_until(lambda: twists or limits, 3)
    status, output, took_s = end(process, signal.SIGINT)
    assert status == 0 and took_s < ENDS_WITHIN_S and 'Traceback' not in output, output
    assert bool(twists) == (name == 'follow_person')
    assert bool(limits) == (name == 'slow_for_people' and find_spec('nav2_msgs') is None)
    assert ('silence on pose/' in output) == (name != 'gesture_switch'), output
    assert all(t == Twist() for t in twists) and not gestures
    assert all(m.data <= 0.15 + 1e-6 for m in limits)


def test_follow_person_drives_within_its_limits(start: Any, stage: Stage) -> None:
    twists: list[tuple[float, Twist]] = []
    stage.ros.probe.create_subscription(
        Twist, 'cmd_vel', lambda m: twists.append((time.monotonic(), m)), 50)
    start(*command('follow_person', max_speed_m_s=0.6, max_acceleration_m_s2=1))
    ready(stage, 'pose/predicted')

    def drive(person: Skeleton | None, seconds: float = 1.5) -> Twist:
        twists.clear()
        stage.lock()
        stage.feed(lambda: stage.people([person] if person else []), seconds)
        return twists[-1][1]

    far = drive(at(4.0, left=1.0))
    assert far.linear.x == pytest.approx(0.6 * math.cos(math.atan2(1, 4)), abs=0.01)
    assert far.angular.z == pytest.approx(2.0 * math.atan2(1.0, 4.0), abs=0.02)
    speeds = [m.linear.x for _, m in twists]
    assert max(np.diff(speeds)) <= 0.1 * 1.0 + 1e-6, 'at most 0.1 s of acceleration a step'
    rise = [t for t, m in twists if 0.05 < m.linear.x < 0.5]
    assert rise[-1] - rise[0] > 0.3, '1 m/s^2'
    right = drive(at(4.0, left=-1.0))
    assert right.angular.z == pytest.approx(-far.angular.z, abs=0.02)
    assert drive(at(1.5)).linear.x == pytest.approx(0.0, abs=0.02)
    assert drive(at(0.9)).linear.x == 0.0, 'never backwards by default'
    assert drive(at(1.5, away=0.5)).linear.x == pytest.approx(0.5, abs=0.02), 'walks on'
    # Of a person who keeps the distance from a moving camera, the speed is the robot's.
    twists.clear()
    stage.feed(lambda: stage.people([at(1.5)], velocity_frame_id='camera'), 0.6)
    assert twists[-1][1].linear.x == pytest.approx(0.5, abs=0.03)
    # The other frames: of the base, and from pixels.
    stage.frame_id = 'base_link'
    base = skeleton(**{n: dict.fromkeys(TORSO, v) for n, v in
                       {'x': 4.0, 'y': 1.0, 'z': 0.5, 'dx': 0.0, 'dy': 0.0, 'dz': 0.0}.items()})
    assert drive(base).angular.z == pytest.approx(far.angular.z, abs=0.02)
    stage.frame_id = 'camera'
    flat = skeleton(u={5: 200.0, 6: 240.0, 11: 210.0, 12: 230.0},
                    v={5: 150.0, 6: 150.0, 11: 225.0, 12: 225.0})
    assert drive(flat) == Twist(), 'no camera_info: no distance'
    info = CameraInfo(width=640, height=480, k=[600.0, 0, 320, 0, 600, 240, 0, 0, 1])
    infos = stage.ros.probe.create_publisher(CameraInfo, 'camera_info', 1)

    def with_info() -> SkeletonArray:
        infos.publish(info)  # as cameras do: with each image
        return stage.people([flat])

    stage.feed(with_info, 1.5)
    # 75 px of 0.5 m are 4 m away; 100 px to the left are 1/6 of that.
    found = twists[-1][1]
    assert found.angular.z == pytest.approx(2.0 * math.atan(1 / 6), abs=0.02)
    assert found.linear.x == pytest.approx(0.6 * math.cos(math.atan(1 / 6)), abs=0.01)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_follow_person_stops_when_in_doubt(
    start: Any, stage: Stage, number: signal.Signals
) -> None:
    twists = stage.ros.collect(Twist, 'cmd_vel', 50)
    process = start(*command('follow_person', max_age_s=0.3, max_deceleration_m_s2=10.0))
    ready(stage, 'pose/predicted')

    def go() -> None:
        stage.lock()
        stage.feed(lambda: stage.people([at(4.0, left=0.5)]), 0.5)
        assert twists[-1].linear.x > 0.1 and twists[-1].angular.z > 0.1

    doubts: dict[str, Callable[[], None]] = {
        'no person': lambda: stage.people([]),
        'another person': lambda: stage.people([at(4.0, id=8)]),
        'stale': lambda: stage.people([at(4.0)], status=SkeletonArray.STALE),
        'not seen': lambda: stage.people([at(4.0, since_seen_s=0.4)]),
        'never seen': lambda: stage.people([at(4.0, since_seen_s=NAN)]),
        'old': lambda: stage.people([at(4.0)], old_s=0.5),
        'of another clock': lambda: stage.people([at(4.0)], old_s=-1000.0),
        'no place': lambda: stage.people([skeleton()]),
        'no speed': lambda: stage.people([at(4.0, away=NAN)]),
        'infinite': lambda: stage.people([at(math.inf)]),
        'released': lambda: (stage.lock(Target.NONE), stage.people([at(4.0)]))[1],
        'target stale': lambda: (stage.lock(Target.STALE), stage.people([at(4.0)]))[1],
        'silence': lambda: None,
    }
    for name, doubt in doubts.items():
        go()
        stage.feed(doubt, 0.6)
        assert twists[-1] == Twist(), name
    go()
    status, output, _ = end(process, number)
    assert status == 0 and 'Traceback' not in output, output
    assert stage.ros.spin_until(lambda: twists[-1] == Twist()), 'killed while it drives'


def arm(side: int, elbow: tuple[float, float, float], wrist: tuple[float, float, float],
        fields: tuple[str, ...] = ('x', 'y', 'z')) -> dict[str, dict[int, float]]:
    """Return an arm's points from a shoulder at 0, 0, 2 m (x right, y down); right is side 1."""
    points = {5 + side: (0.0, 0.0, 2.0), 7 + side: elbow, 9 + side: wrist}
    return {f: {k: p[i] for k, p in points.items()} for i, f in enumerate(fields)}


def posed(left: str = 'hanging', right: str = 'hanging', flat: bool = False) -> Skeleton:
    poses = {
        'hanging': ((0.0, 0.3, 2.0), (0.0, 0.55, 2.0)),
        'raised': ((0.2, -0.1, 2.0), (0.2, -0.4, 2.0)),
        'nearly': ((0.3, -0.05, 2.0), (0.42, -0.36, 2.0)),  # 40 degrees: of a gesture that goes on
        'pointing': ((0.18, 0.05, 1.78), (0.36, 0.1, 1.55)),
        'bent': ((0.2, 0.1, 2.0), (0.25, -0.1, 1.9)),
    }
    fields = ('u', 'v') if flat else ('x', 'y', 'z')
    both = [arm(side, *poses[p], fields) for side, p in enumerate((left, right))]
    person = skeleton(**{f: {**both[0][f], **both[1][f]} for f in fields})
    person.keypoint_state = np.full(17, Skeleton.OBSERVED, np.uint8)
    source = Skeleton.POSITION_NONE if flat else Skeleton.POSITION_DEPTH
    person.position_source = np.full(17, source, np.uint8)
    return person


def test_gestures_begin_and_end_once(start: Any, stage: Stage) -> None:
    events = stage.ros.collect(Gesture, 'pose/gesture')
    process = start(*command('gesture_switch', hold_s=0.3, release_s=0.2))
    ready(stage, 'pose/tracked')

    def show(person: Skeleton, seconds: float = 0.8, **more: Any) -> list[tuple[int, bool]]:
        events.clear()
        stage.feed(lambda: stage.people([person], **more), seconds)
        return [(e.gesture, e.active) for e in events]

    left, right, both, pointing = (
        Gesture.LEFT_HAND_RAISED, Gesture.RIGHT_HAND_RAISED, Gesture.BOTH_HANDS_RAISED,
        Gesture.POINTING)
    assert show(posed()) == []
    assert show(posed('nearly')) == [], 'not enough to begin'
    assert show(posed('raised'), 0.15) == [], 'not for long enough'
    assert show(posed(), 0.4) == []
    assert show(posed('raised')) == [(left, True)]
    assert events[0].id == 7 and not events[0].in_3d
    assert show(posed('nearly')) == [], 'enough to go on'
    assert show(posed('raised', 'raised')) == [(left, False), (both, True)]
    assert show(posed()) == [(both, False)]
    assert show(posed('hanging', 'raised', flat=True)) == [(right, True)]
    assert show(posed('hanging', 'bent')) == [(right, False)]
    assert show(posed('hanging', 'pointing')) == [(pointing, True)]
    direction, along = events[0].direction, np.array([0.18, 0.05, -0.23])
    np.testing.assert_allclose(
        [direction.x, direction.y, direction.z], along / np.linalg.norm(along), atol=1e-3)
    assert events[0].in_3d
    assert show(posed('pointing', flat=True)) == [], 'goes on'
    # What is not believed ends it: each time it begins anew.
    doubts: dict[str, Callable[[], None]] = {
        'stale': lambda: stage.people([posed('raised')], status=SkeletonArray.STALE),
        'old': lambda: stage.people([posed('raised')], old_s=2.0),
        'gone': lambda: stage.people([]),
        'silence': lambda: None,
    }
    for name, doubt in doubts.items():
        show(posed('raised'))
        assert stage.ros.spin_until(lambda: events and events[-1].active, 5), name
        events.clear()
        stage.feed(doubt, 0.9)
        assert [(e.gesture, e.active) for e in events] == [(left, False)], name
    show(posed('raised'))
    assert end(process, signal.SIGTERM)[0] == 0
    assert stage.ros.spin_until(lambda: not events[-1].active), 'ended with the node'


def near(bound_m: float, state: int = Proximity.MEASURED) -> Proximity:
    return Proximity(id=7, state=state, bound_m=bound_m)


@pytest.mark.skipif(find_spec('nav2_msgs') is not None, reason='test/ros/nav2_checks.py then')
def test_slow_for_people(start: Any, stage: Stage) -> None:
    limits = stage.ros.collect(Float32, 'speed_limit')
    process = start(*command('slow_for_people', recovery_m_s2=10.0))
    ready(stage, 'pose/proximity')

    def limit(people: list[Proximity], old_s: float = 0.0, status: int = 0) -> float:
        def say() -> None:
            msg = ProximityArray(people=people, status=status)
            msg.header.stamp = stage.stamp(old_s)
            stage.proximity.publish(msg)

        stage.feed(say, 0.6)
        return float(limits[-1].data)

    assert limit([]) == pytest.approx(1.0)
    assert limit([near(9.0), near(1.5)]) == pytest.approx(0.5)
    assert limit([near(0.4)]) == limit([near(-0.2, Proximity.PREDICTED)]) == 0.0
    assert limit([]) == pytest.approx(1.0)
    for doubt in ([near(NAN)], [near(5.0, Proximity.NO_3D)], [near(5.0, Proximity.NO_ZONE)]):
        assert limit(doubt) == pytest.approx(0.15)
        assert limit([near(0.4), *doubt]) == 0.0
    assert limit([], old_s=1.0) == pytest.approx(0.15)
    assert limit([], status=ProximityArray.STALE) == pytest.approx(0.15)
    assert limit([]) == pytest.approx(1.0)
    stage.ros.spin_for(1.0)
    assert limits[-1].data == pytest.approx(0.15), 'silence'
    assert limit([]) == pytest.approx(1.0)
    assert end(process, signal.SIGTERM)[0] == 0
    assert stage.ros.spin_until(lambda: limits[-1].data < 0.2), 'its last limit is a low one'
