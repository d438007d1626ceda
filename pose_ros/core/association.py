# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Which detection belongs to which track: one-to-one, by largest total similarity.

The gate splits the problem into small independent groups of tracks and detections that may belong
together; a group of one track and one detection is settled at once, the few others are solved
with the Hungarian method. That is exact, needs no other package and costs what the crossings cost.
"""

from __future__ import annotations

from collections.abc import Iterator
import math

import numpy as np

from pose_ros.core.assignment import assign
from pose_ros.core.body import OKS_SCALE
from pose_ros.core.detections import Detections
from pose_ros.core.skeleton import OKS_SIGMAS
from pose_ros.core.skeleton_filter import SkeletonFilter

REACH = 0.35
"""A lost person comes back within so many body heights of the predicted place, ..."""

REACH_PER_S = 1.0
"""... and so many more for each second unseen."""

SIZE_RATIO = 1.35
"""A lost person comes back at most so much larger or smaller."""


def match(similarity: np.ndarray, minimum: float) -> list[tuple[int, int]]:
    """
    Pair rows with columns so that the sum of the similarities above `minimum` is largest.

    Parameters
    ----------
    similarity : (N, M) float
        Larger is more alike; NaN is never matched.
    minimum : float
        Pairs below it do not exist.

    Returns
    -------
    list of (row, column)
        Sorted by row; each row and each column at most once.
    """
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
            grown = gate[:, columns].any(axis=1)
            if np.array_equal(grown, rows):
                break
            rows = grown
        left &= ~rows
        yield np.flatnonzero(rows), np.flatnonzero(columns)


def oks_likeness(skeletons: SkeletonFilter, detected: Detections) -> np.ndarray:
    """
    Compare tracks with detections: OKS, its kernel widened by the track's uncertainty.

    COCO's OKS is the mean of exp(-d^2 / (2 s^2 k^2)), k = 2 sigma, over the keypoints; here over
    those in common, with the track's predicted variance added to s^2 k^2.

    Returns
    -------
    (N, M) float64
        In [0, 1]; 0 with fewer than two keypoints in common.
    """
    if not len(skeletons.x) or not len(detected.xy):
        return np.zeros((len(skeletons.x), len(detected.xy)))
    kernel = (2.0 * OKS_SCALE * OKS_SIGMAS * skeletons.height_px[:, None]) ** 2
    variance = kernel + skeletons.P[..., 0, 0]
    offset = skeletons.x[:, None, :, 0] - detected.xy
    distance = np.einsum('nmkd,nmkd->nmk', offset, offset)
    likeness = np.exp(distance * (-0.5 / variance)[:, None])
    known, valid = skeletons.known.astype(np.float64), detected.valid.astype(np.float64)
    common = known @ valid.T
    total = np.einsum('nmk,nk,mk->nm', likeness, known, valid)
    return np.where(common >= 2, total / np.maximum(common, 1.0), 0.0)


def place_likeness(
    skeletons: SkeletonFilter, unseen_s: np.ndarray, detected: Detections
) -> np.ndarray:
    """
    Compare lost tracks with detections by predicted place and body size.

    Parameters
    ----------
    unseen_s : (N,) float64
        How long the tracks have not been seen.

    Returns
    -------
    (N, M) float64
        1 at the same place and size; negative out of reach.
    """
    known, valid = skeletons.known.astype(np.float64), detected.valid.astype(np.float64)
    common = known @ valid.T
    # Between the centroids of the keypoints that both have.
    offset = np.einsum('nk,mk,nkd->nmd', known, valid, skeletons.x[:, :, 0]) - np.einsum(
        'nk,mk,mkd->nmd', known, valid, detected.xy
    )
    distance = np.hypot(offset[..., 0], offset[..., 1]) / np.maximum(common, 1.0)
    reach = skeletons.height_px * (REACH + REACH_PER_S * unseen_s)
    height = np.where(detected.height_px > 0, detected.height_px, np.inf)
    ratio = np.abs(np.log(skeletons.height_px[:, None] / height))
    likeness = 1.0 - np.maximum(distance / reach[:, None], ratio / math.log(SIZE_RATIO))
    return np.where(common >= 3, likeness, -1.0)
