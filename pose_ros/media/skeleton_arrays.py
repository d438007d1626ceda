# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Messages of skeletons as arrays, whoever read them: rclpy, or rosbags without any ROS.

Only the names of the fields are used, which both have.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.core.tracking.tracks import Tracks

STAGES = ('convert', 'detect', 'refine', 'network', 'track')


class SeenPeople(NamedTuple):
    """
    One SkeletonArray.

    Attributes
    ----------
    stamp_ns : int
        Of the image; when stale of publication: there may never have been an image.
    tracks : Tracks
        Of N people, pixels; id 0 when untracked.
    position : (N, 17, 3) float64
        Metres; NaN where unknown.
    covariance : (N, 17, 3, 3) float64
        m^2.
    image_size : (width, height)
        Pixels; 0 when no image has come yet.
    stages_ms : dict
        Milliseconds of each of STAGES, and 'age': from the image's stamp to publication.
    stale : bool
    """

    stamp_ns: int
    tracks: Tracks
    position: np.ndarray
    covariance: np.ndarray
    image_size: tuple[int, int]
    stages_ms: dict[str, float]
    stale: bool


class SeenProximity(NamedTuple):
    """
    One ProximityArray: for each person id, state, distance, bound, rate (m, m/s; NaN unknown).

    Attributes
    ----------
    stamp_ns : int
    zone : str
    stale : bool
    people : list of (id, distance_m, bound_m, rate_m_s)
    """

    stamp_ns: int
    zone: str
    stale: bool
    people: list[tuple[int, float, float, float]]


def stamp_ns(stamp: Any) -> int:
    """Return a stamp in nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def tracks_from_msg(msg: Any) -> Tracks:
    """Read a SkeletonArray of any of the three topics; untracked people have id 0."""
    n, k = len(msg.skeletons), NUM_KEYPOINTS
    points = [p for s in msg.skeletons for p in s.keypoints]
    flat = np.array(
        [(p.state, p.score, p.x, p.y, p.vx, p.vy) for p in points], np.float32
    ).reshape(n, k, 6)
    return Tracks(
        stamp_s=int(msg.header.stamp.sec) + int(msg.header.stamp.nanosec) * 1e-9,
        id=np.array([s.id for s in msg.skeletons], np.int64),
        state=np.array([s.track_state for s in msg.skeletons], np.int8),
        score=np.array([s.score for s in msg.skeletons], np.float32),
        age_s=np.array([s.age_s for s in msg.skeletons], np.float64),
        since_seen_s=np.array([s.since_seen_s for s in msg.skeletons], np.float64),
        xy=flat[..., 2:4],
        velocity=flat[..., 4:6],
        covariance=np.array([p.covariance for p in points], np.float32).reshape(n, k, 2, 2),
        keypoint_state=flat[..., 0].astype(np.int8),
        keypoint_score=flat[..., 1],
    )


def people_from(msg: Any) -> SeenPeople:
    """Read a SkeletonArray with everything that the viewer shows."""
    n, k = len(msg.skeletons), NUM_KEYPOINTS
    points = [p for s in msg.skeletons for p in s.keypoints]
    position = np.array(
        [(p.position.x, p.position.y, p.position.z) for p in points], np.float64
    ).reshape(n, k, 3)
    covariance = np.array(
        [p.position_covariance for p in points], np.float64
    ).reshape(n, k, 3, 3)
    stages = {name: float(getattr(msg, f'{name}_ms')) for name in STAGES}
    image_ns, published_ns = stamp_ns(msg.header.stamp), stamp_ns(msg.published)
    stale = int(msg.status) != 0
    if published_ns:
        stages['age'] = (published_ns - image_ns) * 1e-6
    return SeenPeople(
        published_ns if stale else image_ns, tracks_from_msg(msg), position, covariance,
        (int(msg.image_width), int(msg.image_height)), stages, stale,
    )


def proximity_from(msg: Any) -> SeenProximity:
    """Read a ProximityArray."""
    later_ns = int(float(msg.stale_s) * 1e9)
    return SeenProximity(
        stamp_ns(msg.header.stamp) + later_ns, str(msg.zone), int(msg.status) != 0,
        [(int(p.id), float(p.distance_m), float(p.bound_m), float(p.rate_m_s))
         for p in msg.people],
    )
