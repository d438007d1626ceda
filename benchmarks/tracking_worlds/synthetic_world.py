# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A world of walking people whose keypoints are known exactly at any time, and a noisy view of it.

People are closed-form functions of time, so truth can be asked for at any moment: a delay is
measured by comparing an output with the truth of a moment earlier. All randomness comes from one
seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.tracking_worlds.moving_camera import (
    BACKGROUND_M,
    STANDS,
    Camera,
    MeasuredMotion,
)
from pose_ros.core.body import OKS_SCALE, STANDING
from pose_ros.core.estimator.person_score import USUAL_KEYPOINT, probability
from pose_ros.core.geometry import apply_homography
from pose_ros.core.keypoints import Keypoints, doubt
from pose_ros.core.skeleton import FLIP_INDEX, NUM_KEYPOINTS, OKS_SIGMAS

Changes = tuple[tuple[float, float], ...]
"""Changes of a speed: (time s, by how much). They set in smoothly, within CHANGE_S."""

CHANGE_S = 0.12
THIGH, SHANK, UPPER_ARM, FOREARM, TORSO = 0.22, 0.21, 0.18, 0.15, 0.34


def _distance(changes: Changes, t: np.ndarray) -> np.ndarray:
    """Return the integral of a speed that starts at 0 and changes smoothly."""
    total = np.zeros_like(t)
    for at_s, change in changes:
        total = total + change * CHANGE_S * np.logaddexp(0.0, (t - at_s) / CHANGE_S)
    return total


def _step(t: np.ndarray, at_s: float, width_s: float) -> np.ndarray:
    """Return 0 before and 1 after a moment, smoothly."""
    return 0.5 * (1.0 + np.tanh((t - at_s) / width_s))


@dataclass(frozen=True)
class Walker:
    """
    One person in side view (`turn` 1 looks right, -1 left) or from the front (0).

    Attributes
    ----------
    height_px : float
        Body height.
    start_px : (u, v)
        Middle of the hips at time 0.
    speed : Changes
        Along u, body heights/s.
    depth : float
        The nearer (smaller) hides the farther.
    wave_hz : float
        The right arm waves at this rate; 0 for not at all.
    sit_s : float
        When this person sits down; infinity for never.
    there_s : (from, until)
        When this person is in the scene.
    """

    height_px: float
    start_px: tuple[float, float]
    speed: Changes = ()
    turn: float = 1.0
    depth: float = 0.0
    wave_hz: float = 0.0
    sit_s: float = np.inf
    there_s: tuple[float, float] = (-np.inf, np.inf)

    def keypoints(self, t: np.ndarray) -> np.ndarray:
        """Return the truth (T, 17, 2), px, at times (T,)."""
        t = np.asarray(t, np.float64)
        gone = _distance(self.speed, t)
        # One stride is 0.83 body heights; the swing grows with the pace up to a usual walk's.
        pace = np.abs(_distance(self.speed, t + 0.05) - _distance(self.speed, t - 0.05)) / 0.1
        swing = np.tanh(pace / 0.5)
        phase = 2.0 * np.pi * np.abs(gone) / 0.83
        sitting = _step(t, self.sit_s, 0.35)
        width = 1.0 - 0.75 * abs(self.turn)
        pelvis = np.stack(
            [gone, 0.015 * swing * np.cos(2.0 * phase) + 0.2 * sitting], axis=-1
        )
        body = np.empty((len(t), NUM_KEYPOINTS, 2))
        lean = 0.05 * swing + 0.25 * sitting
        neck = pelvis + TORSO * np.stack([self.turn * np.sin(lean), -np.cos(lean)], axis=-1)
        head = STANDING[:5] - [0.0, 0.18]
        body[:, :5] = neck[:, None] + head * [max(width, 0.4), 1.0]
        body[:, 0, 0] += 0.04 * self.turn
        for side, sign in ((0, 1.0), (1, -1.0)):
            step = sign * np.sin(phase)
            shoulder = neck + [sign * 0.11 * width, 0.0]
            upper = -0.45 * swing * step + 0.5 * sitting
            lower = upper + 0.25 + 0.2 * swing * (1.0 - step) / 2
            if side == 1 and self.wave_hz:
                upper = upper + 1.6
                lower = upper + 0.9 + 0.7 * np.sin(2.0 * np.pi * self.wave_hz * t)
            elbow = shoulder + UPPER_ARM * self._along(upper)
            hip = pelvis + [sign * 0.065 * width, 0.0]
            thigh = 0.42 * swing * step + 1.35 * sitting
            bend = 0.55 * swing * (1.0 + np.cos(phase + (0.0 if sign > 0 else np.pi))) / 2
            knee = hip + THIGH * self._along(thigh)
            ankle = knee + SHANK * self._along(thigh - bend - 1.35 * sitting)
            for index, part in (
                (5, shoulder), (7, elbow), (9, elbow + FOREARM * self._along(lower)),
                (11, hip), (13, knee), (15, ankle),
            ):
                body[:, index + side] = part
        return body * self.height_px + self.start_px

    def _along(self, angle: np.ndarray) -> np.ndarray:
        """Return unit vectors (T, 2) at an angle from straight down, forwards positive."""
        facing = self.turn or 0.7
        return np.stack([facing * np.sin(angle), np.cos(angle)], axis=-1)


