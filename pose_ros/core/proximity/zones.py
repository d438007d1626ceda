# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Zones that people may be near to: convex, fixed in the camera's optical frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pose_ros.core.pose3d.body_frame import Transform

_EPSILON = 1e-9


@dataclass(frozen=True, eq=False)
class BoxZone:
    """
    All that is within `radius_m` of a box.

    A box without extent along all three axes makes a sphere, along two a capsule.

    Attributes
    ----------
    rotation : (3, 3) float64
        Optical frame from the zone's own axes.
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

    @classmethod
    def sphere(cls, centre: np.ndarray, radius_m: float = 0.0) -> BoxZone:
        """Return a sphere around a point (3,) of the optical frame."""
        return cls(np.eye(3), np.asarray(centre, np.float64), np.zeros(3), radius_m)

    @classmethod
    def capsule(cls, begin: np.ndarray, end: np.ndarray, radius_m: float) -> BoxZone:
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
class HalfSpaceZone:
    """
    All that is behind every one of M planes, such as what is beyond a light curtain.

    Attributes
    ----------
    normal : (M, 3) float64
        Unit vectors out of the zone, in the optical frame.
    offset_m : (M,) float64
        A point p is behind plane i where `normal[i] @ p <= offset_m[i]`.
    """

    normal: np.ndarray
    offset_m: np.ndarray

    def distance(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Measure points, as `BoxZone.distance` does.

        Beyond an edge, where two planes are exceeded, it is the larger of the two distances: never
        more than the true one.
        """
        beyond = points @ self.normal.T - self.offset_m
        nearest = beyond.argmax(axis=-1)
        return beyond.max(axis=-1), self.normal[nearest]


Zone = BoxZone | HalfSpaceZone

SHAPES: dict[str, str] = {
    'sphere': 'x y z of the centre and the radius: 4 numbers',
    'box': 'x y z of the centre and the three sizes: 6 numbers',
    'capsule': 'x y z of one end, x y z of the other, and the radius: 7 numbers',
    'planes': 'for each plane its normal (out of the zone) and its offset: 4, 8, ... numbers',
}
"""What the numbers of each shape mean; all in metres, in the frame of the zone."""

HERE = Transform(np.eye(3), np.zeros(3))


def make_zone(shape: str, numbers: Sequence[float], camera_from_zone: Transform = HERE) -> Zone:
    """
    Make a zone from plain numbers.

    Parameters
    ----------
    shape : str
        One of SHAPES.
    numbers : sequence of float
        As SHAPES says, metres.
    camera_from_zone : Transform
        The frame that the numbers are in; by default the camera's.

    Raises
    ------
    ValueError
        With one line: wrong number of numbers, not finite, or no size.
    """
    if shape not in SHAPES:
        raise ValueError(f'no shape {shape!r}: one of {", ".join(SHAPES)}')
    values = np.asarray(numbers, np.float64)
    count = len(values)
    right = count > 0 and count % 4 == 0 if shape == 'planes' else (
        count == {'sphere': 4, 'box': 6, 'capsule': 7}[shape])
    if not right:
        raise ValueError(f'{count} numbers for a {shape}: it takes {SHAPES[shape]}')
    if not np.isfinite(values).all():
        raise ValueError(f'{shape} of {values.tolist()}: every number must be finite')
    rotation, origin = camera_from_zone
    if shape == 'planes':
        planes = values.reshape(-1, 4)
        length = np.sqrt((planes[:, :3] ** 2).sum(axis=1))
        if (length < _EPSILON).any():
            raise ValueError(f'planes of {values.tolist()}: a normal has no length')
        normal = planes[:, :3] / length[:, None] @ rotation.T
        # The offset goes with the normal as it was given: n p <= d is the same plane.
        return HalfSpaceZone(normal, planes[:, 3] / length + normal @ origin)
    sizes = values[3:] if shape != 'capsule' else values[6:]
    if (sizes <= 0).any():
        raise ValueError(f'{shape} of {values.tolist()}: radius and sizes must be above 0')
    first = rotation @ values[:3] + origin
    if shape == 'sphere':
        return BoxZone.sphere(first, float(values[3]))
    if shape == 'capsule':
        return BoxZone.capsule(first, rotation @ values[3:6] + origin, float(values[6]))
    return BoxZone(rotation, first, values[3:] / 2)


def camera_from_pose(pose: Sequence[float]) -> Transform:
    """Return the transform of x y z, m, and qx qy qz qw; ValueError when it is none."""
    if len(pose) != 7:
        raise ValueError(f'a pose is 7 finite numbers (x y z, qx qy qz qw), not {list(pose)}')
    x, y, z, qx, qy, qz, qw = pose
    return Transform.from_quaternion((qx, qy, qz, qw), (x, y, z))
