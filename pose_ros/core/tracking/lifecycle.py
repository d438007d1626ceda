# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What is known of each track besides its motion: its id, its state, its evidence.

TENTATIVE until seen often enough, with enough evidence, for long enough; then CONFIRMED while in
the latest image; LOST as soon as it does not show them: a CONFIRMED person is really there.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.config import TrackerConfig
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.core.tracking.tracks import TrackState

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
    missed : (N,) bool
        Whether the latest image did not show this person.
    score : (N,) float64
        Person score of the latest detection.
    born_s, seen_s : (N,) float64
        Stamps of the first and of the latest detection.
    keypoint_score : (N, 17) float64
        Of the keypoints used in the present image, else 0.
    detection : (N,) int64
        Row of the detection in the present image, else -1.
    exchanged : (N, 17) bool
        Whether a keypoint is the one of the other side of this detection.
    """

    _ARRAYS = (
        'id', 'confirmed', 'hits', 'evidence', 'missed', 'score', 'born_s', 'seen_s',
        'keypoint_score', 'detection', 'exchanged',
    )

    def __init__(self) -> None:
        self.id = np.empty(0, np.int64)
        self.confirmed = np.empty(0, bool)
        self.hits = np.empty(0, np.int64)
        self.evidence = np.empty(0)
        self.missed = np.empty(0, bool)
        self.score = np.empty(0)
        self.born_s = np.empty(0)
        self.seen_s = np.empty(0)
        self.keypoint_score = np.empty((0, NUM_KEYPOINTS))
        self.detection = np.empty(0, np.int64)
        self.exchanged = np.empty((0, NUM_KEYPOINTS), bool)

    def add(
        self, first_id: int, stamp_s: float, score: np.ndarray, keypoint_score: np.ndarray,
        detection: np.ndarray,
    ) -> None:
        """Append n tracks seen for the first time: detections (n,), scores (n,) and (n, 17)."""
        n = len(score)
        for name, rows in (
            ('id', first_id + np.arange(n)),
            ('confirmed', np.zeros(n, bool)),
            ('hits', np.ones(n, np.int64)),
            ('evidence', score),
            ('missed', np.zeros(n, bool)),
            ('score', score),
            ('born_s', np.full(n, stamp_s)),
            ('seen_s', np.full(n, stamp_s)),
            ('keypoint_score', keypoint_score),
            ('detection', detection),
            ('exchanged', np.zeros((n, NUM_KEYPOINTS), bool)),
        ):
            setattr(self, name, np.concatenate([getattr(self, name), rows]))

    def keep(self, rows: np.ndarray) -> None:
        """Keep the tracks picked by a mask (N,) bool."""
        for name in self._ARRAYS:
            setattr(self, name, getattr(self, name)[rows])

    def look(self) -> None:
        """Begin a new image, in which no track has been found yet."""
        self.keypoint_score[:] = 0.0
        self.missed[:] = True
        self.detection[:] = -1

    def see(
        self,
        rows: np.ndarray | slice,
        stamp_s: float,
        score: np.ndarray,
        keypoint_score: np.ndarray,
        detection: np.ndarray,
        exchanged: np.ndarray,
        config: TrackerConfig,
    ) -> None:
        """Note that the tracks `rows` were found in the present image."""
        self.keypoint_score[rows] = keypoint_score
        self.detection[rows], self.exchanged[rows] = detection, exchanged
        self.score[rows] = score
        self.seen_s[rows] = stamp_s
        self.hits[rows] += 1
        self.evidence[rows] += score
        self.missed[rows] = False
        self.confirmed |= (
            (self.hits >= config.confirm_hits)
            & (self.evidence >= config.confirm_score_sum)
            & (self.seen_s - self.born_s >= config.confirm_s)
        )

    def states(self, unseen_s: np.ndarray, config: TrackerConfig) -> np.ndarray:
        """Return the TrackState (N,) int8 of tracks not seen for (N,) seconds."""
        lost = self.confirmed & (self.missed | (unseen_s > config.lost_after_s))
        return np.where(lost, _LOST, np.where(self.confirmed, _CONFIRMED, _TENTATIVE))