@dataclass(frozen=True)
class View:
    """How well the world is seen. Rates are probabilities per frame."""

    rate_hz: float = 25.0
    jitter: float = 0.2
    lost_frames: float = 0.05
    missed_people: float = 0.03
    missed_keypoints: float = 0.02
    wild_keypoints: float = 0.02
    exchanged_sides: float = 0.01
    false_people: float = 0.03
    mean_peak: float = 0.65
    noise: float = 1.0
    knows_camera: bool = True


PERFECT = View(30.0, 0.2, 0, 0, 0, 0, 0, 0)
"""Noise, irregular stamps, and no other fault."""


@dataclass(frozen=True)
class Scene:
    """
    People, for a while, seen by a camera that may move.

    Attributes
    ----------
    pan : Changes
        How fast the image moves along u, px/s.
    camera : Camera
        How it moves besides.
    """

    name: str
    walkers: tuple[Walker, ...]
    duration_s: float = 6.0
    pan: Changes = ()
    camera: Camera = STANDS
    image_size: tuple[int, int] = (1280, 720)


@dataclass(frozen=True, eq=False)
class DetectedFrame:
    """
    One image's detections, and which walker each is of (-1 for none).

    `camera_motion` is as of `Tracker.update`.
    """

    stamp_s: float
    keypoints: Keypoints
    source: np.ndarray
    camera_motion: np.ndarray | None = None


