# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tracks of people before a camera that moves."""

from __future__ import annotations

import numpy as np
import pytest

from pose_ros.core.body import STANDING
from pose_ros.core.config import TrackerConfig
from pose_ros.core.geometry import apply_homography, homography_of_rotation
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.tracking.tracker import Tracker

SIZE = (640, 480)
RATE_HZ = 20.0
K = np.array([[500.0, 0.0, 320.0], [0.0, 500.0, 240.0], [0.0, 0.0, 1.0]])
PLACE = STANDING * 200 + [320.0, 200.0]
FILTERS = ('constant-velocity', 'constant-acceleration', 'one-euro')


def image_from_world(frame: int, rate: float = 0.4, roll: float = 0.5) -> np.ndarray:
    """Return what a camera that pans (rad/s) and rolls sees, about the middle of the sequence."""
    pan, turn = rate * (frame - 20) / RATE_HZ, roll * (frame - 20) / RATE_HZ
    c, s = np.cos(pan), np.sin(pan)
    a, b = np.cos(turn), np.sin(turn)
    rolled = np.array([[a, -b, 0.0], [b, a, 0.0], [0.0, 0.0, 1.0]])
    return homography_of_rotation(K, rolled @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]))


def seen(frame: int, place: np.ndarray = PLACE, **camera: float) -> Keypoints:
    xy = apply_homography(image_from_world(frame, **camera), place)[None].astype(np.float32)
    return Keypoints(xy, np.full((1, 17), 0.97, np.float32), np.ones(1, np.float32))


def motion(frame: int, **camera: float) -> np.ndarray:
    now, before = (image_from_world(i, **camera) for i in (frame, frame - 1))
    return now @ np.linalg.inv(before)


def run(frames: range, tracker: Tracker, known: bool = True, **camera: float):
    for frame in frames:
        tracks = tracker.update(
            frame / RATE_HZ, seen(frame, **camera), SIZE,
            motion(frame, **camera) if known else None)
    return tracks


@pytest.mark.parametrize('name', FILTERS)
def test_who_stands_is_at_rest_before_a_camera_that_turns(name) -> None:
    tracker = Tracker(TrackerConfig(filter=name))
    tracks = run(range(40), tracker)
    own = tracker._filter.x[0, :, 1]
    assert np.abs(own).max() < 5.0  # of about 300 px/s of the image
    assert np.abs(tracks.xy[0] - seen(39).xy[0]).max() < 1.5
    # Those published are the image's.
    true = (seen(41).xy[0] - seen(39).xy[0]) * RATE_HZ / 2
    assert np.abs(true).max() > 100
    assert np.abs(tracks.velocity[0] - true).max() < 25.0


def test_the_unseen_is_carried_and_predicted_with_the_camera() -> None:
    tracker = Tracker()
    run(range(30), tracker)
    for frame in range(30, 34):
        tracks = tracker.update(frame / RATE_HZ, Keypoints.empty(), SIZE, motion(frame))
    assert np.abs(tracks.xy[0] - seen(33).xy[0]).max() < 3.0
    ahead = tracker.predict(35 / RATE_HZ)
    assert np.abs(ahead.xy[0] - seen(35).xy[0]).max() < 5.0
    assert (ahead.covariance[0, :, 0, 0] > tracks.covariance[0, :, 0, 0]).all()


def test_the_covariance_and_the_body_height_follow_the_scale() -> None:
    tracker = Tracker()
    run(range(10), tracker, rate=0.0, roll=0.0)
    P, height = tracker._filter.P.copy(), tracker._filter.height_px.copy()
    tracker._filter.carry(np.diag([1.1, 1.1, 1.0]), 0.0, 0.05)
    assert tracker._filter.P == pytest.approx(1.21 * P)
    assert tracker._filter.height_px == pytest.approx(1.1 * height)


def test_one_motion_that_is_not_known_is_expected() -> None:
    tracker = Tracker()
    run(range(30), tracker)
    tracks = tracker.update(30 / RATE_HZ, Keypoints.empty(), SIZE, None)
    assert np.abs(tracks.xy[0] - seen(30).xy[0]).max() < 4.0
    # ... and after a while a camera of which nothing is known counts as one that stands still.
    for frame in range(31, 31 + 90):
        tracker.update(frame / RATE_HZ, seen(30), SIZE, None)
    assert tracker._ego.is_still


def test_a_still_camera_changes_no_digit() -> None:
    with_motion, without = Tracker(), Tracker()
    rng = np.random.default_rng(0)
    for frame in range(40):
        people = seen(20)
        people.xy[:] += rng.normal(0, 1, people.xy.shape)
        a = with_motion.update(frame / RATE_HZ, people, SIZE, np.eye(3))
        b = without.update(frame / RATE_HZ, people, SIZE)
        assert all(np.array_equal(x, y, equal_nan=True) for x, y in zip(
            vars(a).values(), vars(b).values()))


@pytest.mark.parametrize('bad', [
    np.full((3, 3), np.nan), np.zeros((3, 3)), np.diag([-1.0, 1.0, 1.0]),
    np.diag([1e9, 1e9, 1.0]), np.array([[1, 0, 1e6], [0, 1, 0], [0, 0, 1.0]])])
def test_a_motion_of_no_camera_is_counted_and_not_used(bad) -> None:
    tracker, other = Tracker(), Tracker()
    for frame in range(20):
        tracks = tracker.update(frame / RATE_HZ, seen(20), SIZE, bad)
        same = other.update(frame / RATE_HZ, seen(20), SIZE)
    assert tracker.counters['bad_camera_motion'] == 19  # the first image has none before it
    assert np.array_equal(tracks.xy, same.xy) and tracks.id.tolist() == [1]


def test_a_shaking_camera_is_not_taken_to_go_on() -> None:
    """It jumps to and fro by 12 px: the prediction stays in the middle of it, about."""
    tracker = Tracker()
    for frame in range(41):
        shift = np.array([6.0 * (-1) ** frame, 0.0])
        moved = np.eye(3)
        moved[0, 2] = 2 * shift[0] if frame else 0.0
        people = seen(20, PLACE + shift)
        tracker.update(frame / RATE_HZ, people, SIZE, moved)
    ahead = tracker.predict(40.5 / RATE_HZ)
    assert np.abs(ahead.xy[0] - seen(20).xy[0]).max() < 9.0
