# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The examples: what they do, in simulated time; and as processes, from silence to a signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from importlib.util import find_spec, module_from_spec, spec_from_file_location
import math
from pathlib import Path
import signal
from typing import Any

from geometry_msgs.msg import Twist
from node_processes import ENDS_WITHIN_S, end
import numpy as np
import pytest
import rclpy
from rclpy.clock import ClockType
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Float32, Header

from pose_ros.msg import Gesture, Proximity, ProximityArray, Skeleton, SkeletonArray, Target

EXAMPLES = Path(__file__).parents[2] / 'examples'
CLASSES = {'follow_person': 'FollowPerson', 'gesture_switch': 'GestureSwitch',
           'slow_for_people': 'SlowForPeople'}
NAN = float('nan')
TORSO = [5, 6, 11, 12]
STEP_NS = 40_000_000  # 25 messages a second


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


def people(stamp: Any, *found: Skeleton, **fields: Any) -> SkeletonArray:
    head = Header(stamp=stamp, frame_id=fields.pop('frame_id', 'camera'))
    return SkeletonArray(header=head, skeletons=list(found), **{
        'image_frame_id': 'camera', 'velocity_frame_id': 'odom', **fields})


class Stage:
    """An example in this process: its callbacks are called, its clock is the simulation's."""

    def __init__(self, name: str, **parameters: Any) -> None:
        spec = spec_from_file_location(name, EXAMPLES / f'{name}.py')
        assert spec is not None and spec.loader is not None
        self.module = module_from_spec(spec)
        spec.loader.exec_module(self.module)
        words = [word for key, value in {'use_sim_time': 'true', **parameters}.items()
                 for word in ('-p', f'{key}:={value}')]
        rclpy.init(args=['--ros-args', *words])
        self.node = getattr(self.module, CLASSES[name])()
        self.now_ns = 1000 * 10**9
        self.sent: list[Any] = []
        self.node.publisher.publish = lambda msg: self.sent.append(deepcopy(msg))
        self.play(lambda: None, 0.0)

    def stamp(self, old_s: float = 0.0) -> Any:
        return Time(nanoseconds=self.now_ns - int(old_s * 1e9)).to_msg()

    def play(self, say: Callable[[], None], seconds: float) -> list[Any]:
        """Call `say` 25 times a second; return what the example sends meanwhile."""
        del self.sent[:]
        for _ in range(1 + int(seconds * 1e9) // STEP_NS):
            self.now_ns += STEP_NS
            self.node.get_clock().set_ros_time_override(
                Time(nanoseconds=self.now_ns, clock_type=ClockType.ROS_TIME))
            say()
            self.node.on_timer()
        return self.sent

    def see(self, *found: Skeleton, seconds: float, old_s: float = 0.0, **fields: Any
            ) -> list[Any]:
        return self.play(
            lambda: self.node.on_people(people(self.stamp(old_s), *found, **fields)), seconds)


@pytest.fixture
def stage(domain_id: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stage]]:
    """Return a function that makes one."""
    monkeypatch.setenv('ROS_DOMAIN_ID', str(domain_id))
    yield Stage
    rclpy.try_shutdown()


