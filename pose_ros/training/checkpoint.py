# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The state of a training in a file, there whole or not at all; the networks read from it.

Only tensors and plain values are stored, and only those are read (`weights_only`): an archive with
Python objects could run code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
import io
from pathlib import Path
import pickle
from typing import Any
import zipfile

import torch
from torch import nn

from pose_ros.backends.owned_files import write_whole
from pose_ros.training.heatmap_net import HeatmapNet
from pose_ros.training.multipose import movenet
from pose_ros.training.network import PoseNetwork
from pose_ros.training.settings import TrainingError, TrainingSettings, read_settings
from pose_ros.training.trace import EpochRow

FORMAT = 2


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """
    Write a checkpoint; the old one stays until the new one is whole.

    Parameters
    ----------
    path : Path
        Is replaced.
    state : dict
        Tensors, numbers, strings, lists and dicts of them.

    Raises
    ------
    TrainingError
        When it cannot be written; the old checkpoint is as it was.
    """
    data = io.BytesIO()
    torch.save({'format': FORMAT, **state}, data)
    try:
        write_whole(path, data.getbuffer().tobytes())
    except OSError as error:
        kept = 'the checkpoint before is as it was' if path.is_file() else 'nothing was written'
        raise TrainingError(
            f'cannot save {path} ({data.tell() / 1e6:.0f} MB): {error.strerror or error}; {kept}. '
            f'Make room, then: pose_ros train --resume {path.parent}'
        ) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """
    Read a checkpoint, tensors on the CPU.

    Raises
    ------
    TrainingError
        When it is missing, damaged, or holds anything else than tensors and plain values.
    """
    if not path.exists():
        raise TrainingError(f'there is no {path}: no epoch was finished, begin anew')
    # What is no archive would go to PyTorch's reader of old formats.
    if not zipfile.is_zipfile(path):
        raise TrainingError(f'{path} is no checkpoint, or a damaged one: not an archive')
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f'{path} is no checkpoint, or a damaged one: {reason}') from error
    if not isinstance(state, dict) or state.get('format') != FORMAT:
        raise TrainingError(f'{path} was written by another program or version: train anew')
    return state


def load_weights(network: nn.Module, weights: dict[str, Any], path: Path) -> None:
    """
    Give a network the weights of a checkpoint.

    Raises
    ------
    TrainingError
        When they are those of another architecture; the message says where it differs.
    """
    own = network.state_dict()
    wrong = [
        f'{name} is {tuple(weights[name].shape)}, not {tuple(own[name].shape)}'
        if name in weights and name in own
        else f'{name} is {"missing" if name in own else "too much"}'
        for name in sorted(set(own) | set(weights))
        if name not in own or name not in weights or own[name].shape != weights[name].shape
    ]
    if wrong:
        raise TrainingError(
            f'{path} is of another architecture: {len(wrong)} tensors differ, for example '
            f'{wrong[0]}'
        )
    network.load_state_dict(weights)


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
        return movenet(path, settings.learn_from)
    if not path.is_dir():
        raise TrainingError(f'--from {path}: not an ONNX file, nor the folder of a training')
    begun = replace(
        read_settings(path), sigma_px=settings.sigma_px, learn_from=settings.learn_from)
    return _architecture(begun)


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
