# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The Kalman filters of all keypoints of all tracked people, as one batch of arrays."""

from __future__ import annotations

import numpy as np

from pose_ros.core import kalman
from pose_ros.core.body import OKS_SCALE
from pose_ros.core.detections import Detections
from pose_ros.core.skeleton import FLIP_INDEX, NUM_KEYPOINTS, OKS_SIGMAS

BODY = 5
"""From this keypoint on (the shoulders), keypoints are body; the ones before are face."""

AGILITY = np.array([0.8] * 5 + [0.8] * 2 + [1.5] * 2 + [2.5] * 2 + [0.8] * 2 + [1.5] * 2 + [2.5] * 2)
"""(17,): how fast the velocity wanders, body heights/s per square root of a second."""

JERKINESS = 8.0
"""With constant acceleration: how fast the acceleration wanders, in AGILITY's units per s."""

INITIAL_SPEED = 0.6
"""Standard deviation of the velocity of a keypoint seen for the first time, body heights/s."""

INITIAL_ACCELERATION = 3.0
"""Likewise of its acceleration, body heights/s^2."""

NOISE = 0.25
"""Standard deviation of a keypoint's measurement at score 1, in OKS sigmas times OKS scale."""

NOISE_FLOOR_PX = 0.3
"""No measurement is better than this."""

FOLLOW_BODY_S = 0.2
"""Time constant with which the velocity of an unseen keypoint becomes that of the body."""

REACQUIRE_S = 0.1
"""A keypoint measured outside its gate for as long is believed: the prediction was wrong."""

SWAP_MARGIN = 9.0
"""An exchange of left and right is undone when it lowers the squared distance by as much."""

SWAP_MAX_S = 0.5
"""An exchange that lasts longer is believed: the track had begun with the sides exchanged."""

LIMBS = np.zeros((3, NUM_KEYPOINTS))
"""(3, 17): face, arms and legs: networks exchange the sides of a whole group."""
LIMBS[0, 1:5] = LIMBS[1, 5:11] = LIMBS[2, 11:17] = 1.0


