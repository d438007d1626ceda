# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Real photographs under known camera motion: pan, zoom and rotation of a still picture.

A photograph is warped by a similarity that changes smoothly with time, and the estimator looks at
each warped image. The truth of a keypoint is the warp of where the estimator finds it on average
(each frame's detection brought back to the photograph, median): exact motion, real noise.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from benchmarks.tracking_worlds.compared_trackers import ByHand
from benchmarks.tracking_worlds.scores import delay_s, jitter_px
from pose_ros.core import geometry
from pose_ros.core.config import TrackerConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.tracking.tracker import Tracker

RATE_HZ = 20.0
STILL_S, MOVING_S = 2.0, 3.0
SETTLED_S = 0.7


def camera(t: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """
    Return image_from_photo (T, 2, 3): still until STILL_S, then pan, zoom and rotation.

    Parameters
    ----------
    t : (T,) float64
        Seconds.
    size : (width, height)
        Of the photograph, pixels.
    """
    phase = np.maximum(t - STILL_S, 0.0)
    # Sines that start smoothly from rest: 1 - cos.
    pan = 0.06 * size[0] * (1.0 - np.cos(2.0 * np.pi * 0.5 * phase))
    angle = 0.06 * (1.0 - np.cos(2.0 * np.pi * 0.4 * phase))
    scale = 1.0 + 0.05 * (1.0 - np.cos(2.0 * np.pi * 0.3 * phase))
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    middle = (np.array(size) - 1.0) / 2.0
    linear = np.stack([np.stack([c, -s], axis=-1), np.stack([s, c], axis=-1)], axis=-2)
    offset = middle - linear @ middle + np.stack([pan, 0.0 * pan], axis=-1)
    return np.concatenate([linear, offset[..., None]], axis=-1)


def look(
    photo: np.ndarray, estimator: TwoPassEstimator, report: Callable[[], None]
) -> tuple[np.ndarray, list[Keypoints]]:
    """Return stamps (T,) and what the estimator sees at them; `report` is called once a frame."""
    size = (photo.shape[1], photo.shape[0])
    stamps = np.arange(int((STILL_S + MOVING_S) * RATE_HZ)) / RATE_HZ
    people = []
    noise = np.random.default_rng(0)
    for affine in camera(stamps, size):
        image = cv2.warpAffine(photo, affine, size, borderMode=cv2.BORDER_REPLICATE)
        # A camera's own noise: without it a still photograph would give the same answer each time.
        image = np.clip(image + noise.normal(0.0, 4.0, image.shape), 0, 255).astype(np.uint8)
        people.append(estimator.estimate(image))
        report()
    return stamps, people


def largest_person(people: list[Keypoints], affines: np.ndarray) -> np.ndarray | None:
    """
    Return where the largest person's keypoints are on the photograph, (17, 2) px.

    NaN for keypoints found in fewer than half of the frames; None when the person is not found in
    most of the frames.
    """
    back = geometry.invert(affines)
    first = next((p for p in people if len(p)), None)
    if first is None:
        return None
    boxes = first.boxes_xyxy()
    anchor = np.nanmean(
        first.xy[np.argmax(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))], axis=0
    )
    found = []
    for affine, seen in zip(back, people):
        if len(seen):
            on_photo = geometry.apply(affine, seen.xy)
            centre = np.nanmean(on_photo, axis=1)
            nearest = int(np.argmin(np.hypot(*(centre - anchor).T)))
            if np.hypot(*(centre[nearest] - anchor)) < 50:
                sure = seen.score[nearest, :, None] >= 0.8
                found.append(np.where(sure, on_photo[nearest], np.nan))
    if len(found) < 0.8 * len(people):
        return None
    stack = np.array(found)
    often = np.isfinite(stack).all(axis=2).mean(axis=0) >= 0.5
    middle = np.full((17, 2), np.nan)
    middle[often] = np.nanmedian(stack[:, often], axis=0)
    return middle


def measure(
    size: tuple[int, int],
    stamps: np.ndarray,
    people: list[Keypoints],
    person: np.ndarray,
    tracker: Tracker | ByHand | None,
) -> dict[str, float]:
    """Return jitter_px while the camera is still, delay_ms and median error while it moves."""

    def truth(t: np.ndarray) -> np.ndarray:
        return geometry.apply(camera(t, size), np.broadcast_to(person, (len(t), 17, 2)))

    now = truth(stamps)
    xy = np.full(now.shape, np.nan)
    for i, (stamp_s, seen) in enumerate(zip(stamps.tolist(), people)):
        if isinstance(tracker, Tracker):
            candidates = tracker.update(stamp_s, seen, size).xy
        elif tracker is not None:
            candidates = tracker.update(stamp_s, seen, size)[1]
        else:
            candidates = seen.xy
        candidates = candidates[np.isfinite(candidates).any(axis=(1, 2))]
        if len(candidates):
            with np.errstate(invalid='ignore'):
                off = np.nanmedian(np.hypot(*np.moveaxis(candidates - now[i], -1, 0)), axis=1)
            off = np.where(np.isnan(off), np.inf, off)
            if off.min() < 50:
                xy[i] = candidates[np.argmin(off)]
    still = (stamps >= SETTLED_S) & (stamps < STILL_S)
    moving = stamps >= STILL_S
    error = np.hypot(*np.moveaxis((xy - now)[moving], -1, 0))
    return {
        'jitter_px': jitter_px(xy[still]),
        'delay_ms': 1e3 * delay_s([(truth, stamps[moving], xy[moving])]),
        'position_px': float(np.nanmedian(error)),
    }


def compare(
    photos: list[Path], estimator: TwoPassEstimator, report: Callable[[], None]
) -> dict[str, dict[str, float]]:
    """Return the mean figures over the photographs with one well visible person, by filter."""
    makers: dict[str, Callable[[], Tracker | ByHand | None]] = {
        'raw detections': lambda: None,
        'pose_ros': lambda: Tracker(TrackerConfig()),
        'one-euro by hand': ByHand,
    }
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in makers}
    for path in photos:
        photo = cv2.imread(str(path))
        if photo is None:
            continue
        size = (photo.shape[1], photo.shape[0])
        stamps, people = look(photo, estimator, report)
        person = largest_person(people, camera(stamps, size))
        if person is None or np.isfinite(person).all(axis=1).sum() < 8:
            continue
        for name, make in makers.items():
            rows[name].append(measure(size, stamps, people, person, make()))
    return {
        name: {key: float(np.nanmean([f[key] for f in figures])) for key in figures[0]}
        | {'photos': len(figures)}
        for name, figures in rows.items()
        if figures
    }
