# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Tests of pose_standards, by hri_msgs and vision_msgs: test_standards.py builds them and runs this.

By hand, where they are installed: ./run pytest test/ros/standards_checks.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builtin_interfaces.msg import Time
from hri_msgs.msg import IdsList, NormalizedRegionOfInterest2D, Skeleton2D
import numpy as np
import pytest
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from pose_ros.core.skeleton import KEYPOINT_NAMES
from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState
from pose_ros.msg import SkeletonArray
from pose_ros.ros.conversions import tracks_to_msg
from pose_ros.ros.nodes.pose_standards import PoseStandardsNode
from pose_ros.ros.standard_messages import package_messages, skeleton2d

SIZE = (640, 480)
HRI = package_messages('hri_msgs')


def header(ms: int = 1000, frame: str = 'camera') -> Header:
    return Header(stamp=Time(sec=ms // 1000, nanosec=ms % 1000 * 1_000_000), frame_id=frame)


@pytest.fixture
def tracks(make_people: Any) -> Tracks:
    """Return two confirmed people with ids 3 and 8."""
    people = make_people(2)
    rng = np.random.default_rng(1)
    return Tracks(
        0.0, np.array([3, 8]), np.full(2, TrackState.CONFIRMED, np.int8), people.person_score,
        np.ones(2), np.zeros(2), people.xy, np.zeros_like(people.xy),
        np.zeros((2, 17, 2, 2), np.float32), np.full((2, 17), KeypointState.OBSERVED, np.int8),
        rng.uniform(0.3, 0.9, (2, 17)).astype(np.float32), np.arange(2),
        np.zeros((2, 17), bool),
    )


def message(tracks: Tracks, ms: int = 1000) -> SkeletonArray:
    return tracks_to_msg(tracks, header(ms), SIZE)


def test_every_keypoint_is_under_its_name(tracks: Tracks) -> None:
    msg = message(tracks)
    made = skeleton2d(HRI, msg.skeletons[0], msg)
    assert made.header == msg.header and len(made.skeleton) == 18
    for k, name in enumerate(KEYPOINT_NAMES):
        point = made.skeleton[getattr(Skeleton2D, name.upper())]
        x, y = tracks.xy[0, k]
        # As the readers of ROS4HRI find the pixel again.
        assert (int(point.x * SIZE[0] + 1e-4), int(point.y * SIZE[1] + 1e-4)) == (x, y)
        assert point.c == pytest.approx(tracks.keypoint_score[0, k])
    # Not OpenPose's order, whose 14 is the right eye.
    assert made.skeleton[14].x * SIZE[0] - 0.5 == pytest.approx(tracks.xy[0, 1, 0], abs=1e-3)
    neck, left, right = (
        made.skeleton[i] for i in (
            Skeleton2D.NECK, Skeleton2D.LEFT_SHOULDER, Skeleton2D.RIGHT_SHOULDER))
    assert neck.x == pytest.approx((left.x + right.x) / 2)
    assert neck.y == pytest.approx((left.y + right.y) / 2)
    assert neck.c == pytest.approx(min(left.c, right.c))


def test_what_is_not_seen_in_the_image_is_zero(tracks: Tracks) -> None:
    tracks.keypoint_state[0, 9], tracks.xy[0, 9] = KeypointState.MISSING, np.nan
    tracks.keypoint_state[0, 10] = KeypointState.PREDICTED
    tracks.keypoint_state[0, 5] = KeypointState.PREDICTED
    tracks.xy[0, 15] = [700, 100]
    msg = message(tracks)
    made = skeleton2d(HRI, msg.skeletons[0], msg)
    for name in ('LEFT_WRIST', 'RIGHT_WRIST', 'LEFT_ANKLE', 'LEFT_SHOULDER', 'NECK'):
        point = made.skeleton[getattr(Skeleton2D, name)]
        assert (point.x, point.y, point.c) == (0.0, 0.0, 0.0), name
    assert made.skeleton[Skeleton2D.RIGHT_SHOULDER].c > 0


class Standards:
    """A standards node, tracks to feed it, and listeners."""

    def __init__(self, ros: Any, **parameters: Any) -> None:
        self.ros = ros
        self.node = ros.add(PoseStandardsNode, parameters=parameters)
        assert self.node.start()
        self.tracked = ros.probe.create_publisher(SkeletonArray, 'pose/tracked', 10)

    def feed(self, msg: SkeletonArray) -> None:
        self.node._on_skeletons(msg)

    def topics(self) -> set[str]:
        names = self.ros.probe.get_topic_names_and_types()
        return {name for name, _ in names if name.startswith('/humans')}


def test_bodies_come_and_go(ros: Any, tracks: Tracks) -> None:
    stage = Standards(ros)
    ros.spin_for(0.5)
    assert stage.tracked.get_subscription_count() == 0, 'nobody listens'
    ids = ros.collect(IdsList, '/humans/bodies/tracked')
    assert ros.spin_until(lambda: stage.tracked.get_subscription_count() == 1)
    stage.feed(message(tracks))
    assert ros.spin_until(lambda: ids)
    assert ids[0].ids == ['b3', 'b8'] and ids[0].header == header()
    wanted = {f'/humans/bodies/{b}/{t}' for b in ('b3', 'b8') for t in ('skeleton2d', 'roi')}
    assert ros.spin_until(lambda: wanted <= stage.topics())
    skeletons = ros.collect(Skeleton2D, '/humans/bodies/b8/skeleton2d')
    regions = ros.collect(NormalizedRegionOfInterest2D, '/humans/bodies/b8/roi')
    body = stage.node._bodies['b8']
    assert ros.spin_until(lambda: all(p.get_subscription_count() for p in body.values()))
    stage.feed(message(tracks, 1040))
    assert ros.spin_until(lambda: skeletons and regions)
    assert skeletons[0].skeleton[0].x == pytest.approx((tracks.xy[1, 0, 0] + 0.5) / 640)
    low, high = tracks.xy[1].min(axis=0), tracks.xy[1].max(axis=0)
    assert regions[0].xmin == pytest.approx((low[0] + 0.5) / 640)
    assert regions[0].ymax == pytest.approx((high[1] + 0.5) / 480)
    assert regions[0].c == pytest.approx(0.95)
    # Only what somebody listens to is made.
    assert stage.node.statistics.counts['skeletons2d'] == 1
    # One leaves, his topics go; who is not seen in an image is listed, and nothing else.
    lost = replace(tracks, state=np.array([2, TrackState.LOST]), since_seen_s=np.array([0, 0.3]))
    stage.feed(message(lost, 1080))
    assert ros.spin_until(lambda: len(ids) == 3) and ids[2].ids == ['b3', 'b8']
    stage.feed(message(tracks.select(slice(1)), 1120))
    assert ros.spin_until(lambda: len(ids) == 4) and ids[3].ids == ['b3']
    ros.probe.destroy_subscription(next(
        s for s in ros.probe.subscriptions if s.topic_name.endswith('b8/skeleton2d')))
    ros.probe.destroy_subscription(next(
        s for s in ros.probe.subscriptions if s.topic_name.endswith('b8/roi')))
    assert ros.spin_until(lambda: not any('b8' in name for name in stage.topics()))
    assert len(skeletons) == 1
    stale = message(tracks, 1120)
    stale.status = SkeletonArray.STALE
    stage.feed(stale)
    assert ros.spin_until(lambda: len(ids) == 5) and ids[4].ids == []
    assert ros.spin_until(lambda: stage.topics() == {'/humans/bodies/tracked'})


def test_nobody_is_tracked_when_skeletons_stop_or_the_node_does(ros: Any, tracks: Tracks) -> None:
    stage = Standards(ros, body_id_prefix='front_')
    ids = ros.collect(IdsList, '/humans/bodies/tracked')
    assert ros.spin_until(lambda: stage.tracked.get_subscription_count() == 1)
    stage.feed(message(tracks))
    assert ros.spin_until(lambda: ids) and ids[0].ids == ['front_3', 'front_8']
    assert ros.spin_until(lambda: len(ids) == 2) and ids[1].ids == []
    stage.feed(message(tracks, 1040))
    assert stage.node.trigger_deactivate()
    assert ros.spin_until(lambda: len(ids) == 4) and ids[3].ids == []
    assert not stage.node._bodies
    assert ros.spin_until(lambda: stage.tracked.get_subscription_count() == 0)


@pytest.mark.parametrize('bodies, topic', [
    ('humans/bodies', '/front/humans/bodies/tracked'),
    ('/humans/bodies', '/humans/bodies/tracked'),
])
def test_each_camera_has_its_own_list(ros: Any, bodies: str, topic: str) -> None:
    node = ros.add(PoseStandardsNode, namespace='front', parameters={'bodies': bodies})
    assert node.start()
    assert node._tracked.topic_name == topic


def test_detections_of_tracked_people(ros: Any, tracks: Tracks) -> None:
    stage = Standards(ros)
    found = ros.collect(Detection2DArray, 'pose/detections')
    assert ros.spin_until(lambda: stage.tracked.get_subscription_count() == 1)
    tentative = replace(tracks, state=np.array([TrackState.TENTATIVE, TrackState.CONFIRMED]))
    stage.tracked.publish(message(tracks))
    stage.tracked.publish(message(tentative, 1040))
    stage.tracked.publish(message(Tracks.empty(), 1080))
    assert ros.spin_until(lambda: len(found) == 3)
    assert [len(f.detections) for f in found] == [2, 1, 0]
    assert found[0].header == found[0].detections[0].header == header()
    detection = found[1].detections[0]
    assert detection.id == '8'
    assert detection.results[0].hypothesis.class_id == 'person'
    assert detection.results[0].hypothesis.score == pytest.approx(0.95)
    low, high = tracks.xy[1].min(axis=0), tracks.xy[1].max(axis=0)
    center = detection.bbox.center.position
    np.testing.assert_allclose([center.x, center.y], (low + high) / 2)
    np.testing.assert_allclose([detection.bbox.size_x, detection.bbox.size_y], high - low)
    assert not stage.node._bodies, 'nobody asked for them'
    stale = message(tracks)
    stale.status = SkeletonArray.STALE
    stage.tracked.publish(stale)
    ros.spin_for(0.3)
    assert len(found) == 3, 'nobody looked: that is not the same as nobody there'
