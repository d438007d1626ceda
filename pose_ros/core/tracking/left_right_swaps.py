# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Undo exchanges of left and right.

Networks at times call a person's left limbs right and the reverse, most from behind and in side
view. When the exchanged hypothesis explains a measurement clearly better than the plain one, it
is taken, unless that goes on: then the track had begun with its sides exchanged.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.skeleton import FLIP_INDEX, NUM_KEYPOINTS
from pose_ros.core.tracking import kalman
from pose_ros.core.tracking.detections import Detections

LIMBS = np.zeros((3, NUM_KEYPOINTS))
"""(3, 17): face, arms and legs: networks exchange the sides of a whole group."""
LIMBS[0, 1:5] = LIMBS[1, 5:11] = LIMBS[2, 11:17] = 1.0

MARGIN = 9.0
"""A group is exchanged when that lowers its sum of squared Mahalanobis distances by as much."""

LONGEST_S = 0.5
"""An exchange that lasts longer is believed."""


def impossible(nis: np.ndarray, expected: np.ndarray) -> bool:
    """Say at once, most of the time, that no keypoint is so far off that it could be another."""
    return not np.any(expected & (nis > MARGIN))


def exchanged(
    x: np.ndarray,
    P: np.ndarray,
    measured: Detections,
    R: np.ndarray,
    expected: np.ndarray,
    nis: np.ndarray,
    gate_sigma: float,
    since_s: np.ndarray,
    stamp_s: float,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Find the groups of keypoints that the network gave to the other side.

    Parameters
    ----------
    x, P : (n, 17, D, 2), (n, 17, D, D) float64
        Predicted states.
    measured : Detections
    R, nis : (n, 17) float64
        Noise, and squared Mahalanobis distances as measured.
    expected : (n, 17) bool
        Where there are a prediction and a measurement.
    gate_sigma : float
        Distances count no more than this, so that one wild keypoint does not decide.
    since_s : (n, 3) float64
        Since when each group is measured exchanged; NaN where it is not.
    stamp_s : float
        Now.

    Returns
    -------
    exchanged : (n, 17) bool
    since_s : (n, 3) float64
        The new one.
    """
    both = expected & expected[:, FLIP_INDEX]
    limit = gate_sigma**2
    plain = np.where(both, np.minimum(nis, limit), 0.0)
    y, S = kalman.innovation(x, P, measured.xy[:, FLIP_INDEX], R[:, FLIP_INDEX])
    crossed = np.where(both, np.minimum(kalman.mahalanobis_squared(y, S), limit), 0.0)
    better = (plain - crossed) @ LIMBS.T > MARGIN
    since_s = np.where(better, np.fmin(since_s, stamp_s), np.nan)
    better &= stamp_s - since_s < LONGEST_S
    return better @ LIMBS > 0, since_s


def put_right(measured: Detections, exchanged: np.ndarray) -> Detections:
    """Return the detections with the keypoints `exchanged` (n, 17) bool given back."""
    index = np.where(exchanged, FLIP_INDEX, np.arange(NUM_KEYPOINTS))
    return measured._replace(
        xy=np.take_along_axis(measured.xy, index[..., None], axis=1),
        score=np.take_along_axis(measured.score, index, axis=1),
        valid=np.take_along_axis(measured.valid, index, axis=1),
    )
