# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Everything that a training depends on, kept beside it as config.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
import json
from pathlib import Path
from typing import Any

from pose_ros.core.decode.encode import SIGMA_PX
from pose_ros.training.augment import Augmentation


class TrainingError(Exception):
    """Training or export cannot go on; the message says why, what is kept and what to do."""


CONFIG = 'config.json'

FINE_TUNING: dict[str, Any] = {
    'epochs': 4, 'passes': 2, 'batch': 8, 'learning_rate': 1e-3, 'weight_decay': 0.01,
    'warm_up_steps': 30, 'ema_decay': 0.985, 'sigma_px': 1.2,
}
"""Defaults for a network that knows people already: docs/training.md."""


@dataclass(frozen=True)
class TrainingSettings:
    """
    What the user chose; the same settings give the same training.

    Attributes
    ----------
    data : tuple of str
        Folders in COCO form.
    weights : tuple of float
        How much the people of each folder count.
    annotations, images : str
        Other names inside the first folder; empty for annotations.json and images/.
    val : str
        Folder to validate on; empty to set photos of the first folder aside.
    val_fraction : float
        Of the photos of the first folder, set aside when `val` is empty.
    start_from : str
        ONNX file or run to begin with; empty for random weights of the textbook network.
    learn_from : str
        First block of a MoveNet's trunk that learns; what lies before stays as it is.
    epochs, passes, batch : int
        `passes` times over the people is an epoch; crops in a batch.
    learning_rate, weight_decay : float
        Of AdamW, at the top of the schedule. For a MoveNet the rate is relative to each layer's
        weights (`MoveNet.rate_of`).
    warm_up_steps : int
        Until the learning rate is at its top.
    ema_decay : float
        Of the averaged weights, per step.
    sigma_px : float
        Of the targets, map pixels.
    augmentation : Augmentation
        What is changed at random in a crop.
    seed : int
        Of all that is random.
    precision : str
        auto, fp32, bf16 or fp16 (CUDA only).
    device : str
        auto, cpu, cuda, cuda:1, ...
    threads, loader_threads : int
        Of the network on a CPU (0: PyTorch's choice), and that make crops.
    """

    data: tuple[str, ...]
    weights: tuple[float, ...] = ()
    annotations: str = ''
    images: str = ''
    val: str = ''
    val_fraction: float = 0.15
    start_from: str = ''
    learn_from: str = 'block_13'
    epochs: int = 20
    passes: int = 8
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up_steps: int = 50
    ema_decay: float = 0.998
    sigma_px: float = SIGMA_PX
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 1
    precision: str = 'auto'
    device: str = 'auto'
    threads: int = 0
    loader_threads: int = 2

    def check(self) -> None:
        """Raise TrainingError when a number makes no sense."""
        rules = {
            '--epochs': self.epochs >= 1,
            '--passes': self.passes >= 1,
            '--batch': self.batch >= 2,
            '--learning-rate': 0 < self.learning_rate < 1,
            '--weight-decay': 0 <= self.weight_decay < 1,
            '--val-fraction': 0 <= self.val_fraction < 1,
            '--warm-up-steps': self.warm_up_steps >= 0,
            '--ema-decay': 0 <= self.ema_decay < 1,
            '--sigma': 0.5 <= self.sigma_px <= 10,
            '--threads': self.threads >= 0,
            '--loader-threads': self.loader_threads >= 1,
            '--learn-from': self.learn_from in [f'block_{n}' for n in range(1, 17)],
        }
        for name, holds in rules.items():
            if not holds:
                raise TrainingError(f'{name} is out of range: see pose_ros train --help')
        if self.weights and len(self.weights) != len(self.data):
            raise TrainingError(
                f'{len(self.weights)} --weight for {len(self.data)} --data: one each, or none'
            )
        if any(weight <= 0 for weight in self.weights):
            raise TrainingError('--weight must be above 0')

    def to_json(self) -> str:
        """Return the text of config.json."""
        return json.dumps(asdict(self), indent=2) + '\n'

    @classmethod
    def from_json(cls, text: str, path: Path) -> TrainingSettings:
        """Read config.json; TrainingError when it is not one."""
        try:
            values: dict[str, Any] = json.loads(text)
            unknown = sorted(set(values) - {f.name for f in fields(cls)})
            if unknown:
                raise TrainingError(f'{path} was written by another version: {unknown}')
            for name in ('data', 'weights'):
                values[name] = tuple(values[name])
            values['augmentation'] = Augmentation(**values['augmentation'])
            return cls(**values)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise TrainingError(f'{path} is no config.json of a training: {error}') from error


def read_settings(run: Path) -> TrainingSettings:
    """Read the settings of the training in a folder; TrainingError when there is none."""
    file = run / CONFIG
    try:
        return TrainingSettings.from_json(file.read_text(encoding='utf-8'), file)
    except FileNotFoundError:
        raise TrainingError(f'{run} holds no training: there is no {file}') from None
