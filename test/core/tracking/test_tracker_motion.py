# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the tracker says that keypoints are and go: followed, predicted, put right."""

from __future__ import annotations

import numpy as np
import pytest
from seen_people import RATE_HZ, feed, person, seen

from pose_ros.core.config import TrackerConfig
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import FLIP_INDEX, LEFT_KNEE, LEFT_WRIST, RIGHT_KNEE
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import KeypointState, TrackState


@pytest.mark.parametrize('kind', ['constant-velocity', 'constant-acceleration', 'one-euro'])
def test_follows_a_walk_and_its_velocity(kind):
    tracker = Tracker(TrackerConfig(filter=kind))
    frames = [seen(person(50 + 100 * i / RATE_HZ), noise_px=1.0, seed=i) for i in range(50)]
    tracks = feed(tracker, frames)[-1]
    assert tracks.id.tolist() == [1]
    truth = person(50 + 100 * 49 / RATE_HZ)
    assert np.abs(tracks.xy[0] - truth).max() < 6
    assert tracks.velocity[0, :, 0].mean() == pytest.approx(100, abs=12)
    ahead = tracker.predict(49 / RATE_HZ + 0.1)
    assert np.abs(ahead.xy[0].mean(axis=0) - truth.mean(axis=0) - [10, 0]).max() < 3


def test_look_ahead_changes_nothing_grows_and_ends():
    tracker = Tracker()
    out = feed(tracker, [seen(person(100))] * 10)[-1]
    spread = []
    for ahead_s in (0.0, 0.1, 0.3, 0.49):
        tracks = tracker.predict(out.stamp_s + ahead_s)
        assert tracks.stamp_s == out.stamp_s + ahead_s
        assert set(tracks.keypoint_state.ravel()) == {KeypointState.PREDICTED}
        spread.append(tracks.covariance[0, 0, 0, 0])
    assert np.all(np.diff(spread) > 0)
    gone = tracker.predict(out.stamp_s + 0.51)
    assert set(gone.keypoint_state.ravel()) == {KeypointState.MISSING}
    assert np.isnan(gone.xy).all() and np.isnan(gone.covariance).all()
    assert gone.state.tolist() == [TrackState.LOST]
    assert len(tracker.predict(out.stamp_s + 1.6)) == 0
    same = tracker.predict(out.stamp_s)
    assert np.array_equal(same.xy, out.xy)
    assert len(Tracker().predict(3.0)) == 0


def test_unseen_keypoint_is_predicted_then_missing_then_back():
    tracker = Tracker()
    hidden = seen(person(100))
    hidden.xy[:, LEFT_WRIST] = np.nan
    hidden.score[:, LEFT_WRIST] = 0.0
    out = feed(tracker, [seen(person(100))] * 10 + [hidden] * 20 + [seen(person(100))])
    state = [int(tracks.keypoint_state[0, LEFT_WRIST]) for tracks in out]
    assert state[9] == KeypointState.OBSERVED
    assert state[10] == state[20] == KeypointState.PREDICTED
    assert state[29] == KeypointState.MISSING
    assert state[30] == KeypointState.OBSERVED
    assert np.isnan(out[29].xy[0, LEFT_WRIST]).all()
    assert out[29].keypoint_score[0, LEFT_WRIST] == 0
    spread = [tracks.covariance[0, LEFT_WRIST, 0, 0] for tracks in out[9:20]]
    assert np.all(np.diff(spread) > 0)


def test_a_wild_keypoint_is_not_used_unless_it_stays():
    tracker = Tracker()
    wild = seen(person(100))
    wild.xy[0, LEFT_WRIST] += 80
    out = feed(tracker, [seen(person(100))] * 10 + [wild] + [seen(person(100))])
    assert np.abs(out[10].xy[0, LEFT_WRIST] - person(100)[LEFT_WRIST]).max() < 1
    assert out[10].keypoint_state[0, LEFT_WRIST] == KeypointState.PREDICTED
    assert out[11].keypoint_state[0, LEFT_WRIST] == KeypointState.OBSERVED
    out = feed(tracker, [wild] * 5, start=12)
    assert np.abs(out[-1].xy[0, LEFT_WRIST] - wild.xy[0, LEFT_WRIST]).max() < 3


def test_exchanged_legs_are_put_right():
    exchanged = seen(person(100))
    legs = np.arange(17) >= 11
    index = np.where(legs, FLIP_INDEX, np.arange(17))
    exchanged = Keypoints(exchanged.xy[:, index], exchanged.score, exchanged.person_score)
    out = feed(Tracker(), [seen(person(100))] * 10 + [exchanged] * 5)
    assert np.abs(out[-1].xy[0] - person(100)).max() < 1
    assert out[-1].keypoint_state[0, LEFT_KNEE] == KeypointState.OBSERVED
    plain = Tracker(TrackerConfig(resolve_swaps=False))
    out = feed(plain, [seen(person(100))] * 10 + [exchanged] * 8)
    assert np.abs(out[-1].xy[0, LEFT_KNEE] - person(100)[RIGHT_KNEE]).max() < 3


def test_sides_exchanged_from_the_start_are_believed_in_the_end():
    wrong = seen(person(100))
    wrong.xy[:] = wrong.xy[:, FLIP_INDEX]
    out = feed(Tracker(), [wrong] * 10 + [seen(person(100))] * 25)
    assert np.abs(out[-1].xy[0] - person(100)).max() < 3
