# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros export`: the network of a training, for the node and every backend."""

from __future__ import annotations

import argparse
from pathlib import Path
import re

import numpy as np
import torch

from pose_ros.cli.report import add_json_argument, finish
from pose_ros.evaluation.scores import DataError
from pose_ros.training.augment import Augmentation
from pose_ros.training.checkpoint import trained_network
from pose_ros.training.data import read_data
from pose_ros.training.export import export_network, model_card
from pose_ros.training.network import PoseNetwork
from pose_ros.training.samples import SampleMaker
from pose_ros.training.settings import TrainingError, TrainingSettings, read_settings

HELP = 'write a trained network as ONNX, with its description'
DESCRIPTION = """\
Writes NAME.onnx, its description NAME.json and the model card NAME.md. The ONNX file is compared
with PyTorch first, on noise and on crops of the training's photos where they are still there."""
EPILOG = """\
examples:
  pose_ros export my_run --out my_model
  pose_ros evaluate --data my_photos --mode boxes --model my_model/my_run.onnx
  pose_ros run photo.jpg --set refiner_model=my_model/my_run.onnx
  pose_ros engine build --refiner my_model/my_run.onnx"""

ERRORS = (TrainingError, DataError)
COMPARED_CROPS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('run', metavar='RUN', type=Path, help='folder of a training')
    parser.add_argument('--out', metavar='DIR', type=Path, required=True, help='takes the files')
    parser.add_argument('--name', help='of the network and its files (default: that of RUN)')
    parser.add_argument(
        '--weights', choices=('best', 'last'), default='best',
        help='of the epoch that was best on the photos set aside, or of the last (default: best)',
    )
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    name = args.name or re.sub(r'[^\w.-]+', '_', args.run.resolve().name)
    if not re.fullmatch(r'\w[\w.-]*', name):
        raise TrainingError(f'--name {name}: letters, digits, _ . - only')
    settings = read_settings(args.run)
    trained = trained_network(args.run, args.weights)
    card = model_card(name, trained, settings)
    crops = _some_crops(trained.network, settings)
    difference = export_network(trained.network, args.out, name, crops, card)
    onnx = args.out / f'{name}.onnx'
    print(
        f'{onnx}: differs from PyTorch by {difference:.1e} of the largest value, on noise and '
        f'{len(crops)} crops'
    )
    finish({
        'onnx': onnx, 'num_bytes': onnx.stat().st_size, 'difference': difference,
        'crops': len(crops), 'epoch': trained.row.epoch,
    }, args.json)
    return 0


def _some_crops(network: PoseNetwork, settings: TrainingSettings) -> torch.Tensor:
    """Return crops of the training's photos, none when those are not there any more."""
    width, height = network.spec.input_size
    crops: list[np.ndarray] = []
    if all(Path(folder).is_dir() for folder in settings.data):
        people = read_data(settings).training
        maker = SampleMaker(people, network.spec, Augmentation.none())
        chosen = np.linspace(0, len(people) - 1, min(COMPARED_CROPS, len(people))).astype(int)
        crops = [maker.sample(int(i)).crop for i in chosen]
    return torch.from_numpy(np.array(crops, np.uint8).reshape(-1, height, width, 3))
