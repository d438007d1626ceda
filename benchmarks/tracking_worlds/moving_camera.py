# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Cameras of the synthetic world that turn, drive and shake, and what an estimator says of it.

The camera is a closed-form function of time, like the people: where it sees a point of the world
at rest, and by how much its background moves. The world's pixels are those of the camera at its
place at time 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pose_ros.core.estimator.camera_motion import GREY_WIDTH, KEY_PX, STILL_PX
from pose_ros.core.geometry import apply_homography

Swing = tuple[tuple[float, float], ...]
"""Sines: (amplitude, Hz). They start from rest: 1 - cos."""

FOCAL = 0.8
"""Focal length over the image's width: 64 degrees."""

PEOPLE_M, BACKGROUND_M = 4.0, 6.0
"""Distance of the people and of the background, for a camera that drives."""


@dataclass(frozen=True)
class Camera:
    """
    A camera's way.

    Attributes
    ----------
    pan, tilt, roll : Swing
        Angles, rad.
    aside, ahead : Swing
        Way that it drives, m.
    """

    pan: Swing = ()
    tilt: Swing = ()
    roll: Swing = ()
    aside: Swing = ()
    ahead: Swing = ()

    def image_from_world(
        self, t: np.ndarray, size: tuple[int, int], distance_m: float = PEOPLE_M
    ) -> np.ndarray:
        """Return the homographies (T, 3, 3) of what is so far away, at times (T,)."""
        t = np.atleast_1d(np.asarray(t, np.float64))
        pan, tilt, roll, aside, ahead = (
            sum((a * (1.0 - np.cos(2.0 * np.pi * hz * t)) for a, hz in swing), np.zeros(len(t)))
            for swing in (self.pan, self.tilt, self.roll, self.aside, self.ahead))
        focal = FOCAL * size[0]
        K = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
        moved = np.tile(np.eye(3), (len(t), 1, 1))
        moved[:, 0, 2], moved[:, 2, 2] = -aside / distance_m, 1.0 - ahead / distance_m
        for angle, (i, j) in ((pan, (0, 2)), (tilt, (2, 1)), (roll, (1, 0))):
            turn = np.tile(np.eye(3), (len(t), 1, 1))
            turn[:, i, i] = turn[:, j, j] = np.cos(angle)
            turn[:, i, j], turn[:, j, i] = -np.sin(angle), np.sin(angle)
            moved = turn @ moved
        return K @ moved @ np.linalg.inv(K)


STANDS = Camera()

CAMERAS = {
    'stands': STANDS,
    'pan': Camera(pan=((0.12, 0.3),)),
    'tilt': Camera(tilt=((0.04, 0.5),)),
    'roll': Camera(roll=((0.08, 0.4),)),
    'drive': Camera(aside=((0.25, 0.25),), ahead=((0.3, 0.2),)),
    'shake': Camera(pan=((0.003, 3.1),), tilt=((0.002, 4.3),), roll=((0.004, 2.3),)),
}
"""By name. Largest rates: 230, 130, 0.2 rad/s, 0.4 m/s; the shake is 6 px wide at 3 and 4 Hz."""


class MeasuredMotion:
    """
    What `CameraMotion` says of a camera, with the errors that it has on photographs.

    On COCO photos under known motion (`benchmarks.tracking --only camera`) the root mean square
    error at the corners is 0.08 px in the median and 0.27 px at 95 %, of 640 px; the same here.

    Parameters
    ----------
    background : callable
        Times (T,) to where the camera sees what is far away, homographies (T, 3, 3).
    size : (width, height)
        Pixels.
    seed : int
    """

    UNKNOWN = 0.02
    """Share of images of which it says nothing."""

    def __init__(
        self, background: Callable[[np.ndarray], np.ndarray], size: tuple[int, int], seed: int
    ) -> None:
        self._background, self._size = background, size
        self._rng = np.random.default_rng(seed)
        self._key_s: float | None = None
        self._before_from_key = np.eye(3)
        self._corners = np.array([[0, 0], [size[0], 0], size, [0, size[1]]], np.float64)

    def update(self, stamp_s: float) -> np.ndarray | None:
        """Return the motion since the call before, (3, 3); None when not known."""
        if self._key_s is None or self._rng.random() < self.UNKNOWN:
            self._key_s, self._before_from_key = stamp_s, np.eye(3)
            return None
        key, now = self._background(np.array([self._key_s, stamp_s]))
        now_from_key = now @ np.linalg.inv(key)
        shift = apply_homography(now_from_key, self._corners) - self._corners
        grey_px = np.hypot(*shift.T).mean() * GREY_WIDTH / self._size[0]
        if grey_px < STILL_PX:
            now_from_key = np.eye(3)
        else:
            sigma = 0.08 * self._size[0] / 640.0 * (3.0 if self._rng.random() < 0.1 else 1.0)
            wrong = self._rng.normal(0.0, sigma, (4, 2))
            now_from_key = _homography(self._corners, self._corners + wrong) @ now_from_key
        motion = now_from_key @ np.linalg.inv(self._before_from_key)
        self._before_from_key = now_from_key
        if grey_px > KEY_PX:
            self._key_s, self._before_from_key = stamp_s, np.eye(3)
        return motion / motion[2, 2]


def _homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the homography (3, 3) that maps four points (4, 2) to four others."""
    rows, right = [], []
    for (x, y), (u, v) in zip(source, target):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.append(np.linalg.solve(np.array(rows), right), 1.0).reshape(3, 3)
