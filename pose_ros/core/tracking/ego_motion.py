# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The camera's own motion in the image: what it was, what it is, and how it goes on.

The states of the tracks are carried from image to image by a homography, so that their velocities
are the people's own. How the camera goes on is predicted from its latest rate and the change of
it, by what has predicted best so far (recursive least squares): a camera that pans goes on, one
that shakes does not.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import exp

import numpy as np

from pose_ros.core.geometry import apply_homography, homography_jacobian

WINDOW_S = 0.1
"""
The rate is the mean over as long, or over one step: the measured motion has noise. What is
predicted is the mean over as long to come, which is usual between an image and its use.
"""

MEMORY_S = 2.0
"""Time constant of what is known of how rates follow one another."""

USUAL, USUAL_WEIGHT = np.array([1.0, 0.5]), np.array([400.0, 400.0])
"""The rate goes on, with half of its change; and how much that weighs, (px/s)^2 times s."""

STILL_PX_S = 1.0
"""A camera that moves the image by less stands still."""


class EgoMotion:
    """
    The camera's motion, from image to image.

    Attributes
    ----------
    is_still : bool
        Whether it stands still, as far as is known.
    spread_px_s : float
        How far its rate was off what was predicted, root mean square over the image.
    """

    def __init__(self) -> None:
        self.is_still, self.spread_px_s = True, 0.0
        self._window_s = WINDOW_S
        # Of each step: its end, and the sum so far of what the homographies differ from I by.
        self._times_s, self._sums = [0.0], np.zeros((1, 9))
        self._rate, self._predicted = np.zeros(9), np.zeros(9)
        self._squares, self._products = np.diag(USUAL_WEIGHT), USUAL_WEIGHT * USUAL
        self._off = 0.0

    def update(
        self, motion: np.ndarray | None, dt_s: float, image_size: tuple[int, int]
    ) -> np.ndarray | None:
        """
        Take the motion of one step.

        Parameters
        ----------
        motion : (3, 3) float64 or None
            image_from_image_before, [2, 2] = 1; None when it is not known.
        dt_s : float
            Time between the two images, above 0.
        image_size : (width, height)
            Pixels.

        Returns
        -------
        (3, 3) float64 or None
            What to carry states with: the motion, or what it is expected to be; None for nothing.
        """
        known = motion is not None
        if motion is None:
            motion = self.ahead(dt_s)
            if motion is None:
                return None
        still = np.array_equal(motion, np.eye(3))
        if still and self.is_still:
            self._times_s, self._sums = self._times_s[:1], np.zeros((1, 9))
            return None
        now_s = self._times_s[-1] + dt_s
        self._window_s = max(WINDOW_S, dt_s)
        old = bisect_left(self._times_s, now_s - 4.0 * self._window_s, 0, len(self._times_s) - 1)
        self._times_s = [*self._times_s[old:], now_s]
        self._sums = np.vstack([self._sums[old:], self._sums[-1] + (motion - np.eye(3)).ravel()])
        metric = _metric(image_size)
        if known:
            self._learn(metric, dt_s)
        self._rate, change = self._rate_at(now_s)
        a, b = np.linalg.solve(self._squares, self._products)
        self._predicted = a * self._rate + b * change
        # Known or not: what is expected of a camera that is not seen dies away.
        if not known:
            self._rate, self._predicted = 0.9 * self._rate, 0.9 * self._predicted
        self.is_still = bool(
            max(self._rate @ metric @ self._rate, self._predicted @ metric @ self._predicted)
            < STILL_PX_S**2)
        return None if still else motion

    def ahead(self, dt_s: float) -> np.ndarray | None:
        """Return the homography (3, 3) of the time to come; None when the camera stands still."""
        if self.is_still:
            return None
        return np.eye(3) + dt_s * self._mean_rate(dt_s)

    def velocity(self, xy: np.ndarray) -> np.ndarray:
        """Return how fast the image moves at points (..., 2), px/s."""
        rate = self._mean_rate(0.0)
        moved = xy @ rate[:2, :2].T + rate[:2, 2]
        return np.asarray(moved - xy * (xy @ rate[2, :2] + rate[2, 2])[..., None])

    def _mean_rate(self, dt_s: float) -> np.ndarray:
        """Return the mean over the time to come, (3, 3)."""
        # The rate is that of half a window ago: now it is half way to what is predicted.
        share = 0.5 + 0.5 * min(dt_s / self._window_s, 1.0)
        return (self._rate + share * (self._predicted - self._rate)).reshape(3, 3)

    def _rate_at(self, time_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the rate before a time, and by how much it is another than before that."""
        window_s = self._window_s
        now, before, first = (self._sum(time_s - i * window_s) for i in range(3))
        return (now - before) / window_s, (now - 2.0 * before + first) / window_s

    def _sum(self, time_s: float) -> np.ndarray:
        """Return the sum up to a time, between two steps in proportion."""
        after = max(bisect_left(self._times_s, time_s, 0, len(self._times_s) - 1), 1)
        begin_s, end_s = self._times_s[after - 1 : after + 1]
        share = min(max((time_s - begin_s) / (end_s - begin_s), 0.0), 1.0)
        return np.asarray(self._sums[after - 1] * (1.0 - share) + self._sums[after] * share)

    def _learn(self, metric: np.ndarray, dt_s: float) -> None:
        """Compare the mean rate of late with what preceded it."""
        now_s = self._times_s[-1]
        features = np.stack(self._rate_at(now_s - self._window_s))
        came, _ = self._rate_at(now_s)
        off = came - np.linalg.solve(self._squares, self._products) @ features
        keep = exp(-dt_s / MEMORY_S)
        fresh = dt_s * (features @ metric)
        prior = (1.0 - keep) * USUAL_WEIGHT
        self._squares = keep * self._squares + fresh @ features.T + np.diag(prior)
        self._products = keep * self._products + fresh @ came + prior * USUAL
        keep = exp(-dt_s / (0.25 * MEMORY_S))
        self._off = keep * self._off + (1.0 - keep) * float(off @ metric @ off)
        self.spread_px_s = float(np.sqrt(self._off))


@lru_cache(maxsize=8)
def _metric(image_size: tuple[int, int]) -> np.ndarray:
    """Return M (9, 9): rate @ M @ rate is the mean square speed of an image that moves so."""
    grid = np.array(np.meshgrid([0.2, 0.5, 0.8], [0.2, 0.5, 0.8])).reshape(2, -1).T
    x, y = (grid * image_size).T
    one, none = np.ones(9), np.zeros(9)
    along = np.stack([
        [x, y, one, none, none, none, -x * x, -x * y, -x],
        [none, none, none, x, y, one, -x * y, -y * y, -y],
    ])
    return np.einsum('cip,cjp->ij', along, along) / 9.0


def carried(
    x: np.ndarray, P: np.ndarray, motion: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Carry states of `kalman` through a homography.

    Parameters
    ----------
    x : (N, 17, D, 2), P : (N, 17, D, D) float64
    motion : (3, 3) float64

    Returns
    -------
    x, P
        New arrays. P is of either axis: it grows by the area.
    scale : (N, 17) float64
        How much larger things are there.
    """
    place = x[:, :, 0]
    jacobian = homography_jacobian(motion, place)
    area = np.abs(np.linalg.det(jacobian)).clip(0.25, 4.0)
    x = np.einsum('nkij,nkdj->nkdi', jacobian, x)
    x[:, :, 0] = apply_homography(motion, place)
    return x, P * area[..., None, None], np.sqrt(area)
