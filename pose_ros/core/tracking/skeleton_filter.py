# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The Kalman filters of all keypoints of all tracked people, as one batch of arrays.

Motion: a keypoint moves with its person. With constant velocity, the part of its velocity that
differs from the person's relaxes within RELAXATION_S, since limbs swing and stop; with constant
acceleration it does not. Noise: by the keypoint's score and the person's size. Both noises follow
the innovations, so that people at rest do not jitter and people in motion are not late.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.body import OKS_SCALE
from pose_ros.core.keypoints import doubt
from pose_ros.core.skeleton import NUM_KEYPOINTS, OKS_SIGMAS
from pose_ros.core.tracking import kalman
from pose_ros.core.tracking import left_right_swaps as swaps
from pose_ros.core.tracking.adaptive_noise import AdaptiveNoise
from pose_ros.core.tracking.detections import Detections
from pose_ros.core.tracking.ego_motion import carried

AGILITY = np.array([0.8] * 7 + [1.5, 1.5, 2.5, 2.5, 0.8, 0.8, 1.5, 1.5, 2.5, 2.5])
"""(17,): how fast the velocity wanders, body heights/s per square root of a second."""

RELAXATION_S = 0.2
"""A limb's own velocity dies away within this."""

JERKINESS = 8.0
"""With constant acceleration: how fast the acceleration wanders, in AGILITY's units per s."""

INITIAL_SPEED = 0.6
"""Standard deviation of the velocity of a keypoint seen for the first time, body heights/s."""

INITIAL_ACCELERATION = 3.0
"""Likewise of its acceleration, body heights/s^2."""

NOISE, NOISE_OF_DOUBT = 0.05, 1.0
"""
Standard deviation of a measured keypoint at score 1 and its rise with `keypoints.doubt`, in OKS
sigmas times OKS scale.
"""

NOISE_FLOOR_PX = 0.3
"""No measurement is better than this."""

REACQUIRE_S = 0.15
"""A keypoint not used for as long is believed outside its gate too: the prediction was wrong."""

SIZE_GAIN = 0.1
"""Share of a new body height: the spread changes with the pose, only its slow part is size."""


