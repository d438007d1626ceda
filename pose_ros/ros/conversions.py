# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Every message of skeletons <-> arrays, both ways; stamps; camera_info.

Reading uses only the names of fields, which messages of rclpy and of rosbags share: a bag is read
where no ROS is. Unknown is NaN on both sides.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.estimator.appearance import SIZE
from pose_ros.core.keypoints import Keypoints, boxes_around
from pose_ros.core.pose3d.joints3d import Joints3D
from pose_ros.core.pose3d.tracks3d import Tracks3D
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.core.tracking.tracks import KeypointState, Tracks

try:
    from builtin_interfaces.msg import Time
    from std_msgs.msg import Header

    from pose_ros.msg import Skeleton, SkeletonArray
except ModuleNotFoundError:
    pass  # no ROS here: bags can be read, nothing can be written

_MISSING, _OBSERVED = int(KeypointState.MISSING), int(KeypointState.OBSERVED)
_UPPER2 = (0, 1, 3)
"""(uu, uv, vv) in a row-major 2x2 matrix."""
_UPPER3 = (0, 1, 2, 4, 5, 8)
"""(xx, xy, xz, yy, yz, zz) in a row-major 3x3 matrix."""
_UNKNOWN_FACTS = {
    'camera_motion': np.full(9, np.nan), 'camera_motion_s': math.nan, 'transport_s': math.nan,
    'latency_s': math.nan,
}
_FULL2 = (0, 1, 1, 2)
_FULL3 = (0, 1, 2, 1, 3, 4, 2, 4, 5)


def stamp_ns(stamp: Time) -> int:
    """Return a stamp as nanoseconds: exact, for comparing and as a key."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def stamp_seconds(stamp: Time) -> float:
    """Return a stamp as seconds for `core`; at today's times a float resolves 0.24 us."""
    return int(stamp.sec) + int(stamp.nanosec) * 1e-9


def seconds_since(stamp: Time, now_ns: int) -> float:
    """Return the time from a stamp until now, s; NaN without a stamp, or before a clock runs."""
    begin_ns = stamp_ns(stamp)
    return (now_ns - begin_ns) * 1e-9 if begin_ns and now_ns else math.nan


def stamp_from_ns(time_ns: int) -> Time:
    """Return nanoseconds as a stamp."""
    sec, nanosec = divmod(time_ns, 1_000_000_000)
    return Time(sec=sec, nanosec=nanosec)


def camera_from_info(info: Any, rectified: bool = False) -> CameraModel | None:
    """Return the camera of a camera_info, None when uncalibrated; CameraError with a reason."""
    roi = info.roi
    return CameraModel.from_camera_info(
        int(info.width), int(info.height), str(info.distortion_model), info.d, info.k, info.p,
        (int(info.binning_x), int(info.binning_y)),
        (int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)), rectified,
    )


def keypoints_to_msg(
    keypoints: Keypoints,
    header: Header,
    image_size: tuple[int, int],
    joints: Joints3D | None = None,
    **facts: Any,
) -> SkeletonArray:
    """
    Write what was seen in one image.

    Parameters
    ----------
    keypoints : Keypoints
        Of N people, image pixels. A keypoint with a NaN coordinate becomes MISSING.
    header : Header
        Of the image.
    image_size : (width, height)
        Pixels.
    joints : Joints3D, optional
        Positions of the same people in header.frame_id.
    **facts
        Other fields of the message: transport_s, latency_s, convert_ms, ...

    Returns
    -------
    SkeletonArray
        People UNTRACKED with id 0.
    """
    n = len(keypoints)
    seen = np.isfinite(keypoints.xy).all(axis=2)
    xy = keypoints.xy.astype(np.float32, copy=True)
    xy[~seen] = np.nan
    unknown = _unknown(n, NUM_KEYPOINTS)
    position = (None,) * 3 if joints is None else joints
    return _message(header, image_size, facts, {
        'score': keypoints.person_score.tolist(),
        'age_s': [float('nan')] * n,
        'box': boxes_around(xy),
        'keypoint_state': seen.astype(np.uint8),  # MISSING is 0, OBSERVED 1
        'keypoint_score': np.where(seen, keypoints.score, 0.0).astype(np.float32, copy=False),
        'u': xy[..., 0], 'v': xy[..., 1], 'du': unknown, 'dv': unknown,
        'uv_covariance': _unknown(n, 3 * NUM_KEYPOINTS),
        **_appearance_field(keypoints.appearance),
        **_fields_3d(n, *position, None),
    })


