# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The textbook network: 256x256x3 in 0..1 -> 64x64x128 features -> 64x64x17 heatmaps.

A stem to stride 4, residual blocks (He et al., CVPR 2016) at strides 8, 16 and 32, where one
pixel sees the whole person, and the way back up with lateral connections (Lin et al., Feature
Pyramid Networks, CVPR 2017). All convolutions but the head's are followed by batch
normalisation, which an exporter folds into them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional

from pose_ros.core.decode.encode import SIGMA_PX
from pose_ros.core.model_spec import ModelSpec
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.training.network import PoseNetwork

SIZE_PX = 256
OPSET = 13
STRIDE = 4
FEATURES = 128
WIDTHS = (32, 64, 128, 192)
"""Channels at strides 4, 8, 16 and 32, on the way down."""
WIDTHS_UP = (FEATURES, 64, 96, 128)
"""The same on the way up."""
BLOCKS = (0, 1, 1, 1)
"""Residual blocks at each stride."""


class HeatmapNet(PoseNetwork):
    """
    The whole of it; the weights are random at first.

    Parameters
    ----------
    sigma_px : float
        Of the Gaussians that it is to draw, map pixels.
    """

    spec = ModelSpec(
        name='textbook',
        input_name='image',
        input_size=(SIZE_PX, SIZE_PX),
        color='rgb',
        mean=(0.0, 0.0, 0.0),
        std=(255.0, 255.0, 255.0),
        decoder='heatmaps',
        stride=STRIDE,
        # Middle of the input pixels that a map pixel stands for: mirrored with the crop, it stays.
        offset_px=(STRIDE - 1) / 2,
        outputs={'heatmaps': 'heatmaps'},
        refinement='taylor',
        crop_scale=1.25,
    )

    def __init__(self, sigma_px: float = SIGMA_PX) -> None:
        super().__init__()
        self.spec = replace(self.spec, blur_sigma=sigma_px)
        self.stem = nn.Sequential(_conv(3, 16, stride=2), _conv(16, WIDTHS[0], stride=2))
        self.stages = nn.ModuleList()
        width_before = WIDTHS[0]
        for level, (width, blocks) in enumerate(zip(WIDTHS, BLOCKS)):
            first = [] if level == 0 else [_conv(width_before, width, stride=2)]
            self.stages.append(nn.Sequential(*first, *(_Residual(width) for _ in range(blocks))))
            width_before = width
        self.laterals = nn.ModuleList(
            _conv(width, width_up, kernel=1, activate=False)
            for width, width_up in zip(WIDTHS, WIDTHS_UP)
        )
        # The one at stride 4 without normalisation: a third of the memory traffic is there.
        self.laterals[0] = nn.Conv2d(WIDTHS[0], FEATURES, 1)
        self.merges = nn.ModuleList(
            _conv(WIDTHS_UP[level], WIDTHS_UP[level - 1]) for level in (1, 2, 3)
        )
        self.head = nn.Conv2d(FEATURES, NUM_KEYPOINTS, 1)

    def features(self, images: Tensor) -> Tensor:
        """Return what the trunk sees, (B, 128, 64, 64)."""
        x = self.stem(images)
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        x = functional.relu(self.laterals[3](levels[3]))
        for level in (3, 2, 1):
            x = _doubled(self.merges[level - 1](x))
            x = functional.relu(x.add_(self.laterals[level - 1](levels[level - 1])), inplace=True)
        return x

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Draw the heatmaps, see the base class; no activation after the last convolution."""
        return {'heatmaps': self.head(self.features(images))}

    def write_onnx(self, path: Path) -> None:
        """Write the network, see the base class."""
        write_traced(self, path)


class _Residual(nn.Module):
    """Two 3x3 convolutions beside a connection that passes them by."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = _conv(width, width, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.second(self.first(x)).add_(x), inplace=True)


def _conv(
    channels_in: int, channels_out: int, kernel: int = 3, stride: int = 1, activate: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
    ]
    if activate:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode='nearest')


class _Outputs(nn.Module):
    """Gives the maps as a tuple, in the order of the spec's roles."""

    def __init__(self, network: PoseNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        maps = self.network(images)
        return tuple(maps[role] for role in self.network.spec.outputs)


def write_traced(network: PoseNetwork, path: Path) -> None:
    """
    Write a network as ONNX: free batch, normalisations folded into the convolutions.

    Parameters
    ----------
    network : PoseNetwork
        Is put in `eval` mode, on the CPU.
    path : Path
        Is overwritten.
    """
    # The exporter puts a network back into the mode that it found it in.
    traced = _Outputs(network).eval().cpu()
    spec = network.spec
    width, height = spec.input_size
    names = [spec.input_name, *spec.outputs.values()]
    with warnings.catch_warnings():
        # The exporter that needs no further package is called old by the newer one.
        warnings.simplefilter('ignore', DeprecationWarning)
        torch.onnx.export(
            traced,
            (torch.zeros(1, 3, height, width),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes={name: {0: 'batch'} for name in names},
        )
