# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros train`: a heatmap network from labelled photos."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path
import sys
import time

import cv2
import torch
from tqdm import tqdm

from pose_ros.backends.owned_files import write_whole
from pose_ros.cli.report import add_json_argument, finish, machine
from pose_ros.evaluation.scores import DataError
from pose_ros.training.augment import Augmentation
from pose_ros.training.checkpoint import CHECKPOINT, ONNX, new_network
from pose_ros.training.data import read_data
from pose_ros.training.loop import Training
from pose_ros.training.network import choose_device
from pose_ros.training.settings import (
    CONFIG,
    FINE_TUNING,
    TrainingError,
    TrainingSettings,
    read_settings,
)
from pose_ros.training.trace import EpochRow

HELP = 'train a heatmap network on labelled photos, or tune the shipped one to them'
DESCRIPTION = """\
Trains the textbook network (256x256x3 -> 64x64x128 features -> 64x64x17 heatmaps), or tunes a
MoveNet (--from), on folders in COCO's person-keypoints form: annotations.json and images/. Some
photos are set aside to measure on. The folder of the run gets
  checkpoint.pt  everything to go on from, after each epoch; best.pt: the best weights
  trace.csv      a row per epoch; curves.png: loss and accuracy
  samples.png    what the network sees, beside what is labelled
  config.json    every setting
Ctrl-C or a loss of power costs the epoch that was begun: --resume goes on as if nothing had
been."""
EPILOG = """\
examples:
  pose_ros train --data my_photos --out my_run
  pose_ros train --resume my_run                 go on after an interruption
  pose_ros train --data a --data b --weight 1 --weight 0.3 --val c --out my_run
  pose_ros train --from models/movenet_thunder.onnx --data my_photos --out my_run
                                                 the shipped network, tuned to one's own camera
  pose_ros train --data coco --annotations annotations/person_keypoints_train2017.json \\
                 --images train2017 --passes 1 --epochs 60 --out coco_run
then:
  pose_ros export my_run --out my_model          ONNX and its description, for the node"""

ERRORS = (TrainingError, DataError)

DEFAULTS = {f.name: f.default for f in fields(TrainingSettings) if f.default is not MISSING}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add = parser.add_argument
    add('--data', metavar='DIR', action='append', default=[], help='may be given several times')
    add('--weight', metavar='W', action='append', type=float, default=[],
        help='how much the people of each --data count (default: 1 each)')
    add('--annotations', metavar='FILE', default='',
        help='annotations of the first --data, inside it (default: annotations.json)')
    add('--images', metavar='DIR', default='',
        help='photos of the first --data, inside it (default: images)')
    add('--val', metavar='DIR', default='', help='photos to measure on')
    _number(parser, '--val-fraction', 'without --val: share of the first --data set aside')
    add('--from', metavar='MODEL', dest='start_from', default='',
        help='a MoveNet (NAME.onnx) or the folder of a training to begin from (default: random '
             'weights)')
    add('--learn-from', metavar='BLOCK', help='first block of a MoveNet that learns, block_1 to '
        f'block_16 (default: {DEFAULTS["learn_from"]}; with thousands of people block_6)')
    add('--out', metavar='DIR', type=Path, help='folder of the run; must be new or empty')
    add('--resume', metavar='DIR', type=Path, help='go on with the run in this folder')
    _number(parser, '--epochs', 'in all')
    _number(parser, '--passes', 'over the people, each with new changes, per epoch')
    _number(parser, '--batch', 'crops, or whole photos, per step')
    _number(parser, '--learning-rate',
            "of AdamW, at its top; for a MoveNet relative to each layer's weights")
    _number(parser, '--weight-decay', 'of AdamW')
    _number(parser, '--warm-up-steps', 'until the learning rate is at its top')
    _number(parser, '--ema-decay', 'of the averaged weights, per step')
    _number(parser, '--sigma', 'of the Gaussians that are learnt, map pixels', 'sigma_px')
    _number(parser, '--seed', 'of all that is random')
    for f in fields(Augmentation):
        what = {
            'scale': 'largest factor of size', 'rotation_deg': 'standard deviation of the angle',
            'shift': 'standard deviation of the shift, in crops', 'flip': 'share mirrored',
            'color': 'largest change of brightness, contrast, tint',
            'occlusion': 'share with a covered rectangle',
            'half_body': 'share around half of the body',
            'degrade': 'share each with noise, blur, low light; twice as many are JPEG',
        }[f.name]
        add(f'--{f.name.replace("_", "-")}', metavar='X', type=float, default=f.default,
            help=f'augmentation: {what} (default: {f.default})')
    add('--precision', choices=('auto', 'fp32', 'bf16', 'fp16'), default='auto')
    add('--device', metavar='NAME', default='auto',
        help='cpu, cuda, cuda:1 (default: what is there)')
    _number(parser, '--threads', 'of the network on a CPU; 0: as PyTorch chooses')
    _number(parser, '--loader-threads', 'that make crops')
    add_json_argument(parser)