def tracks_to_msg(
    tracks: Tracks,
    header: Header,
    image_size: tuple[int, int],
    joints: Tracks3D | None = None,
    **facts: Any,
) -> SkeletonArray:
    """
    Write the tracked people.

    Parameters
    ----------
    tracks : Tracks
        Of N people, in image pixels.
    header : Header
        Stamp of the image, or of the moment that the tracks are predicted for; frame of joints.
    image_size : (width, height)
        Pixels.
    joints : Tracks3D, optional
        Of the same people.
    **facts
        Other fields of the message: image_frame_id where it is not the header's, latency_s, ...

    Returns
    -------
    SkeletonArray
    """
    n = len(tracks)
    missing = tracks.keypoint_state == _MISSING
    xy, velocity = (a.astype(np.float32, copy=True) for a in (tracks.xy, tracks.velocity))
    xy[missing] = velocity[missing] = np.nan
    covariance = tracks.covariance.reshape(n, NUM_KEYPOINTS, 4)[..., _UPPER2]
    covariance = covariance.astype(np.float32, copy=False)
    covariance[missing] = np.nan
    observed = tracks.keypoint_state == _OBSERVED
    of_joints = (None,) * 4 if joints is None else (
        joints.position, joints.covariance, joints.source, joints.velocity)
    return _message(header, image_size, facts, {
        'id': tracks.id.tolist(), 'track_state': tracks.state.tolist(),
        'score': tracks.score.tolist(), 'box': boxes_around(xy),
        'age_s': tracks.age_s.tolist(), 'since_seen_s': tracks.since_seen_s.tolist(),
        'keypoint_state': tracks.keypoint_state.astype(np.uint8),
        'keypoint_score': np.where(observed, tracks.keypoint_score, 0.0).astype(np.float32),
        'u': xy[..., 0], 'v': xy[..., 1], 'du': velocity[..., 0], 'dv': velocity[..., 1],
        'uv_covariance': covariance.reshape(n, 3 * NUM_KEYPOINTS),
        **_fields_3d(n, *of_joints),
    })


def _message(
    header: Header, size: tuple[int, int], facts: dict[str, Any], people: dict[str, Any]
) -> SkeletonArray:
    """Return a message of N people; each field is a list or an array with N rows."""
    facts = {**_UNKNOWN_FACTS, 'image_frame_id': header.frame_id, **facts}
    return SkeletonArray(
        header=header, image_width=size[0], image_height=size[1],
        skeletons=[Skeleton(**dict(zip(people, row))) for row in zip(*people.values())],
        **facts,
    )


def _unknown(n: int, size: int) -> np.ndarray:
    return np.full((n, size), np.nan, np.float32)


