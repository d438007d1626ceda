# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How long the bones between keypoints are: of people, and of one person over time."""

from __future__ import annotations

import numpy as np

from pose_ros.core.skeleton import (
    LEFT_ANKLE,
    LEFT_EAR,
    LEFT_ELBOW,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NOSE,
    NUM_KEYPOINTS,
    RIGHT_ANKLE,
    RIGHT_EAR,
    RIGHT_ELBOW,
    RIGHT_HIP,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
)

FOREARM, UPPER_ARM, SHANK, THIGH, SHOULDERS, HIPS, TRUNK, NECK, FACE = range(9)
"""Kinds of bones: left and right of one person are taken to be equally long."""

TYPICAL_M: np.ndarray = np.array([0.255, 0.305, 0.415, 0.415, 0.35, 0.20, 0.49, 0.24, 0.13])
"""
(9,) float64: typical length of each kind in adults, metres.

Forearm: radiale-stylion, shoulders: biacromial breadth less half a humeral head on either side,
mean of men and women of ANSUR II (Gordon et al., Natick/TR-15/007, 2014). Upper arm, legs and
trunk: Drillis and Contini (1966) at 1.69 m. Hips, neck (ear to shoulder) and face (nose to ear):
as annotated in COCO, where they are no joint centres.
"""

LONGEST_M: np.ndarray = TYPICAL_M * 1.3 + np.array([0.03] * 6 + [0.05] * 3)
"""(9,) float64: longer bones are not real; 1.25 is the 99th percentile of men over the mean."""

BONES: np.ndarray = np.array(
    [
        (LEFT_WRIST, LEFT_ELBOW, FOREARM),
        (RIGHT_WRIST, RIGHT_ELBOW, FOREARM),
        (LEFT_ELBOW, LEFT_SHOULDER, UPPER_ARM),
        (RIGHT_ELBOW, RIGHT_SHOULDER, UPPER_ARM),
        (LEFT_ANKLE, LEFT_KNEE, SHANK),
        (RIGHT_ANKLE, RIGHT_KNEE, SHANK),
        (LEFT_KNEE, LEFT_HIP, THIGH),
        (RIGHT_KNEE, RIGHT_HIP, THIGH),
        (LEFT_SHOULDER, RIGHT_SHOULDER, SHOULDERS),
        (LEFT_HIP, RIGHT_HIP, HIPS),
        (LEFT_HIP, LEFT_SHOULDER, TRUNK),
        (RIGHT_HIP, RIGHT_SHOULDER, TRUNK),
        (LEFT_EAR, LEFT_SHOULDER, NECK),
        (RIGHT_EAR, RIGHT_SHOULDER, NECK),
        (LEFT_EAR, NOSE, FACE),
        (RIGHT_EAR, NOSE, FACE),
        (1, NOSE, FACE),
        (2, NOSE, FACE),
    ]
)
"""(B, 3) int: the end farther from the trunk, the nearer end, the kind."""
_FAR, _NEAR, _KIND = BONES.T

_ENDS = np.zeros((len(BONES), NUM_KEYPOINTS))
_ENDS[np.arange(len(BONES)), _FAR] = _ENDS[np.arange(len(BONES)), _NEAR] = 1.0


def lengths(position: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Measure the bones.

    Parameters
    ----------
    position : (N, 17, 3) float64
        Metres; NaN where unknown.
    covariance : (N, 17, 3, 3) float64
        m^2.

    Returns
    -------
    length : (N, B) float64
        Metres; NaN where an end is unknown.
    variance : (N, B) float64
        Of the length, m^2, the ends taken to be independent.
    """
    between = position[:, _FAR] - position[:, _NEAR]
    length = np.sqrt((between * between).sum(axis=2))
    along = between / np.maximum(length, 1e-6)[..., None]
    both = covariance[:, _FAR] + covariance[:, _NEAR]
    return length, np.einsum('nbi,nbij,nbj->nb', along, both, along)


def to_blame(violated: np.ndarray) -> np.ndarray:
    """
    Name the keypoints that must go so that no violated bone is left.

    The keypoint with more violated bones is the wrong one; between equals it is the one farther
    from the trunk, whose place is the less certain.

    Parameters
    ----------
    violated : (N, B) bool

    Returns
    -------
    (N, 17) bool
    """
    wrong = np.zeros((len(violated), NUM_KEYPOINTS), bool)
    left = violated.copy()
    while left.any():
        count = left @ _ENDS
        blame_near = count[:, _NEAR] > count[:, _FAR]
        worst = np.zeros_like(wrong)
        # Only the clearest case of each person: removing it may explain its neighbours.
        clearest = np.where(left, np.maximum(count[:, _FAR], count[:, _NEAR]), 0.0)
        bone = clearest.argmax(axis=1)
        rows = np.flatnonzero(left.any(axis=1))
        picked = np.where(blame_near[rows, bone[rows]], _NEAR[bone[rows]], _FAR[bone[rows]])
        worst[rows, picked] = True
        wrong |= worst
        left &= ~(wrong[:, _FAR] | wrong[:, _NEAR])
    return wrong


def impossible(position: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """
    Find keypoints at the end of bones longer than anybody's, two standard deviations allowed.

    Returns
    -------
    (N, 17) bool
    """
    length, variance = lengths(position, covariance)
    with np.errstate(invalid='ignore'):
        return to_blame(length - 2.0 * np.sqrt(variance) > LONGEST_M[_KIND])
