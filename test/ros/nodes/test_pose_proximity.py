# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""pose_proximity: distances, who has none, silence, other zones, and zones that are none."""

from __future__ import annotations

import math
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_msgs.msg import Header

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.core.pose3d.joints3d import Joints3D
from pose_ros.core.proximity.zones import make_zone
from pose_ros.core.skeleton import LEFT_WRIST
from pose_ros.core.tracking.tracks import PositionSource
from pose_ros.diagnostics.stream_checks import ClockFacts
from pose_ros.msg import Proximity, ProximityArray, Skeleton, SkeletonArray
from pose_ros.ros.conversions import keypoints_to_msg
from pose_ros.ros.nodes.pose_proximity import PoseProximityNode
from pose_ros.ros.transforms import NoTransform, transforms_of

FENCE = {'zone_shape': 'planes', 'zone': [0.0, 0.0, 1.0, 1.0], 'zone_name': 'cell'}


class Scene:
    """Sends `pose/tracked` of people who stand before the camera, and collects the answers."""

    def __init__(self, ros: Any, connect: Any = transforms_of, **parameters: Any) -> None:
        self.ros = ros
        self.node = ros.add(PoseProximityNode, connect=connect, parameters=parameters)
        self.publisher = ros.probe.create_publisher(SkeletonArray, 'pose/tracked', 10)
        self.answers = ros.collect(ProximityArray, 'pose/proximity')

    def start(self) -> Scene:
        assert self.node.start()
        assert self.ros.spin_until(lambda: self.publisher.get_subscription_count() == 1)
        assert self.ros.spin_until(lambda: self.node._output.get_subscription_count() == 1)
        return self

    def send(self, place: np.ndarray, t_s: float = 0.0, has_position: bool = True,
             speed: float = 0.0, frame_id: str = 'eye', **more: Any) -> ProximityArray:
        n = len(place)
        stamp = Time(sec=100 + int(t_s), nanosec=round(t_s % 1 * 1e9))
        head = Header(stamp=stamp, frame_id=frame_id)
        people = Keypoints(np.full((n, 17, 2), 50, np.float32), np.ones((n, 17), np.float32),
                           np.ones(n, np.float32))
        found = Joints3D(
            place, np.broadcast_to(np.eye(3) * 1e-4, (n, 17, 3, 3)),
            np.full((n, 17), PositionSource.DEPTH, np.int8))
        msg = keypoints_to_msg(people, head, (640, 480), found if has_position else None)
        for i, skeleton in enumerate(msg.skeletons):
            skeleton.id, skeleton.track_state = i + 1, Skeleton.CONFIRMED
            if has_position:
                for name, velocity in (('dx', 0.0), ('dy', 0.0), ('dz', speed)):
                    setattr(skeleton, name, np.where(
                        np.isfinite(skeleton.x), velocity, np.nan).astype(np.float32))
        for name, value in more.items():
            setattr(msg, name, value)
        del self.answers[:]
        self.publisher.publish(msg)
        assert self.ros.spin_until(lambda: self.answers)
        return self.answers[-1]


def standing(*z_m: float) -> np.ndarray:
    return np.stack([joints(Figure(0.0, z)) for z in z_m])


@pytest.mark.ros
def test_distances_of_everybody(ros):
    scene = Scene(ros, **FENCE).start()
    answer = scene.send(standing(3.0, 4.0), speed=-0.5)
    assert (answer.status, answer.zone, answer.shape) == (ProximityArray.OK, 'cell', 'planes')
    assert answer.confidence == pytest.approx(0.95)
    assert answer.header.frame_id == 'eye' and answer.header.stamp.sec == 100
    near, far = answer.people
    assert (near.id, far.id) == (1, 2)
    assert near.state == Proximity.MEASURED and near.keypoints_known == 17
    assert far.distance_m - near.distance_m == pytest.approx(1.0, abs=1e-3)
    assert near.distance_m == pytest.approx(1.8, abs=0.15)
    assert 0 < near.distance_m - near.bound_m < 0.2
    assert near.rate_m_s == pytest.approx(-0.5, abs=0.01) and near.rate_sigma_m_s > 0
    assert near.time_to_contact_s == pytest.approx(near.bound_m / 0.5, rel=0.02)
    assert near.on_zone.z == pytest.approx(1.0)
    assert near.on_person.z - near.on_zone.z == pytest.approx(near.distance_m, abs=1e-5)
    away = scene.send(standing(3.0), 0.1, speed=0.5)
    assert math.isnan(away.people[0].time_to_contact_s)


