# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker as a node: skeletons of images in, tracks out."""

from __future__ import annotations

from dataclasses import replace
import time
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_msgs.msg import Header

from pose_ros.core.estimator.appearance import SIZE
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import KeypointState, TrackState
from pose_ros.diagnostics.stream_checks import ClockFacts
from pose_ros.msg import SkeletonArray, Target
from pose_ros.ros.conversions import keypoints_to_msg, tracks_from_msg
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode
from pose_ros.srv import LockTarget


def pose(people: Keypoints, stamp_s: float) -> SkeletonArray:
    nanoseconds = round(stamp_s * 1e9)
    stamp = Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
    msg = keypoints_to_msg(people, Header(stamp=stamp, frame_id='camera'), (640, 480))
    msg.model, msg.network_ms, msg.transport_s = 'replay', 12.5, 0.25
    return msg


@pytest.fixture
def send(ros: Any) -> Any:
    """Return a function that publishes on `pose` and returns what comes on `pose/tracked`."""
    node = ros.add(PoseTrackerNode)
    assert node.start()
    publisher = ros.probe.create_publisher(SkeletonArray, 'pose', 10)
    tracked = ros.collect(SkeletonArray, 'pose/tracked')
    assert ros.spin_until(lambda: publisher.get_subscription_count() == 1)

    def send_one(msg: SkeletonArray) -> SkeletonArray:
        del tracked[:]
        publisher.publish(msg)
        assert ros.spin_until(lambda: tracked)
        return tracked[-1]

    return send_one


def test_people_get_ids_and_are_confirmed(send: Any, make_people: Any) -> None:
    for frame in range(15):
        msg = pose(make_people(2, x_px=100 + 2 * frame), 100 + frame / 25)
        answer = send(msg)
    assert answer.header == msg.header
    assert (answer.model, answer.network_ms, answer.transport_s) == ('replay', 12.5, 0.25)
    assert (answer.image_width, answer.image_height) == (640, 480)
    assert answer.track_ms > 0
    tracks = tracks_from_msg(answer)
    assert tracks.id.tolist() == [1, 2]
    assert (tracks.state == TrackState.CONFIRMED).all()
    np.testing.assert_allclose(tracks.velocity[..., 0], 50, atol=15)
    assert np.isfinite(tracks.covariance).all()


def test_same_as_the_core(send: Any, make_people: Any) -> None:
    """What the node gives is what the tracker gives: nothing is lost in between."""
    tracker = Tracker()
    for frame in range(8):
        people = make_people(1, x_px=100 + 3 * frame)
        people.xy[0, 5], people.score[0, 5] = np.nan, 0
        answer = tracks_from_msg(send(pose(people, 10 + frame / 30)))
        # The stamp as the message holds it.
        expected = tracker.update(answer.stamp_s, people, (640, 480))
        for name in ('id', 'state', 'xy', 'velocity', 'keypoint_state'):
            np.testing.assert_array_equal(getattr(answer, name), getattr(expected, name), name)


def test_time_going_back_starts_anew(send: Any, make_people: Any) -> None:
    for frame in range(10):
        send(pose(make_people(1), 100 + frame / 25))
    answer = tracks_from_msg(send(pose(make_people(1), 50)))
    assert (answer.state == TrackState.TENTATIVE).all() and (answer.id > 1).all()


def test_nobody(send: Any) -> None:
    answer = send(pose(Keypoints.empty(), 3))
    assert not answer.skeletons and answer.status == SkeletonArray.OK


def now_s() -> float:
    return time.time()


def test_prediction_is_for_now_and_for_later(ros: Any, make_people: Any) -> None:
    node = ros.add(
        PoseTrackerNode, parameters={'prediction_rate_hz': 100.0, 'lead_time_s': 0.05}
    )
    assert node.start()
    publisher = ros.probe.create_publisher(SkeletonArray, 'pose', 10)
    tracked = ros.collect(SkeletonArray, 'pose/tracked')
    predicted = ros.collect(SkeletonArray, 'pose/predicted')
    assert ros.spin_until(lambda: publisher.get_subscription_count() == 1)
    assert ros.spin_until(lambda: node.count_subscribers('pose/predicted') == 1)
    start_s, stamps_s = now_s(), []
    # 100 px/s to the right, images 100 ms old when they come.
    while len(stamps_s) < 25 or not predicted or predicted[-1].latency_s > 0.2:
        assert len(stamps_s) < 100, 'the tracker does not keep up'
        stamp_s = now_s() - 0.1
        stamps_s.append(stamp_s)
        publisher.publish(pose(make_people(1, x_px=100 + 100 * (stamp_s - start_s)), stamp_s))
        ros.spin_for(0.04)
    last = tracks_from_msg(predicted[-1])
    # Its latency is that of the image.
    image_s = last.stamp_s - 0.05 - predicted[-1].latency_s
    assert np.abs(image_s - np.array(stamps_s)).min() < 2e-6 and predicted[-1].latency_s > 0.1
    assert predicted[-1].header.frame_id == 'camera' and predicted[-1].status == SkeletonArray.OK
    assert last.id.tolist() == [1] and (last.keypoint_state == KeypointState.PREDICTED).all()
    # Where the nose is at the moment of validity, not where the image had it.
    truth = 100 + 100 * (last.stamp_s - start_s) + 20
    assert last.xy[0, 0, 0] == pytest.approx(truth, abs=3)
    seen = tracks_from_msg(tracked[-1])
    assert (last.covariance[0, :, 0, 0] > seen.covariance[0, :, 0, 0]).all()
    assert last.since_seen_s[0] > 0.1


