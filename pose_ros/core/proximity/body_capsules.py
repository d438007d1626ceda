# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The body around the 17 keypoints: capsules whose ends are weighted sums of keypoints.

Radii and the reach of hand and foot are rounded from ANSUR II (Gordon et al., Natick/TR-15/007,
2014): circumferences of forearm, biceps, calf, thigh over 2 pi, breadth and length of the head,
depth of the chest, length of hand and foot. They vary along a limb, between people and with
clothes: a standard deviation stands with each.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core import skeleton as sk
from pose_ros.core.pose3d.bone_lengths import BONES, SHANK, THIGH, TYPICAL_M
from pose_ros.core.skeleton import NUM_KEYPOINTS

HAND = 0.45
"""Palm beyond the wrist, over the forearm: 0.115 m, between a fist and stretched fingers."""

_Weights = dict[int, float]
_CHEST: _Weights = {sk.LEFT_SHOULDER: 0.5, sk.RIGHT_SHOULDER: 0.5}
_HIPS: _Weights = {sk.LEFT_HIP: 0.5, sk.RIGHT_HIP: 0.5}
_HEAD: _Weights = {sk.LEFT_EAR: 0.5, sk.RIGHT_EAR: 0.5}


_AROUND = (
    (range(sk.NOSE, sk.LEFT_EAR), 0.010, 0.005),
    ((sk.LEFT_EAR, sk.RIGHT_EAR), 0.015, 0.010),
    ((sk.LEFT_SHOULDER, sk.RIGHT_SHOULDER), 0.060, 0.010),
    ((sk.LEFT_ELBOW, sk.RIGHT_ELBOW), 0.043, 0.008),
    ((sk.LEFT_WRIST, sk.RIGHT_WRIST), 0.030, 0.008),
    ((sk.LEFT_HIP, sk.RIGHT_HIP), 0.090, 0.015),
    ((sk.LEFT_KNEE, sk.RIGHT_KNEE), 0.060, 0.010),
    # The foot points anywhere: it reaches from 0.04 to 0.19 m beyond the ankle.
    ((sk.LEFT_ANKLE, sk.RIGHT_ANKLE), 0.090, 0.050),
)
"""Body around single keypoints: which, radius and its standard deviation, metres."""


def _parts() -> list[tuple[_Weights, _Weights, float, float]]:
    """Return begin, end, radius and its standard deviation of each capsule, metres."""
    parts: list[tuple[_Weights, _Weights, float, float]] = [
        (_HEAD, _HEAD, 0.095, 0.010),
        (_CHEST, _HEAD, 0.055, 0.010),
        (_CHEST, _HIPS, 0.115, 0.020),
        ({sk.LEFT_SHOULDER: 1.0}, {sk.RIGHT_SHOULDER: 1.0}, 0.065, 0.010),
        ({sk.LEFT_HIP: 1.0}, {sk.RIGHT_HIP: 1.0}, 0.100, 0.015),
    ]
    left = (
        sk.LEFT_SHOULDER, sk.LEFT_ELBOW, sk.LEFT_WRIST, sk.LEFT_HIP, sk.LEFT_KNEE, sk.LEFT_ANKLE)
    for side in (0, 1):
        shoulder, elbow, wrist, hip, knee, ankle = (joint + side for joint in left)
        hand = {wrist: 1.0 + HAND, elbow: -HAND}
        parts += [
            ({shoulder: 1.0}, {hip: 1.0}, 0.090, 0.020),
            ({shoulder: 1.0}, {elbow: 1.0}, 0.050, 0.008),
            ({elbow: 1.0}, {wrist: 1.0}, 0.036, 0.008),
            ({wrist: 1.0}, hand, 0.028, 0.015),
            ({hip: 1.0}, {knee: 1.0}, 0.075, 0.012),
            ({knee: 1.0}, {ankle: 1.0}, 0.050, 0.010),
        ]
    # What is left of a limb of which one end is not known.
    parts += [
        ({joint: 1.0}, {joint: 1.0}, radius_m, sigma_m)
        for joints, radius_m, sigma_m in _AROUND for joint in joints
    ]
    return parts


