# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A MoveNet in PyTorch, as its author would run it: what is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from pose_ros.backends.host_network import HostNetwork
from pose_ros.training.movenet import MoveNet


class TorchNetwork(HostNetwork):
    """
    One network in PyTorch, eager.

    Parameters
    ----------
    path : Path
        NAME.onnx as `models/convert` writes it, with its ModelSpec NAME.json beside it.
    device : str
        'cuda' or 'cpu'.
    is_half : bool
        Whether it computes in float16, else in float32.
    """

    def __init__(self, path: Path, device: str, is_half: bool) -> None:
        super().__init__(path)
        self._to = {'device': device, 'dtype': torch.float16 if is_half else torch.float32}
        self._network = MoveNet(path).eval().to(**self._to)
        self.check(
            {self.spec.input_name: ('tensor(float)', [None, 3, None, None])},
            list(self.spec.outputs.values()),
        )

    def infer(self, batch: np.ndarray, outputs: Sequence[str]) -> list[np.ndarray]:
        """Run the network (`HostNetwork`)."""
        with torch.inference_mode():
            maps = self._network(torch.from_numpy(batch).to(**self._to))
        return [maps[role].float().cpu().numpy() for role in self.spec.read_outputs]
