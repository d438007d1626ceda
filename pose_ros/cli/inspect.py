# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros inspect`: what a network is, as far as its ONNX file tells."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import time
from typing import Any

import cv2
import numpy as np

from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.backends.onnx import OnnxNetwork
from pose_ros.cli.report import add_json_argument, finish
from pose_ros.core.backend import BackendError
from pose_ros.core.model_spec import ModelSpec
from pose_ros.media.sources import SourceError, demo_paths, open_source
from pose_ros.model_import.onnx_cost import Cost, cost, load_graph
from pose_ros.model_import.spec_guess import Guess, guess_spec
from pose_ros.model_import.spec_trial import MORE_THAN_ONE, Trial, try_normalisations

HELP = 'tell what a network needs, and write its description'
DESCRIPTION = """\
Tells what an ONNX network costs and, when no NAME.json lies beside NAME.onnx, guesses this
description (docs/models.md) from the graph: input size and layout, decoder, stride, joints. What a
graph cannot tell it says in words, and how to find out. With --write the description is written;
then the network runs: `pose_ros run photo.jpg --set refiner_model=NAME.onnx`.
When the description is there already, it is checked against the graph."""
EPILOG = """\
examples:
  pose_ros inspect movenet_thunder            cost of a shipped network
  pose_ros inspect rtmpose.onnx               what can be known, what cannot
  pose_ros inspect rtmpose.onnx --try --write try the usual mean, std and colours on pictures
  pose_ros inspect hrnet.onnx --keypoints mpii16 --write"""

# Frames of bikes.mp4 with a man in plain view.
DEMO_FRAMES = (34, 108, 120)
RUNS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('model', metavar='MODEL', help='ONNX file, or name of a shipped network')
    parser.add_argument('--write', action='store_true', help='write the guessed description')
    parser.add_argument(
        '--force', action='store_true', help='guess although there is a description; with --write '
        'replace it',
    )  # fmt: skip
    parser.add_argument(
        '--try', dest='tries', action='store_true',
        help='try the usual mean, std and colours on pictures of people, take the best; a guess',
    )  # fmt: skip
    parser.add_argument(
        '--picture', metavar='FILE', action='append', default=[], type=Path,
        help='with --try: a picture with people in plain view (default: the demo footage)',
    )
    parser.add_argument(
        '--keypoints', metavar='ORDER', help='order of the joints, where it is known: a name of '
        'docs/models.md, or names with commas',
    )  # fmt: skip
    parser.add_argument(
        '--output', metavar='NAME', default='',
        help='the output with the heatmaps, where several look so',
    )  # fmt: skip
    parser.add_argument('--time', action='store_true', help=f'also time it, the median of {RUNS}')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    path = find_model(args.model)
    file = path.with_suffix('.json')
    described = file.is_file() and not args.force
    if described and args.write:
        raise BackendError(f'{file} is there already: --force --write replaces it')
    guess = Guess(read_spec(path), []) if described else (
        guess_spec(path, args.output, **_known(args)))
    spec = guess.spec
    trials: list[Trial] = []
    if args.tries and spec.decoder in ('boxes', 'one_stage'):
        raise BackendError(
            f'{path}: --try compares networks of the second pass; try this one on a picture: '
            f'pose_ros run photo.jpg --set detector_model={path}'
        )
    if args.tries:
        trials = try_normalisations(path, spec, _pictures(args.picture))
        if trials and not described:
            spec = trials[0].spec
    counted = _cost(path, spec)
    if described:
        OnnxNetwork(path, 1)  # raises when they contradict
    _print(path, spec, counted, guess.unknown, described)
    _print_trials(trials, args.tries)
    report: dict[str, Any] = {
        'model': str(path), 'described': described, 'macs': counted.macs,
        'parameters': counted.parameters, 'bytes': path.stat().st_size, 'spec': spec.to_json(),
        'unknown': guess.unknown,
        'trials': [{'what': t.what, 'score': t.score, 'similarity': t.similarity,
                    'peak': t.peak} for t in trials],
    }  # fmt: skip
    if args.write:
        write_spec(file, spec)
        print(f'written: {file}')
    if args.time:
        report['median_ms'] = _median_ms(path)
        print(f'  one view takes {report["median_ms"]:.2f} ms (median of {RUNS}, 2 threads)')
    finish(report, args.json)
    return 0


