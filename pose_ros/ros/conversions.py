# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Skeletons as messages, and back; stamps.

Floats are written in bulk through `ndarray.tolist()`: element-wise access to NumPy scalars is
what makes building messages slow, and rclpy's field checks accept Python floats only.
"""

from __future__ import annotations

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Vector3
import numpy as np
from std_msgs.msg import Header

from pose_ros.core.keypoints import Keypoints, boxes_around
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.core.tracking.tracks import KeypointState, Tracks
from pose_ros.msg import Keypoint, Skeleton, SkeletonArray

_NAN = float('nan')
# What is unknown is the same object everywhere: nobody writes into a message that is published.
_NO_COVARIANCE = np.full(4, np.nan, np.float32)
_NO_POSITION_COVARIANCE = np.full(9, np.nan, np.float32)
_NO_COVARIANCE.setflags(write=False)
_NO_POSITION_COVARIANCE.setflags(write=False)
_NO_POINT = Point(x=_NAN, y=_NAN, z=_NAN)
_NO_VECTOR = Vector3(x=_NAN, y=_NAN, z=_NAN)


def stamp_ns(stamp: Time) -> int:
    """Return a stamp as nanoseconds: exact, for comparing and as a key."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def stamp_seconds(stamp: Time) -> float:
    """Return a stamp as seconds for `core`; at today's times a float resolves 0.24 us."""
    return int(stamp.sec) + int(stamp.nanosec) * 1e-9


def stamp_from_ns(time_ns: int) -> Time:
    """Return nanoseconds as a stamp."""
    sec, nanosec = divmod(time_ns, 1_000_000_000)
    return Time(sec=sec, nanosec=nanosec)


def keypoints_to_msg(
    keypoints: Keypoints, header: Header, image_size: tuple[int, int]
) -> SkeletonArray:
    """
    Write what was seen in one image.

    Parameters
    ----------
    keypoints : Keypoints
        Image pixels. A keypoint with a NaN coordinate becomes MISSING.
    header : Header
        Of the image.
    image_size : (width, height)
        Pixels.

    Returns
    -------
    SkeletonArray
        People UNTRACKED with id 0, times not filled.
    """
    seen = np.isfinite(keypoints.xy).all(axis=2)
    xy = np.where(seen[..., None], keypoints.xy, np.nan)
    boxes = boxes_around(xy).astype(np.float32, copy=False)
    states = np.where(seen, Keypoint.OBSERVED, Keypoint.MISSING).tolist()
    scores = np.where(seen, keypoints.score, 0.0).tolist()
    skeletons = []
    for person, (points, person_score) in enumerate(
        zip(xy.tolist(), keypoints.person_score.tolist())
    ):
        skeleton = _untracked()
        skeleton.score, skeleton.box = person_score, boxes[person]
        for keypoint, state, score, (x, y) in zip(
            skeleton.keypoints, states[person], scores[person], points
        ):
            keypoint.state, keypoint.score, keypoint.x, keypoint.y = state, score, x, y
        skeletons.append(skeleton)
    return SkeletonArray(
        header=header, image_frame_id=header.frame_id,
        image_width=image_size[0], image_height=image_size[1], skeletons=skeletons,
    )


def tracks_to_msg(
    tracks: Tracks,
    header: Header,
    image_size: tuple[int, int],
    reuse: list[Skeleton] | None = None,
) -> SkeletonArray:
    """
    Write the tracked people.

    Parameters
    ----------
    tracks : Tracks
        In image pixels.
    header : Header
        Of the image, or of the moment that the tracks are predicted for.
    image_size : (width, height)
        Pixels.
    reuse : list of Skeleton, optional
        Written into, and grown when there are too few: making skeletons takes most of the time.
        Only for a message that is published at once and not looked at again.

    Returns
    -------
    SkeletonArray
        Times not filled.
    """
    missing = tracks.keypoint_state == KeypointState.MISSING
    xy = np.where(missing[..., None], np.nan, tracks.xy).astype(np.float32, copy=False)
    velocities = np.where(missing[..., None], np.nan, tracks.velocity).tolist()
    covariances = np.where(missing[..., None, None], np.nan, tracks.covariance)
    covariances = covariances.astype(np.float32).reshape(len(tracks), NUM_KEYPOINTS, 4)
    observed = tracks.keypoint_state == KeypointState.OBSERVED
    scores = np.where(observed, tracks.keypoint_score, 0.0).tolist()
    boxes, points = boxes_around(xy), xy.tolist()
    states = tracks.keypoint_state.tolist()
    skeletons = []
    for person, (track_id, track_state, score, age_s, since_seen_s) in enumerate(
        zip(tracks.id.tolist(), tracks.state.tolist(), tracks.score.tolist(),
            tracks.age_s.tolist(), tracks.since_seen_s.tolist())
    ):
        if reuse is None:
            skeleton = Skeleton()
        else:
            if person == len(reuse):
                reuse.append(Skeleton())
            skeleton = reuse[person]
        skeleton.id, skeleton.track_state, skeleton.score = track_id, track_state, score
        skeleton.box, skeleton.age_s, skeleton.since_seen_s = boxes[person], age_s, since_seen_s
        for keypoint, state, score, (x, y), (vx, vy), covariance in zip(
            skeleton.keypoints, states[person], scores[person], points[person],
            velocities[person], covariances[person],
        ):
            keypoint.state = state
            keypoint.score = score
            keypoint.x, keypoint.y, keypoint.vx, keypoint.vy = x, y, vx, vy
            keypoint.covariance = covariance
            _without_depth(keypoint)
        skeletons.append(skeleton)
    return SkeletonArray(
        header=header, image_frame_id=header.frame_id,
        image_width=image_size[0], image_height=image_size[1], skeletons=skeletons,
    )


def _untracked() -> Skeleton:
    """Return a skeleton of which one image does not tell age, velocities, covariances, metres."""
    skeleton = Skeleton(age_s=_NAN)
    for keypoint in skeleton.keypoints:
        keypoint.vx = keypoint.vy = _NAN
        keypoint.covariance = _NO_COVARIANCE
        _without_depth(keypoint)
    return skeleton


def _without_depth(keypoint: Keypoint) -> None:
    keypoint.position_source = Keypoint.POSITION_NONE
    keypoint.position = _NO_POINT
    keypoint.velocity = _NO_VECTOR
    keypoint.position_covariance = _NO_POSITION_COVARIANCE


def keypoints_from_msg(msg: SkeletonArray) -> Keypoints:
    """
    Read people as they were seen: the OBSERVED keypoints.

    Returns
    -------
    Keypoints
        Others, and those with a coordinate or score that is not finite, are NaN with score 0.
    """
    count = len(msg.skeletons)
    values = np.array(
        [(k.state, k.score, k.x, k.y) for s in msg.skeletons for k in s.keypoints], np.float32
    ).reshape(count, NUM_KEYPOINTS, 4)
    seen = (values[..., 0] == Keypoint.OBSERVED) & np.isfinite(values[..., 1:]).all(axis=2)
    xy = np.where(seen[..., None], values[..., 2:], np.float32(np.nan))
    score = np.where(seen, values[..., 1], np.float32(0.0))
    person_score = np.array([s.score for s in msg.skeletons], np.float32)
    return Keypoints(xy, score, person_score)