@pytest.mark.ros
def test_people_without_3d_are_said_and_not_dropped(ros):
    scene = Scene(ros, **FENCE).start()
    person, = scene.send(standing(3.0), has_position=False).people
    assert person.state == Proximity.NO_3D and person.id == 1
    assert person.joint == Proximity.NO_JOINT and person.keypoints_known == 0
    for name in ('distance_m', 'distance_sigma_m', 'bound_m', 'rate_m_s', 'rate_sigma_m_s',
                 'time_to_contact_s'):
        assert math.isnan(getattr(person, name)), name
    assert math.isnan(person.on_person.x) and math.isnan(person.on_zone.z)
    assert '3-D' in scene.node.health()[1]
    assert scene.send(np.empty((0, 17, 3))).people == []


@pytest.mark.ros
def test_who_is_lost_gets_uncertain_where_he_was(ros):
    scene = Scene(ros, **FENCE).start()
    seen = scene.send(standing(3.0), 0.0).people[0]
    lost = [scene.send(standing(3.0), t_s, has_position=False).people[0] for t_s in (0.5, 1.0)]
    assert [p.state for p in lost] == [Proximity.PREDICTED] * 2
    assert lost[0].distance_m == pytest.approx(seen.distance_m, abs=1e-4)
    assert seen.bound_m > lost[0].bound_m > lost[1].bound_m
    assert seen.bound_m - lost[1].bound_m == pytest.approx(1.6, abs=0.15)
    # Too long ago to say anything; and never seen by an id that is new.
    assert scene.send(standing(3.0), 30.0, has_position=False).people[0].state == Proximity.NO_3D


@pytest.mark.ros
def test_it_keeps_talking_when_the_camera_stops(ros):
    scene = Scene(ros, stale_after_s=0.3, **FENCE).start()
    seen = scene.send(standing(3.0)).people[0]
    del scene.answers[:]
    assert ros.spin_until(lambda: len(scene.answers) >= 3)
    assert {a.status for a in scene.answers} == {ProximityArray.STALE}
    last = scene.answers[-1]
    assert last.stale_s > 0.5
    assert last.people[0].state == Proximity.PREDICTED
    assert last.people[0].since_seen_s == pytest.approx(last.stale_s, abs=1e-3)
    assert last.people[0].bound_m < seen.bound_m - 1.2 * last.stale_s
    stale, = scene.node.findings(ClockFacts())
    assert stale.code == 'stale' and 'STALE' in stale.text and 'pose_tracker' in stale.hint
    # The tracker's own word for it.
    answer = scene.send(standing(3.0), has_position=False, status=SkeletonArray.STALE, stale_s=2.0)
    assert answer.status == ProximityArray.STALE and answer.stale_s == pytest.approx(2.0)
    assert scene.send(standing(3.0), 3.0).status == ProximityArray.OK


@pytest.mark.ros
def test_nothing_ever_came(ros):
    scene = Scene(ros, stale_after_s=0.2, **FENCE).start()
    assert ros.spin_until(lambda: scene.answers)
    assert scene.answers[0].status == ProximityArray.STALE and scene.answers[0].people == []


@pytest.mark.ros
def test_the_nearest_joint_is_named(ros):
    place = standing(3.0)
    place[0, LEFT_WRIST] = [0.1, 0.0, 2.0]
    scene = Scene(ros, zone=[0.1, 0.0, 1.0, 0.2]).start()
    assert scene.send(place).people[0].joint == LEFT_WRIST


@pytest.mark.ros
def test_what_is_no_zone_is_said_and_the_node_lives(ros):
    scene = Scene(ros, zone=[0.0, 0.0, 0.3])
    assert not scene.node.start() and '3 numbers for a sphere' in scene.node._failure
    right = {'zone': [0.0, 0.0, 0.0, 0.3], 'zone_shape': 'sphere',
             'zone_pose': [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]}

    def give(**values):
        assert scene.node.set_parameters_atomically([
            Parameter(name, value=value) for name, value in (right | values).items()]).successful

    for wrong, said in (
        ({'zone': [0.0, 0.0, 0.0, 0.0]}, 'above 0'),
        ({'zone_shape': 'box'}, '4 numbers for a box'),
        ({'zone_shape': 'planes', 'zone': [0.0, 0.0, 0.0, 1.0]}, 'no length'),
        ({'zone_pose': [0.0] * 7}, 'zone_pose'),
        ({'zone_pose': [0.0, 1.0]}, '7 finite numbers'),
    ):
        give(**wrong)
        assert not scene.node.start() and said in scene.node._failure
    give()
    scene.start()
    assert len(scene.send(standing(3.0)).people) == 1


