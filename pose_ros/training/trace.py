# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What became of each epoch: rows of trace.csv, their curves, and crops as pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
import io
import math
from pathlib import Path

import cv2
import numpy as np
import torch

from pose_ros.backends.owned_files import write_whole
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.media.overlay import draw_keypoints
from pose_ros.media.palette import WHITE
from pose_ros.media.text import draw_text
from pose_ros.training.network import PoseNetwork, normalised
from pose_ros.training.samples import Loader


@dataclass(frozen=True)
class EpochRow:
    """
    One row.

    Attributes
    ----------
    epoch : int
        From 1.
    loss : float
        Mean over the epoch's batches, augmented crops; 1 is what an empty map costs.
    train_pck, val_pck : float
        PCK@0.2 of the averaged weights, crops as they are; NaN without such crops.
    val_ap : float
        COCO keypoint AP on the labelled boxes; NaN without validation.
    learning_rate : float
        At the epoch's end.
    minutes : float
        Since the training began, those before an interruption included.
    crops_per_s, network_crops_per_s : float
        What the epoch reached, and what the network alone did: forward and backward pass on a
        batch that lies ready.
    """

    epoch: int
    loss: float
    train_pck: float
    val_pck: float
    val_ap: float
    learning_rate: float
    minutes: float
    crops_per_s: float
    network_crops_per_s: float

    def line(self, epochs: int) -> str:
        """Return what is printed at the epoch's end."""
        validation = '' if math.isnan(self.val_pck) else (
            f', validation {self.val_pck:.3f}, AP {self.val_ap:.3f}'
        )
        return (
            f'epoch {self.epoch:3d}/{epochs}  loss {self.loss:.4f}  '
            f'PCK@0.2 training {self.train_pck:.3f}{validation}  {self.crops_per_s:.0f} crops/s'
        )


def write_csv(path: Path, rows: list[EpochRow]) -> None:
    """Write all rows anew, whole or not at all: after a resumed training none is there twice."""
    names = [f.name for f in fields(EpochRow)]
    lines = [','.join(names)]
    lines += [','.join(_text(value) for value in asdict(row).values()) for row in rows]
    write_whole(path, ('\n'.join(lines) + '\n').encode())


def _text(value: float) -> str:
    return '' if math.isnan(value) else f'{value:.6g}'


def draw_curves(path: Path, rows: list[EpochRow], title: str) -> None:
    """Draw loss (falling) and accuracy (rising) over the epochs, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 3.8), layout='constrained')
    left, right = figure.subplots(1, 2)
    epochs = [row.epoch for row in rows]
    left.plot(epochs, [row.loss for row in rows], color='#0072B2', marker='o', markersize=3)
    left.set(title='loss on augmented crops', xlabel='epoch', ylim=(0, None))
    left.set_ylabel('1 = what an empty map costs')
    curves = (
        ('train_pck', 'PCK@0.2, training crops', '#0072B2'),
        ('val_pck', 'PCK@0.2, validation crops', '#D55E00'),
        ('val_ap', 'COCO AP, validation', '#009E73'),
    )
    for name, label, color in curves:
        values = [getattr(row, name) for row in rows]
        if not all(math.isnan(value) for value in values):
            right.plot(epochs, values, color=color, marker='o', markersize=3, label=label)
    right.set(title='accuracy, no augmentation', xlabel='epoch', ylim=(0, 1))
    # Beside the curves, which may be anywhere.
    right.legend(loc='center left', bbox_to_anchor=(1.0, 0.5), frameon=False)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(title)
    picture = io.BytesIO()
    figure.savefig(picture, format='png', dpi=120)
    write_whole(path, picture.getvalue())


COLUMNS, ROWS = 3, 4
MIN_SCORE = 0.1
"""Keypoints and people of a lower score are not drawn."""


@torch.no_grad()
def draw_samples(
    path: Path, network: PoseNetwork, loader: Loader, device: torch.device
) -> None:
    """
    Write a page of crops as PNG, each twice: as predicted, and as labelled.

    Parameters
    ----------
    path : Path
        Is replaced.
    network : PoseNetwork
        In `eval` mode.
    loader : Loader
        The crops: some, evenly spread, are taken.
    device : torch.device
        Where the network is.

    Raises
    ------
    OSError
        When it cannot be written; the old page is as it was.
    """
    maker = loader.maker
    count = min(COLUMNS * ROWS, len(maker))
    samples = [maker.sample(int(i)) for i in np.linspace(0, len(maker) - 1, count)]
    crops = torch.from_numpy(np.stack([sample.crop for sample in samples])).to(device)
    outputs = network(normalised(crops, network.spec))
    maps = {role: m.float().cpu().numpy() for role, m in outputs.items()}
    view, found = network.read(maps)
    weak = found.score < MIN_SCORE
    found = replace(found, xy=np.where(weak[..., None], np.float32(np.nan), found.xy))
    height, width = samples[0].crop.shape[:2]
    page = np.full((ROWS * (height + 8) + 8, COLUMNS * (2 * width + 8) + 8, 3), 24, np.uint8)
    for n, sample in enumerate(samples):
        xy = sample.xy.reshape(-1, NUM_KEYPOINTS, 2)
        is_there = (~np.isnan(xy[..., 0])).astype(np.float32)
        labelled = Keypoints(xy, is_there, np.ones(len(xy), np.float32))
        shown = found.select((view == n) & (found.person_score >= MIN_SCORE))
        top, left = 8 + n // COLUMNS * (height + 8), 8 + n % COLUMNS * (2 * width + 8)
        for k, (people, caption) in enumerate(((shown, 'predicted'), (labelled, 'labelled'))):
            picture = sample.crop.copy()
            draw_keypoints(picture, people)
            draw_text(picture, caption, (6, 6), WHITE, 0.4)
            page[top:top + height, left + k * width:left + (k + 1) * width] = picture
    write_whole(path, cv2.imencode('.png', page)[1].tobytes())
