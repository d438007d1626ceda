# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracked people at one moment, as arrays: what the tracker gives out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from pose_ros.core.skeleton import NUM_KEYPOINTS


class TrackState(IntEnum):
    """What is known of a person; the values are those of Skeleton.msg."""

    UNTRACKED = 0
    TENTATIVE = 1
    CONFIRMED = 2
    LOST = 3


class KeypointState(IntEnum):
    """What is known of a keypoint; the values are those of Skeleton.msg."""

    MISSING = 0
    OBSERVED = 1
    PREDICTED = 2


class PositionSource(IntEnum):
    """What a 3-D position rests on; the values are those of Skeleton.msg."""

    NONE = 0
    DEPTH = 1
    PREDICTED = 2
    MONOCULAR = 3


@dataclass(frozen=True, eq=False)
class Tracks:
    """
    N tracked people at the moment `stamp_s`, ordered by id.

    Attributes
    ----------
    stamp_s : float
        Time of validity, seconds of the image's clock.
    id : (N,) int64
        1, 2, 3, ... in order of appearance.
    state : (N,) int8
        TrackState.
    score : (N,) float32
        Person score of the latest detection, [0, 1].
    age_s, since_seen_s : (N,) float64
        Since the track began, and since it was last seen.
    xy, velocity : (N, 17, 2) float32
        Pixels and pixels per second, of the image: the camera's motion is in them; NaN where
        MISSING.
    covariance : (N, 17, 2, 2) float32
        Of xy, px^2; NaN where MISSING.
    keypoint_state : (N, 17) int8
        KeypointState.
    keypoint_score : (N, 17) float32
        Peak height in [0, 1]; 0 where not OBSERVED.
    detection : (N,) int64
        Row of the track's detection among the people of this very update; -1 where there is none.
    exchanged : (N, 17) bool
        Whether an OBSERVED keypoint is the one of the other side of its detection.
    """

    stamp_s: float
    id: np.ndarray
    state: np.ndarray
    score: np.ndarray
    age_s: np.ndarray
    since_seen_s: np.ndarray
    xy: np.ndarray
    velocity: np.ndarray
    covariance: np.ndarray
    keypoint_state: np.ndarray
    keypoint_score: np.ndarray
    detection: np.ndarray
    exchanged: np.ndarray

    def __len__(self) -> int:
        """Count the people."""
        return len(self.id)

    def select(self, index: np.ndarray | slice) -> Tracks:
        """Return the people that `index` (integers, mask or slice) picks, in its order."""
        arrays = {name: array[index] for name, array in vars(self).items() if name != 'stamp_s'}
        return Tracks(self.stamp_s, **arrays)

    @classmethod
    def empty(cls, stamp_s: float = 0.0) -> Tracks:
        """Return no tracks."""
        k = NUM_KEYPOINTS
        return cls(
            stamp_s,
            np.empty(0, np.int64),
            np.empty(0, np.int8),
            np.empty(0, np.float32),
            np.empty(0),
            np.empty(0),
            np.empty((0, k, 2), np.float32),
            np.empty((0, k, 2), np.float32),
            np.empty((0, k, 2, 2), np.float32),
            np.empty((0, k), np.int8),
            np.empty((0, k), np.float32),
            np.empty(0, np.int64),
            np.empty((0, k), bool),
        )
