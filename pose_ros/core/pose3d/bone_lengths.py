# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How long the bones between keypoints are: of people, and of one person over time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pose_ros.core import skeleton as sk
from pose_ros.core.skeleton import NUM_KEYPOINTS

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
        (sk.LEFT_WRIST, sk.LEFT_ELBOW, FOREARM),
        (sk.RIGHT_WRIST, sk.RIGHT_ELBOW, FOREARM),
        (sk.LEFT_ELBOW, sk.LEFT_SHOULDER, UPPER_ARM),
        (sk.RIGHT_ELBOW, sk.RIGHT_SHOULDER, UPPER_ARM),
        (sk.LEFT_ANKLE, sk.LEFT_KNEE, SHANK),
        (sk.RIGHT_ANKLE, sk.RIGHT_KNEE, SHANK),
        (sk.LEFT_KNEE, sk.LEFT_HIP, THIGH),
        (sk.RIGHT_KNEE, sk.RIGHT_HIP, THIGH),
        (sk.LEFT_SHOULDER, sk.RIGHT_SHOULDER, SHOULDERS),
        (sk.LEFT_HIP, sk.RIGHT_HIP, HIPS),
        (sk.LEFT_HIP, sk.LEFT_SHOULDER, TRUNK),
        (sk.RIGHT_HIP, sk.RIGHT_SHOULDER, TRUNK),
        (sk.LEFT_EAR, sk.LEFT_SHOULDER, NECK),
        (sk.RIGHT_EAR, sk.RIGHT_SHOULDER, NECK),
        (sk.LEFT_EAR, sk.NOSE, FACE),
        (sk.RIGHT_EAR, sk.NOSE, FACE),
        (1, sk.NOSE, FACE),
        (2, sk.NOSE, FACE),
    ]
)
"""(B, 3) int: the end farther from the trunk, the nearer end, the kind."""
_FAR, _NEAR, _KIND = BONES.T

PRIOR_SIGMA = 0.2
"""How far a person's limbs may be from TYPICAL_M, children included, relative."""

POSE_SIGMA = 0.1
"""How much the distance of two keypoints changes with the posture, relative."""

HIDDEN_SIGMA = 0.4
"""The same for a bone that points along the ray, whose far end hides behind the near one."""

EXACT_SIGMA = 0.01
"""No length gets better known than this, relative."""

SHORTEST_M: np.ndarray = TYPICAL_M * 0.5
"""(9,) float64: shorter bones are not real, except of the face: a person of 0.85 m."""
SHORTEST_M[FACE] = SHORTEST_M[NECK] = 0.0

_ENDS = np.zeros((len(BONES), NUM_KEYPOINTS))
_ENDS[np.arange(len(BONES)), _FAR] = _ENDS[np.arange(len(BONES)), _NEAR] = 1.0
_ACROSS = (_KIND == SHOULDERS) | (_KIND == HIPS)
_OF_KIND = (_KIND[:, None] == np.arange(len(TYPICAL_M))).astype(np.float64)


class Lengths(NamedTuple):
    """
    Measured bones of N people.

    Attributes
    ----------
    length_m : (N, B) float64
        Metres; NaN where an end is unknown.
    variance : (N, B) float64
        Of the length, m^2, the ends taken to be independent.
    steep : (N, B) float64
        Cosine of the angle with the optical axis.
    """

    length_m: np.ndarray
    variance: np.ndarray
    steep: np.ndarray


def lengths(position: np.ndarray, covariance: np.ndarray) -> Lengths:
    """
    Measure the bones.

    Parameters
    ----------
    position : (N, 17, 3) float64
        Metres; NaN where unknown.
    covariance : (N, 17, 3, 3) float64
        m^2.
    """
    between = position[:, _FAR] - position[:, _NEAR]
    length = np.sqrt((between * between).sum(axis=2))
    along = between / np.maximum(length, 1e-6)[..., None]
    both = covariance[:, _FAR] + covariance[:, _NEAR]
    return Lengths(length, np.einsum('nbi,nbij,nbj->nb', along, both, along), along[..., 2])


