# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Coordinate frames: joints moved from one into another, and the frame of a body."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pose_ros.core.pose3d.ellipsoids import quaternions
from pose_ros.core.pose3d.tracks3d import Tracks3D
from pose_ros.core.skeleton import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER


class Transform(NamedTuple):
    """
    Where a source frame is in a target frame: target = rotation @ source + translation.

    Attributes
    ----------
    rotation : (3, 3) float64
    translation : (3,) float64
        Metres.
    """

    rotation: np.ndarray
    translation: np.ndarray

    @classmethod
    def from_quaternion(
        cls, xyzw: tuple[float, float, float, float], xyz: tuple[float, float, float]
    ) -> Transform:
        """
        Make it from the numbers of a geometry_msgs/Transform; any length of quaternion will do.

        Raises
        ------
        ValueError
            When a number is not finite or the quaternion is zero.
        """
        q, translation = np.array(xyzw, np.float64), np.array(xyz, np.float64)
        length = float(np.sqrt(q @ q))
        if not (np.isfinite(q).all() and np.isfinite(translation).all() and length > 1e-6):
            raise ValueError(f'no transform: quaternion {xyzw}, translation {xyz}')
        x, y, z, w = q / length
        return cls(
            np.array([
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]),
            translation,
        )

    def __matmul__(self, other: Transform) -> Transform:
        """Return the transform that does the other one first."""
        return Transform(
            self.rotation @ other.rotation, self.rotation @ other.translation + self.translation)

    def inverse(self) -> Transform:
        """Return source from target."""
        return Transform(self.rotation.T, -self.rotation.T @ self.translation)

    def angle_rad(self) -> float:
        """Return by how much it turns, from 0 to pi."""
        return float(np.arccos(np.clip((np.trace(self.rotation) - 1.0) / 2.0, -1.0, 1.0)))

    def quaternion(self) -> tuple[float, float, float, float]:
        """Return the rotation as x, y, z, w, of length 1 and w >= 0."""
        return tuple(quaternions(self.rotation[None])[0].tolist())


def moved(joints: Tracks3D, target_from_source: Transform) -> Tracks3D:
    """
    Express joints in another frame.

    Velocities are turned: they stay relative to what they were relative to.
    """
    rotation = target_from_source.rotation
    return replace(
        joints,
        position=joints.position @ rotation.T + target_from_source.translation,
        velocity=joints.velocity @ rotation.T,
        covariance=rotation @ joints.covariance @ rotation.T,
    )


def body_frame(position: np.ndarray) -> Transform | None:
    """
    Return the frame of a body in the frame of its joints.

    After REP 155 (https://ros.org/reps/rep-0155.html): origin in the middle of the hips, x
    forwards, z towards the head; so y to the person's left.

    Parameters
    ----------
    position : (17, 3) float64
        Metres; NaN where unknown.

    Returns
    -------
    Transform or None
        None where a hip or both shoulders are unknown, or they lie on one line.
    """
    hips = position[[LEFT_HIP, RIGHT_HIP]]
    shoulders = position[[LEFT_SHOULDER, RIGHT_SHOULDER]]
    known = np.isfinite(shoulders).all(axis=1)
    if not np.isfinite(hips).all() or not known.any():
        return None
    origin = hips.mean(axis=0)
    across = hips[0] - hips[1]
    if known.all():
        across = across + shoulders[0] - shoulders[1]
        up = shoulders.mean(axis=0) - origin
    else:
        # A shoulder is as far to the side as its hip, about: the trunk's sides are parallel.
        up = (shoulders - hips)[known][0]
    forward = np.cross(across, up)
    lengths = [float(np.sqrt(axis @ axis)) for axis in (forward, up)]
    if min(lengths) < 1e-3:
        return None
    x, z = forward / lengths[0], up / lengths[1]
    return Transform(np.stack([x, np.cross(z, x), z], axis=1), origin)
