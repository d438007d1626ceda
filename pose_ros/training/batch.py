# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Crops and what is known of the people in them, as tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """
    B crops, one person each.

    Attributes
    ----------
    crops : (B, height, width, 3) uint8
        BGR.
    xy : (B, 17, 2) float32
        Keypoints, pixels of the crop; NaN where not labelled.
    weight : (B, 17) float32
        How much each keypoint counts; 0 where it is not labelled.
    heatmaps : (B, 17, map height, map width) float32
        The targets.
    """

    crops: Tensor
    xy: Tensor
    weight: Tensor
    heatmaps: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(*(
            tensor.to(device, non_blocking=True)
            for tensor in (self.crops, self.xy, self.weight, self.heatmaps)
        ))
