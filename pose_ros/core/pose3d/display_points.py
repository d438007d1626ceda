# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Where people are drawn in space: in 3-D where these are known, else on a plane.

A person without any 3-D lies on the plane z = const of the optical frame. In one who has some,
the other keypoints lie on their rays at the median depth of those that have: near the body, and
marked as flat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.tracking.tracks import KeypointState, Tracks

_STEP_PX = 0.5  # of the difference quotient


@dataclass(frozen=True, eq=False)
class DisplayPoints:
    """
    N people in space.

    Attributes
    ----------
    points, velocity : (N, 17, 3) float64
        m and m/s; NaN where not known.
    covariance : (N, 17, 3, 3) float64
        m^2; NaN where not known. Of a flat keypoint it has rank 2: along its plane.
    flat : (N, 17) bool
        Placed by its pixel alone.
    """

    points: np.ndarray
    velocity: np.ndarray
    covariance: np.ndarray
    flat: np.ndarray

    def select(self, index: np.ndarray) -> DisplayPoints:
        """Return the people that `index` (integers or mask) picks, in its order."""
        return DisplayPoints(
            self.points[index], self.velocity[index], self.covariance[index], self.flat[index]
        )


def display_points(
    tracks: Tracks,
    position: np.ndarray,
    covariance: np.ndarray,
    velocity: np.ndarray,
    camera: CameraModel,
    plane_distance_m: float,
    same_frame: bool = True,
) -> DisplayPoints:
    """
    Place all people.

    Parameters
    ----------
    tracks : Tracks
        In pixels of the camera's image.
    position, velocity : (N, 17, 3) float64
        m, m/s; NaN where unknown.
    covariance : (N, 17, 3, 3) float64
        Of position, m^2.
    camera : CameraModel
        Its distortion is undone.
    plane_distance_m : float
        Depth of people without 3-D, m.
    same_frame : bool
        Whether positions are in the camera's optical frame. If not, keypoints without 3-D of a
        person who has some are left out: their rays are in another frame.

    Returns
    -------
    DisplayPoints
        MISSING keypoints are NaN.
    """
    there = tracks.keypoint_state != KeypointState.MISSING
    known = np.isfinite(position).all(axis=2) & there
    anyone = known.any(axis=1)
    depth_m = np.full(len(tracks), plane_distance_m)
    for i in np.flatnonzero(anyone):
        depth_m[i] = np.median(position[i, known[i], 2]) if same_frame else np.nan
    # Nothing is seen on a ray behind the camera.
    depth_m[depth_m <= 0] = np.nan
    depth_m = np.repeat(depth_m[:, None], known.shape[1], axis=1)
    xy = np.where(there[..., None], tracks.xy, np.nan).astype(np.float64)
    on_plane = camera.points(xy, depth_m)
    flat = ~known & np.isfinite(on_plane).all(axis=2)
    jacobian = _jacobian(camera, xy, depth_m)
    flat_covariance = jacobian @ tracks.covariance.astype(np.float64) @ np.swapaxes(jacobian, 2, 3)
    flat_velocity = (jacobian @ tracks.velocity.astype(np.float64)[..., None])[..., 0]
    by_pixel, by_position = flat[..., None], known[..., None]

    def chosen(flat_value: np.ndarray, value: np.ndarray) -> np.ndarray:
        return np.where(by_pixel, flat_value, np.where(by_position, value, np.nan))

    points, speeds = chosen(on_plane, position), chosen(flat_velocity, velocity)
    by_pixel, by_position = by_pixel[..., None], by_position[..., None]
    return DisplayPoints(points, speeds, chosen(flat_covariance, covariance), flat)


def _jacobian(camera: CameraModel, xy: np.ndarray, depth_m: np.ndarray) -> np.ndarray:
    """Return d point / d pixel at constant depth, (..., 3, 2) float64, m/px."""
    columns = []
    for step in np.eye(2) * _STEP_PX:
        ahead, behind = camera.points(xy + step, depth_m), camera.points(xy - step, depth_m)
        columns.append((ahead - behind) / (2 * _STEP_PX))
    return np.stack(columns, axis=-1)
