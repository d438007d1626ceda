# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What the innovations say about the filter's noises, and the noises that they call for.

Innovations of a filter with the right noises are white: successive ones are not correlated. When
they point the same way again and again the filter lags, and its process noise is too small; when
they alternate it chases the noise, and its process noise is too large. Their size, once they are
white, is that of the measurement noise. Mehra, Approaches to adaptive filtering, IEEE
Transactions on Automatic Control 17 (1972).
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.skeleton import NUM_KEYPOINTS

FADING = 0.5
"""Share of the past in the correlation, per update."""

Q_GAIN = 0.4
"""How fast the logarithm of the process noise follows the correlation."""

LOG_Q_RANGE = (-3.5, 1.0)
"""Bounds of that logarithm: log_q_floor and wildest."""

CALMING = 0.05
"""Correlation below which the process noise falls: at rest there is none to speak of."""

SURPRISE, SURPRISE_GAIN = 2.0, 0.3
"""Innovations so many times larger than expected raise it at once, before a correlation shows."""

OWN_SHARE = 0.6
"""Share of a keypoint's own correlation; the rest is the person's: bodies start as one."""

R_GAIN = 0.1
"""How fast the logarithm of the measurement noise follows the size of the innovations."""

LOG_R_RANGE = (-1.5, 1.0)
"""Bounds of that logarithm."""

CAP = 5.0
"""A single innovation counts no more than this many times the expected."""


class AdaptiveNoise:
    """
    Innovation statistics of N people x 17 keypoints.

    Attributes
    ----------
    log_q_scale : (N, 17) float64
        Logarithm of the factor on the process noise's standard deviation.
    log_r_scale : (N,) float64
        Likewise on the measurement noise's.
    """

    _ARRAYS = ('log_q_scale', 'log_r_scale', '_last', '_moments')

    def __init__(self) -> None:
        k = NUM_KEYPOINTS
        self.log_q_scale = np.empty((0, k))
        self.log_r_scale = np.empty(0)
        self._last = np.empty((0, k, 2))
        self._moments = np.empty((0, k, 2))

    def add(self, n: int) -> None:
        """Append n new people."""
        for name in self._ARRAYS:
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros((n, *array.shape[1:]))]))

    def keep(self, rows: np.ndarray) -> None:
        """Keep the people picked by a mask (N,) bool."""
        for name in self._ARRAYS:
            setattr(self, name, getattr(self, name)[rows])

    def update(
        self,
        rows: np.ndarray | slice,
        y: np.ndarray,
        S: np.ndarray,
        nis: np.ndarray,
        expected: np.ndarray,
        log_q_floor: float,
    ) -> None:
        """
        Take the innovations of one update.

        Parameters
        ----------
        rows : (n,) int, or slice
            Whose.
        y, S, nis : (n, 17, 2), (n, 17), (n, 17) float64
            Innovations, their variances and normalised squares; anything where not expected.
        expected : (n, 17) bool
            Where there were a prediction and a measurement.
        log_q_floor : float
            Added to the lower bound of the log_q_scale.
        """
        size = np.where(expected, np.minimum(nis * 0.5, CAP), 0.0)
        # Normalised, shortened to the cap, 0 where there is none.
        unit = y * np.sqrt(size / np.maximum(nis * S, 1e-12))[..., None]
        unit[~expected] = 0.0
        along = np.einsum('nki,nki->nk', unit, self._last[rows])
        self._last[rows] = unit
        moments = FADING * self._moments[rows]
        moments[..., 0] += along
        moments[..., 1] += size
        self._moments[rows] = moments
        # Half an expected innovation in the denominator keeps a few small ones from deciding.
        mean = moments.sum(axis=1) / NUM_KEYPOINTS
        body = mean[:, 0] / (mean[:, 1] + 0.03)
        own = moments[..., 0] / (moments[..., 1] + 0.5)
        count = np.maximum(expected.sum(axis=1), 1)
        level = size.sum(axis=1) / count
        common = (1.0 - OWN_SHARE) * body - CALMING
        common += SURPRISE_GAIN * np.maximum(level - SURPRISE, 0.0)
        log_q_scale = self.log_q_scale[rows] + Q_GAIN * (OWN_SHARE * own + common[:, None])
        low, high = LOG_Q_RANGE
        self.log_q_scale[rows] = np.minimum(np.maximum(log_q_scale, low + log_q_floor), high)
        # The correlated part of their size is lag, not noise.
        change = level * (1.0 - np.maximum(body, 0.0)) - 1.0
        log_r_scale = self.log_r_scale[rows] + R_GAIN * change * (count >= 5)
        low, high = LOG_R_RANGE
        self.log_r_scale[rows] = np.minimum(np.maximum(log_r_scale, low), high)
