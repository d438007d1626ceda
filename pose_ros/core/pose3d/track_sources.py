# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which measured joint of which detection belongs to which keypoint of which track."""

from __future__ import annotations

import numpy as np

from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.joints3d import Joints3D
from pose_ros.core.skeleton import FLIP_INDEX, NUM_KEYPOINTS
from pose_ros.core.tracking.association import match
from pose_ros.core.tracking.tracks import KeypointState, Tracks

FARTHEST = 0.25
"""Largest mean distance of a track from its detection, over the diagonal of the detection."""

_OBSERVED = int(KeypointState.OBSERVED)
_K = np.arange(NUM_KEYPOINTS)


def of_tracks(tracks: Tracks, keypoints: Keypoints, joints: Joints3D) -> Joints3D:
    """
    Bring measured joints into the order of the tracks that were updated with them.

    The tracker filters, exchanges sides and leaves keypoints out. A track belongs to the
    detection that is nearest over all; its OBSERVED keypoints get the nearer of their own and the
    mirrored joint.

    Parameters
    ----------
    tracks : Tracks
        N people just after `Tracker.update`.
    keypoints : Keypoints
        The M people it was updated with.
    joints : Joints3D
        Their joints.

    Returns
    -------
    Joints3D
        Of the N people; unknown where a tracked keypoint was not observed, or has no position.
    """
    found = Joints3D.unknown(len(tracks))
    if not len(tracks) or not len(keypoints):
        return found
    observed = tracks.keypoint_state == _OBSERVED
    here = np.where(observed[..., None], tracks.xy, np.float32(np.nan))[:, None]
    own = _distance(here, keypoints.xy)
    other = _distance(here, keypoints.xy[:, FLIP_INDEX])
    nearest = np.fmin(own, other)
    known = np.isfinite(nearest)
    count = known.sum(axis=2)
    boxes = keypoints.boxes_xyxy()
    size = np.maximum(np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]), 1.0)
    mean = np.where(known, nearest, 0.0).sum(axis=2) / np.maximum(count, 1) / size
    for row, column in match(np.where((count > 0) & (mean <= FARTHEST), 1.0 - mean, -1.0), 0.0):
        mirrored = ~(own[row, column] <= other[row, column])
        source = np.where(mirrored, FLIP_INDEX, _K)
        seen = known[row, column]
        for own_joints, measured in zip(found, joints):
            own_joints[row, seen] = measured[column, source[seen]]
    return found


def _distance(here: np.ndarray, xy: np.ndarray) -> np.ndarray:
    difference = here - xy
    return np.sqrt((difference * difference).sum(axis=3))
