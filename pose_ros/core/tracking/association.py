# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Which detection belongs to which track: one-to-one, by largest total similarity.

The gate splits the problem into small independent groups of tracks and detections that may belong
together; a group of one track and one detection is settled at once, the few others are solved
with the Hungarian method. That is exact, needs no other package and costs what the crossings cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from pose_ros.core.config import TrackerConfig
from pose_ros.core.tracking.assignment import assign
from pose_ros.core.tracking.detections import Detections
from pose_ros.core.tracking.reidentification import OTHER
from pose_ros.core.tracking.similarity import oks_similarity, position_similarity, shape_similarity
from pose_ros.core.tracking.skeleton_filter import SkeletonFilter

SAME_SHAPE = 0.5
"""Smallest similarity of shape of a person that jumped."""

UNLIKE = 5.0
"""Of a track not seen for a while: loss of similarity per distance of appearance beyond OTHER, and
beyond that of another such track."""


def associate(
    skeletons: SkeletonFilter,
    detected: Detections,
    similarity: np.ndarray,
    confirmed: np.ndarray,
    unseen_s: np.ndarray,
    config: TrackerConfig,
    apart: np.ndarray | None = None,
) -> list[tuple[int, int]]:
    """
    Assign detections to tracks, in rounds, the best founded tracks first.

    Parameters
    ----------
    skeletons : SkeletonFilter
        N tracks, predicted to now.
    detected : Detections
        M people.
    similarity : (N, M) float64
        `oks_similarity` of the two.
    confirmed : (N,) bool
    unseen_s : (N,) float64
        How long the tracks have not been seen.
    config : TrackerConfig
    apart : (N, M) float64, optional
        How unlike they look (`Reidentification.distances`): decides where place alone does not,
        and who comes back after `lost_after_s`. NaN: not known.

    Returns
    -------
    list of (track, detection)
    """
    if not similarity.size:
        return []
    least = config.match_similarity
    # Not the state LOST, which begins with the first image that does not show a person.
    long_gone = confirmed & (unseen_s > config.lost_after_s)
    strong = detected.person_score >= config.new_track_score
    weak = (detected.person_score >= config.low_score) & ~strong
    open_rows = np.ones(len(confirmed), bool)
    open_columns = np.ones(len(strong), bool)
    pairs = []
    rounds: tuple[tuple[np.ndarray, np.ndarray, Callable[[], np.ndarray], float], ...] = (
        (confirmed, strong, lambda: similarity, least),
        # ByteTrack (Zhang et al., ECCV 2022): weak detections continue tracks, never start them.
        (confirmed & ~long_gone, weak, lambda: similarity, least),
        (~confirmed, strong, lambda: similarity, least),
        (open_rows, strong, lambda: oks_similarity(skeletons, detected.mirrored()), least),
        (~long_gone, strong, lambda: shape_similarity(skeletons, unseen_s, detected), SAME_SHAPE),
        (long_gone, strong, lambda: position_similarity(skeletons, unseen_s, detected), 0.0),
    )
    for rows, columns, compare, minimum in rounds:
        allowed = (rows & open_rows)[:, None] & (columns & open_columns)
        if np.count_nonzero(allowed):
            scores = np.where(allowed, compare(), -1.0)
            for row, column in match(_by_looks(scores, apart, long_gone, minimum), minimum):
                pairs.append((row, column))
                open_rows[row] = open_columns[column] = False
            if len(pairs) == min(similarity.shape):
                break
    return sorted(pairs)


def _by_looks(
    similarity: np.ndarray, apart: np.ndarray | None, long_gone: np.ndarray, least: float
) -> np.ndarray:
    """
    Weigh similarities by place (N, M), from `least` on, by appearance where place cannot decide.

    Tracks that are `long_gone` (N,) only a person who looks like theirs continues, or one very
    near.
    """
    if apart is None:
        return similarity
    # Also unlike is one who looks more like another of those tracks.
    gone = np.where(long_gone[:, None], apart, np.nan)
    rival = np.fmin.reduce(gone, axis=0, initial=np.inf)
    unlike = np.nan_to_num(np.maximum(gone - OTHER, 0.0) + gone - rival)
    similarity = similarity - UNLIKE * unlike
    gate = similarity >= least
    contested = gate & ((gate.sum(axis=1, keepdims=True) > 1) | (gate.sum(axis=0) > 1))
    # 1 where they look the same, 0.1 where they are other people, half where it is not known.
    weight = np.clip((OTHER - np.nan_to_num(apart, nan=OTHER / 2.0)) / OTHER, 0.1, 1.0)
    return np.where(contested, least + weight * (similarity - least), similarity)


def match(similarity: np.ndarray, minimum: float) -> list[tuple[int, int]]:
    """
    Pair rows with columns so that the sum of the similarities (N, M) above `minimum` is largest.

    Pairs below it, or NaN, do not exist. Sorted by row; each row and column at most once.
    """
    if similarity.size == 1:
        return [(0, 0)] if similarity[0, 0] >= minimum else []
    gain = similarity - minimum
    gate = gain >= 0
    alone = gate & (gate.sum(axis=1, keepdims=True) == 1) & (gate.sum(axis=0) == 1)
    pairs = list(zip(*(index.tolist() for index in np.nonzero(alone))))
    for rows, columns in _groups(gate & ~alone):
        # A pair outside the gate has gain 0: as good as leaving both unmatched.
        block = np.ix_(rows, columns)
        for i, j in assign(-np.where(gate, gain, 0.0)[block]):
            if gate[rows[i], columns[j]]:
                pairs.append((int(rows[i]), int(columns[j])))
    return sorted(pairs)


def _groups(gate: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the connected components, as rows and columns, of a bipartite graph (N, M) bool."""
    left = gate.any(axis=1)
    while left.any():
        rows = np.zeros_like(left)
        rows[np.argmax(left)] = True
        while True:
            columns = gate[rows].any(axis=0)
            grown = np.asarray(gate[:, columns].any(axis=1))
            if np.array_equal(grown, rows):
                break
            rows = grown
        left &= ~rows
        yield np.flatnonzero(rows), np.flatnonzero(columns)