class SkeletonFilter:
    """
    States of N people x 17 keypoints at one moment.

    Attributes
    ----------
    stamp_s : float
        The moment.
    x : (N, 17, D, 2) float64
    P : (N, 17, D, D) float64
        As in `kalman`.
    known : (N, 17) bool
        Whether a keypoint was ever measured; x and P mean nothing where not.
    seen_s : (N, 17) float64
        When it was last measured.
    height_px : (N,) float64
        Body height.
    """

    def __init__(
        self,
        order: int = 2,
        process_noise: float = 1.0,
        measurement_noise: float = 1.0,
        gate_sigma: float = 4.0,
        resolve_swaps: bool = True,
    ) -> None:
        self.order = order
        self.process_noise = process_noise
        self.measurement_noise = measurement_noise
        self.gate_sigma = gate_sigma
        self.resolve_swaps = resolve_swaps
        k = NUM_KEYPOINTS
        self.stamp_s = 0.0
        self.x = np.empty((0, k, order, 2))
        self.P = np.empty((0, k, order, order))
        self.known = np.empty((0, k), bool)
        self.seen_s = np.empty((0, k))
        self.height_px = np.empty(0)
        self._rejected_s = np.empty((0, k))
        self._swapped_s = np.empty((0, len(LIMBS)))

    def set_order(self, order: int) -> None:
        """Change to constant velocity (2) or constant acceleration (3), keeping the states."""
        if order == self.order:
            return
        n, old = len(self.x), self.order
        x, P = np.zeros((n, NUM_KEYPOINTS, order, 2)), np.zeros((n, NUM_KEYPOINTS, order, order))
        same = min(order, old)
        x[:, :, :same] = self.x[:, :, :same]
        P[:, :, :same, :same] = self.P[:, :, :same, :same]
        if order == 3:
            P[:, :, 2, 2] = ((INITIAL_ACCELERATION * self.height_px) ** 2)[:, None]
        self.order, self.x, self.P = order, x, P

    def add(self, measured: Detections) -> None:
        """Append people at rest where they are measured now."""
        n = len(measured.xy)
        k, d = NUM_KEYPOINTS, self.order
        height = np.where(np.isfinite(measured.height_px), measured.height_px, 1.0)
        R = self._noise(measured.score, height)
        x = np.zeros((n, k, d, 2))
        x[:, :, 0] = np.where(measured.valid[..., None], measured.xy, 0.0)
        self.x = np.concatenate([self.x, x])
        self.P = np.concatenate([self.P, self._initial_P(R, height[:, None])])
        self.known = np.concatenate([self.known, measured.valid])
        self.seen_s = np.concatenate([self.seen_s, np.full((n, k), self.stamp_s)])
        self.height_px = np.concatenate([self.height_px, height])
        self._rejected_s = np.concatenate([self._rejected_s, np.full((n, k), np.nan)])
        self._swapped_s = np.concatenate([self._swapped_s, np.full((n, len(LIMBS)), np.nan)])

    def keep(self, rows: np.ndarray) -> None:
        """Keep the people picked by a mask (N,) bool."""
        for name in ('x', 'P', 'known', 'seen_s', 'height_px', '_rejected_s', '_swapped_s'):
            setattr(self, name, getattr(self, name)[rows])

    def ahead(self, stamp_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Return x and P of everybody at a later time, and change nothing."""
        dt_s = stamp_s - self.stamp_s
        if dt_s <= 0 or not len(self.x):
            return self.x, self.P
        F = kalman.transition(dt_s, self.order)
        density = (self.process_noise * AGILITY * self.height_px[:, None]) ** 2
        if self.order == 3:
            density *= JERKINESS**2
        Q = density[..., None, None] * kalman.process_noise(dt_s, self.order)
        x, P = kalman.predict(self.x, self.P, F, Q)
        unseen = self.known & (self.seen_s < self.stamp_s)
        if unseen.any():
            self._follow_body(x, unseen, dt_s)
        return x, P

    def predict(self, stamp_s: float) -> None:
        """Carry everybody forward to a later time."""
        self.x, self.P = self.ahead(stamp_s)
        self.stamp_s = stamp_s

    def body_velocity(self) -> np.ndarray:
        """Return each person's velocity (N, 2), px/s: of the keypoints, the surer the heavier."""
        weight = np.where(self.known, 1.0 / self.P[..., 1, 1], 0.0)
        total = np.maximum(weight.sum(axis=1), 1e-12)
        return np.einsum('nk,nkd->nd', weight, self.x[:, :, 1]) / total[:, None]

    def _follow_body(self, x: np.ndarray, unseen: np.ndarray, dt_s: float) -> None:
        """
        Let the velocity of unseen keypoints relax to that of the body, in place.

        A hidden wrist swings on for a moment only, then goes where the person goes.
        """
        own = self.x[:, :, 1] - self.body_velocity()[:, None]
        decay = np.exp(-dt_s / FOLLOW_BODY_S)
        own = np.where(unseen[..., None], own, 0.0)
        x[:, :, 0] -= own * (dt_s - FOLLOW_BODY_S * (1.0 - decay))
        x[:, :, 1] -= own * (1.0 - decay)
        if self.order == 3:
            x[:, :, 0] -= np.where(unseen[..., None], self.x[:, :, 2] * dt_s**2 / 2, 0.0)
            x[:, :, 1] -= np.where(unseen[..., None], self.x[:, :, 2] * dt_s, 0.0)
            x[:, :, 2] *= np.where(unseen, decay, 1.0)[..., None]

    def _noise(self, score: np.ndarray, height_px: np.ndarray) -> np.ndarray:
        """Return R (n, 17), px^2: a lower peak is a less certain place."""
        std = NOISE * OKS_SCALE * OKS_SIGMAS * height_px[:, None] / np.maximum(score, 0.05)
        return self.measurement_noise**2 * (std**2 + NOISE_FLOOR_PX**2)

    def _initial_P(self, R: np.ndarray, height_px: np.ndarray) -> np.ndarray:
        """Return P (..., D, D) of keypoints measured once, R and height_px (...)."""
        P = np.zeros((*R.shape, self.order, self.order))
        P[..., 0, 0] = R
        P[..., 1, 1] = (INITIAL_SPEED * height_px) ** 2
        if self.order == 3:
            P[..., 2, 2] = (INITIAL_ACCELERATION * height_px) ** 2
        return P

    def update(self, rows: np.ndarray, measured: Detections) -> Detections:
        """
        Correct the people `rows` (n,) int by what was measured of them at `stamp_s`.

        Returns
        -------
        Detections
            What was used: exchanged sides put right, keypoints outside their gate not valid.
        """
        height = self.height_px[rows]
        # The spread of the keypoints changes with the pose: only its slow part is size.
        height += 0.1 * (np.where(measured.height_px > 0, measured.height_px, height) - height)
        self.height_px[rows] = height
        x, P, known = self.x[rows], self.P[rows], self.known[rows]
        z, score, valid = measured.xy, measured.score, measured.valid
        R = self._noise(score, height)
        y, S = kalman.innovation(x, P, z, R)
        distance = kalman.mahalanobis_squared(y, S)
        limit = self.gate_sigma**2
        if self.resolve_swaps:
            swap = self._swaps(rows, x, P, z, R, valid & known, distance)
            if swap.any():
                index = np.where(swap, FLIP_INDEX, np.arange(NUM_KEYPOINTS))
                z = np.take_along_axis(z, index[..., None], axis=1)
                R = np.take_along_axis(R, index, axis=1)
                score = np.take_along_axis(score, index, axis=1)
                valid = np.take_along_axis(valid, index, axis=1)
                y, S = kalman.innovation(x, P, z, R)
                distance = kalman.mahalanobis_squared(y, S)
        inside = distance <= limit
        use = valid & known & inside
        fresh = valid & ~known
        outside = valid & known & ~inside
        rejected_s = np.where(outside, np.fmin(self._rejected_s[rows], self.stamp_s), np.nan)
        if outside.any():
            moved = outside.sum(axis=1) > use.sum(axis=1)
            fresh |= outside & (
                moved[:, None] | (self.stamp_s - rejected_s >= REACQUIRE_S)
            )
            rejected_s[fresh] = np.nan
        self._rejected_s[rows] = rejected_s
        x, P = kalman.update(x, P, y, S, use)
        if fresh.any():
            person, _ = np.nonzero(fresh)
            x[fresh] = 0.0
            x[fresh, 0] = z[fresh]
            x[fresh, 1] = self.body_velocity()[rows][person]
            P[fresh] = self._initial_P(R[fresh], height[person])
            use |= fresh
        self.x[rows], self.P[rows], self.known[rows] = x, P, known | use
        self.seen_s[rows] = np.where(use, self.stamp_s, self.seen_s[rows])
        return measured._replace(xy=z, score=np.where(use, score, 0.0), valid=use)

    def _swaps(
        self,
        rows: np.ndarray,
        x: np.ndarray,
        P: np.ndarray,
        z: np.ndarray,
        R: np.ndarray,
        valid: np.ndarray,
        distance: np.ndarray,
    ) -> np.ndarray:
        """Return which keypoints (n, 17) bool are explained better by the other side."""
        y, S = kalman.innovation(x, P, z[:, FLIP_INDEX], R[:, FLIP_INDEX])
        crossed = kalman.mahalanobis_squared(y, S)
        both = valid & valid[:, FLIP_INDEX]
        limit = self.gate_sigma**2
        # Capped, so that one wild keypoint does not decide for its limb.
        gain = np.where(both, np.minimum(distance, limit) - np.minimum(crossed, limit), 0.0)
        swap = gain @ LIMBS.T > SWAP_MARGIN
        if not swap.any():
            self._swapped_s[rows] = np.nan
            return np.zeros_like(valid)
        since = np.where(swap, np.fmin(self._swapped_s[rows], self.stamp_s), np.nan)
        swap &= self.stamp_s - since < SWAP_MAX_S
        self._swapped_s[rows] = since
        return swap @ LIMBS > 0
