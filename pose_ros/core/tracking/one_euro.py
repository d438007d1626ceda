# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The One Euro filter over arrays: a low-pass whose cutoff rises with speed.

Casiez, Roussel and Vogel, 1 Euro Filter, CHI 2012. Each array element is filtered by itself.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.geometry import apply_homography, homography_jacobian


def smoothing_factor(dt_s: np.ndarray | float, cutoff_hz: np.ndarray | float) -> np.ndarray:
    """Return alpha = 1 / (1 + tau / dt), tau = 1 / (2 pi cutoff): the weight of the new sample."""
    r = 2.0 * np.pi * np.asarray(cutoff_hz) * dt_s
    return r / (r + 1.0)


class OneEuroFilter:
    """
    Filter an array-valued signal sampled at any times.

    There is no reset: build a new filter, which starts without a past.

    Parameters
    ----------
    min_cutoff_hz : float
        Cutoff at rest, above 0. Lower: less jitter at rest, more delay.
    beta : float or array
        Rise of the cutoff with speed, Hz per (signal unit per second), 0 or more. Higher: less
        delay in motion.
    derivative_cutoff_hz : float
        Cutoff of the speed's own low-pass, above 0.

    Raises
    ------
    ValueError
        When a parameter is out of its range.
    """

    def __init__(
        self,
        min_cutoff_hz: float = 1.0,
        beta: float | np.ndarray = 0.0,
        derivative_cutoff_hz: float = 1.0,
    ) -> None:
        if not (min_cutoff_hz > 0 and derivative_cutoff_hz > 0 and np.all(np.asarray(beta) >= 0)):
            raise ValueError('min_cutoff_hz and derivative_cutoff_hz must be above 0, beta >= 0')
        self.min_cutoff_hz = min_cutoff_hz
        self.beta = beta
        self.derivative_cutoff_hz = derivative_cutoff_hz
        self.value: np.ndarray | None = None
        self.derivative: np.ndarray | None = None
        self._stamp_s: np.ndarray | None = None

    def update(self, stamp_s: float, sample: np.ndarray) -> np.ndarray:
        """
        Filter one sample.

        Parameters
        ----------
        stamp_s : float
            Seconds; 0 is a time like any other.
        sample : array of any one shape
            NaN where there is no sample: the past is kept there, and used again at the next one.

        Returns
        -------
        array like `sample`
            Filtered signal; NaN where nothing has come yet.

        Raises
        ------
        ValueError
            When the time does not advance.
        """
        sample = np.asarray(sample, np.float64)
        if self.value is None or self.derivative is None or self._stamp_s is None:
            self.value = sample.copy()
            self.derivative = np.zeros_like(sample)
            self._stamp_s = np.full(sample.shape, float(stamp_s))
            return self.value.copy()
        present = ~np.isnan(sample)
        dt_s = stamp_s - self._stamp_s
        if np.any(dt_s[present] <= 0):
            raise ValueError(f'the time must advance, got {stamp_s} s again or an earlier one')
        first = present & np.isnan(self.value)
        dt_s = np.where(present, dt_s, 1.0)
        # The authors' reference code differentiates against the last filtered value.
        slope = (sample - self.value) / dt_s
        a = smoothing_factor(dt_s, self.derivative_cutoff_hz)
        derivative = self.derivative + a * (slope - self.derivative)
        a = smoothing_factor(dt_s, self.min_cutoff_hz + self.beta * np.abs(derivative))
        value = self.value + a * (sample - self.value)
        keep = present & ~first
        self.derivative = np.where(keep, derivative, np.where(first, 0.0, self.derivative))
        self.value = np.where(keep, value, np.where(first, sample, self.value))
        self._stamp_s = np.where(present, stamp_s, self._stamp_s)
        return self.value.copy()


class OneEuroPeople:
    """One Euro filters of the keypoints of tracked people, one for each id."""

    def __init__(self) -> None:
        self._filters: dict[int, OneEuroFilter] = {}

    def update(
        self,
        stamp_s: float,
        ids: list[int],
        xy: np.ndarray,
        min_cutoff_hz: float,
        betas: list[float],
    ) -> None:
        """
        Filter the keypoints of the people seen now.

        Parameters
        ----------
        ids : n ids
        xy : (n, 17, 2) float64
            Pixels, NaN where not seen.
        min_cutoff_hz : float
        betas : n floats
            Hz per (pixel/s), each person's own.
        """
        for track, points, beta in zip(ids, xy, betas):
            one_euro = self._filters.setdefault(track, OneEuroFilter())
            one_euro.min_cutoff_hz, one_euro.beta = min_cutoff_hz, beta
            one_euro.update(stamp_s, points)

    def carry(self, motion: np.ndarray) -> None:
        """Carry all people through the camera's motion, a homography (3, 3) of pixels."""
        for one_euro in self._filters.values():
            if one_euro.value is not None and one_euro.derivative is not None:
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
