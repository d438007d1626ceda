# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A PyTorch network -> an ONNX file, by tracing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
import warnings

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from pose_ros.training.network import PoseNetwork

OPSET = 13


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
