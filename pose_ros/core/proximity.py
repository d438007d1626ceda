# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
How near people are to a robot: shortest distance from a joint, its rate, time to contact.

Information, not certified safety: what no camera sees is not in it (hidden joints, people nobody
detected), and a joint is a point inside a limb, whose skin is nearer by the limb's radius.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

_EPSILON = 1e-9


@dataclass(frozen=True, eq=False)
class Volume:
    """
    A fixed volume: all that is within `radius_m` of a box.

    The box may have no extent along some axes: all three make a sphere (with no radius a point,
    such as the origin of a robot's frame), two a capsule.

    Attributes
    ----------
    rotation : (3, 3) float64
        Optical frame from the volume's own axes.
    centre : (3,) float64
        In the optical frame, metres.
    half_m : (3,) float64
        Half the size of the box along its own axes, metres.
    radius_m : float
        Metres.
    """

    rotation: np.ndarray
    centre: np.ndarray
    half_m: np.ndarray
    radius_m: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers; ValueError when they make no volume."""
        rotation = np.asarray(self.rotation, np.float64)
        square = rotation.shape == (3, 3)
        if not square or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6):
            raise ValueError('the rotation of a volume is a 3x3 rotation matrix')
        numbers = (*np.ravel(self.centre), *np.ravel(self.half_m), self.radius_m)
        if len(numbers) != 7 or not np.isfinite(numbers).all() or min(numbers[3:]) < 0:
            raise ValueError(
                'a volume has a centre of 3 numbers, 3 half sizes >= 0 and a radius >= 0, m'
            )

    @classmethod
    def sphere(cls, centre: np.ndarray, radius_m: float = 0.0) -> Volume:
        """Return a sphere around a point (3,) of the optical frame; a point without radius."""
        return cls(np.eye(3), np.asarray(centre, np.float64), np.zeros(3), radius_m)

    @classmethod
    def box(cls, camera_from_box: np.ndarray, size_m: np.ndarray) -> Volume:
        """Return a box of `size_m` (3,) around the origin of a frame (4, 4)."""
        pose = np.asarray(camera_from_box, np.float64)
        return cls(pose[:3, :3], pose[:3, 3], np.asarray(size_m, np.float64) / 2)

    @classmethod
    def capsule(cls, begin: np.ndarray, end: np.ndarray, radius_m: float) -> Volume:
        """Return all within `radius_m` of the line between two points (3,)."""
        begin, end = np.asarray(begin, np.float64), np.asarray(end, np.float64)
        length = float(np.linalg.norm(end - begin))
        axis = (end - begin) / length if length > _EPSILON else np.array([1.0, 0.0, 0.0])
        # Any two axes across will do.
        across = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
        across /= np.linalg.norm(across)
        rotation = np.stack([axis, across, np.cross(axis, across)], axis=1)
        return cls(rotation, (begin + end) / 2, np.array([length / 2, 0.0, 0.0]), radius_m)

    def distance(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Measure points.

        Parameters
        ----------
        points : (..., 3) float64
            Optical frame, metres.

        Returns
        -------
        distance_m : (...) float64
            To the surface; negative inside.
        away : (..., 3) float64
            Unit vector in which the distance grows fastest; zero where no direction does.
        """
        local = (points - self.centre) @ self.rotation
        beyond = local - np.clip(local, -self.half_m, self.half_m)
        outside = np.sqrt((beyond * beyond).sum(axis=-1))
        away = beyond / np.maximum(outside, _EPSILON)[..., None]
        depth = self.half_m - np.abs(local)
        face = depth.argmin(axis=-1)
        inside = outside < _EPSILON
        towards = np.eye(3)[face] * np.where(local >= 0, 1.0, -1.0)
        # Inside a box the nearest face decides; inside a line or point there is none.
        thick = inside & (self.half_m.min() > 0)
        away = np.where(thick[..., None], towards, away)
        distance = np.where(thick, -depth.min(axis=-1), outside) - self.radius_m
        return distance, away @ self.rotation.T


@dataclass(frozen=True, eq=False)
class Proximity:
    """
    How near each of N people is to a volume.

    Attributes
    ----------
    distance_m, low_m, high_m : (N,) float64
        Shortest distance of a joint, and the bounds of the true one at the stated confidence;
        NaN for somebody without a joint in metres.
    rate_m_s : (N,) float64
        Its rate of change; negative when coming nearer.
    contact_s : (N,) float64
        Time until `low_m` is used up at this rate; infinite when not coming nearer, 0 when it is
        used up already.
    joint : (N,) int64
        Which keypoint is nearest; -1 when none is known.
    joints : (N,) int64
        How many keypoints were known: the others may be nearer.
    """

    distance_m: np.ndarray
    low_m: np.ndarray
    high_m: np.ndarray
    rate_m_s: np.ndarray
    contact_s: np.ndarray
    joint: np.ndarray
    joints: np.ndarray


def proximity(
    volume: Volume,
    position: np.ndarray,
    velocity: np.ndarray,
    covariance: np.ndarray,
    confidence: float = 0.95,
) -> Proximity:
    """
    Measure how near people are.

    Parameters
    ----------
    volume : Volume
        Of the robot, or any other, standing still in the camera's frame.
    position, velocity : (N, 17, 3) float64
        Optical frame, m and m/s; NaN where unknown.
    covariance : (N, 17, 3, 3) float64
        Of the position, m^2.
    confidence : float
        Probability that a joint's true distance is within its bounds, in (0, 1); two-sided.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f'confidence = {confidence!r}: must be between 0 and 1')
    n = len(position)
    known = np.isfinite(position).all(axis=2) & np.isfinite(covariance).all(axis=(2, 3))
    distance, away = volume.distance(np.where(known[..., None], position, 0.0))
    safe = np.where(known[..., None, None], covariance, 0.0)
    variance = np.einsum('nki,nkij,nkj->nk', away, safe, away)
    # Where no direction leads away (at the very point), any may be the uncertain one.
    largest = np.trace(safe, axis1=2, axis2=3)
    variance = np.where((away * away).sum(axis=2) < 0.5, largest, variance)
    reach = NormalDist().inv_cdf((1.0 + confidence) / 2.0) * np.sqrt(np.maximum(variance, 0.0))
    distance = np.where(known, distance, np.inf)
    low, high = (distance - reach).min(axis=1), (distance + reach).min(axis=1)
    joint = distance.argmin(axis=1)
    rows, joints = np.arange(n), known.sum(axis=1)
    there = joints > 0
    speed = np.where(np.isfinite(velocity), velocity, 0.0)
    rate = (away[rows, joint] * speed[rows, joint]).sum(axis=1)
    closing = rate < -_EPSILON
    contact = np.where(
        low <= 0, 0.0, np.where(closing, low / np.where(closing, -rate, 1.0), np.inf)
    )
    return Proximity(
        np.where(there, distance[rows, joint], np.nan),
        np.where(there, low, np.nan),
        np.where(there, high, np.nan),
        np.where(there, rate, np.nan),
        np.where(there, contact, np.nan),
        np.where(there, joint, -1),
        joints,
    )
