# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How wrong heatmaps are."""

from __future__ import annotations

import math

from torch import Tensor

from pose_ros.core.decode.encode import SIGMA_PX


def heatmap_loss(
    heatmaps: Tensor, targets: Tensor, weight: Tensor, sigma_px: float = SIGMA_PX
) -> Tensor:
    """
    Mean squared error over the labelled keypoints, in units of an empty map's error.

    The squared Gaussian has the sum pi sigma^2, so that a network that draws nothing has the loss
    1, whatever the size of the maps.

    Parameters
    ----------
    heatmaps, targets : (B, K, H, W) float32
        What was drawn, and the Gaussians.
    weight : (B, K) float32
        0 where a keypoint is not labelled; other values are relative to each other.
    sigma_px : float
        Of the targets, map pixels.

    Returns
    -------
    scalar
        0 when nothing is labelled.
    """
    squared = (heatmaps.float() - targets).square().sum(dim=(2, 3))
    total = weight.sum().clamp(min=1e-6)
    return (squared * weight).sum() / (total * math.pi * sigma_px**2)
