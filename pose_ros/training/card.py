# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The model card of a network that was trained here."""

from __future__ import annotations

import math
from pathlib import Path

from pose_ros.training.networks import Trained
from pose_ros.training.settings import TrainingSettings

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
    begun = f'`{settings.start_from}`' if settings.start_from else 'random weights'
    validation = 'no photos were set aside' if math.isnan(row.val_pck) else (
        f'PCK@0.2 {row.val_pck:.3f}, COCO AP on labelled boxes {row.val_ap:.3f}'
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

Finds the 17 COCO keypoints of the person that a crop is about. Trained by `pose_ros train`.
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
| accuracy on training crops | PCK@0.2 {row.train_pck:.3f} |
| accuracy on photos set aside | {validation} |

It reads a crop as what it was trained to see: one person, roughly in the middle. It says nothing
about who that is, and its scores are heights of peaks, not probabilities.
"""  # noqa: E501  rows of a table