def test_prediction_is_off_and_live(ros: Any, make_people: Any) -> None:
    node = ros.add(PoseTrackerNode, parameters={'prediction_rate_hz': 0.0})
    assert node.start()
    publisher = ros.probe.create_publisher(SkeletonArray, 'pose', 10)
    predicted = ros.collect(SkeletonArray, 'pose/predicted')
    assert ros.spin_until(lambda: publisher.get_subscription_count() == 1)
    for _ in range(5):
        publisher.publish(pose(make_people(1), now_s()))
        ros.spin_for(0.04)
    assert not predicted
    result = node.set_parameters([Parameter('prediction_rate_hz', value=50.0)])
    assert result[0].successful
    assert ros.spin_until(lambda: predicted)


def test_silence_is_said_and_ends_at_once(ros: Any, make_people: Any) -> None:
    node = ros.add(PoseTrackerNode, parameters={'stale_after_s': 0.3})
    assert node.start()
    publisher = ros.probe.create_publisher(SkeletonArray, 'pose', 10)
    tracked = ros.collect(SkeletonArray, 'pose/tracked')
    targets = ros.collect(Target, 'pose/target')
    assert ros.spin_until(lambda: publisher.get_subscription_count() == 1)
    # Never an image at all: nobody is looking.
    assert ros.spin_until(lambda: tracked)
    assert tracked[0].status == SkeletonArray.STALE and tracked[0].stale_s >= 0.3
    assert not tracked[0].skeletons and np.isnan(tracked[0].latency_s)
    del tracked[:]
    # Nobody there is something else.
    publisher.publish(pose(Keypoints.empty(), now_s()))
    assert ros.spin_until(lambda: any(m.status == SkeletonArray.OK for m in tracked))
    assert node.health()[1] == 'working'
    del tracked[:]
    assert ros.spin_until(lambda: len(tracked) >= 2)
    assert {m.status for m in tracked} == {SkeletonArray.STALE}
    assert tracked[1].stale_s > tracked[0].stale_s > 0.3 and tracked[1].latency_s > 0.3
    stale, = node.findings(ClockFacts())
    assert 'STALE' in stale.text and 'is pose_estimator active' in stale.hint
    ros.probe.destroy_publisher(publisher)
    assert ros.spin_until(lambda: 'start pose_estimator' in node.findings(ClockFacts())[0].hint)
    publisher = ros.probe.create_publisher(SkeletonArray, 'pose', 10)
    assert ros.spin_until(lambda: publisher.get_subscription_count() == 1)
    # A follower listens to the target alone.
    assert ros.spin_until(lambda: targets and targets[-1].state == Target.STALE)
    assert targets[-1].stale_s > 0.3 and not targets[-1].skeletons
    del targets[:]
    del tracked[:]
    publisher.publish(pose(make_people(1), now_s()))
    assert ros.spin_until(lambda: tracked)
    assert tracked[-1].status == SkeletonArray.OK and tracked[-1].stale_s == 0
    assert ros.spin_until(lambda: any(t.state == Target.NONE for t in targets))


def test_another_frame_id_ends_the_tracks(send: Any, make_people: Any) -> None:
    for frame in range(10):
        send(pose(make_people(1), 100 + frame / 25))
    other = pose(make_people(1), 100.5)
    other.header.frame_id = 'another_camera'
    assert tracks_from_msg(send(other)).id.tolist() == [2]


@pytest.fixture
def target(ros: Any, send: Any) -> list[Target]:
    return ros.collect(Target, 'pose/target')


def lock(ros: Any, mode: int, number: int = 0) -> Any:
    return ros.call(LockTarget, 'pose/lock_target', LockTarget.Request(mode=mode, id=number))