@pytest.mark.ros
def test_another_zone_while_it_works(ros):
    scene = Scene(ros, **FENCE).start()
    before = scene.send(standing(3.0)).people[0].distance_m
    node = scene.node
    assert node.set_parameters_atomically(
        [Parameter('zone', value=[0.0, 0.0, 1.0, 0.5])]).successful
    assert scene.send(standing(3.0), 0.1).people[0].distance_m == pytest.approx(before + 0.5)
    for wrong in ([1.0], [0.0, 0.0, float('nan'), 1.0]):
        refused = node.set_parameters_atomically([Parameter('zone', value=wrong)])
        assert not refused.successful and 'zone' in refused.reason
    refused = node.set_parameters_atomically([Parameter('zone', value='0 0 1 1')])
    assert not refused.successful and 'numbers' in refused.reason
    assert scene.send(standing(3.0), 0.2).people[0].distance_m == pytest.approx(before + 0.5)


@pytest.mark.ros
def test_without_tf2_the_fixed_pose_is_taken_and_said(ros):
    try:
        import tf2_ros  # noqa: F401
    except ImportError:
        pass
    else:
        pytest.skip('tf2_ros is here: the frame is looked up')
    pose = [0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0]
    scene = Scene(ros, zone_frame='base_link', zone_pose=pose, **FENCE).start()
    assert scene.node.statistics.counts['without_tf2'] == 1
    moved = Transform(np.eye(3), np.array([0.0, 0.0, 0.5]))
    place = standing(3.0)
    zone = make_zone('planes', FENCE['zone'], moved)
    found = scene.send(place).people[0].distance_m
    assert 0 < zone.distance(place[0])[0].min() - found < 0.12


class Frames:
    """Transforms that a test gives and takes away."""

    def __init__(self) -> None:
        self.known: Transform | None = None
        self.asked: list[tuple[str, str, int]] = []

    def __call__(self, node: Any) -> Frames:
        return self

    def lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        self.asked.append((target, source, stamp_ns))
        if self.known is None:
            raise NoTransform('frame does not exist')
        return self.known

    def send(self, frames: dict[str, Transform], parent: str, stamp_ns: int) -> None:
        raise AssertionError('nothing to send')

    def close(self) -> None:
        self.known = None


@pytest.mark.ros
def test_the_zone_follows_its_frame_and_an_unknown_one_is_said(ros):
    frames = Frames()
    scene = Scene(ros, connect=frames, zone_frame='base_link', transform_hold_s=0.2, **FENCE)
    scene.start()
    person, = scene.send(standing(3.0)).people
    assert person.state == Proximity.NO_ZONE and math.isnan(person.bound_m)
    assert "no transform from 'base_link' to 'eye'" in scene.node.health()[1]
    frames.known = Transform(np.eye(3), np.array([0.0, 0.0, 0.5]))
    found = scene.send(standing(3.0), 0.1).people[0]
    assert found.state == Proximity.MEASURED
    assert frames.asked[-1] == ('eye', 'base_link', 100_100_000_000)
    zone = make_zone('planes', FENCE['zone'])
    true = zone.distance(standing(3.0)[0])[0].min() - 0.5
    assert 0 < true - found.distance_m < 0.12
    frames.known = None
    held = scene.send(standing(3.0), 0.25).people[0]
    assert held.distance_m == found.distance_m
    assert scene.send(standing(3.0), 0.35).people[0].state == Proximity.NO_ZONE
    assert scene.node.statistics.counts['without_zone'] == 2
    # The tracker already gives positions in that frame.
    at_home = scene.send(standing(3.0), 0.4, frame_id='base_link').people[0]
    assert at_home.distance_m == pytest.approx(found.distance_m + 0.5, abs=1e-6)


@pytest.mark.ros
def test_a_real_tf2_that_does_not_know_the_frame(ros):
    pytest.importorskip('tf2_ros', reason='tf2_ros comes with a ROS 2 installation only')
    scene = Scene(ros, zone_frame='nowhere', **FENCE).start()
    assert scene.send(standing(3.0)).people[0].state == Proximity.NO_ZONE
