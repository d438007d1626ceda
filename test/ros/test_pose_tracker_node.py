# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker as a node: skeletons of images in, tracks out."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
import pytest
from std_msgs.msg import Header

from pose_ros.core.keypoints import Keypoints
from pose_ros.core.tracker import Tracker
from pose_ros.core.tracks import TrackState
from pose_ros.msg import SkeletonArray
from pose_ros.ros.messages import keypoints_to_msg, tracks_from_msg
from pose_ros.ros.pose_tracker_node import PoseTrackerNode


def pose(people: Keypoints, stamp_s: float) -> SkeletonArray:
    nanoseconds = round(stamp_s * 1e9)
    stamp = Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
    msg = keypoints_to_msg(people, Header(stamp=stamp, frame_id='camera'), (640, 480))
    msg.model, msg.network_ms, msg.received = 'replay', 12.5, Time(sec=7)
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
    assert (answer.model, answer.network_ms, answer.received) == ('replay', 12.5, Time(sec=7))
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
