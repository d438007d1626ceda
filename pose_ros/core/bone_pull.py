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
_AT_FAR = np.zeros((len(_PULLING), NUM_KEYPOINTS))
_AT_NEAR = np.zeros_like(_AT_FAR)
_AT_FAR[np.arange(len(_PULLING)), _FAR] = _AT_NEAR[np.arange(len(_PULLING)), _NEAR] = 1.0


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
    far_xx, near_xx = xx[:, _FAR], xx[:, _NEAR]
    # Bones that meet in a joint share it, or they would pull too far together.
    share = (OVER / np.maximum(sure @ (_AT_FAR + _AT_NEAR), 1.0))[..., None]
    deeper = np.zeros((*own.shape, 3))
    deeper[..., 2] = np.where(far_xx[..., 2, 2] >= near_xx[..., 2, 2], 1.0, -1.0)
    for _ in range(PULLS):
        between = x[:, _FAR] - x[:, _NEAR]
        length = np.sqrt((between * between).sum(axis=2))
        along = between / np.maximum(length, 1e-6)[..., None]
        # A bone that seems to have no length points at the camera, the surer end first.
        short = length < 0.3 * own
        if short.any():
            along[short] = deeper[short]
            length = np.where(short, (between * along).sum(axis=2), length)
        off = np.where(sure, own - length, 0.0)
        if (np.abs(off) < 0.01 * own).all():
            break
        far = (far_xx @ along[..., None])[..., 0]
        near = (near_xx @ along[..., None])[..., 0]
        S = ((far + near) * along).sum(axis=2) + variance
        pull = (off / S)[..., None]
        x = x + share * (_AT_FAR.T @ (far * pull) - _AT_NEAR.T @ (near * pull))
    return x
