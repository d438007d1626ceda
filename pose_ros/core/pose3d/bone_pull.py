# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Joints pulled so that the bones between them are as long as the person's own are known to be.

It tells most where depth does not: an arm pointing at the camera, a shoulder behind the body.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.pose3d.bone_lengths import BONES, HIPS, LimbLengths
from pose_ros.core.skeleton import NUM_KEYPOINTS

PULLS = 4
"""Largest number of rounds of pulling: bones turn while they are pulled. Mostly two will do."""

SURE = 0.12
"""Lengths less certain than this, relative, do not pull."""

BONE_SIGMA = 0.02
"""How well the length of a bone holds, relative."""

_PULLING = BONES[BONES[:, 2] <= HIPS]
_FAR, _NEAR, _KIND = _PULLING.T
_BETWEEN = np.eye(NUM_KEYPOINTS)[_FAR] - np.eye(NUM_KEYPOINTS)[_NEAR]  # (B, 17): bones of joints
_DIAGONAL = np.arange(len(_FAR))
_NONE_M2 = 1e6


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
    n, count = len(x), len(_FAR)
    own, variance = limbs.length_m[:, _KIND], limbs.variance[:, _KIND]
    sure = known[:, _FAR] & known[:, _NEAR] & (variance < (SURE * own) ** 2)
    if not sure.any():
        return x
    close = 0.01 * own
    # What is not sure is a constraint so soft that it is none.
    softness = np.where(sure, variance + (BONE_SIGMA * own) ** 2, _NONE_M2)
    for _ in range(PULLS):
        between = _BETWEEN @ x
        length = np.sqrt((between * between).sum(axis=2))
        along = between / np.maximum(length, 1e-6)[..., None]
        # A bone that seems to have no length points at the camera, the surer end first.
        short = sure & (length < 0.3 * own)
        if short.any():
            deep = xx[..., 2, 2]
            along[short] = 0.0
            along[short, 2] = np.where(deep[:, _FAR] >= deep[:, _NEAR], 1.0, -1.0)[short]
            length = np.where(short, (between * along).sum(axis=2), length)
        off = np.where(sure, own - length, 0.0)
        if (np.abs(off) < close).all():
            break
        # One step of Gauss and Newton for all bones of a person together.
        J = _BETWEEN[..., None] * along[:, :, None]
        JP = (J[..., None, :] @ xx[:, None]).reshape(n, count, -1)
        S = JP @ J.reshape(n, count, -1).swapaxes(1, 2)
        S[:, _DIAGONAL, _DIAGONAL] += softness
        pull = np.linalg.solve(S, off[..., None])
        x = x + (pull.swapaxes(1, 2) @ JP).reshape(x.shape)
    return x
