# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
3-D joints without a depth image: the distance of a person whose stature is assumed.

A bone of length L at depth z is seen under an angle that is largest when it lies across the ray:
L >= z l, with l its length on the plane at depth 1. So each bone says "no farther than L / l", and
those that are hardly foreshortened say where the person is. Which ones are is not known, so that
all bones vote on a grid of depths: a bone that is too long for a depth speaks against it as a
Gaussian does, one that is too short only a little, by how often its kind is foreshortened. Bones
are so in groups: what is upright when the camera looks down, what goes across when people turn.

What comes out is one depth for the body, whose error is common to all joints and does not average
out over images: the stature's, the proportions', the posture's. `Tracker3D` keeps it apart.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.bone_lengths import BONES as ALL_BONES
from pose_ros.core.pose3d.bone_lengths import (
    FOREARM,
    HIPS,
    NECK,
    SHANK,
    SHOULDERS,
    THIGH,
    TRUNK,
    TYPICAL_M,
    UPPER_ARM,
)
from pose_ros.core.pose3d.depth_lifting import lateral_sigma_m
from pose_ros.core.pose3d.joints3d import Joints3D, along_rays
from pose_ros.core.skeleton import LEFT_EYE, LEFT_HIP, LEFT_SHOULDER, NUM_KEYPOINTS, RIGHT_EYE
from pose_ros.core.tracking.tracks import PositionSource

STATURE_M = 1.69
"""Stature that the lengths TYPICAL_M belong to: mean of men and women."""

EYES_SHARE = 0.063 / STATURE_M
"""Distance of the pupils over the stature: 63 mm (Dodgson, SPIE 5291, 2004)."""

_EYES = len(TYPICAL_M)
_SHARE = np.append(TYPICAL_M / STATURE_M, EYES_SHARE)
_USED = (FOREARM, UPPER_ARM, SHANK, THIGH, SHOULDERS, HIPS, TRUNK, NECK)
_FAR, _NEAR, _KIND = np.array(
    [bone for bone in ALL_BONES.tolist() if bone[2] in _USED] + [(LEFT_EYE, RIGHT_EYE, _EYES)]
).T

PROPORTION_SIGMA: np.ndarray = np.array([0.05, 0.05, 0.05, 0.05, 0.07, 0.12, 0.06, 0.15, 0, 0.08])
"""
(10,): how far people of one stature differ in each kind of bone, relative; the kinds of `limbs`,
then the eyes. What networks call hip and ear is less certain than a joint's centre.
"""

FORESHORTENING: np.ndarray = np.array([0.35, 0.3, 0.15, 0.3, 0.35, 0.35, 0.1, 0.15, 1.0, 0.35])
"""
(10,): mean of -ln of the sine of the angle with the ray. 0.31 is that of directions that are all
equally likely; trunk and shanks are mostly upright, people turn, and forearms point about.
"""

TOGETHER: tuple[tuple[tuple[int, ...], float], ...] = (
    ((TRUNK, NECK, THIGH, SHANK), 0.12),
    ((SHOULDERS, HIPS, _EYES), 0.35),
    ((UPPER_ARM, FOREARM), 0.3),
)
"""
Bones that are foreshortened together, and the mean of -ln of that: all that is upright when the
camera looks down or the body leans, all that goes across when the body turns, both arms.
"""

POSTURE_SIGMA = 0.02
"""Relative error of the depth that remains with any number of bones."""

JITTER = 0.03
"""The part of a depth's relative error that differs from image to image; the rest repeats."""

FEWEST_BONES = 2
PIXEL_SIGMA_PX = 0.5
_LONG = 2.0  # sigmas after which a bone that is too long is taken for a wrong keypoint
_GRID = np.linspace(-1.2, 0.8, 101)  # of ln depth, around the median vote
_OF_GROUP = np.array([[kind in kinds for kinds, _ in TOGETHER] for kind in _KIND], np.float64)
_PRICE = np.array([mean for _, mean in TOGETHER])
_LEAST_DEPTH = 0.1  # share of a bone's squared length that may point along the ray unseen
_FACE_SIGMA_M = 0.1  # of the face before or behind the trunk
_TRUNK_SIGMA_M = 0.05  # of shoulders and hips, besides the turn of the trunk
_LIMB = {
    int(far): (int(near), bone)
    for bone, (far, near, kind) in enumerate(zip(_FAR, _NEAR, _KIND))
    if kind in (UPPER_ARM, THIGH)
} | {
    int(far): (int(near), bone)
    for bone, (far, near, kind) in enumerate(zip(_FAR, _NEAR, _KIND))
    if kind in (FOREARM, SHANK)
}
"""Keypoint at the end of a limb: the nearer one, and the bone between; inner ones first."""