def _number(parser: argparse.ArgumentParser, name: str, what: str, key: str = '') -> None:
    key = key or name[2:].replace('-', '_')
    default = DEFAULTS[key]
    tuned = f', from an ONNX file {FINE_TUNING[key]}' if key in FINE_TUNING else ''
    parser.add_argument(
        name, metavar='N' if isinstance(default, int) else 'X', type=type(default), dest=key,
        help=f'{what} (default: {default}{tuned})',
    )


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    folder = args.resume or args.out
    settings = _resumed(args) if args.resume else _chosen(args)
    settings.check()
    cv2.setNumThreads(1)  # the crops are made by threads of our own
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    device = choose_device(settings.device, settings.precision)
    data = read_data(settings)
    network = new_network(settings)
    training = Training(network, settings, device, data, folder)
    if args.resume:
        training.resume()
        for part in folder.glob('*.part'):  # of a kill while something was written
            part.unlink()
    else:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / CONFIG, settings.to_json().encode())
    _say_what(training)
    try:
        _train(training)
    except KeyboardInterrupt:
        done = len(training.rows)
        if done:
            text = f'{done} epochs are stored; to go on: pose_ros train --resume {folder}'
        else:
            text = 'no epoch was finished; the same command begins anew'
        print(f'\npose_ros: interrupted; {text}', file=sys.stderr)
        return 130
    last = training.rows[-1]
    finish({
        'run': folder, **asdict(last), 'waited': training.waited, 'people': data.num_people,
        **machine(),
    }, args.json)
    return 0


def _resumed(args: argparse.Namespace) -> TrainingSettings:
    settings = read_settings(args.resume)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    usual = parser.parse_args(['--resume', str(args.resume)])
    given = [
        option.option_strings[-1] for option in parser._actions
        if option.dest not in ('help', 'epochs', 'json')
        and getattr(args, option.dest) != getattr(usual, option.dest)
    ]
    if given:
        raise TrainingError(
            f'--resume goes on with the settings of {args.resume / CONFIG}: only --epochs may be '
            f'given besides, not {", ".join(given)}'
        )
    return replace(settings, epochs=args.epochs) if args.epochs else settings


def _chosen(args: argparse.Namespace) -> TrainingSettings:
    if not args.data or not args.out:
        raise TrainingError('--data DIR and --out DIR are needed, or --resume DIR')
    if args.learn_from and not args.start_from:
        raise TrainingError('--learn-from is for --from: random weights learn everywhere')
    if (args.out / CHECKPOINT).exists():
        raise TrainingError(
            f'{args.out} holds a training already: --resume {args.out} goes on with it; '
            'a new one needs another --out'
        )
    values = dict(FINE_TUNING) if args.start_from.endswith(ONNX) else {}
    given = {f.name: getattr(args, f.name, None) for f in fields(TrainingSettings)}
    values |= {name: value for name, value in given.items() if value is not None}
    augmentation = Augmentation(**{f.name: getattr(args, f.name) for f in fields(Augmentation)})
    values |= {'data': tuple(args.data), 'weights': tuple(args.weight)}
    return TrainingSettings(**values, augmentation=augmentation)


def _say_what(training: Training) -> None:
    settings, data = training.settings, training.data
    parameters = sum(p.numel() for p in training.network.parameters())
    for note in data.notes:
        print(note)
    print(
        f'{training.network.spec.name}: {parameters / 1e6:.1f} M parameters, on '
        f'{training.device}\n'
        f'{len(data.training)} people to learn from, {len(data.validation)} to measure on; '
        f'{settings.epochs} epochs of {settings.passes} passes, {training.steps} steps of '
        f'{settings.batch} {training.network.sees}s',
        flush=True,
    )


def _train(training: Training) -> None:
    done = len(training.rows) * training.steps_per_epoch
    bar = tqdm(
        total=training.steps, initial=done, unit='step', desc='training', file=sys.stderr,
        mininterval=0.2 if sys.stderr.isatty() else 30.0,  # in a log every update is a line
    )

    def stepped(loss: float) -> None:
        bar.update()
        bar.set_postfix(loss=f'{loss:.3f}', refresh=False)

    def finished(row: EpochRow) -> None:
        with bar.external_write_mode(file=sys.stdout):
            print(row.line(training.settings.epochs), flush=True)

    began_s = time.monotonic()
    with bar:
        training.run(stepped, finished)
    if training.rows:
        row = training.rows[-1]
        print(f'{time.monotonic() - began_s:.0f} s; the last epoch {row.crops_per_s:.1f} crops/s, '
              f'the network alone at the start {row.network_crops_per_s:.1f}; '
              f'waited for crops {training.waited:.0%} of the time')  # fmt: skip
