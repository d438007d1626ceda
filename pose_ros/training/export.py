# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A trained network -> NAME.onnx, NAME.json and NAME.md, checked against PyTorch first."""

from __future__ import annotations

from dataclasses import replace
import hashlib
import math
import os
from pathlib import Path
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch

from pose_ros.training.checkpoint import Trained
from pose_ros.training.network import PoseNetwork, normalised
from pose_ros.training.settings import TrainingError, TrainingSettings

FEW_PHOTOS = 5000
"""Below this a network from random weights is not called general."""


def model_card(name: str, trained: Trained, settings: TrainingSettings) -> str:
    """
    Write the card, Markdown.

    Parameters
    ----------
    name : str
        Of the exported network.
    trained : Trained
        The network, and what its training says.
    settings : TrainingSettings
        How it was trained.
    """
    network, row, photos, people = trained.network, trained.row, trained.photos, trained.people
    spec = network.spec
    width, height = spec.input_size
    map_width, map_height = network.map_size()
    parameters = sum(p.numel() for p in network.parameters())
    finds, reads, measured_on = {
        'crop': (
            'of the person that a crop is about',
            'It reads a crop as what it was trained to see: one person, roughly in the middle.',
            'labelled boxes',
        ),
        'photo': ('of everybody in an image', 'It reads whole images.', 'whole photos, one pass'),
    }[network.sees]
    begun = f'`{settings.start_from}`' if settings.start_from else 'random weights'
    validation = 'no photos were set aside' if math.isnan(row.val_pck) else (
        f'PCK@0.2 {row.val_pck:.3f}, COCO AP on {measured_on} {row.val_ap:.3f}'
    )
    warning = (
        f'\n{photos} photos do not make a general model: expect it to work on people and scenes '
        'like those, and measure it on yours before a robot relies on it.\n'
        if photos < FEW_PHOTOS else ''
    )
    maps = ', '.join(f'`{output}`' for output in spec.outputs.values())
    drawn = f'Gaussians of height 1 and sigma {settings.sigma_px:g}'
    if spec.decoder == 'centers':
        drawn = 'as those of the network it was begun with'
    data = ', '.join(f'`{Path(folder).name}`' for folder in settings.data)
    return f"""# Model card: `{name}`

Finds the 17 COCO keypoints {finds}. Trained by `pose_ros train`.
{warning}
| | |
|---|---|
| network | {spec.name}, {parameters / 1e6:.1f} M parameters |
| input | `{spec.input_name}`, float32 (batch, 3, {height}, {width}), {spec.color}, (pixel - mean) / std with mean {list(spec.mean)} and std {list(spec.std)} |
| output | {maps}, float32 (batch, channels, {map_height}, {map_width}): {drawn} |
| crop | the person's box, padded by {spec.crop_scale:g} |
| trained on | {data}: {people} people in {photos} photos; the terms of those photos apply |
| begun with | {begun}, seed {settings.seed} |
| training | epoch {row.epoch} of {settings.epochs}, {settings.passes} passes each, batches of {settings.batch}, AdamW {settings.learning_rate:g}; loss {row.loss:.4f} |
| accuracy on training {network.sees}s | PCK@0.2 {row.train_pck:.3f} |
| accuracy on photos set aside | {validation} |

{reads} It says nothing
about who that is, and its scores are heights of peaks, not probabilities.
"""  # noqa: E501  rows of a table


TOLERANCE = 1e-3
"""Largest difference between ONNX Runtime's and PyTorch's maps, in units of the largest value."""


def export_network(
    network: PoseNetwork, folder: Path, name: str, crops: torch.Tensor, card: str
) -> float:
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

    Returns
    -------
    float
        Largest difference from PyTorch, relative to the largest value of the map.

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
            # The calibration is of the first network's scores.
            spec = replace(network.spec, name=name, onnx_sha256=digest, calibration={})
            made.with_suffix('.json').write_text(spec.to_json(), encoding='utf-8')
            made.with_suffix('.md').write_text(card, encoding='utf-8')
            # The description last: without it nobody takes the network for whole.
            for suffix in ('.onnx', '.md', '.json'):
                os.replace(made.with_suffix(suffix), folder / f'{name}{suffix}')
    except OSError as error:
        raise TrainingError(f'cannot export to {folder}: {error.strerror or error}') from error
    return difference


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
