# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The state of a training in a file: there whole or not at all, and never a program.

Only tensors and plain values are stored, and only those are read (`weights_only`): an archive with
Python objects could run code.
"""

from __future__ import annotations

import io
from pathlib import Path
import pickle
from typing import Any
import zipfile

import torch
from torch import nn

from pose_ros.backends.tensorrt.owned_files import write_whole
from pose_ros.training.errors import TrainingError

FORMAT = 1


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
