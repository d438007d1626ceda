# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The same person again, by what they look like; and what is not the same person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from seen_people import RATE_HZ, person, seen

from pose_ros.core.config import TrackerConfig
from pose_ros.core.estimator.appearance import REGION_SIZE, REGIONS, SIZE
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.tracking.target_lock import TargetLock, TargetMode, TargetState
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import TrackState

IMAGE_SIZE = (640, 480)
NOBODY = replace(seen(), appearance=np.zeros((0, SIZE), np.float32))


def look(kind: int, seed: int = 0) -> np.ndarray:
    """Return a descriptor (SIZE,) of clothes, a little different for each seed."""
    clothes = np.random.default_rng(kind).dirichlet(np.full(REGION_SIZE, 0.15), REGIONS)
    noise = np.random.default_rng(1000 * kind + seed).uniform(0.7, 1.3, clothes.shape)
    clothes = (clothes + 1e-3) * noise
    return (clothes / clothes.sum(axis=1, keepdims=True)).reshape(-1).astype(np.float32)


def frame(*people: tuple[float, int], seed: int = 0) -> Keypoints:
    """Return people who stand at columns u and wear clothes of a kind."""
    return replace(
        seen(*(person(u) for u, _ in people), noise_px=0.5, seed=seed),
        appearance=np.stack([look(kind, seed) for _, kind in people]),
    )


class Run:
    """A tracker and its clock."""

    def __init__(self, **parameters: object) -> None:
        self.tracker, self.number = Tracker(TrackerConfig(**parameters)), 0
        self.tracks = self.tracker.predict(0.0)

    def show(self, *people: tuple[float, int], images: int = 15) -> list[int]:
        """Show the same people for some images; return the ids of those CONFIRMED in the last."""
        for _ in range(images):
            keypoints = frame(*people, seed=self.number) if people else NOBODY
            self.give(keypoints)
        return self.tracks.id[self.tracks.state == TrackState.CONFIRMED].tolist()

    def give(self, keypoints: Keypoints) -> None:
        self.tracks = self.tracker.update(self.number / RATE_HZ, keypoints, IMAGE_SIZE)
        self.number += 1


def test_a_person_comes_back_elsewhere_under_the_same_id():
    run = Run()
    assert run.show((100, 1)) == [1]
    assert run.show(images=int(10 * RATE_HZ)) == [] and not len(run.tracks)
    # No other id is CONFIRMED in between.
    assert {n for _ in range(15) for n in run.show((500, 1), images=1)} == {1}
    assert run.tracks.age_s[0] > 10.0
    assert run.tracker.counters['reidentified'] == 1


def test_who_is_back_elsewhere_while_lost_is_there_once():
    run = Run()
    run.show((100, 1))
    run.show(images=20)
    assert run.tracks.state.tolist() == [TrackState.LOST]
    assert run.show((500, 1), images=3) == [1] and run.tracks.id.tolist() == [1]


def test_another_person_is_another_person():
    run = Run()
    run.show((100, 1))
    run.show(images=100)
    assert run.show((100, 2)) == [2]
    assert run.show((100, 2), (400, 1)) == [1, 2]
    assert list(run.tracks.id) == [1, 2]  # ordered by id as ever


def test_after_reidentify_s_they_are_forgotten():
    run = Run(reidentify_s=3.0)
    run.show((100, 1))
    run.show(images=int(3.2 * RATE_HZ))
    assert not run.tracker.waits_for(1)
    assert run.show((100, 1)) == [2]
    run = Run(reidentify_s=0.0)
    run.show((100, 1))
    run.show(images=60)
    assert run.show((100, 1)) == [2]


def test_a_jump_of_the_stamps_forgets_nobody_a_loop_everybody():
    run = Run()
    run.show((100, 1))
    run.number += int(10 * RATE_HZ)
    assert run.show((300, 1)) == [1]
    run.number = 0
    assert run.show((300, 1))[0] > 1
    assert not run.tracker.waits_for(1)
    assert run.tracker.counters['forward_jump'] == run.tracker.counters['backward_stamp'] == 1


def test_two_in_the_same_uniform_are_not_told_apart():
    run = Run()
    run.show((100, 1), (500, 1))
    run.show(images=150)
    assert run.show((300, 1)) == [3]
    # Nor when one of them is still in the image.
    run = Run()
    run.show((100, 1), (500, 1))
    run.show((100, 1), images=150)
    assert run.show((100, 1), (300, 1)) == [1, 3]


def test_where_place_speaks_for_one_of_two_uniforms_it_is_that_one():
    run = Run()
    run.show((100, 1), (580, 1))
    run.show(images=50)
    assert run.show((105, 1)) == [1]


def test_the_size_must_fit():
    run = Run()
    run.show((100, 1))
    run.show(images=60)
    small = replace(seen(person(400, height=50.0)), appearance=look(1)[None])
    for _ in range(15):
        run.give(small)
    assert run.tracks.id.tolist() == [2]


def cross(described: bool) -> list[int]:
    """Let two people meet, hide each other and turn back; return their ids from left to right."""
    run = Run()
    for n in range(60):
        u = 180 + 5.0 * min(n, 60 - n)
        keypoints = frame((u, 1), (640 - u, 2), seed=n)
        if 24 <= n <= 38:
            keypoints = keypoints.select(slice(0))
        run.give(keypoints if described else replace(keypoints, appearance=None))
    return run.tracks.id[np.argsort(run.tracks.xy[:, 0, 0])].tolist()


