# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from pose_ros.core.tracking.target_lock import TargetLock, TargetMode, TargetState
from pose_ros.core.tracking.tracks import Tracks, TrackState

SIZE = (640, 480)


def tracks(stamp_s, people, state=TrackState.CONFIRMED, unseen_s=0.0):
    """Return tracks of upright boxes: {id: (u, height)}."""
    n = len(people)
    empty = Tracks.empty(stamp_s)
    xy = np.full((n, 17, 2), np.nan, np.float32)
    for row, (u, height) in enumerate(people.values()):
        half = np.array([height / 8, height / 2])
        xy[row, 0], xy[row, 16] = [u, 240] - half, [u, 240] + half
    return replace(
        empty, id=np.array(list(people), np.int64), state=np.full(n, state, np.int8), xy=xy,
        since_seen_s=np.full(n, unseen_s), age_s=np.full(n, 1.0),
    )


def test_nobody_is_chosen_before_asked_nor_before_confirmed():
    lock = TargetLock()
    lock.update(tracks(1.0, {1: (300, 200)}), SIZE, 2.0)
    assert (lock.state, lock.id) == (TargetState.NONE, 0)
    lock.choose(TargetMode.LARGEST)
    lock.update(tracks(1.1, {1: (300, 200)}, TrackState.TENTATIVE), SIZE, 2.0)
    assert (lock.state, lock.id) == (TargetState.SEARCHING, 0)
    lock.update(tracks(1.2, {1: (300, 200)}), SIZE, 2.0)
    assert (lock.state, lock.id) == (TargetState.LOCKED, 1)


@pytest.mark.parametrize('mode, want', [(TargetMode.NEAREST, 2), (TargetMode.LARGEST, 3)])
def test_choice_and_hysteresis(mode, want):
    lock = TargetLock()
    lock.choose(mode)
    lock.update(tracks(1.0, {1: (20, 100), 2: (300, 100), 3: (600, 300)}), SIZE, 2.0)
    assert lock.id == want
    lock.update(tracks(1.1, {1: (320, 400), 2: (10, 50), 3: (630, 50)}), SIZE, 2.0)
    assert lock.id == want


def test_lost_reacquired_and_replaced():
    lock = TargetLock()
    lock.choose(TargetMode.LARGEST)
    both, other = {1: (300, 300), 2: (500, 100)}, {2: (500, 100)}
    lock.update(tracks(1.0, both), SIZE, 2.0)
    lock.update(tracks(1.5, both, TrackState.LOST, 0.5), SIZE, 2.0)
    assert (lock.state, lock.id, lock.lost_s) == (TargetState.LOST, 1, 0.5)
    lock.update(tracks(1.6, both), SIZE, 2.0)
    assert (lock.state, lock.lost_s) == (TargetState.REACQUIRED, 0.0)
    lock.update(tracks(1.7, both), SIZE, 2.0)
    assert lock.state == TargetState.LOCKED
    lock.update(tracks(3.6, other), SIZE, 2.0)
    assert (lock.state, lock.id) == (TargetState.LOST, 1)
    lock.update(tracks(3.8, other), SIZE, 2.0)
    assert (lock.state, lock.id) == (TargetState.LOCKED, 2)


def test_a_target_chosen_by_id_is_never_replaced():
    lock = TargetLock()
    lock.choose(TargetMode.BY_ID, 2)
    lock.update(tracks(1.0, {1: (300, 300)}), SIZE, 0.5)
    assert (lock.state, lock.id) == (TargetState.SEARCHING, 2)
    lock.update(tracks(1.1, {1: (300, 300), 2: (100, 50)}), SIZE, 0.5)
    assert lock.state == TargetState.LOCKED
    lock.update(tracks(9.0, {1: (300, 300)}), SIZE, 0.5)
    assert (lock.state, lock.id) == (TargetState.LOST, 2)
    lock.choose(TargetMode.RELEASE)
    lock.update(tracks(9.1, {1: (300, 300)}), SIZE, 0.5)
    assert (lock.state, lock.id) == (TargetState.NONE, 0)


def test_no_id_is_refused_and_a_bag_that_loops_releases():
    lock = TargetLock()
    with pytest.raises(ValueError, match='no id'):
        lock.choose(TargetMode.BY_ID, 0)
    lock.choose(TargetMode.LARGEST)
    lock.update(tracks(100.0, {1: (300, 300)}), SIZE, 5.0)
    lock.update(tracks(1.0, {7: (300, 300)}), SIZE, 5.0)
    assert (lock.state, lock.id) == (TargetState.LOCKED, 7)