def test_target_is_kept_lost_and_found_again(
    ros: Any, send: Any, target: list[Target], make_people: Any
) -> None:
    answer = lock(ros, LockTarget.Request.NEAREST)
    assert answer.success and answer.id == 0

    def of_images() -> list[Target]:
        return [t for t in target if t.state != Target.STALE]

    def frames(people: Keypoints, start: int, count: int) -> list[Target]:
        del target[:]
        for frame in range(start, start + count):
            send(pose(people, 100 + frame / 25))
        # STALE comes as well where the machine takes its time.
        assert ros.spin_until(lambda: len(of_images()) == count)
        return of_images()

    # Two people at x = 210 and 300: the second stands nearer to the centre, 319.5.
    seen = frames(make_people(2, x_px=190), 0, 10)
    assert seen[0].state == Target.SEARCHING and not seen[0].skeletons
    assert (seen[-1].state, seen[-1].id) == (Target.LOCKED, 2)
    assert seen[-1].skeletons[0].id == 2
    # Now the first is nearer: hysteresis keeps the second.
    for frame in range(12):
        moved = make_people(2, x_px=190 + 5 * frame)
        assert frames(moved, 10 + frame, 1)[-1].id == 2
    frames(moved, 22, 8)
    alone = moved.select(np.array([0]))
    lost = frames(alone, 30, 15)
    assert (lost[-1].state, lost[-1].id) == (Target.LOST, 2) and lost[-1].lost_s > 0.5
    # No image at all: STALE, with what is left of it.
    del target[:]
    assert ros.spin_until(lambda: target and target[0].state == Target.STALE)
    assert (target[0].state, target[0].id) == (Target.STALE, 2) and target[0].stale_s > 0
    assert target[0].lost_s == pytest.approx(lost[-1].lost_s + target[0].stale_s)
    back = frames(moved, 45, 2)
    assert [m.state for m in back] == [Target.REACQUIRED, Target.LOCKED]
    # Gone for longer than target_hold_s: another one is chosen.
    gone = frames(alone, 47, 60)
    assert (gone[-1].state, gone[-1].id) == (Target.LOCKED, 1)
    assert lock(ros, LockTarget.Request.RELEASE).success
    assert frames(alone, 107, 1)[-1].state == Target.NONE


def test_a_target_whose_looks_are_known_is_waited_for(
    ros: Any, send: Any, target: list[Target], make_people: Any
) -> None:
    looks = np.zeros((2, SIZE), np.float32)
    looks[0, ::32] = looks[1, 9::32] = 1.0
    lock(ros, LockTarget.Request.LARGEST)
    last = Target()

    def state_after(people: list[Keypoints], looks: np.ndarray, start: int) -> tuple[int, int]:
        nonlocal last
        del target[:]
        for frame, keypoints in enumerate(people, start):
            send(pose(replace(keypoints, appearance=looks), 100 + frame / 25))
        # STALE comes as well where the machine takes its time.
        assert ros.spin_until(
            lambda: len([t for t in target if t.state != Target.STALE]) == len(people))
        last = [t for t in target if t.state != Target.STALE][-1]
        return last.state, last.id

    both = [make_people(2, x_px=190)] * 12
    assert state_after(both, looks, 0) == (Target.LOCKED, 1)
    # For longer than target_hold_s the bystander is alone, and walks to where the target was.
    bystander = [make_people(1, x_px=280 - min(3 * n, 90)) for n in range(70)]
    assert state_after(bystander, looks[1:], 12) == (Target.LOST, 1)
    back = [make_people(2, x_px=190)] * 8
    assert state_after(back, looks[::-1], 82) == (Target.LOCKED, 1)
    assert last.skeletons[0].u[0] == pytest.approx(300.0, abs=5.0)


def test_target_by_id_and_largest(
    ros: Any, send: Any, target: list[Target], make_people: Any
) -> None:
    people = make_people(2)
    people.xy[1] = people.xy[1, 0] + (people.xy[1] - people.xy[1, 0]) * 1.3
    for frame in range(10):
        send(pose(people, 100 + frame / 25))
    assert lock(ros, LockTarget.Request.LARGEST).id == 2
    assert lock(ros, LockTarget.Request.BY_ID, 1).id == 1
    assert not lock(ros, LockTarget.Request.BY_ID, 0).success
    assert not lock(ros, 9).success
    # A choice that was refused changes nothing.
    send(pose(people, 101))
    assert ros.spin_until(lambda: target and target[-1].header.stamp.sec == 101)
    assert target[-1].id == 1 and target[-1].state == Target.LOCKED
