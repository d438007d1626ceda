# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What is known of each track besides its motion: who it is, and how sure that somebody is there.

TENTATIVE until seen often enough, with enough evidence, for long enough; then CONFIRMED; LOST when
not seen lately. Time counts, not images, but for one thing: someone who was in every image and is
not in two of them has gone, or the scene has.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.config import TrackerConfig
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.core.tracks import TrackState

PRESENCE_GAIN = 0.15
"""Weight of one image in a person's presence."""

DEPENDABLE = 0.75
"""Presence of a person whose absence from two images means something."""

_TENTATIVE, _CONFIRMED, _LOST = (
    np.int8(state) for state in (TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.LOST)
)


class Lifecycle:
    """
    N tracks, as arrays.

    Attributes
    ----------
    id : (N,) int64
        Ascending.
    confirmed : (N,) bool
        Whether it ever was; LOST ones are.
    hits : (N,) int64
        Detections so far.
    evidence : (N,) float64
        Sum of their person scores.
    presence : (N,) float64
        How dependably this person is seen: towards 1 when found in every image.
    misses : (N,) int64
        Images since the latest detection.
    score : (N,) float64
        Person score of the latest detection.
    born_s, seen_s : (N,) float64
        Stamps of the first and of the latest detection.
    keypoint_score : (N, 17) float64
        Of the keypoints used in the present image, else 0.
    """

    _ARRAYS = (
        'id', 'confirmed', 'hits', 'evidence', 'presence', 'misses', 'score', 'born_s', 'seen_s',
        'keypoint_score',
    )

    def __init__(self) -> None:
        self.id = np.empty(0, np.int64)
        self.confirmed = np.empty(0, bool)
        self.hits = np.empty(0, np.int64)
        self.evidence = np.empty(0)
        self.presence = np.empty(0)
        self.misses = np.empty(0, np.int64)
        self.score = np.empty(0)
        self.born_s = np.empty(0)
        self.seen_s = np.empty(0)
        self.keypoint_score = np.empty((0, NUM_KEYPOINTS))

    def add(
        self, first_id: int, stamp_s: float, score: np.ndarray, keypoint_score: np.ndarray
    ) -> None:
        """Append n tracks seen for the first time: scores (n,) and of keypoints (n, 17)."""
        n = len(score)
        for name, rows in (
            ('id', first_id + np.arange(n)),
            ('confirmed', np.zeros(n, bool)),
            ('hits', np.ones(n, np.int64)),
            ('evidence', score),
            ('presence', np.full(n, PRESENCE_GAIN)),
            ('misses', np.zeros(n, np.int64)),
            ('score', score),
            ('born_s', np.full(n, stamp_s)),
            ('seen_s', np.full(n, stamp_s)),
            ('keypoint_score', keypoint_score),
        ):
            setattr(self, name, np.concatenate([getattr(self, name), rows]))

    def keep(self, rows: np.ndarray) -> None:
        """Keep the tracks picked by a mask (N,) bool."""
        for name in self._ARRAYS:
            setattr(self, name, getattr(self, name)[rows])

    def look(self) -> None:
        """Begin a new image, in which nobody has been found yet."""
        self.keypoint_score[:] = 0.0
        self.misses += 1

    def see(
        self,
        rows: np.ndarray | slice,
        stamp_s: float,
        score: np.ndarray,
        keypoint_score: np.ndarray,
        config: TrackerConfig,
    ) -> None:
        """Note that the tracks `rows` were found in the present image."""
        self.keypoint_score[rows] = keypoint_score
        self.score[rows] = score
        self.seen_s[rows] = stamp_s
        self.hits[rows] += 1
        self.evidence[rows] += score
        self.presence[rows] *= (1.0 - PRESENCE_GAIN) ** self.misses[rows]
        self.presence[rows] += PRESENCE_GAIN
        self.misses[rows] = 0
        self.confirmed |= (
            (self.hits >= config.confirm_hits)
            & (self.evidence >= config.confirm_evidence)
            & (self.seen_s - self.born_s >= config.confirm_s)
        )

    def states(self, unseen_s: np.ndarray, config: TrackerConfig) -> np.ndarray:
        """Return the TrackState (N,) int8 of tracks not seen for (N,) seconds."""
        vanished = (self.misses >= 2) & (self.presence >= DEPENDABLE)
        lost = self.confirmed & (vanished | (unseen_s > config.lost_after_s))
        return np.where(lost, _LOST, np.where(self.confirmed, _CONFIRMED, _TENTATIVE))
