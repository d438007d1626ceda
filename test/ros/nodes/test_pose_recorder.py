# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The recorder writes what it hears, into files that open again."""

import json
import math

import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_ros.media.contact_sheet import ContactSheet
from pose_ros.media.sources import open_source
from pose_ros.msg import Skeleton, SkeletonArray
from pose_ros.ros.conversions import stamp_from_ns, tracks_from_msg
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.nodes.pose_recorder import PoseRecorderNode
from pose_ros.ros.recording.summary import RecordingSummary

SECOND_NS = 1_000_000_000


def tracked(stamp_ns: int, state: int, age_ns: int = 0) -> SkeletonArray:
    """Make a message with one person."""
    msg = SkeletonArray(image_width=64, image_height=48)
    msg.header.stamp = stamp_from_ns(stamp_ns)
    msg.latency_s = age_ns * 1e-9
    msg.skeletons = [Skeleton(id=7, track_state=state)]
    person = msg.skeletons[0]
    person.u[:], person.v[:], person.keypoint_state[:] = 10.0, 20.0, Skeleton.OBSERVED
    return msg


@pytest.fixture
def recorded(ros, tmp_path):
    """Play ten messages of each topic to a recorder, and end it."""
    pytest.importorskip('rosbags')
    folder = tmp_path / 'out'
    node = ros.add(
        PoseRecorderNode, parameters={'folder': str(folder), 'line_period_s': 0.0}
    )
    assert node.start()
    publishers = {
        topic: ros.probe.create_publisher(kind, topic, 10)
        for topic, kind in (
            ('pose', SkeletonArray), ('pose/tracked', SkeletonArray), ('pose/overlay', Image)
        )
    }  # fmt: skip
    assert ros.spin_until(
        lambda: all(p.get_subscription_count() == 1 for p in publishers.values())
    )
    for i in range(10):
        stamp_ns = 100 * SECOND_NS + i * SECOND_NS // 25
        state = Skeleton.TENTATIVE if i < 3 else Skeleton.CONFIRMED
        age_ns = (20 + i) * 1_000_000
        publishers['pose'].publish(tracked(stamp_ns, Skeleton.UNTRACKED, age_ns))
        publishers['pose/tracked'].publish(tracked(stamp_ns, state, age_ns + 5_000_000))
        image = np.full((48, 64, 3), 20 * i, np.uint8)
        header = Header(stamp=stamp_from_ns(stamp_ns))
        publishers['pose/overlay'].publish(image_to_msg(image, header))
        seen = i + 1
        assert ros.spin_until(
            lambda: min(node._overlays, node._summary.images) >= seen  # noqa: B023
        )
    # The last image again, with a STALE banner: not a new image.
    again = image_to_msg(np.full((48, 64, 3), 250, np.uint8), header)
    publishers['pose/overlay'].publish(again)
    ros.spin_until(lambda: False, 0.4)
    node.release()
    return folder


def test_all_files_are_there_and_open(recorded):
    names = sorted(path.name for path in recorded.iterdir())
    assert names == [
        'annotated.mp4', 'bag', 'contact_sheet.png', 'skeletons.jsonl', 'summary.json'
    ]  # fmt: skip
    frames = list(open_source(str(recorded / 'annotated.mp4')))
    np.testing.assert_allclose([f.image.mean() for f in frames], 20.0 * np.arange(10), atol=5)
    lines = [json.loads(line) for line in (recorded / 'skeletons.jsonl').open()]
    assert len(lines) == 10
    assert lines[4]['people'][0]['state'] == 'CONFIRMED'
    np.testing.assert_allclose(lines[4]['stamp_s'], 100.16)


@pytest.fixture
def offered(monkeypatch):
    """Return how many people the contact sheet is told of, image by image."""
    people, add = [], ContactSheet.add

    def spy(sheet, image, caption, time_s, count=0.0):
        people.append(count)
        add(sheet, image, caption, time_s, count)

    monkeypatch.setattr(ContactSheet, 'add', spy)
    return people


def test_the_contact_sheet_chooses_images_with_people(offered, recorded):
    # Messages of two topics may change places on the way; confirmed from the fourth image on.
    assert len(offered) == 10
    assert set(offered[:2]) == {0} and set(offered[5:]) == {1}


def test_the_bag_has_both_topics(recorded):
    from rosbags.highlevel import AnyReader

    with AnyReader([recorded / 'bag']) as reader:
        assert {c.topic: c.msgcount for c in reader.connections} == {
            '/pose': 10, '/pose/tracked': 10
        }  # fmt: skip


def test_the_summary_says_who_was_there_when(recorded):
    summary = json.loads((recorded / 'summary.json').read_text())
    assert (summary['images'], summary['tracked'], summary['overlays']) == (10, 10, 10)
    assert summary['tracks'] == [{'id': 7, 'first_s': 0.12, 'last_s': 0.36}]
    assert summary['skeletons_hz'] == pytest.approx(25.0, abs=0.1)
    assert summary['age_ms']['p50'] == pytest.approx(24.5, abs=0.1)
    assert summary['tracked_age_ms']['p50'] == pytest.approx(29.5, abs=0.1)


def test_a_folder_that_cannot_be_made_is_one_error(ros, tmp_path):
    (tmp_path / 'file').write_text('')
    node = ros.add(PoseRecorderNode, parameters={'folder': str(tmp_path / 'file' / 'out')})
    assert not node.start()
    assert 'cannot make the folder' in node._failure


def test_the_live_line_forgets_what_is_old():
    summary = RecordingSummary()
    assert summary.line(0.0) == 'waiting for skeletons ...'
    summary.failures['pose_estimator'] = 'no such model'
    assert summary.line(0.0) == 'failed: pose_estimator: no such model'
    from pose_ros.core.tracking.tracks import Tracks

    for i in range(11):
        # Without a stamp there is no latency.
        summary.count_pose(i / 10, 0.03 if i else math.nan, 10.0)
        summary.count_tracked(Tracks.empty(i / 10), 0.04 if i else math.nan, 1.0, i / 10)
    assert summary.report()['age_ms']['p50'] == 30.0
    summary.nodes['pose_estimator'] = {'dropped': '3'}
    line = summary.line(1.0)
    assert ' 10.0 Hz ' in line and '0 people' in line and '40 ms' in line and '3 dropped' in line
    assert summary.line(10.0) == 'no skeletons lately'


def test_a_span_ends_when_the_person_was_last_seen():
    from dataclasses import replace

    summary = RecordingSummary()
    for i, since_seen_s in enumerate((0.0, 0.0, 0.1, 0.2)):
        tracks = tracks_from_msg(tracked(i * SECOND_NS // 10, Skeleton.CONFIRMED))
        seen = np.array([since_seen_s])
        summary.count_tracked(replace(tracks, since_seen_s=seen), 0.04, 1.0, i / 10)
    assert summary.report()['tracks'] == [{'id': 7, 'first_s': 0.0, 'last_s': 0.1}]


def test_a_summary_of_nothing_is_json():
    report = RecordingSummary().report()
    assert json.loads(json.dumps(report, allow_nan=False))['images'] == 0
