# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Plain heatmaps, one person per crop -> keypoints: the highest pixel, refined below the pixel.

argmax   the highest pixel itself
quarter  a quarter of a map pixel towards the higher neighbour on each axis (Newell et al., Stacked
         Hourglass Networks, ECCV 2016, section 3.2)
taylor   the peak of the Gaussian that the map is trained to be: after smoothing, a Newton step
         on the logarithm (Zhang et al., Distribution-Aware Coordinate Representation, "DARK",
         CVPR 2020, equations 4 to 11)
udp      the same step, second derivatives between neighbours, for networks of unbiased data
         processing (Huang et al., The Devil is in the Details, CVPR 2020, section 3.2): there the
         first and the last pixel of the map are those of the input
"""

from __future__ import annotations

import math

import numpy as np

from pose_ros.core.joint_names import in_our_order
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.model_spec import ModelSpec

# A peak farther from the highest pixel than this is no peak of a Gaussian.
MAX_STEP_PX = 1.0
# Heights below are as good as none: logarithms stay finite.
MIN_HEIGHT = 1e-10


def decode_heatmaps(heatmaps: np.ndarray, spec: ModelSpec) -> Keypoints:
    """
    Read one person per crop.

    Parameters
    ----------
    heatmaps : (B, K, H, W) float32
        Heatmaps.
    spec : ModelSpec
        Refinement, stride, offset, scale of the score, input size and the names of the K joints.

    Returns
    -------
    Keypoints
        B people in input pixels; the person score is the mean of the keypoint scores.
    """
    batch, count, height, width = heatmaps.shape
    best = heatmaps.reshape(batch, count, -1).argmax(axis=2)
    i, j = np.divmod(best, width)
    b, k = np.arange(batch)[:, None], np.arange(count)
    score = np.clip(heatmaps[b, k, i, j] * np.float32(spec.score_scale), 0.0, 1.0)
    if spec.refinement == 'argmax':
        step = np.zeros((batch, count, 2), np.float32)
    elif spec.refinement == 'quarter':
        step = _quarter(heatmaps, i, j)
    else:
        reach = 1 if spec.refinement == 'udp' else 2
        step = _newton_step(_log_windows(heatmaps, i, j, spec.blur_sigma, reach), reach)
        inside = (np.minimum(i, height - 1 - i) >= reach) & (np.minimum(j, width - 1 - j) >= reach)
        step *= inside[..., None]
    xy = np.stack([j, i], axis=-1).astype(np.float32) + step
    scale = np.full(2, spec.stride, np.float32)
    if spec.refinement == 'udp':
        scale[:] = [(n - 1) / max(1, m - 1) for n, m in zip(spec.input_size, (width, height))]
    xy = xy * scale + np.float32(spec.offset_px)
    return in_our_order(spec.keypoints, xy, score, score.mean(axis=1))


def blur_radius(sigma: float) -> int:
    """Return how many map pixels of the smoothing Gaussian are taken on each side."""
    return math.ceil(2.5 * sigma)


def _quarter(heatmaps: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Return (B, K, 2) float32: the step (x, y) towards the higher neighbours."""
    height, width = heatmaps.shape[2:]
    b, k = np.arange(len(heatmaps))[:, None], np.arange(heatmaps.shape[1])
    down = heatmaps[b, k, np.minimum(i + 1, height - 1), j]
    up = heatmaps[b, k, np.maximum(i - 1, 0), j]
    right = heatmaps[b, k, i, np.minimum(j + 1, width - 1)]
    left = heatmaps[b, k, i, np.maximum(j - 1, 0)]
    # Not at the map's edge: there one of the neighbours is unknown.
    x = np.sign(right - left) * ((j > 0) & (j < width - 1))
    y = np.sign(down - up) * ((i > 0) & (i < height - 1))
    return np.stack([x, y], axis=-1) * np.float32(0.25)


def _log_windows(
    heatmaps: np.ndarray, i: np.ndarray, j: np.ndarray, sigma: float, reach: int
) -> np.ndarray:
    """
    Return the logarithm of the smoothed maps around pixels, `reach` to each side.

    The Gaussian is that of the training targets (DARK: "modulation"): it makes one peak of many
    small ones. The scaling back to the old height that DARK does has no influence on the step:
    it adds a constant to the logarithm.
    """
    radius = blur_radius(sigma)
    pad = radius + reach
    padded = np.pad(heatmaps, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    side = np.arange(2 * pad + 1)
    b, k = np.arange(len(heatmaps))[:, None, None, None], np.arange(heatmaps.shape[1])
    rows, columns = i[..., None, None] + side[:, None], j[..., None, None] + side
    windows = padded[b, k[:, None, None], rows, columns]
    if radius:
        tap = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
        tap /= tap.sum()
        # Row n of the matrix is the tap moved to n: a separable convolution as two products.
        blur = np.zeros((2 * reach + 1, len(side)), np.float32)
        for n in range(len(blur)):
            blur[n, n:n + len(tap)] = tap
        windows = blur @ windows @ blur.T
    return np.log(np.maximum(windows, np.float32(MIN_HEIGHT)))


def _newton_step(log: np.ndarray, reach: int) -> np.ndarray:
    """
    Return the Newton step (x, y) from the middle of each window to the peak; 0 without a peak.

    Second derivatives are taken over `reach` pixels: 2 in DARK, 1 in UDP.
    """
    c, r = reach, reach
    middle = log[..., c, c]
    dx = (log[..., c, c + 1] - log[..., c, c - 1]) / 2
    dy = (log[..., c + 1, c] - log[..., c - 1, c]) / 2
    dxx = (log[..., c, c + r] - 2 * middle + log[..., c, c - r]) / r**2
    dyy = (log[..., c + r, c] - 2 * middle + log[..., c - r, c]) / r**2
    dxy = (log[..., c + 1, c + 1] - log[..., c + 1, c - 1]
           - log[..., c - 1, c + 1] + log[..., c - 1, c - 1]) / 4  # fmt: skip
    det = dxx * dyy - dxy**2
    peak = (det > 0) & (dxx < 0)
    det = np.where(peak, det, 1)
    step = np.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], axis=-1) / det[..., None]
    step = np.clip(step, -MAX_STEP_PX, MAX_STEP_PX)
    return np.where(peak[..., None], step, 0).astype(np.float32)
