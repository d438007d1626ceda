# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The fields in 3-D of skeleton messages, and camera_info as CameraModel."""

from __future__ import annotations

from geometry_msgs.msg import Point, Vector3
import numpy as np
from sensor_msgs.msg import CameraInfo

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.pose3d.tracks3d import Tracks3D
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.msg import SkeletonArray


def camera_from_info(info: CameraInfo, rectified: bool = False) -> CameraModel | None:
    """Return the camera of a camera_info, None when uncalibrated; CameraError with a reason."""
    roi = info.roi
    return CameraModel.from_camera_info(
        int(info.width), int(info.height), str(info.distortion_model), info.d, info.k, info.r,
        info.p, (int(info.binning_x), int(info.binning_y)),
        (int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)), rectified,
    )


def write_space(
    msg: SkeletonArray,
    position: np.ndarray,
    covariance: np.ndarray,
    source: np.ndarray,
    velocity: np.ndarray | None = None,
) -> None:
    """
    Fill in positions, covariances and velocities, in place.

    Parameters
    ----------
    msg : SkeletonArray
        Of N people, their fields in 3-D NaN.
    position, velocity : (N, 17, 3) float64
        Optical frame, m and m/s; NaN where unknown.
    covariance : (N, 17, 3, 3) float64
        m^2.
    source : (N, 17) int8
        PositionSource.
    """
    known = np.isfinite(position).all(axis=2)
    points, flat = position.tolist(), covariance.astype(np.float32).reshape(-1, NUM_KEYPOINTS, 9)
    sources = source.tolist()
    for person, k in zip(*(index.tolist() for index in np.nonzero(known))):
        keypoint = msg.skeletons[person].keypoints[k]
        keypoint.position_source = sources[person][k]
        x, y, z = points[person][k]
        keypoint.position = Point(x=x, y=y, z=z)
        keypoint.position_covariance = flat[person, k]
        if velocity is not None:
            x, y, z = velocity[person, k].tolist()
            keypoint.velocity = Vector3(x=x, y=y, z=z)


def write_joints(msg: SkeletonArray, joints: Tracks3D) -> None:
    """Fill in the tracked joints of the same people, in place."""
    write_space(msg, joints.position, joints.covariance, joints.source, joints.velocity)


def space_from_msg(msg: SkeletonArray) -> tuple[np.ndarray, np.ndarray]:
    """Return position (N, 17, 3) m and covariance (N, 17, 3, 3) m^2 of a message, float64."""
    n = len(msg.skeletons)
    position = np.array(
        [(k.position.x, k.position.y, k.position.z) for s in msg.skeletons for k in s.keypoints],
        np.float64,
    ).reshape(n, NUM_KEYPOINTS, 3)
    covariance = np.array(
        [k.position_covariance for s in msg.skeletons for k in s.keypoints], np.float64
    ).reshape(n, NUM_KEYPOINTS, 3, 3)
    return position, covariance


def velocities_from_msg(msg: SkeletonArray) -> np.ndarray:
    """Return the velocities in 3-D of a message, (N, 17, 3) float64, m/s."""
    return np.array(
        [(k.velocity.x, k.velocity.y, k.velocity.z) for s in msg.skeletons for k in s.keypoints],
        np.float64,
    ).reshape(len(msg.skeletons), NUM_KEYPOINTS, 3)


def sources_from_msg(msg: SkeletonArray) -> np.ndarray:
    """Return what the positions of a message rest on: PositionSource, (N, 17) int8."""
    return np.array(
        [[k.position_source for k in s.keypoints] for s in msg.skeletons], np.int8
    ).reshape(len(msg.skeletons), NUM_KEYPOINTS)