@pytest.mark.parametrize('name, wrong', [
    ('follow_person', {'max_speed_m_s': '.nan'}), ('follow_person', {'keep_distance_m': 'far'}),
    ('follow_person', {'min_distance_m': 3}), ('gesture_switch', {'raised_deg': 120}),
    ('gesture_switch', {'hold_s': True}), ('slow_for_people', {'stop_distance_m': 9.0}),
])
def test_a_bad_limit_is_refused(stage: Any, name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        stage(name, **wrong)


def test_a_bad_limit_is_one_line(start: Any) -> None:
    process = start(str(EXAMPLES / 'follow_person.py'), '--ros-args', '-p', 'max_speed_m_s:=9')
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and len(output.strip().splitlines()) == 1, output
    assert output.startswith('follow_person: max_speed_m_s is 9')


def test_follow_person_drives_within_its_limits(stage: Any) -> None:
    here = stage('follow_person', max_speed_m_s=0.6, max_acceleration_m_s2=1)
    here.node.on_target(Target(state=Target.LOCKED, id=7))

    def drive(person: Skeleton, seconds: float = 1.5, **fields: Any) -> Twist:
        return here.see(person, seconds=seconds, **fields)[-1]

    far = drive(at(4.0, left=1.0))
    assert far.linear.x == pytest.approx(0.6 * math.cos(math.atan2(1, 4)), abs=0.01)
    assert far.angular.z == pytest.approx(2.0 * math.atan2(1.0, 4.0), abs=0.02)
    assert max(np.diff([m.linear.x for m in here.sent])) <= 0.04 + 1e-6, '1 m/s^2'
    right = drive(at(4.0, left=-1.0))
    assert right.angular.z == pytest.approx(-far.angular.z, abs=0.02)
    assert drive(at(1.5)).linear.x == pytest.approx(0.0, abs=0.02)
    assert drive(at(0.9)).linear.x == 0.0, 'never backwards by default'
    assert drive(at(1.5, away=0.5)).linear.x == pytest.approx(0.5, abs=0.02), 'walks on'
    # Of a person who keeps the distance from a moving camera, the speed is the robot's.
    moving = drive(at(1.5), 0.6, velocity_frame_id='camera')
    assert moving.linear.x == pytest.approx(0.5, abs=0.03)
    # The other frames: of the base, and from pixels.
    base = skeleton(**{n: dict.fromkeys(TORSO, v) for n, v in
                       {'x': 4.0, 'y': 1.0, 'z': 0.5, 'dx': 0.0, 'dy': 0.0, 'dz': 0.0}.items()})
    turn = drive(base, frame_id='base_link').angular.z
    assert turn == pytest.approx(far.angular.z, abs=0.02)
    flat = skeleton(u={5: 200.0, 6: 240.0, 11: 210.0, 12: 230.0},
                    v={5: 150.0, 6: 150.0, 11: 225.0, 12: 225.0})
    assert drive(flat) == Twist(), 'no camera_info: no distance'
    here.node.on_camera_info(
        CameraInfo(width=640, height=480, k=[600.0, 0, 320, 0, 600, 240, 0, 0, 1]))
    # 75 px of 0.5 m are 4 m away; 100 px to the left are 1/6 of that.
    found = drive(flat)
    assert found.angular.z == pytest.approx(2.0 * math.atan(1 / 6), abs=0.02)
    assert found.linear.x == pytest.approx(0.6 * math.cos(math.atan(1 / 6)), abs=0.01)


def test_follow_person_stops_when_in_doubt(stage: Any) -> None:
    here = stage('follow_person', max_age_s=0.3, max_deceleration_m_s2=10.0)

    def go() -> None:
        here.node.on_target(Target(state=Target.LOCKED, id=7))
        driven = here.see(at(4.0, left=0.5), seconds=0.5)[-1]
        assert driven.linear.x > 0.1 and driven.angular.z > 0.1

    doubts: dict[str, tuple[list[Skeleton], dict[str, Any]]] = {
        'no person': ([], {}),
        'another person': ([at(4.0, id=8)], {}),
        'stale': ([at(4.0)], {'status': SkeletonArray.STALE}),
        'not seen': ([at(4.0, since_seen_s=0.4)], {}),
        'never seen': ([at(4.0, since_seen_s=NAN)], {}),
        'old': ([at(4.0)], {'old_s': 0.5}),
        'of another clock': ([at(4.0)], {'old_s': -1000.0}),
        'no place': ([skeleton()], {}),
        'no speed': ([at(4.0, away=NAN)], {}),
        'infinite': ([at(math.inf)], {}),
    }
    for name, (found, how) in doubts.items():
        go()
        assert here.see(*found, seconds=0.6, **how)[-1] == Twist(), name
    for state in (Target.NONE, Target.STALE):
        go()
        here.node.on_target(Target(state=state, id=7))
        assert here.see(at(4.0), seconds=0.6)[-1] == Twist(), state
    go()
    assert here.play(lambda: None, 0.6)[-1] == Twist(), 'silence'


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


def test_gestures_begin_and_end_once(stage: Any) -> None:
    here = stage('gesture_switch', hold_s=0.3, release_s=0.2)

    def show(*found: Skeleton, seconds: float = 0.8, **how: Any) -> list[tuple[int, bool]]:
        return [(e.gesture, e.active) for e in here.see(*found, seconds=seconds, **how)]

    left, right, both, pointing = (
        Gesture.LEFT_HAND_RAISED, Gesture.RIGHT_HAND_RAISED, Gesture.BOTH_HANDS_RAISED,
        Gesture.POINTING)
    assert show(posed()) == []
    assert show(posed('nearly')) == [], 'not enough to begin'
    assert show(posed('raised'), seconds=0.15) == [], 'not for long enough'
    assert show(posed(), seconds=0.4) == []
    assert show(posed('raised')) == [(left, True)]
    assert here.sent[0].id == 7 and not here.sent[0].in_3d
    assert show(posed('nearly')) == [], 'enough to go on'
    assert show(posed('raised', 'raised')) == [(left, False), (both, True)]
    assert show(posed()) == [(both, False)]
    assert show(posed('hanging', 'raised', flat=True)) == [(right, True)]
    assert show(posed('hanging', 'bent')) == [(right, False)]
    assert show(posed('hanging', 'pointing')) == [(pointing, True)]
    direction, along = here.sent[0].direction, np.array([0.18, 0.05, -0.23])
    np.testing.assert_allclose(
        [direction.x, direction.y, direction.z], along / np.linalg.norm(along), atol=1e-3)
    assert here.sent[0].in_3d
    assert show(posed('pointing', flat=True)) == [], 'goes on'
    assert show(posed('raised')) == [(pointing, False), (left, True)]
    # What is not believed ends it: each time it begins anew.
    for found, how in (
        ([posed('raised')], {'status': SkeletonArray.STALE}), ([posed('raised')], {'old_s': 2.0}),
        ([], {}),
    ):
        assert show(*found, **how) == [(left, False)], how
        assert show(posed('raised')) == [(left, True)]
    assert [e.active for e in here.play(lambda: None, 0.9)] == [False], 'silence'


def near(bound_m: float, state: int = Proximity.MEASURED) -> Proximity:
    return Proximity(id=7, state=state, bound_m=bound_m)


class SpeedLimit:
    """The fields of nav2_msgs/SpeedLimit."""

    def __init__(self, percentage: bool, speed_limit: float) -> None:
        self.percentage, self.speed_limit, self.header = percentage, speed_limit, Header()


@pytest.mark.parametrize('nav2', [False, True])
def test_slow_for_people(stage: Any, nav2: bool) -> None:
    here = stage('slow_for_people', recovery_m_s2=10.0)
    here.module.SpeedLimit = SpeedLimit if nav2 else None
    free, stopped = (0.0, 0.01) if nav2 else (1.0, 0.0)  # to Nav2 0 is no limit

    def limit(*people: Proximity, old_s: float = 0.0, status: int = 0) -> float:
        sent = here.play(lambda: here.node.on_people(ProximityArray(
            header=Header(stamp=here.stamp(old_s)), people=people, status=status)), 0.6)[-1]
        assert not nav2 or (sent.header.stamp.sec >= 1000 and not sent.percentage)
        return float(sent.speed_limit if nav2 else sent.data)

    assert limit() == pytest.approx(free)
    assert limit(near(9.0), near(1.5)) == pytest.approx(0.5)
    assert limit(near(0.4)) == limit(near(-0.2, Proximity.PREDICTED)) == stopped
    assert limit() == pytest.approx(free)
    for doubt in (near(NAN), near(5.0, Proximity.NO_3D), near(5.0, Proximity.NO_ZONE)):
        assert limit(doubt) == pytest.approx(0.15)
        assert limit(near(0.4), doubt) == stopped
    assert limit(old_s=1.0) == pytest.approx(0.15)
    assert limit(status=ProximityArray.STALE) == pytest.approx(0.15)
    assert limit() == pytest.approx(free)
    silence = here.play(lambda: None, 1.0)[-1]
    assert (silence.speed_limit if nav2 else silence.data) == pytest.approx(0.15)


def publisher(ros: Any, kind: Any, topic: str) -> Any:
    made = ros.probe.create_publisher(kind, topic, 1)
    assert ros.spin_until(lambda: made.get_subscription_count() > 0, 60)
    return made


def feed(ros: Any, name: str) -> Callable[[], None]:
    """Return what publishes a reason to do something."""
    def now() -> Any:
        return ros.probe.get_clock().now().to_msg()

    if name == 'slow_for_people':
        nearness = publisher(ros, ProximityArray, 'pose/proximity')
        return lambda: nearness.publish(ProximityArray(header=Header(stamp=now())))
    if name == 'gesture_switch':
        tracked = publisher(ros, SkeletonArray, 'pose/tracked')
        return lambda: tracked.publish(people(now(), posed('raised')))
    target, predicted = (publisher(ros, Target, 'pose/target'),
                         publisher(ros, SkeletonArray, 'pose/predicted'))
    return lambda: (target.publish(Target(state=Target.LOCKED, id=7)),
                    predicted.publish(people(now(), at(4.0))))[1]


@pytest.mark.parametrize('name, number, kind, topic, works', [
    ('follow_person', signal.SIGTERM, Twist, 'cmd_vel', lambda m: m.linear.x > 0.1),
    ('gesture_switch', signal.SIGINT, Gesture, 'pose/gesture', lambda m: m.active),
    pytest.param(
        'slow_for_people', signal.SIGINT, Float32, 'speed_limit', lambda m: m.data > 0.2,
        marks=pytest.mark.skipif(find_spec('nav2_msgs') is not None, reason='SpeedLimit then')),
])
def test_a_process_stands_still_before_and_after_it_works(
    start: Any, ros: Any, name: str, number: signal.Signals, kind: Any, topic: str, works: Any
) -> None:
    sent = ros.collect(kind, topic, 50)
    process = start(str(EXAMPLES / f'{name}.py'))
    say, talks = feed(ros, name), name != 'gesture_switch'
    assert not talks or ros.spin_until(lambda: sent, 10)
    assert not any(map(works, sent))
    for _ in range(500):
        say()
        ros.spin_for(0.04)
        if any(map(works, sent)):
            break
    assert works(sent[-1])
    status, output, took_s = end(process, number)
    assert status == 0 and took_s < ENDS_WITHIN_S and 'Traceback' not in output, output
    assert ('silence on pose/' in output) == talks, output
    assert ros.spin_until(lambda: not works(sent[-1])), 'killed while it works'
