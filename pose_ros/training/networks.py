# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which network a training begins with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pose_ros.training.checkpoint import load_checkpoint, load_weights
from pose_ros.training.errors import TrainingError
from pose_ros.training.heatmap_net import HeatmapNet
from pose_ros.training.movenet import MoveNet
from pose_ros.training.network import PoseNetwork
from pose_ros.training.settings import TrainingSettings, read_settings
from pose_ros.training.trace import EpochRow

BEST = 'best.pt'
CHECKPOINT = 'checkpoint.pt'
ONNX = '.onnx'


@dataclass(frozen=True, eq=False)
class Trained:
    """
    A network with what is known of its training.

    Attributes
    ----------
    network : PoseNetwork
        With the averaged weights.
    row : EpochRow
        Of the epoch they are from.
    people, photos : int
        In the data, those set aside included.
    """

    network: PoseNetwork
    row: EpochRow
    people: int
    photos: int


def new_network(settings: TrainingSettings) -> PoseNetwork:
    """
    Make the network.

    Parameters
    ----------
    settings : TrainingSettings
        `start_from` is a MoveNet as an ONNX file, or the folder of a training, whose best weights
        are taken; empty for the textbook network with random ones.

    Raises
    ------
    TrainingError
        When there is no such thing, or it cannot be trained.
    """
    network = _architecture(settings)
    path = Path(settings.start_from)
    if settings.start_from and path.suffix != ONNX:
        _load(network, path / BEST)
    return network


def _architecture(settings: TrainingSettings) -> PoseNetwork:
    """Make the network that a training is about, with the weights of its very beginning."""
    path = Path(settings.start_from)
    if not settings.start_from:
        return HeatmapNet(settings.sigma_px)
    if path.suffix == ONNX:
        return MoveNet(path)
    if not path.is_dir():
        raise TrainingError(f'--from {path}: not an ONNX file, nor the folder of a training')
    return _architecture(replace(read_settings(path), sigma_px=settings.sigma_px))


def trained_network(run: Path, which: str = 'best') -> Trained:
    """
    Read the network of a finished or interrupted training.

    Parameters
    ----------
    run : Path
        Folder of the training.
    which : 'best' or 'last'
        Which epoch's.

    Raises
    ------
    TrainingError
        When there is none, or it is of another architecture.
    """
    path = run / BEST if which == 'best' else run / CHECKPOINT
    network = _architecture(read_settings(run))
    state = _load(network, path)
    row = state['row'] if which == 'best' else state['rows'][-1]
    return Trained(network, EpochRow(**row), state['people'], state['photos'])


def _load(network: PoseNetwork, path: Path) -> dict[str, Any]:
    """Give a network the averaged weights of a file of a training; return all that is in it."""
    state = load_checkpoint(path)
    if state['network'] != network.spec.name:
        raise TrainingError(
            f'{path} is of another network: {state["network"]}, not {network.spec.name}'
        )
    load_weights(network, state['averaged'], path)
    return state
