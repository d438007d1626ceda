# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The seam between the training loop and a network; its loss, and what it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from pose_ros.core.decode.encode import SIGMA_PX
from pose_ros.core.decode.movenet import decode_person
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.model_spec import ModelSpec
from pose_ros.training.settings import TrainingError

if TYPE_CHECKING:
    from pose_ros.training.augment import Augmentation
    from pose_ros.training.data import Person
    from pose_ros.training.samples import Batch, Maker, PhotoCache


@dataclass(frozen=True)
class Device:
    """
    Where the network is, and what its convolutions compute in.

    Attributes
    ----------
    torch : torch.device
    dtype : torch.dtype
        float32, or what `autocast` uses instead.
    """

    torch: torch.device
    dtype: torch.dtype

    def autocast(self) -> torch.autocast:
        """Return the context in which the network runs while it learns."""
        is_mixed = self.dtype != torch.float32
        dtype = self.dtype if is_mixed else torch.bfloat16
        return torch.autocast(self.torch.type, dtype=dtype, enabled=is_mixed)

    def __str__(self) -> str:
        """Say it for the run's first line."""
        name = torch.cuda.get_device_name(self.torch) if self.torch.type == 'cuda' else 'CPU'
        threads = f', {torch.get_num_threads()} threads' if self.torch.type == 'cpu' else ''
        return f'{name}{threads}, {str(self.dtype).removeprefix("torch.")}'


def choose_device(device: str, precision: str) -> Device:
    """
    Choose what is there: a GPU if it can be used, and bfloat16 where the hardware computes in it.

    Parameters
    ----------
    device : str
        'auto' or a name that PyTorch knows.
    precision : str
        'auto', 'fp32', 'bf16' or 'fp16'.

    Raises
    ------
    TrainingError
        When it is not there, or cannot do that.
    """
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f'--device {device} cannot be used: {reason}') from error
    is_cuda = chosen.type == 'cuda'
    if precision == 'auto':
        if is_cuda:
            precision = 'bf16' if torch.cuda.is_bf16_supported() else 'fp16'
        else:
            precision = 'bf16' if computes_bfloat16() else 'fp32'
    if precision == 'fp16' and not is_cuda:
        raise TrainingError('--precision fp16 is for CUDA: on a CPU use bf16 or fp32')
    dtypes = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}
    return Device(chosen, dtypes[precision])


def computes_bfloat16() -> bool:
    """Tell whether this CPU has instructions for it; without, it is slower than float32."""
    checks = ('_is_avx512_bf16_supported', '_is_amx_tile_supported')
    return any(getattr(torch.cpu, name, lambda: False)() for name in checks)


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


class PoseNetwork(nn.Module):
    """
    A network that draws heatmaps of the one person in a crop; base class of all of them.

    Attributes
    ----------
    spec : ModelSpec
        Input (size, colours, mean and std), stride and offset of the maps, padding of a person's
        box, decoder: how its crops are made, and how it is described once it is exported.
    sees : str
        What a sample shows: a 'crop' around a person, or a whole 'photo'.
    """

    spec: ModelSpec
    sees = 'crop'

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

    def read(self, maps: dict[str, np.ndarray]) -> tuple[np.ndarray, Keypoints]:
        """
        Read maps by the decoder that ships.

        Parameters
        ----------
        maps : dict of (B, C, map height, map width) float32

        Returns
        -------
        view : (N,) int
            In which of the B samples a person is.
        found : Keypoints
            N people, pixels of the input; their scores order them.
        """
        found = decode_person(maps, self.spec)
        return np.arange(len(found)), replace(found, person_score=found.score.mean(axis=1))

    def maker(
        self, people: Sequence[Person], augmentation: Augmentation, seed: int, sigma_px: float,
        photos: PhotoCache,
    ) -> Maker:
        """Return what makes this network's samples."""
        from pose_ros.training.samples import SampleMaker

        return SampleMaker(people, self.spec, augmentation, seed, sigma_px, photos)

    def rate_of(self, name: str) -> float:
        """Return the share of the learning rate that a parameter, by its name, learns with."""
        return 1.0

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
