# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The seam between the training loop and a network."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from pose_ros.core.model_spec import ModelSpec
from pose_ros.training.batch import Batch
from pose_ros.training.loss import heatmap_loss


class PoseNetwork(nn.Module):
    """
    A network that draws heatmaps of the one person in a crop; base class of all of them.

    Attributes
    ----------
    spec : ModelSpec
        Input (size, colours, mean and std), stride and offset of the maps, padding of a person's
        box, decoder: how its crops are made, and how it is described once it is exported.
    """

    spec: ModelSpec

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """
        Draw the maps.

        Parameters
        ----------
        images : (B, 3, height, width) float32
            As `normalised` makes them.

        Returns
        -------
        dict of (B, C, map height, map width)
            By role, as in `ModelSpec.outputs`; 'heatmaps' (C = 17, or as many as the spec names)
            is there always; unless a network has a loss of its own, they are compared with
            Gaussians of height 1.
        """
        raise NotImplementedError

    def loss(self, maps: dict[str, Tensor], batch: Batch, sigma_px: float) -> Tensor:
        """
        Return how wrong the maps are, a scalar of at least 0.

        Parameters
        ----------
        maps : dict
            What `forward` gave for the batch, while training.
        batch : Batch
            The crops and what is labelled in them.
        sigma_px : float
            Of the batch's Gaussians, map pixels.
        """
        return heatmap_loss(maps['heatmaps'], batch.heatmaps, batch.weight, sigma_px)

    def write_onnx(self, path: Path) -> None:
        """
        Write the network with its present weights.

        Parameters
        ----------
        path : Path
            NAME.onnx, overwritten. Input and outputs have the spec's names, the batch is free,
            every node has a name.
        """
        raise NotImplementedError

    def map_size(self) -> tuple[int, int]:
        """Return width and height of the maps."""
        width, height = self.spec.input_size
        return width // self.spec.stride, height // self.spec.stride


def normalised(crops: Tensor, spec: ModelSpec) -> Tensor:
    """
    Make the network's input, as `core/estimator/preprocess.py` does where the network is used.

    Parameters
    ----------
    crops : (B, height, width, 3) uint8
        BGR.
    spec : ModelSpec
        Of the network.

    Returns
    -------
    (B, 3, height, width) float32
        In the memory order of `torch.channels_last`.
    """
    images = crops.permute(0, 3, 1, 2).to(torch.float32)
    if spec.color == 'rgb':
        images = images.flip(1)
    mean = torch.tensor(spec.mean, device=crops.device).view(1, 3, 1, 1)
    std = torch.tensor(spec.std, device=crops.device).view(1, 3, 1, 1)
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)