def to_blame(violated: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """
    Name the keypoints (N, 17) that must go so that no bone (N, B) is violated.

    The keypoint with more violated bones is the wrong one. Between equals it is the one farther
    from the trunk, whose place is the less certain; across the trunk the one in more doubt
    (N, 17).
    """
    wrong = np.zeros((len(violated), NUM_KEYPOINTS), bool)
    left = violated.copy()
    while left.any():
        count = left @ _ENDS
        far, near = count[:, _FAR], count[:, _NEAR]
        blame_near = (near > far) | (
            (near == far) & _ACROSS & (doubt[:, _NEAR] > doubt[:, _FAR])
        )
        # Only the clearest case of each person: without it its neighbours may be right.
        rows = np.flatnonzero(left.any(axis=1))
        bone = np.where(left, np.maximum(far, near), 0.0)[rows].argmax(axis=1)
        wrong[rows, np.where(blame_near[rows, bone], _NEAR[bone], _FAR[bone])] = True
        left &= ~(wrong[:, _FAR] | wrong[:, _NEAR])
    return wrong


def impossible(position: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """
    Find keypoints at the end of bones longer or shorter than any person's.

    Two standard deviations are allowed to long ones, one to short ones.

    Returns
    -------
    (N, 17) bool
    """
    length, variance, _ = lengths(position, covariance)
    sigma = np.sqrt(variance)
    violated = (length - 2.0 * sigma > LONGEST_M[_KIND]) | (length + sigma < SHORTEST_M[_KIND])
    return _blamed(violated, covariance)


def _blamed(violated: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    if not violated.any():
        return np.zeros(covariance.shape[:2], bool)
    return to_blame(violated, np.nan_to_num(np.trace(covariance, axis1=2, axis2=3)))


class LimbLengths:
    """
    The limb lengths of N people, known better from image to image.

    Attributes
    ----------
    length_m : (N, 9) float64
        Per kind.
    variance : (N, 9) float64
        m^2.
    """

    def __init__(self) -> None:
        self.length_m = np.empty((0, len(TYPICAL_M)))
        self.variance = np.empty((0, len(TYPICAL_M)))

    def take(self, rows: np.ndarray) -> None:
        """Keep the people `rows` (M,) int in this order; -1 is a new person."""
        new = rows < 0
        if len(self.length_m):
            self.length_m, self.variance = self.length_m[rows], self.variance[rows]
        else:
            self.length_m = np.empty((len(rows), len(TYPICAL_M)))
            self.variance = self.length_m.copy()
        self.length_m[new] = TYPICAL_M
        self.variance[new] = (PRIOR_SIGMA * TYPICAL_M) ** 2

    def bones(self) -> tuple[np.ndarray, np.ndarray]:
        """Return length m and variance m^2 of each of BONES, (N, B) each."""
        return self.length_m[:, _KIND], self.variance[:, _KIND]

    def implausible(self, measured: Lengths, covariance: np.ndarray) -> np.ndarray:
        """
        Find keypoints at the end of bones that are not this person's.

        Parameters
        ----------
        measured : Lengths
            The bones in one image.
        covariance : (N, 17, 3, 3) float64
            Of the keypoints, m^2.

        Returns
        -------
        (N, 17) bool
        """
        own, own_variance = self.bones()
        limit = 3.0 * np.sqrt(measured.variance + own_variance) + 0.1 * own
        violated = np.abs(measured.length_m - own) > limit
        violated[:, _KIND == FACE] = False
        return _blamed(violated, covariance)

    def learn(self, measured: Lengths, used: np.ndarray) -> None:
        """
        Take in the bones measured in one image.

        Parameters
        ----------
        measured : Lengths
        used : (N, 17) bool
            The keypoints that were believed.
        """
        own, own_variance = self.bones()
        error = measured.length_m - own
        relative = POSE_SIGMA**2 + (HIDDEN_SIGMA * measured.steep) ** 2
        variance = measured.variance + relative * own**2
        fits = used[:, _FAR] & used[:, _NEAR] & (error**2 < 9.0 * (variance + own_variance))
        weight = np.where(fits, 1.0 / np.where(fits, variance, 1.0), 0.0)
        total = 1.0 / self.variance + weight @ _OF_KIND
        self.length_m = self.length_m + (weight * np.where(fits, error, 0.0)) @ _OF_KIND / total
        # Errors of one posture repeat: no number of images makes a length exact.
        self.variance = np.maximum(1.0 / total, (EXACT_SIGMA * TYPICAL_M) ** 2)
