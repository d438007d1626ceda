# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who is who: the life of a track, ids, and people who leave, come back or are hidden."""

from __future__ import annotations

import numpy as np
import pytest
from seen_people import RATE_HZ, feed, person, seen

from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import TrackState


def test_life_of_a_track():
    tracker = Tracker()
    out = feed(tracker, [seen(person(100))] * 10 + [seen()] * 50)
    states = [int(tracks.state[0]) if len(tracks) else None for tracks in out]
    assert states[0] == TrackState.TENTATIVE
    assert states[9] == TrackState.CONFIRMED
    first = states.index(TrackState.CONFIRMED)
    assert first / RATE_HZ >= tracker.config.confirm_s
    lost = states.index(TrackState.LOST)
    assert lost == 10  # the first image that does not show the person
    end = states.index(None)
    assert end / RATE_HZ == pytest.approx(9 / RATE_HZ + 1.5, abs=1.01 / RATE_HZ)
    assert out[5].id.tolist() == [1]
    assert out[5].age_s[0] == pytest.approx(0.2)
    assert out[20].since_seen_s[0] == pytest.approx(11 / RATE_HZ)


def test_only_who_is_in_the_latest_image_is_confirmed():
    """Also across a scene cut, and for a person who is found in two of three images."""
    shown = [bool(i % 3) for i in range(30)] + [False] * 10
    out = feed(Tracker(), [seen(person(100)) if there else seen() for there in shown])
    assert [TrackState.CONFIRMED in tracks.state for tracks in out[9:]] == shown[9:]
    assert {int(number) for tracks in out for number in tracks.id} == {1}


def test_without_new_images_people_become_lost():
    tracker = Tracker()
    last_s = feed(tracker, [seen(person(100))] * 10)[-1].stamp_s
    assert tracker.predict(last_s + 0.2).state.tolist() == [TrackState.CONFIRMED]
    assert tracker.predict(last_s + 0.3).state.tolist() == [TrackState.LOST]


def test_one_sight_is_nobody_and_ids_are_sequential():
    tracker = Tracker()
    out = feed(tracker, [seen(person(100))] + [seen()] * 10 + [seen(person(400))] * 8)
    assert not any(TrackState.CONFIRMED in tracks.state for tracks in out[:12])
    assert out[11].id.tolist() == [2]
    assert out[-1].id.tolist() == [2]
    assert out[-1].state.tolist() == [TrackState.CONFIRMED]


def test_less_sure_people_are_confirmed_later():
    firsts = []
    for score in (0.9, 0.7, 0.55):
        out = feed(Tracker(), [seen(person(100), score=score)] * 12)
        firsts.append([int(tracks.state[0]) for tracks in out].index(TrackState.CONFIRMED))
    assert firsts == [2, 2, 3]


def test_weak_detections_continue_a_track_but_start_none():
    strong, weak = seen(person(100)), seen(person(100), score=0.3)
    assert all(len(tracks) == 0 for tracks in feed(Tracker(), [weak] * 10))
    out = feed(Tracker(), [strong] * 8 + [weak] * 40)
    assert out[-1].state.tolist() == [TrackState.CONFIRMED]
    assert out[-1].since_seen_s[0] == 0.0


def test_few_keypoints_start_no_track():
    frame = seen(person(100))
    frame.score[:, 4:] = 0.0
    assert len(feed(Tracker(), [frame] * 5)[-1]) == 0


def test_lost_person_comes_back_with_the_same_id():
    out = feed(Tracker(), [seen(person(100))] * 10 + [seen()] * 25 + [seen(person(160))] * 5)
    assert out[-1].id.tolist() == [1]
    assert out[-1].state.tolist() == [TrackState.CONFIRMED]


def slowly(tracker, people):
    """Update at 10 Hz with one person each time; return the last output."""
    for i, one in enumerate(people):
        tracks = tracker.update(i / 10, seen(one), (640, 480))
    return tracks


def test_a_camera_that_turns_suddenly_keeps_the_id_and_gives_a_velocity():
    still, moving = [person(100)] * 10, [person(160 + 60 * i) for i in range(4)]
    tracks = slowly(Tracker(), still + moving)
    assert tracks.id.tolist() == [1]
    assert tracks.velocity[0, :, 0].mean() == pytest.approx(600, abs=120)
    assert np.abs(tracks.xy[0] - moving[-1]).max() < 5


def test_another_size_is_another_person():
    tracks = slowly(Tracker(), [person(100)] * 10 + [person(140, height=270.0, v=20.0)] * 2)
    assert tracks.id.tolist() == [1, 2]


def test_another_pose_after_a_while_is_the_same_person():
    lying = person(0, v=0)[:, ::-1] * [1, -1]
    lying = lying - lying.mean(axis=0) + person(130).mean(axis=0)
    out = feed(Tracker(), [seen(person(100))] * 10 + [seen()] * 15 + [seen(lying)] * 3)
    assert out[-1].id.tolist() == [1]
    assert np.abs(out[-1].xy[0] - lying).max() < 5
    far = lying + [260, 0]
    out = feed(Tracker(), [seen(person(100))] * 10 + [seen()] * 15 + [seen(far)] * 3)
    assert 2 in out[-1].id


def test_who_walks_out_of_the_image_is_not_waited_for():
    walk = [seen(person(440 + 300 * i / RATE_HZ)) for i in range(17)]
    out = feed(Tracker(), walk + [seen()] * 12)
    assert out[16].id.tolist() == [1]
    assert len(out[-1]) == 0
    # In the middle of the image one is waited for.
    middle = [seen(person(240 + 300 * i / RATE_HZ)) for i in range(17)]
    assert len(feed(Tracker(), middle + [seen()] * 12)[-1]) == 1


def test_a_cut_gives_a_new_id():
    for other in (person(350), person(130, height=350.0, v=20)):
        out = feed(Tracker(), [seen(person(100))] * 25 + [seen(other)] * 10)
        assert 2 in out[-1].id
        assert out[-1].state[out[-1].id == 1].tolist() in ([], [TrackState.LOST])


def test_duplicates_start_no_second_track():
    tracker = Tracker()
    frames = [
        seen(person(100), person(101), person(100), noise_px=0.5, seed=i) for i in range(20)
    ]
    assert feed(tracker, frames)[-1].id.tolist() == [1]
    assert tracker.counters['duplicate_person'] > 0