def write_spec(file: Path, spec: ModelSpec) -> None:
    """Write a description in one step: whole, or not at all."""
    part = file.with_name(f'.{file.name}.part')
    try:
        part.write_text(spec.to_json(), encoding='utf-8')
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def _known(args: argparse.Namespace) -> dict[str, Any]:
    if not args.keypoints:
        return {}
    from pose_ros.core.joint_names import ORDERS, wrong_names

    names = ORDERS.get(args.keypoints) or tuple(args.keypoints.split(','))
    wrong = wrong_names(names)
    if wrong:
        raise BackendError(f'--keypoints {args.keypoints}: {wrong}; orders: {", ".join(ORDERS)}')
    return {'keypoints': names}


def _pictures(paths: list[Path]) -> list[np.ndarray]:
    images = []
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise BackendError(f'{path} cannot be read as an image')
        images.append(image)
    if images:
        return images
    try:
        source = open_source(str(demo_paths()[0]))
    except SourceError as error:
        raise BackendError(f'name a picture of people by --picture: {error}') from error
    with source:
        for frame in source:
            if frame.index in DEMO_FRAMES:
                images.append(frame.image.copy())
            if frame.index >= max(DEMO_FRAMES):
                break
    return images


def _cost(path: Path, spec: ModelSpec) -> Cost:
    width, height = spec.input_size
    shape = (1, 3, height, width) if spec.layout == 'nchw' else (1, height, width, 3)
    return cost(load_graph(path), shape)


def _median_ms(path: Path) -> float:
    network = OnnxNetwork(path, 2)
    batch = network.input_array(1, network.spec.input_size)
    batch[:] = 0.0
    taken_ms = []
    for _ in range(RUNS + 2):
        started_s = time.perf_counter()
        network.run(batch)
        taken_ms.append((time.perf_counter() - started_s) * 1e3)
    return float(np.median(taken_ms[2:]))


def _print(
    path: Path, spec: ModelSpec, counted: Cost, unknown: list[str], described: bool
) -> None:
    width, height = spec.input_size
    gmacs = counted.macs / 1e9
    print(f'{path.name}: {gmacs:.2f} GMAC ({2 * gmacs:.2f} GFLOP) for one view of '
          f'{width}x{height}, {counted.parameters / 1e6:.2f} M parameters, '
          f'{path.stat().st_size / 1e6:.1f} MB')  # fmt: skip
    if described:
        print(f'  {path.with_suffix(".json")} describes it, and the graph agrees')
        print(f'  scores calibrated for: {", ".join(spec.calibration)}' if spec.calibration else
              '  no calibration: its scores are no probabilities; `pose_ros evaluate --calibrate` '
              'fits one')  # fmt: skip
        return
    how = {
        'centers': 'people by their centres, all in the picture',
        'heatmaps': f'one person per crop, heatmaps of stride {spec.stride}',
        'simcc': f'one person per crop, SimCC with {spec.simcc_split:g} bins per pixel',
        'boxes': f'boxes of people ({spec.box_format}), for the first pass',
        'one_stage': f'people with their joints ({spec.box_format}), for the first pass or alone',
    }
    print(f'  input {spec.input_name!r}: {spec.layout}, {width}x{height}')
    joints = '' if spec.decoder == 'boxes' else f', {len(spec.keypoints)} joints'
    print(f'  outputs {", ".join(spec.outputs.values())}: {how[spec.decoder]}{joints}')
    print('  the graph does not tell:')
    for sentence in unknown:
        print(f'  * {sentence}')
    print(spec.to_json(), end='')


def _print_trials(trials: list[Trial], asked: bool) -> None:
    if asked and not trials:
        print('  no person in plain view in the pictures: nothing was tried')
    if not trials:
        return
    print('  tried on pictures (a guess: close ones say nothing; alike is the mean OKS with the '
          'shipped networks):')  # fmt: skip
    for trial in trials:
        print(f'  {trial.response:.3f}  score {trial.score:.2f}, alike {trial.similarity:.2f}  '
              f'{trial.what}')  # fmt: skip
    if trials[0].peak > MORE_THAN_ONE:
        print(f'  maxima exceed 1 (up to {trials[0].peak:.2g}): score_scale '
              f'{trials[0].spec.score_scale:g} makes scores of them; without it none is ever '
              'MISSING')  # fmt: skip
    if trials[0].similarity < 0.5:
        print('  even the best is unlike: the order of the joints, the decoder or the refinement '
              'may be wrong')  # fmt: skip
