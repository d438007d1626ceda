# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Joints pulled so that the bones between them are as long as the person's own are known to be.

It tells most where depth does not: an arm pointing at the camera, a shoulder behind the body.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.limbs import BONES, HIPS, LimbLengths
from pose_ros.core.skeleton import NUM_KEYPOINTS

PULLS = 16
"""Largest number of rounds of pulling: bones that meet disturb each other. Mostly one will do."""

OVER = 1.7
"""Over-relaxation: each round goes farther than it should, to need fewer; below 2 it is stable."""

SURE = 0.12
"""Lengths less certain than this, relative, do not pull."""

BONE_SIGMA = 0.02
"""How well the length of a bone holds, relative."""

_PULLING = BONES[BONES[:, 2] <= HIPS]
_FAR, _NEAR, _KIND = _PULLING.T
_AT_FAR = np.eye(NUM_KEYPOINTS)[_FAR]
_AT_NEAR = np.eye(NUM_KEYPOINTS)[_NEAR]
_BETWEEN = _AT_FAR - _AT_NEAR  # (B, 17): bones of joints
_TO_JOINTS = np.concatenate([_AT_FAR, -_AT_NEAR]).T  # (17, 2B): joints of both kinds of ends
_ENDS = np.concatenate([_FAR, _NEAR])
_ANY = _AT_FAR + _AT_NEAR


def pulled(x: np.ndarray, xx: np.ndarray, known: np.ndarray, limbs: LimbLengths) -> np.ndarray:
    """
    Move the ends of bones towards the person's own lengths.

    The covariance stays: how long a bone is, is no news from image to image.

    Parameters
    ----------
    x : (N, 17, 3) float64
        Metres.
    xx : (N, 17, 3, 3) float64
        Covariance, m^2: the less certain end moves more.
    known : (N, 17) bool
        The joints that hold and are moved.
    limbs : LimbLengths
        Of the N people.

    Returns
    -------
    (N, 17, 3) float64
        Metres.
    """
    both = known[:, _FAR] & known[:, _NEAR]
    own, variance = limbs.length_m[:, _KIND], limbs.variance[:, _KIND]
    sure = both & (variance < (SURE * own) ** 2)
    variance = variance + (BONE_SIGMA * own) ** 2
    ends_xx = xx[:, _ENDS]
    # Bones that meet in a joint share it, or they would pull too far together.
    share = (OVER / np.maximum(sure @ _ANY, 1.0))[..., None]
    count, close = len(_FAR), 0.01 * own
    for _ in range(PULLS):
        between = _BETWEEN @ x
        length = np.sqrt((between * between).sum(axis=2))
        along = between / np.maximum(length, 1e-6)[..., None]
        # A bone that seems to have no length points at the camera, the surer end first.
        short = length < 0.3 * own
        if short.any():
            along[short] = 0.0
            farther = ends_xx[:, :count, 2, 2] >= ends_xx[:, count:, 2, 2]
            along[short, 2] = np.where(farther, 1.0, -1.0)[short]
            length = np.where(short, (between * along).sum(axis=2), length)
        off = np.where(sure, own - length, 0.0)
        if (np.abs(off) < close).all():
            break
        ends = (ends_xx @ np.concatenate([along, along], axis=1)[..., None])[..., 0]
        S = ((ends[:, :count] + ends[:, count:]) * along).sum(axis=2) + variance
        pull = off / S
        x = x + share * (_TO_JOINTS @ (ends * np.concatenate([pull, pull], axis=1)[..., None]))
    return x
