# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where people were last known in 3-D, for those not seen any more."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pose_ros.core.proximity.distance import walked_sigma_m

KEPT_S = 10.0
"""Longer ago it says nothing any more: 16 m."""


class LastSeen(NamedTuple):
    """
    N people, now or when last seen.

    Attributes
    ----------
    position, velocity : (N, 17, 3) float64
        m and m/s; NaN where never known. A person not seen does not move, but gets uncertain.
    covariance : (N, 17, 3, 3) float64
        m^2.
    sigma_m : (N,) float64
        How far each may have gone since, one standard deviation; 0 for a person known now.
    """

    position: np.ndarray
    velocity: np.ndarray
    covariance: np.ndarray
    sigma_m: np.ndarray


class LastSeenTracks:
    """Keeps the last known joints of each id."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[float, np.ndarray, np.ndarray]] = {}
        self._stamp_s = -np.inf

    def update(
        self,
        stamp_s: float,
        later_s: float,
        ids: np.ndarray,
        position: np.ndarray,
        velocity: np.ndarray,
        covariance: np.ndarray,
    ) -> LastSeen:
        """
        Take what was known of N people; ids that are not given are forgotten.

        Parameters
        ----------
        stamp_s : float
            When it was; a time before the last one forgets all people.
        later_s : float
            The answer is for so long after it.
        ids : (N,) int64
        position, velocity : (N, 17, 3) float64
            m and m/s; NaN where unknown.
        covariance : (N, 17, 3, 3) float64
            m^2.
        """
        if stamp_s < self._stamp_s:
            self._kept = {}
        self._stamp_s = stamp_s
        position, velocity, covariance = position.copy(), velocity.copy(), covariance.copy()
        sigma, kept = np.zeros(len(ids)), {}
        for row, person in enumerate(ids.tolist()):
            if np.isfinite(position[row]).all(axis=1).any():
                kept[person] = (stamp_s, position[row].copy(), covariance[row].copy())
            elif person not in self._kept:
                continue
            else:
                kept[person] = self._kept[person]
                _, position[row], covariance[row] = kept[person]
            gone_s = stamp_s + later_s - kept[person][0]
            sigma[row] = walked_sigma_m(np.array(gone_s))
            if gone_s > 0:
                velocity[row] = 0.0
            if gone_s > KEPT_S:
                position[row] = covariance[row] = np.nan
        self._kept = kept
        return LastSeen(position, velocity, covariance, sigma)