def lift_monocular(
    camera: CameraModel,
    keypoints: Keypoints,
    stature_m: float = 1.7,
    stature_sigma_m: float = 0.1,
) -> Joints3D:
    """
    Estimate where each person's joints are, from an assumed stature.

    Parameters
    ----------
    camera : CameraModel
        Of the image.
    keypoints : Keypoints
        Image pixels.
    stature_m, stature_sigma_m : float
        Mean and standard deviation of the stature of the people to expect, metres.

    Returns
    -------
    Joints3D
        MONOCULAR, all of a person at about the same depth; unknown for people of whom too little
        is seen.
    """
    n = len(keypoints)
    joints = Joints3D.unknown(n)
    xy = keypoints.xy.astype(np.float64)
    known = np.isfinite(xy).all(axis=2) & (keypoints.score > 0)
    lines = camera.points(np.where(known[..., None], xy, np.nan), np.ones(known.shape))
    length_m = _SHARE * stature_m
    seen = _seen_lengths(lines)
    # Errors of the two ends, over the length, where the person is not foreshortened.
    noise = lateral_sigma_m(keypoints) ** 2
    votes_sigma = np.sqrt(
        PROPORTION_SIGMA[_KIND] ** 2
        + (noise[:, _FAR] + noise[:, _NEAR]) / length_m[_KIND] ** 2
        + 2.0 * (PIXEL_SIGMA_PX / float(camera.focal.mean()) / np.maximum(seen, 1e-9)) ** 2
    )
    with np.errstate(divide='ignore'):
        votes = np.log(length_m[_KIND] / seen)
    log_depth, variance = _agree(votes, votes_sigma)
    depth_m = np.exp(log_depth)
    variance = variance + POSTURE_SIGMA**2 + (stature_sigma_m / stature_m) ** 2
    along = _along_ray(seen * depth_m[:, None], length_m[_KIND]) + (variance * depth_m**2)[:, None]
    position = lines * depth_m[:, None, None]
    covariance = along_rays(along, lines)
    across = noise + (PIXEL_SIGMA_PX * depth_m[:, None] / float(camera.focal.mean())) ** 2
    covariance[..., 0, 0] += across
    covariance[..., 1, 1] += across
    there = np.isfinite(position).all(axis=2)
    joints.position[there], joints.covariance[there] = position[there], covariance[there]
    joints.source[there] = PositionSource.MONOCULAR
    return joints


def common_variance(position: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """
    Return the part of the variance along the rays that is the same in every image.

    Parameters
    ----------
    position : (..., 3) float64
        As from `lift_monocular`.
    covariance : (..., 3, 3) float64
        Likewise.

    Returns
    -------
    (...) float64
        m^2 of depth.
    """
    return np.asarray(
        np.maximum(covariance[..., 2, 2] - (JITTER * position[..., 2]) ** 2, 0.0)
    )


def _seen_lengths(lines: np.ndarray) -> np.ndarray:
    """
    Return how long the bones (N, B) would be at depth 1 if they lay across their rays.

    It is the sine of the angle between the rays of both ends, times their mean length.
    """
    norm = np.sqrt((lines * lines).sum(axis=2))
    far, near = lines[:, _FAR], lines[:, _NEAR]
    cross = np.cross(far, near)
    product = norm[:, _FAR] * norm[:, _NEAR]
    return np.sqrt((cross * cross).sum(axis=2)) / product * (norm[:, _FAR] + norm[:, _NEAR]) / 2


def _agree(votes: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of ln depth, by the largest that each bone (N, B) allows."""
    valid = np.isfinite(votes) & np.isfinite(sigma)
    enough = valid.sum(axis=1) >= FEWEST_BONES
    ordered = np.sort(np.where(valid, votes, np.inf), axis=1)
    middle = ordered[np.arange(len(votes)), valid.sum(axis=1) // 2]
    middle[~enough] = 0.0
    votes, sigma = np.where(valid, votes, 0.0), np.where(valid, sigma, 1.0)
    # How much longer than possible each bone would be, in sigmas: (N, grid, B).
    excess = (middle[:, None, None] + _GRID[:, None] - votes[:, None]) / sigma[:, None]
    short = np.minimum(sigma / FORESHORTENING[_KIND], 1.0)[:, None]
    bounded = np.clip(excess, -short, _LONG)
    # Beyond the bounds the squares go on as straight lines.
    cost = bounded * (excess - bounded / 2)
    cost = np.where(valid[:, None], cost, 0.0) @ _OF_GROUP
    # A group that is foreshortened as one may be nearer, at the price of that.
    price = _GRID[:, None] / _PRICE
    cost = np.minimum.accumulate((cost + price)[:, ::-1], axis=1)[:, ::-1] - price
    cost = cost.sum(axis=2)
    weight = np.exp(cost.min(axis=1, keepdims=True) - cost)
    weight /= weight.sum(axis=1, keepdims=True)
    mean = weight @ _GRID
    variance = weight @ _GRID**2 - mean**2
    mean = np.where(enough, middle + mean, np.nan)
    return mean, np.where(enough, variance, np.nan)


def _along_ray(seen_m: np.ndarray, length_m: np.ndarray) -> np.ndarray:
    """
    Return how uncertain each joint's depth is against the body's, (N, 17) m^2.

    A bone that is seen shorter than it is points towards the camera or away from it, unknown
    which: its far end gets the square of that as variance, on top of its near end's.
    """
    hidden = np.clip(1.0 - (seen_m / length_m) ** 2, _LEAST_DEPTH, 1.0)
    hidden = np.where(np.isfinite(hidden), hidden, 1.0) * length_m**2
    variance = np.full((len(seen_m), NUM_KEYPOINTS), _FACE_SIGMA_M**2)
    for first, kind in ((LEFT_SHOULDER, SHOULDERS), (LEFT_HIP, HIPS)):
        across = hidden[:, np.flatnonzero(_KIND == kind)[0]]
        variance[:, first:first + 2] = (_TRUNK_SIGMA_M**2 + across / 4)[:, None]
    for far, (near, bone) in _LIMB.items():
        variance[:, far] = variance[:, near] + hidden[:, bone]
    return variance
