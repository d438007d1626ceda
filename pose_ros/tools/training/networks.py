# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which network a training begins with."""

from __future__ import annotations

from pathlib import Path

from pose_ros.tools.training.checkpoint import load_checkpoint, load_weights
from pose_ros.tools.training.errors import TrainingError
from pose_ros.tools.training.network import PoseNetwork
from pose_ros.tools.training.textbook import TextbookNetwork

BEST = 'best.pt'
CHECKPOINT = 'checkpoint.pt'


def new_network(start_from: str) -> PoseNetwork:
    """
    Make the network.

    Parameters
    ----------
    start_from : str
        Folder of a training, whose best weights are taken; empty for random ones.

    Raises
    ------
    TrainingError
        When there is no such thing, or it cannot be trained.
    """
    if not start_from:
        return TextbookNetwork()
    path = Path(start_from)
    if not path.is_dir():
        raise TrainingError(f'--from {path}: not the folder of a training')
    return trained_network(path)


def trained_network(run: Path) -> PoseNetwork:
    """Return the network of a finished or interrupted training, with its best weights."""
    weights = run / BEST if (run / BEST).is_file() else run / CHECKPOINT
    state = load_checkpoint(weights)
    network = TextbookNetwork()
    if state['network'] != network.spec.name:
        raise TrainingError(f'{weights} is of another network: {state["network"]}')
    load_weights(network, state['averaged'], weights)
    return network
