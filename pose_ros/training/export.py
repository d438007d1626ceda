# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A trained network -> NAME.onnx, NAME.json and NAME.md, checked against PyTorch first."""

from __future__ import annotations

from dataclasses import dataclass, replace
import hashlib
import os
from pathlib import Path
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch

from pose_ros.training.errors import TrainingError
from pose_ros.training.network import PoseNetwork, normalised

TOLERANCE = 1e-3
"""Largest difference between ONNX Runtime's and PyTorch's maps, in units of the largest value."""


@dataclass(frozen=True)
class Exported:
    """
    What was written.

    Attributes
    ----------
    onnx : Path
    difference : float
        Largest, relative to the largest value of the map.
    crops : int
        Real ones that were compared, besides noise.
    """

    onnx: Path
    difference: float
    crops: int


def export_network(
    network: PoseNetwork, folder: Path, name: str, crops: torch.Tensor, card: str
) -> Exported:
    """
    Write a network; nothing is left in the folder when something fails.

    Parameters
    ----------
    network : PoseNetwork
        Trained. Is put in `eval` mode, on the CPU.
    folder : Path
        Is made when missing; files of that name are replaced.
    name : str
        Of the files, and what messages and reports call the network.
    crops : (N, height, width, 3) uint8
        Real crops to compare on; N may be 0.
    card : str
        The model card, written as NAME.md.

    Raises
    ------
    TrainingError
        When ONNX Runtime computes something else than PyTorch, a weight is no number, or a file
        cannot be written.
    """
    network = network.eval().cpu()
    broken = [key for key, value in network.state_dict().items()
              if value.dtype.is_floating_point and not torch.isfinite(value).all()]
    if broken:
        raise TrainingError(
            f'{len(broken)} weights are not finite numbers, for example {broken[0]}: '
            'this training failed, export another one'
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix='.export-') as scratch:
            made = Path(scratch) / f'{name}.onnx'
            network.write_onnx(made)
            _check_graph(made)
            difference = _largest_difference(network, made, crops)
            digest = hashlib.sha256(made.read_bytes()).hexdigest()
            spec = replace(network.spec, name=name, onnx_sha256=digest)
            made.with_suffix('.json').write_text(spec.to_json(), encoding='utf-8')
            made.with_suffix('.md').write_text(card, encoding='utf-8')
            # The description last: without it nobody takes the network for whole.
            for suffix in ('.onnx', '.md', '.json'):
                os.replace(made.with_suffix(suffix), folder / f'{name}{suffix}')
    except OSError as error:
        raise TrainingError(f'cannot export to {folder}: {error.strerror or error}') from error
    return Exported(folder / f'{name}.onnx', difference, len(crops))


def _check_graph(path: Path) -> None:
    """Raise TrainingError unless every node has a name of its own."""
    model = onnx.load(str(path))
    onnx.checker.check_model(model)
    names = [node.name for node in model.graph.node]
    if len(set(names)) != len(names) or '' in names:
        raise TrainingError('the exporter left nodes without a name of their own')


def _largest_difference(network: PoseNetwork, path: Path, crops: torch.Tensor) -> float:
    """Compare on noise and on real crops, one and several at once."""
    spec = network.spec
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    width, height = spec.input_size
    random = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (3, height, width, 3), dtype=torch.uint8, generator=random)
    largest = 0.0
    for part in (noise, noise[:1], *(crops.split(4) if len(crops) else ())):
        images = normalised(part, spec)
        with torch.no_grad():
            expected = network(images)
        names = [spec.outputs[role] for role in spec.outputs]
        values = session.run(names, {spec.input_name: images.contiguous().numpy()})
        for role, value in zip(spec.outputs, values):
            wanted = expected[role].numpy()
            if value.shape != wanted.shape:
                raise TrainingError(
                    f'the exported {role} is {value.shape}, that of PyTorch {wanted.shape}: '
                    'not exported'
                )
            scale = max(float(np.abs(wanted).max()), 1e-6)
            largest = max(largest, float(np.abs(value - wanted).max()) / scale)
    if not largest <= TOLERANCE:
        raise TrainingError(
            f'ONNX Runtime and PyTorch differ by {largest:.2g} of the largest value, more than '
            f'{TOLERANCE:g}: not exported'
        )
    return largest