def _matrix(ends: list[_Weights]) -> np.ndarray:
    matrix = np.zeros((len(ends), NUM_KEYPOINTS))
    for row, weights in zip(matrix, ends):
        row[list(weights)] = list(weights.values())
    return matrix


_PARTS = _parts()
BEGIN: np.ndarray = _matrix([begin for begin, *_ in _PARTS])
END: np.ndarray = _matrix([end for _, end, *_ in _PARTS])
"""BEGIN, END: (C, 17) float64, weights of the keypoints in the ends of each capsule."""

RADIUS_M: np.ndarray = np.array([radius for *_, radius, _ in _PARTS])
RADIUS_SIGMA_M: np.ndarray = np.array([sigma for *_, sigma in _PARTS])
"""RADIUS_M, RADIUS_SIGMA_M: (C,) float64, metres."""

_LINKS = [(a, b, int(kind)) for a, b, kind in BONES.tolist()]
_LINKS = [link for pair in _LINKS for link in (pair, (pair[1], pair[0], pair[2]))]

HANGING: dict[int, tuple[float, float, float]] = {
    THIGH: (0.75, 0.30, 0.40),
    SHANK: (0.85, 0.25, 0.35),
}
"""
Legs that are not seen: the mean share of their length in the direction of the trunk, and the
standard deviations along it and across. An assumption, wide enough for standing, walking and, at
its edge, sitting; arms may point anywhere.
"""

_CHEST_ROW, _HIPS_ROW = _matrix([_CHEST, _HIPS])


def reach_of_unseen(
    position: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """
    Say of every unknown keypoint where it can be, given those that are known.

    A bone of length L may point anywhere: seen along any direction its far end is spread evenly
    over +-L around its near end, which has the variance L^2 / 3. Bones follow each other. Legs
    below a known trunk are as HANGING says.

    Parameters
    ----------
    position : (N, 17, 3) float64
        Metres; NaN where unknown.
    covariance : (N, 17, 3, 3) float64
        m^2.

    Returns
    -------
    position, covariance
        Filled for every person with a known keypoint; copies.
    """
    position, covariance = position.copy(), covariance.copy()
    known = np.isfinite(position).all(axis=2)
    down = (_HIPS_ROW - _CHEST_ROW) @ np.where(known[..., None], position, 0.0)
    length = np.sqrt((down * down).sum(axis=1))
    trunk = known[:, [sk.LEFT_SHOULDER, sk.RIGHT_SHOULDER, sk.LEFT_HIP, sk.RIGHT_HIP]].all(axis=1)
    down = down / np.maximum(length, 1e-6)[:, None]
    along = down[:, :, None] * down[:, None, :]
    for _ in range(NUM_KEYPOINTS):
        if (known.all(axis=1) | ~known.any(axis=1)).all():
            break
        fresh = known.copy()
        for near, far, kind in _LINKS:
            rows = known[:, near] & ~fresh[:, far]
            if not rows.any():
                continue
            bone_m = float(TYPICAL_M[kind])
            share, lengthwise, across = HANGING.get(kind, (0.0, 0.0, 0.0))
            # Downwards only: what a knee says of its hip is not how legs hang.
            hanging = (rows & trunk & (far > near) & (share > 0))[rows]
            offset = np.where(hanging[:, None], share * bone_m * down[rows], 0.0)
            spread = lengthwise**2 * along[rows] + across**2 * (np.eye(3) - along[rows])
            spread = np.where(hanging[:, None, None], spread, np.eye(3) / 3.0)
            position[rows, far] = position[rows, near] + offset
            covariance[rows, far] = covariance[rows, near] + bone_m**2 * spread
            fresh[rows, far] = True
        known = fresh
    return position, covariance