def test_two_who_turn_back_behind_each_other_keep_their_ids():
    assert cross(described=True) == [1, 2]
    assert cross(described=False) != [1, 2]  # by place alone they have passed each other


def test_a_bystander_does_not_become_the_target():
    run, target = Run(reidentify_s=12.0), TargetLock()
    target.choose(TargetMode.LARGEST)

    def watch(*people: tuple[float, int], images: int) -> set[tuple[TargetState, int]]:
        states = set()
        for _ in range(images):
            run.show(*people, images=1)
            hold_s = 30.0 if run.tracker.waits_for(target.id) else 0.5
            target.update(run.tracks, IMAGE_SIZE, hold_s)
            states.add((target.state, target.id))
        return states

    watch((100, 1), images=15)
    assert (target.state, target.id) == (TargetState.LOCKED, 1)
    assert watch(images=20) == {(TargetState.LOST, 1)}
    assert watch((110, 2), images=200) == {(TargetState.LOST, 1)}
    assert (TargetState.REACQUIRED, 1) in watch((110, 2), (450, 1), images=10)
    assert (target.state, target.id) == (TargetState.LOCKED, 1)
    # One who never comes back is waited for, but not for ever.
    watch((110, 2), images=int(13 * RATE_HZ))
    assert (target.state, target.id) == (TargetState.LOCKED, 2)


def test_descriptors_change_nothing_where_place_decides():
    described, plain = Tracker(), Tracker()
    for n in range(50):
        keypoints = frame((100 + n, 1), (400 - n, 2), seed=n)
        one = described.update(n / RATE_HZ, keypoints, IMAGE_SIZE)
        other = plain.update(n / RATE_HZ, replace(keypoints, appearance=None), IMAGE_SIZE)
        for name, value in vars(one).items():
            np.testing.assert_array_equal(value, getattr(other, name), name)


def test_descriptors_come_and_go_in_mid_stream():
    run = Run()
    for n in range(60):
        keypoints = frame((100, 1), (400, 2), seed=n)
        run.give(keypoints if n % 20 < 10 else replace(keypoints, appearance=None))
    assert run.tracks.id.tolist() == [1, 2]
    for _ in range(50):
        run.give(replace(seen(), appearance=None))
    assert run.show((300, 2)) == [2]


@pytest.mark.parametrize('junk', [
    np.full((1, SIZE), np.nan), np.full((1, SIZE), -1.0), np.full((1, SIZE), np.inf),
    np.ones((1, 7)), np.ones((1, SIZE, 2))])
def test_nonsense_is_counted_and_says_nothing(junk):
    run = Run()
    run.show((100, 1))
    run.show(images=60)
    with np.errstate(invalid='raise', divide='raise', over='raise'):
        for _ in range(10):
            run.give(replace(seen(person(500)), appearance=junk.astype(np.float32)))
    assert run.tracker.counters['bad_appearance'] == 10
    assert run.tracks.id.tolist() == [2]
    assert run.tracker.waits_for(1) and not run.tracker.waits_for(2)


def test_all_zero_is_nothing_seen_and_no_fault():
    run = Run()
    for _ in range(10):
        run.give(replace(seen(person(100)), appearance=np.zeros((1, SIZE), np.float32)))
    assert not run.tracker.counters and run.tracks.id.tolist() == [1]


def test_a_sudden_change_of_light_costs_nobody_their_id():
    run = Run()
    run.show((100, 1), (400, 2))
    assert run.show((100, 3), (400, 4), images=40) == [1, 2]
    # After a while that is what they look like.
    run.show((100, 3), images=100)
    assert run.show((100, 3), (300, 4)) == [1, 2]


def test_missing_regions_are_left_out_of_the_comparison():
    run = Run()
    run.show((100, 1))
    run.show(images=60)
    torso = look(1, 5)
    torso[REGION_SIZE:] = 0.0
    for _ in range(10):
        run.give(replace(seen(person(500)), appearance=torso[None]))
    assert run.tracks.id.tolist() == [1]


def test_a_person_who_is_covered_is_not_learnt():
    run = Run()
    for n in range(60):
        run.show((100 + 4.5 * n, 1), (400, 2), images=1)
    # Behind the other one they show the other's clothes.
    for n in range(60):
        run.give(replace(frame((370, 1), (400, 2), seed=n), appearance=np.stack([look(2)] * 2)))
    assert run.tracks.id.tolist() == [1, 2]
    run.show(images=60)
    assert run.show((100, 1)) == [1]


def test_one_who_is_only_glimpsed_is_remembered_on():
    run = Run()
    run.show((100, 1))
    run.show(images=60)
    run.show((400, 1), images=1)  # TENTATIVE, and gone again
    run.show((600, 2), images=1)
    run.show(images=60)
    assert run.tracker.waits_for(1) and not run.tracker.waits_for(3)
    assert run.show((200, 1)) == [1]


def test_places_move_with_the_camera():
    def back(motion: np.ndarray | None) -> list[int]:
        run = Run()
        run.show((100, 1), (580, 1))
        for _ in range(50):
            run.tracks = run.tracker.update(run.number / RATE_HZ, NOBODY, IMAGE_SIZE, motion)
            run.number += 1
        return run.show((320, 1))

    right = np.array([[1.0, 0.0, 4.5], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert back(right) == [1]
    assert back(None) == [3]