class SkeletonFilter:
    """
    States of N people x 17 keypoints at one moment.

    Attributes
    ----------
    order : int
        2: constant velocity, 3: constant acceleration; `set_order` changes it.
    process_noise, measurement_noise : float
        Factors on the usual standard deviations.
    log_q_floor : float
        Added to the lower bound of `AdaptiveNoise.log_q_scale`.
    gate_sigma : float
        Measurements farther from the prediction are not used.
    resolve_swaps : bool
        Whether exchanges of left and right are undone.
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
    adaptive_noise : AdaptiveNoise
        The factors on both noises that the innovations call for.
    nis : (n, 17) float64
        Normalised innovations squared of the latest update, NaN where nothing was measured.
    exchanged : (n, 17) bool
        Which keypoints of the latest update were measured on the other side.
    """

    def __init__(self) -> None:
        self.order = 2
        self.process_noise = self.measurement_noise = 1.0
        self.log_q_floor, self.gate_sigma, self.resolve_swaps = 0.0, 4.0, True
        k = NUM_KEYPOINTS
        self.stamp_s = 0.0
        self.x = np.empty((0, k, self.order, 2))
        self.P = np.empty((0, k, self.order, self.order))
        self.known = np.empty((0, k), bool)
        self.seen_s = np.empty((0, k))
        self.height_px = np.empty(0)
        self.adaptive_noise = AdaptiveNoise()
        self.nis = np.empty((0, k))
        self.exchanged = np.empty((0, k), bool)
        self._swapped_s = np.empty((0, len(swaps.LIMBS)))

    def set_order(self, order: int) -> None:
        """Change to constant velocity (2) or constant acceleration (3), keeping the states."""
        if order == self.order:
            return
        n, same = len(self.x), min(order, self.order)
        x, P = np.zeros((n, NUM_KEYPOINTS, order, 2)), np.zeros((n, NUM_KEYPOINTS, order, order))
        x[:, :, :same] = self.x[:, :, :same]
        P[:, :, :same, :same] = self.P[:, :, :same, :same]
        if order == 3:
            P[:, :, 2, 2] = ((INITIAL_ACCELERATION * self.height_px) ** 2)[:, None]
        self.order, self.x, self.P = order, x, P

    def add(self, measured: Detections) -> None:
        """Append people at rest where they are measured now."""
        n, k = len(measured.xy), NUM_KEYPOINTS
        height = np.where(np.isfinite(measured.height_px), measured.height_px, 1.0)
        R = self._noise(measured.score, height, np.zeros(n))
        x = np.zeros((n, k, self.order, 2))
        x[:, :, 0] = measured.xy
        for name, rows in (
            ('x', x),
            ('P', self._initial_P(R, height[:, None])),
            ('known', measured.valid),
            ('seen_s', np.full((n, k), self.stamp_s)),
            ('height_px', height),
            ('_swapped_s', np.full((n, len(swaps.LIMBS)), np.nan)),
        ):
            setattr(self, name, np.concatenate([getattr(self, name), rows]))
        self.adaptive_noise.add(n)

    def keep(self, rows: np.ndarray) -> None:
        """Keep the people picked by a mask (N,) bool."""
        for name in ('x', 'P', 'known', 'seen_s', 'height_px', '_swapped_s'):
            setattr(self, name, getattr(self, name)[rows])
        self.adaptive_noise.keep(rows)

    def ahead(self, stamp_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Return x and P of all tracks at a later time, and change nothing."""
        dt_s = stamp_s - self.stamp_s
        if dt_s <= 0 or not len(self.x):
            return self.x, self.P
        agility = self.process_noise * np.exp(self.adaptive_noise.log_q_scale) * AGILITY
        std = agility * self.height_px[:, None]
        if self.order == 3:
            Q = (JERKINESS * std)[..., None, None] ** 2 * kalman.process_noise(dt_s, 3)
            return kalman.predict(self.x, self.P, kalman.transition(dt_s, 3), Q)
        F = kalman.relaxing_transition(dt_s, RELAXATION_S)
        Q = std[..., None, None] ** 2 * kalman.relaxing_process_noise(dt_s, RELAXATION_S)
        # F acts on what a keypoint does beyond its person's motion, which goes on.
        body = self.body_velocity()[:, None]
        x = self.x.copy()
        x[:, :, 1] -= body
        x, P = kalman.predict(x, self.P, F, Q)
        x[:, :, 0] += dt_s * body
        x[:, :, 1] += body
        return x, P

    def predict(self, stamp_s: float) -> None:
        """Carry all tracks forward to a later time."""
        self.x, self.P = self.ahead(stamp_s)
        self.stamp_s = stamp_s

    def carry(self, motion: np.ndarray, sigma_px: float, dt_s: float) -> None:
        """
        Carry all tracks through the camera's motion, in place and not in time.

        Parameters
        ----------
        motion : (3, 3) float64
            Homography, pixels.
        sigma_px, dt_s : float
            How uncertain it is, standard deviation, and over which time.
        """
        self.x, self.P, scale = carried(self.x, self.P, motion)
        weight = self.known / np.maximum(self.known.sum(axis=1, keepdims=True), 1)
        self.height_px = self.height_px * (scale * weight).sum(axis=1)
        if sigma_px:
            arm = np.array([1.0, 1.0 / dt_s, 0.0][: self.order]) * sigma_px
            self.P += np.outer(arm, arm)

    def body_velocity(self) -> np.ndarray:
        """Return each person's velocity (N, 2), px/s: of the keypoints, the surer the heavier."""
        weight = self.known / self.P[..., 1, 1]
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
        return np.matmul(weight[:, None], self.x[:, :, 1])[:, 0]

    def centre(self) -> np.ndarray:
        """Return the centroid of each person's keypoints (N, 2), px."""
        weight = self.known / np.maximum(self.known.sum(axis=1, keepdims=True), 1)
        return np.matmul(weight[:, None], self.x[:, :, 0])[:, 0]

    def update(self, rows: np.ndarray | slice, measured: Detections) -> Detections:
        """
        Correct the people `rows` (n,) int, or all, by what was measured of them at `stamp_s`.

        Returns
        -------
        Detections
            What was used: exchanged sides put right, keypoints outside their gate not valid.
        """
        height = self.height_px[rows]
        known_height = np.where(measured.height_px > 0, measured.height_px, height)
        height += SIZE_GAIN * (known_height - height)
        self.height_px[rows] = height
        x, P, known = self.x[rows], self.P[rows], self.known[rows]
        log_r_scale = self.adaptive_noise.log_r_scale[rows]
        R = self._noise(measured.score, height, log_r_scale)
        y, S = kalman.innovation(x, P, measured.xy, R)
        nis = kalman.mahalanobis_squared(y, S)
        expected = measured.valid & known
        self.exchanged = np.zeros_like(expected)
        if self.resolve_swaps and not swaps.impossible(nis, expected):
            # After a while unseen a pose is a new one, not an exchange in the old one.
            recent = expected & (self.stamp_s - self.seen_s[rows] < REACQUIRE_S + 0.1)
            self.exchanged, self._swapped_s[rows] = swaps.exchanged(
                x, P, measured, R, recent, nis,
                self.gate_sigma, self._swapped_s[rows], self.stamp_s,
            )
            if self.exchanged.any():
                measured = swaps.put_right(measured, self.exchanged)
                R = self._noise(measured.score, height, log_r_scale)
                y, S = kalman.innovation(x, P, measured.xy, R)
                nis = kalman.mahalanobis_squared(y, S)
                expected = measured.valid & known
        else:
            self._swapped_s[rows] = np.nan
        use = expected & (nis <= self.gate_sigma**2)
        jumped = 2 * use.sum(axis=1) < expected.sum(axis=1)
        if jumped.any():
            P = self._widened(rows, P, np.where(expected[..., None], y, np.nan), jumped)
            y, S = kalman.innovation(x, P, measured.xy, R)
            nis = kalman.mahalanobis_squared(y, S)
            use = expected & (nis <= self.gate_sigma**2)
        outside = expected & ~use
        fresh = measured.valid & ~known
        if outside.any():
            changed = 2 * outside.sum(axis=1) > expected.sum(axis=1)
            overdue = self.stamp_s - self.seen_s[rows] >= REACQUIRE_S
            fresh |= outside & (changed[:, None] | overdue)
        self.nis = np.where(expected, nis, np.nan)
        self.adaptive_noise.update(rows, y, S, nis, expected, self.log_q_floor)
        x, P = kalman.update(x, P, y, S, use)
        if fresh.any():
            person, _ = np.nonzero(fresh)
            x[fresh] = 0.0
            x[fresh, 0] = measured.xy[fresh]
            x[fresh, 1] = self.body_velocity()[rows][person]
            P[fresh] = self._initial_P(R[fresh], height[person])
            use |= fresh
        self.x[rows], self.P[rows], self.known[rows] = x, P, known | use
        self.seen_s[rows] = np.where(use, self.stamp_s, self.seen_s[rows])
        return measured._replace(score=np.where(use, measured.score, 0.0), valid=use)

    def _widened(
        self, rows: np.ndarray | slice, P: np.ndarray, y: np.ndarray, jumped: np.ndarray
    ) -> np.ndarray:
        """Return P with room for a sudden motion, the median innovation y, of those who jumped."""
        since_s = np.maximum(self.stamp_s - self.seen_s[rows].max(axis=1), 1e-3)
        P = P.copy()
        for i in np.flatnonzero(jumped):
            shift = float(np.hypot(*np.nanmedian(y[i], axis=0)))
            arm = np.array([1.0, 1.0 / since_s[i], 0.0][: self.order]) * shift
            P[i] += np.outer(arm, arm)
        return P

    def _noise(
        self, score: np.ndarray, height_px: np.ndarray, log_r_scale: np.ndarray
    ) -> np.ndarray:
        """Return R (n, 17), px^2: a lower score is a less certain place."""
        std = OKS_SIGMAS * (OKS_SCALE * np.exp(log_r_scale) * height_px)[:, None] * (
            NOISE + NOISE_OF_DOUBT * doubt(score)
        )
        return self.measurement_noise**2 * (std**2 + NOISE_FLOOR_PX**2)

    def _initial_P(self, R: np.ndarray, height_px: np.ndarray) -> np.ndarray:
        """Return P (..., D, D) of keypoints measured once, R and height_px (...)."""
        P = np.zeros((*R.shape, self.order, self.order))
        P[..., 0, 0] = R
        P[..., 1, 1] = (INITIAL_SPEED * height_px) ** 2
        if self.order == 3:
            P[..., 2, 2] = (INITIAL_ACCELERATION * height_px) ** 2
        return P
