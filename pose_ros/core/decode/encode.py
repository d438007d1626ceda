# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Keypoints -> Gaussian heatmaps: what a network learns to draw, and `decode.py` reads.

The Gaussians lie at the keypoints themselves, not at the nearest map pixel: rounding would cost
half a pixel (Zhang et al., Distribution-Aware Coordinate Representation for Human Pose
Estimation, CVPR 2020, section 3.2).
"""

from __future__ import annotations

import numpy as np

SIGMA_PX = 2.0
"""Map pixels: for maps of 64x64, as in Xiao et al., Simple Baselines, ECCV 2018, section 3."""


def encode_heatmaps(
    xy: np.ndarray,
    map_size: tuple[int, int],
    stride: int,
    offset_px: float,
    sigma_px: float = SIGMA_PX,
) -> np.ndarray:
    """
    Draw one Gaussian of height 1 per keypoint.

    Parameters
    ----------
    xy : (..., 2) float
        Keypoints in pixels of the network's input. They may lie outside: what of the Gaussian
        reaches into the map is drawn. NaN gives an empty map.
    map_size : (width, height)
        Of the heatmaps, map pixels.
    stride : int
        Input pixels per map pixel.
    offset_px : float
        The map's pixel i lies at input pixel i * stride + offset_px.
    sigma_px : float
        Standard deviation, map pixels.

    Returns
    -------
    (..., height, width) float32
        exp(-d^2 / (2 sigma^2)), d the distance to the keypoint in map pixels.
    """
    at = (np.asarray(xy, np.float64) - offset_px) / stride
    width, height = map_size
    # The Gaussian is a product of one along x and one along y.
    falloff = -0.5 / sigma_px**2
    along_x = np.exp(falloff * (np.arange(width) - at[..., 0, None]) ** 2)
    along_y = np.exp(falloff * (np.arange(height) - at[..., 1, None]) ** 2)
    maps = along_y.astype(np.float32)[..., :, None] * along_x.astype(np.float32)[..., None, :]
    return np.nan_to_num(maps, copy=False)
