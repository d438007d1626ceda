# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The One Euro filter over arrays: a low-pass whose cutoff rises with speed.

Casiez, Roussel and Vogel, 1 Euro Filter, CHI 2012. Each array element is filtered by itself.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.geometry import apply_homography, homography_jacobian

DERIVATIVE_CUTOFF_HZ = 1.0
"""Cutoff of the speed's own low-pass, the paper's."""


class OneEuroFilter:
    """
    Filter an array-valued signal sampled at any times.

    There is no reset: build a new filter, which starts without a past.

    Parameters
    ----------
    min_cutoff_hz : float
        Cutoff at rest, above 0. Lower: less jitter at rest, more delay.
    beta : float
        Rise of the cutoff with speed, Hz per (signal unit per second), 0 or more. Higher: less
        delay in motion.
    """

    def __init__(self, min_cutoff_hz: float = 1.0, beta: float = 0.0) -> None:
        self.min_cutoff_hz = min_cutoff_hz
        self.beta = beta
        self.value: np.ndarray | None = None
        self.derivative = self._stamp_s = np.empty(0)

    def update(self, stamp_s: float, sample: np.ndarray) -> np.ndarray:
        """
        Filter one sample.

        Parameters
        ----------
        stamp_s : float
            Seconds, later than the sample before; 0 is a time like any other.
        sample : array of any one shape
            NaN where there is no sample: the past is kept there, and used again at the next one.

        Returns
        -------
        array like `sample`
            Filtered signal; NaN where nothing has come yet.
        """
        sample = np.asarray(sample, np.float64)
        if self.value is None:
            self.value = np.full(sample.shape, np.nan)
            self.derivative = np.zeros(sample.shape)
            self._stamp_s = np.full(sample.shape, stamp_s)
        present = ~np.isnan(sample)
        first = present & np.isnan(self.value)
        keep = present & ~first
        dt_s = np.where(keep, stamp_s - self._stamp_s, 1.0)
        # The authors' reference code differentiates against the last filtered value.
        slope = (sample - self.value) / dt_s
        derivative = self.derivative + _alpha(dt_s, DERIVATIVE_CUTOFF_HZ) * (
            slope - self.derivative)
        a = _alpha(dt_s, self.min_cutoff_hz + self.beta * np.abs(derivative))
        value = self.value + a * (sample - self.value)
        self.derivative = np.where(keep, derivative, self.derivative)
        self.value = np.where(keep, value, np.where(first, sample, self.value))
        self._stamp_s = np.where(present, stamp_s, self._stamp_s)
        return self.value.copy()


def _alpha(dt_s: np.ndarray, cutoff_hz: np.ndarray | float) -> np.ndarray:
    """Return alpha = 1 / (1 + tau / dt), tau = 1 / (2 pi cutoff): the weight of the new sample."""
    r = 2.0 * np.pi * cutoff_hz * dt_s
    return r / (r + 1.0)


class OneEuroPeople:
    """One Euro filters of the keypoints of tracked people, one for each id."""

    def __init__(self) -> None:
        self._filters: dict[int, OneEuroFilter] = {}

    def update(
        self, stamp_s: float, ids: list[int], xy: np.ndarray, min_cutoff_hz: float,
        betas: list[float],
    ) -> None:
        """Filter the keypoints xy (n, 17, 2), px, NaN where not seen; betas in Hz per px/s."""
        for track, points, beta in zip(ids, xy, betas):
            one_euro = self._filters.setdefault(track, OneEuroFilter())
            one_euro.min_cutoff_hz, one_euro.beta = min_cutoff_hz, beta
            one_euro.update(stamp_s, points)

    def carry(self, motion: np.ndarray) -> None:
        """Carry all people through the camera's motion, a homography (3, 3) of pixels."""
        for one_euro in self._filters.values():
            if one_euro.value is not None:
                jacobian = homography_jacobian(motion, one_euro.value)
                one_euro.value = apply_homography(motion, one_euro.value)
                one_euro.derivative = (jacobian @ one_euro.derivative[..., None])[..., 0]

    def keep(self, ids: list[int]) -> None:
        """Forget all people but these."""
        self._filters = {i: f for i, f in self._filters.items() if i in ids}

    def shown(self, ids: list[int], xy: np.ndarray, observed: np.ndarray) -> np.ndarray:
        """Return xy (N, 17, 2) with the keypoints `observed` (N, 17) replaced by filtered ones."""
        xy = xy.copy()
        for row, track in enumerate(ids):
            one_euro = self._filters.get(track)
            if one_euro is not None and one_euro.value is not None:
                xy[row, observed[row]] = one_euro.value[observed[row]]
        return xy
