# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker given what it should not be given, much of it, again, and with new parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from seen_people import RATE_HZ, feed, person, seen

from pose_ros.core.config import TrackerConfig
from pose_ros.core.estimator.appearance import SIZE
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import KeypointState, TrackState


def test_a_bag_that_loops_starts_over_with_new_ids():
    tracker = Tracker()
    frames = [seen(person(100), noise_px=1.0, seed=i) for i in range(20)]
    first, second = feed(tracker, frames), feed(tracker, frames)
    assert tracker.counters['backward_stamp'] == 1
    assert first[-1].id.tolist() == [1] and second[-1].id.tolist() == [2]
    assert np.array_equal(first[-1].xy, second[-1].xy)


def test_odd_stamps_and_sizes():
    tracker = Tracker()
    out = feed(tracker, [seen(person(100))] * 10)[-1]
    again = tracker.update(out.stamp_s, seen(person(300)), (640, 480))
    assert again.id.tolist() == [1] and np.array_equal(again.xy, out.xy)
    assert tracker.counters['repeated_stamp'] == 1
    tracker.update(float('nan'), seen(person(100)), (640, 480))
    assert tracker.counters['bad_stamp'] == 1
    assert tracker.update(out.stamp_s + 0.04, seen(), (1280, 960)).id.tolist() == []
    assert tracker.counters['size_change'] == 1
    tracker.update(out.stamp_s + 0.08, seen(person(100)), (1280, 960))
    assert tracker.update(out.stamp_s + 1e6, seen(), (1280, 960)).id.tolist() == []
    assert tracker.counters['forward_jump'] == 1


def test_survives_nonsense_and_counts_it():
    tracker = Tracker()
    rng = np.random.default_rng(5)
    good = person(300)
    junk = [np.nan, np.inf, -np.inf, 1e30, -1e30, -5.0, 0.0]
    with np.errstate(invalid='raise', divide='raise', over='raise'):
        for i in range(60):
            n = int(rng.integers(0, 12))
            xy = rng.uniform(-1e4, 1e4, (n, 17, 2)).astype(np.float32)
            score = rng.uniform(-1, 2, (n, 17)).astype(np.float32)
            person_score = rng.uniform(-1, 2, n).astype(np.float32)
            for array in (xy, score, person_score):
                array[rng.random(array.shape) < 0.2] = rng.choice(junk)
            appearance = np.random.default_rng(i).uniform(0, 1, (n, SIZE)).astype(np.float32)
            appearance[::2, i] = junk[i % len(junk)]
            bad = Keypoints(xy, score, person_score, appearance)
            both = Keypoints.concatenate([
                replace(seen(good), appearance=np.ones((1, SIZE), np.float32)), bad])
            tracks = tracker.update(i / RATE_HZ, both, (640, 480))
            known = tracks.keypoint_state != KeypointState.MISSING
            assert np.isfinite(tracks.xy[known]).all()
            assert np.isfinite(tracks.covariance[known]).all()
    assert tracks.id[0] == 1
    assert np.abs(tracks.xy[0] - good).max() < 1
    assert {'bad_keypoint', 'bad_person', 'bad_appearance'} <= set(tracker.counters)


def test_two_hundred_people():
    people = [person(30 + 40 * (i % 20), 40 * (i // 20), height=36.0) for i in range(200)]
    out = feed(Tracker(), [seen(*people, noise_px=0.2, seed=i) for i in range(8)])
    assert out[-1].id.tolist() == list(range(1, 201))
    assert set(out[-1].state) == {TrackState.CONFIRMED}


def test_replay_is_identical_bit_for_bit():
    rng = np.random.default_rng(7)
    frames = []
    for i in range(60):
        people = [person(100 + 3 * i), person(400 - 3 * i), person(250)]
        frame = seen(*people, noise_px=2.0, seed=i)
        frames.append(frame.select(rng.random(3) < 0.9))
    one, two = feed(Tracker(), frames), feed(Tracker(), frames)
    for a, b in zip(one, two):
        for name, value in vars(a).items():
            assert np.asarray(value).tobytes() == np.asarray(getattr(b, name)).tobytes()


@pytest.mark.parametrize('kind', ['constant-velocity', 'constant-acceleration', 'one-euro'])
def test_parameters_change_live_and_tracks_stay(kind):
    tracker = Tracker()
    frames = [seen(person(100), noise_px=1.0, seed=i) for i in range(20)]
    feed(tracker, frames)
    tracker.configure(replace(tracker.config, filter=kind, preset='smooth', process_noise=0.5))
    out = feed(tracker, frames, start=20)
    assert all(tracks.id.tolist() == [1] for tracks in out)
    tracker.configure(TrackerConfig())
    assert feed(tracker, frames, start=40)[-1].id.tolist() == [1]