def truth(scene: Scene, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return keypoints (N, T, 17, 2), px, and who is there (N, T) bool, at times (T,)."""
    t = np.atleast_1d(np.asarray(t, np.float64))
    shift = _distance(scene.pan, t)[:, None, None] * np.array([1.0, 0.0])
    xy = np.stack([walker.keypoints(t) - shift for walker in scene.walkers])
    if scene.camera != STANDS:
        moved = scene.camera.image_from_world(t, scene.image_size)
        xy = np.stack([apply_homography(m, xy[:, i]) for i, m in enumerate(moved)], axis=1)
    there = np.array([(t >= w.there_s[0]) & (t < w.there_s[1]) for w in scene.walkers])
    return xy, there


def background(scene: Scene, t: np.ndarray) -> np.ndarray:
    """Return where the camera sees the background: homographies (T, 3, 3) at times (T,)."""
    pan = np.tile(np.eye(3), (len(t), 1, 1))
    pan[:, 0, 2] = -_distance(scene.pan, t)
    return scene.camera.image_from_world(t, scene.image_size, BACKGROUND_M) @ pan


def velocity(scene: Scene, t: np.ndarray) -> np.ndarray:
    """Return the truth's velocity (N, T, 17, 2), px/s, by a central difference over 0.2 ms."""
    t = np.atleast_1d(np.asarray(t, np.float64))
    return (truth(scene, t + 1e-4)[0] - truth(scene, t - 1e-4)[0]) / 2e-4


def visible(scene: Scene, xy: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Return which keypoints (N, 17) of one moment are in the image and not occluded."""
    width, height = scene.image_size
    seen = there[:, None] & (xy >= 0).all(axis=2) & (xy < [width, height]).all(axis=2)
    for n, walker in enumerate(scene.walkers):
        for m, other in enumerate(scene.walkers):
            if there[m] and other.depth < walker.depth:
                margin = 0.04 * other.height_px
                low, high = xy[m].min(axis=0) - margin, xy[m].max(axis=0) + margin
                seen[n] &= ((xy[n] < low) | (xy[n] > high)).any(axis=1)
    return seen


def noise_px(score: np.ndarray, height_px: np.ndarray | float) -> np.ndarray:
    """
    Return the standard deviation (..., 17) of a detected keypoint, pixels.

    Measured on the shipped networks: third differences of detections over real footage.
    """
    return OKS_SCALE * OKS_SIGMAS * height_px * (0.05 + doubt(score))


def frames(scene: Scene, view: View, seed: int) -> Iterator[DetectedFrame]:
    """Yield what a camera and a network make of a scene."""
    rng = np.random.default_rng(seed)
    count = int(scene.duration_s * view.rate_hz)
    stamps = (np.arange(count) + view.jitter * rng.uniform(-0.5, 0.5, count)) / view.rate_hz
    measured = None if not view.knows_camera or (scene.camera == STANDS and not scene.pan) else (
        MeasuredMotion(lambda t: background(scene, t), scene.image_size, seed))
    for stamp_s in stamps[rng.random(count) >= view.lost_frames]:
        xy, there = truth(scene, stamp_s)
        seen = visible(scene, xy[:, 0], there[:, 0])
        height_px = np.array([walker.height_px for walker in scene.walkers], np.float64)
        keypoints, source = detect(xy[:, 0], seen, height_px, scene.image_size, view, rng)
        moved = None if measured is None else measured.update(float(stamp_s))
        yield DetectedFrame(float(stamp_s), keypoints, source, moved)


def detect(
    xy: np.ndarray,
    seen: np.ndarray,
    height: np.ndarray,
    image_size: tuple[int, int],
    view: View,
    rng: np.random.Generator,
    best: int = NUM_KEYPOINTS,
) -> tuple[Keypoints, np.ndarray]:
    """
    Return what a network makes of one image, in random order.

    Parameters
    ----------
    xy : (N, 17, 2) float64
        The truth, px.
    seen : (N, 17) bool
        In the image and not occluded.
    height : (N,) float64
        Of the bodies, px.
    image_size : (width, height)
        Pixels.
    view : View
        How well it sees.
    rng : Generator
        Of all that is random.
    best : int
        The score of a person is the mean of so many of the highest peaks.

    Returns
    -------
    keypoints : Keypoints
        Of M people.
    source : (M,) int
        Which of the N each is, -1 for a false one.
    """
    n, k = len(xy), NUM_KEYPOINTS
    seen = seen.copy()
    peak = np.clip(rng.normal(view.mean_peak, 0.12, (n, k)), 0.05, 0.97)
    seen &= rng.random((n, k)) >= view.missed_keypoints
    noise = view.noise * noise_px(_score(peak), height[:, None])
    detected = xy + rng.normal(size=xy.shape) * noise[..., None]
    wild = rng.random((n, k)) < view.wild_keypoints
    detected[wild] += (rng.normal(0, 0.15, xy.shape) * height[:, None, None])[wild]
    for limb in (slice(5, 11), slice(11, 17)):
        for i in np.flatnonzero(rng.random(n) < view.exchanged_sides):
            detected[i, limb] = detected[i, FLIP_INDEX[limb]]
    found = (seen.sum(axis=1) >= 5) & (rng.random(n) >= view.missed_people)
    people = [detected[found]]
    peaks = [np.where(seen, peak, 0.0)[found]]
    source = np.flatnonzero(found)
    if rng.random() < view.false_people:
        size = rng.uniform(0.5, 1.2) * height.mean()
        place = rng.uniform(0.1, 0.9, 2) * image_size
        people.append((STANDING * size + place + rng.normal(0, 0.05 * size, (k, 2)))[None])
        peaks.append(rng.uniform(0.1, 0.5, (1, k)))
        source = np.append(source, -1)
    all_xy, all_peaks = np.concatenate(people), np.concatenate(peaks)
    all_xy = np.where(all_peaks[..., None] > 0, all_xy, np.nan)
    all_score = np.where(all_peaks > 0, _score(all_peaks), 0.0)
    person_score = np.sort(all_peaks, axis=1)[:, -best:].mean(axis=1)
    order = rng.permutation(len(source))
    keypoints = Keypoints(
        all_xy[order].astype(np.float32),
        all_score[order].astype(np.float32),
        person_score[order].astype(np.float32),
    )
    return keypoints, source[order]


def _score(peak: np.ndarray) -> np.ndarray:
    """Return the probabilities that keypoints with such peaks are right."""
    return probability(USUAL_KEYPOINT, {'peak': peak})


def scenes() -> dict[str, Scene]:
    """Return the scenes by name."""
    left = Walker(260, (150, 380), ((0.0, 0.8),), turn=1.0)
    right = Walker(250, (1100, 370), ((0.0, -0.8),), turn=-1.0, depth=1.0)
    stand = Walker(240, (640, 370), turn=0.0, depth=1.0)
    sway = ((1.0, 250.0), (2.5, -500.0), (4.0, 250.0))
    there_and_back = ((0.5, 0.9), (2.0, -0.9), (2.6, -0.9), (4.2, 0.9))
    return {
        scene.name: scene
        for scene in (
            Scene('rest', (stand, replace(stand, start_px=(300, 380)))),
            Scene('walk', (replace(left, speed=((-9.0, 0.8),), start_px=(-1800, 380)),), 5.0),
            Scene('stop-and-go', (replace(left, speed=there_and_back, start_px=(400, 380)),)),
            Scene('wave', (replace(stand, wave_hz=1.0), replace(stand, start_px=(250, 370)))),
            Scene('sit', (replace(stand, turn=1.0, sit_s=2.0),)),
            Scene('crossing', (left, right), 5.0),
            Scene('slow-crossing', (
                replace(left, speed=((0.0, 0.4),), start_px=(400, 380)),
                replace(right, speed=((0.0, -0.4),), start_px=(860, 375)),
            ), 5.0),
            Scene('overtaking', (
                replace(left, speed=((0.0, 0.9),), start_px=(100, 385)),
                replace(left, speed=((0.0, 0.5),), start_px=(350, 370), depth=1.0),
            ), 5.0),
            Scene('hidden', (
                replace(stand, depth=0.0, height_px=270),
                replace(
                    left, speed=((0.0, 0.7), (2.25, -0.7), (2.85, 0.7)), start_px=(250, 375),
                    depth=1.0, height_px=240,
                ),
            )),
            Scene('leave-enter', (
                replace(left, speed=((0.0, 0.8),), start_px=(900, 380), there_s=(-1.0, 2.2)),
                replace(right, start_px=(1260, 370), speed=((3.0, -0.8),), there_s=(3.2, 9.0)),
            )),
            Scene('pan', (
                stand, replace(left, speed=((0.0, 0.5),), start_px=(720, 380)),
            ), 5.0, pan=sway),
            Scene('pan-crossing', (
                stand, replace(left, speed=((0.0, 0.5),), start_px=(350, 380)),
            ), 5.0, pan=sway),
            Scene('group', tuple(
                replace(
                    left if i % 2 else right, start_px=(200 + 110 * i, 360 + 5 * i),
                    height_px=200 + 8 * i, depth=float(-i),
                    speed=((0.2 * i, 0.5 if i % 2 else -0.5),),
                )
                for i in range(8)
            )),
        )
    }
