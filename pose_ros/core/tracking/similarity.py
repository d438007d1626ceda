# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How alike tracks and detections are: by keypoints, by shape, by place and size."""

from __future__ import annotations

import math

import numpy as np

from pose_ros.core.body import OKS_SCALE
from pose_ros.core.skeleton import OKS_SIGMAS
from pose_ros.core.tracking.detections import Detections
from pose_ros.core.tracking.skeleton_filter import SkeletonFilter

REACH = 0.35
"""A lost person comes back within so many body heights of the predicted place, ..."""

REACH_PER_S = 0.6
"""... and so many more for each second unseen."""

SIZE_RATIO = 1.35
"""A lost person comes back at most so much larger or smaller."""

JUMP = 0.1
"""A person seen a moment ago is found so many body heights off the prediction, ..."""

JUMP_PER_S = 3.0
"""... and so many more for each second since (a camera that turns suddenly, late frames), ..."""

JUMP_SIZE_RATIO = 1.2
"""... at most so much larger or smaller."""


def oks_similarity(skeletons: SkeletonFilter, detected: Detections) -> np.ndarray:
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
    return _mean_similarity(offset, variance, *_common(skeletons, detected))


def shape_similarity(
    skeletons: SkeletonFilter, unseen_s: np.ndarray, detected: Detections
) -> np.ndarray:
    """
    Compare tracks with detections as if shifted onto each other, within the reach of a jump.

    Parameters
    ----------
    unseen_s : (N,) float64
        How long the tracks have not been seen.

    Returns
    -------
    (N, M) float64
        OKS after the shift of the centroid; 0 out of reach or of another size.
    """
    both, common = _common(skeletons, detected)
    offset = skeletons.x[:, None, :, 0] - detected.xy
    shift = np.einsum('nmkd,nmk->nmd', offset, both) / np.maximum(common, 1.0)[..., None]
    reach = skeletons.height_px * (JUMP + JUMP_PER_S * unseen_s)
    near = (np.hypot(shift[..., 0], shift[..., 1]) <= reach[:, None]) & (common >= 5)
    near &= _size_difference(skeletons, detected) <= math.log(JUMP_SIZE_RATIO)
    kernel = (2.0 * OKS_SCALE * OKS_SIGMAS * skeletons.height_px[:, None]) ** 2
    return near * _mean_similarity(offset - shift[:, :, None], kernel, both, common)


def position_similarity(
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
    both, common = _common(skeletons, detected)
    # Between the centroids of the keypoints that both have.
    offset = np.einsum('nmkd,nmk->nmd', skeletons.x[:, None, :, 0] - detected.xy, both)
    distance = np.hypot(offset[..., 0], offset[..., 1]) / np.maximum(common, 1.0)
    reach = skeletons.height_px * (REACH + REACH_PER_S * unseen_s)
    ratio = _size_difference(skeletons, detected)
    similarity = 1.0 - np.maximum(distance / reach[:, None], ratio / math.log(SIZE_RATIO))
    return np.where(common >= 3, similarity, -1.0)


def _common(skeletons: SkeletonFilter, detected: Detections) -> tuple[np.ndarray, np.ndarray]:
    """Return which keypoints both have (N, M, 17), 1 or 0, and how many (N, M), at float64."""
    both = skeletons.known[:, None] & detected.valid
    return both.astype(np.float64), both.sum(axis=2, dtype=np.float64)


def _mean_similarity(
    offset: np.ndarray, variance: np.ndarray, both: np.ndarray, common: np.ndarray
) -> np.ndarray:
    """Return the mean (N, M) of exp(-offset^2 / (2 variance)) over the common keypoints."""
    distance = np.einsum('nmkd,nmkd->nmk', offset, offset)
    similarity = np.exp(distance * (-0.5 / variance)[:, None])
    total = np.einsum('nmk,nmk->nm', similarity, both)
    return np.where(common >= 2, total / np.maximum(common, 1.0), 0.0)


def _size_difference(skeletons: SkeletonFilter, detected: Detections) -> np.ndarray:
    """Return the absolute logarithm (N, M) of the ratio of body heights; large when unknown."""
    height = np.where(detected.height_px > 0, detected.height_px, 1e-9)
    return np.abs(np.log(skeletons.height_px[:, None] / height))