def _fields_3d(
    n: int,
    position: np.ndarray | None,
    covariance: np.ndarray | None,
    source: np.ndarray | None,
    velocity: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Return the fields of 3-D positions; all NaN where a position is not finite."""
    unknown = _unknown(n, NUM_KEYPOINTS)
    if position is None or covariance is None or source is None:
        return {
            'position_source': np.zeros((n, NUM_KEYPOINTS), np.uint8),
            **dict.fromkeys(('x', 'y', 'z', 'dx', 'dy', 'dz'), unknown),
            'xyz_covariance': _unknown(n, 6 * NUM_KEYPOINTS),
        }
    gone = ~np.isfinite(position).all(axis=2)
    upper = covariance.reshape(n, NUM_KEYPOINTS, 9)[..., _UPPER3].astype(np.float32)
    upper[gone] = np.nan
    fields = {
        'position_source': np.where(gone, 0, source).astype(np.uint8),
        'xyz_covariance': upper.reshape(n, 6 * NUM_KEYPOINTS),
    }
    for names, values in (('x', 'y', 'z'), position), (('dx', 'dy', 'dz'), velocity):
        if values is None:
            fields.update(dict.fromkeys(names, unknown))
            continue
        planes = np.array(values.transpose(2, 0, 1), np.float32, order='C')
        planes[:, gone] = np.nan
        fields.update(zip(names, planes))
    return fields


def _appearance_field(appearance: np.ndarray | None) -> dict[str, list[list[float]]]:
    """Return the field of descriptors (N, D); empty where nothing was seen."""
    if appearance is None:
        return {}
    return {'appearance': [row.tolist() if row.any() else [] for row in appearance]}


def _appearance_of(msg: Any) -> np.ndarray | None:
    """Return descriptors (N, SIZE): 0 where there is none, NaN for one of another length."""
    # Bags of earlier versions have no such field.
    rows = [np.asarray(getattr(s, 'appearance', ()), np.float32) for s in msg.skeletons]
    if not any(map(len, rows)):
        return None
    found = np.zeros((len(rows), SIZE), np.float32)
    for descriptor, row in zip(found, rows):
        if len(row):
            descriptor[:] = row if len(row) == SIZE else np.nan
    return found


def _stacked(msg: Any, *names: str) -> np.ndarray:
    """Return fields of all N people: (N, size) of one, (N, size, fields) of several."""
    if not msg.skeletons:
        return np.empty((0, NUM_KEYPOINTS, len(names))[:1 + min(len(names), 2)], np.float32)
    fields = [np.array([getattr(s, name) for s in msg.skeletons]) for name in names]
    return fields[0] if len(names) == 1 else np.stack(fields, axis=2)


def keypoints_from_msg(msg: Any) -> Keypoints:
    """
    Read people as they were seen: the OBSERVED keypoints.

    Returns
    -------
    Keypoints
        Others, and those with a coordinate or score that is not finite, are NaN with score 0.
        A descriptor of appearance of another length is NaN.
    """
    xy, score = _stacked(msg, 'u', 'v'), _stacked(msg, 'keypoint_score')
    seen = _stacked(msg, 'keypoint_state') == _OBSERVED
    seen &= np.isfinite(xy).all(axis=2) & np.isfinite(score)
    return Keypoints(
        np.where(seen[..., None], xy, np.float32(np.nan)), np.where(seen, score, np.float32(0.0)),
        np.array([s.score for s in msg.skeletons], np.float32), _appearance_of(msg),
    )


def camera_motion_from_msg(msg: Any, last: Any) -> np.ndarray | None:
    """Return the camera's motion (3, 3) since the image of the message `last`, if it is known."""
    if last is None or msg.camera_motion_source == msg.CAMERA_MOTION_UNKNOWN:
        return None
    last_s = (stamp_ns(msg.header.stamp) - stamp_ns(last.header.stamp)) * 1e-9
    if not abs(msg.camera_motion_s - last_s) < 0.5e-9:
        return None  # a message was lost in between
    return np.array(msg.camera_motion, np.float64).reshape(3, 3)


def joints_from_msg(msg: Any) -> Joints3D:
    """Read the positions of a message, m in its header.frame_id."""
    joints = tracks3d_from_msg(msg)
    return Joints3D(joints.position, joints.covariance, joints.source)


def tracks_from_msg(msg: Any) -> Tracks:
    """Read a SkeletonArray of any of the three topics; untracked people have id 0."""
    n, k = len(msg.skeletons), NUM_KEYPOINTS
    upper = _stacked(msg, 'uv_covariance').reshape(n, k, 3)
    return Tracks(
        stamp_s=stamp_seconds(msg.header.stamp),
        id=np.array([s.id for s in msg.skeletons], np.int64),
        state=np.array([s.track_state for s in msg.skeletons], np.uint8).astype(np.int8),
        score=np.array([s.score for s in msg.skeletons], np.float32),
        age_s=np.array([s.age_s for s in msg.skeletons], np.float64),
        since_seen_s=np.array([s.since_seen_s for s in msg.skeletons], np.float64),
        xy=_stacked(msg, 'u', 'v'),
        velocity=_stacked(msg, 'du', 'dv'),
        covariance=upper[..., _FULL2].reshape(n, k, 2, 2),
        keypoint_state=_stacked(msg, 'keypoint_state').astype(np.int8),
        keypoint_score=_stacked(msg, 'keypoint_score'),
        detection=np.full(n, -1),
        exchanged=np.zeros((n, k), bool),
    )


def tracks3d_from_msg(msg: Any) -> Tracks3D:
    """Read the 3-D positions of a message and their velocities, in its header.frame_id."""
    n, k = len(msg.skeletons), NUM_KEYPOINTS
    upper = _stacked(msg, 'xyz_covariance').reshape(n, k, 6).astype(np.float64)
    return Tracks3D(
        stamp_s=stamp_seconds(msg.header.stamp),
        id=np.array([s.id for s in msg.skeletons], np.int64),
        position=_stacked(msg, 'x', 'y', 'z').astype(np.float64),
        velocity=_stacked(msg, 'dx', 'dy', 'dz').astype(np.float64),
        covariance=upper[..., _FULL3].reshape(n, k, 3, 3),
        source=_stacked(msg, 'position_source').astype(np.int8),
    )
