# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros evaluate`: COCO keypoint accuracy of what ships, on labelled photos."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
import sys
import time
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from pose_ros.backends import load_backend
from pose_ros.core import geometry
from pose_ros.core.backend import Backend
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator import PoseEstimator
from pose_ros.core.fusion import look_at_crops
from pose_ros.core.keypoints import Keypoints
from pose_ros.media.overlay import draw_keypoints
from pose_ros.tools.coco_scores import CocoFolder, DataError, Photo
from pose_ros.tools.report import add_json_argument, finish, machine, percentiles
from pose_ros.tools.settings import SettingError, configs

HELP = 'measure COCO keypoint accuracy'
DESCRIPTION = """\
Measures COCO keypoint AP and AR (pycocotools) on a folder with annotations.json and images/:
  two-pass  whole images, as the node does by default
  one-pass  whole images, without the crops
  boxes     the second pass alone, on the labelled boxes
It is the estimator that ships, with its default parameters but one: min_keypoint_score is 0,
because COCO counts a keypoint that was left out as wrong."""
EPILOG = """\
examples:
  pose_ros evaluate --data coco_dev
  pose_ros evaluate --data coco_dev --mode boxes --model my_network.onnx
  pose_ros evaluate --data coco_dev --set detect_second_size_px=256 --pictures out/"""

ERRORS = (DataError, SettingError)
MODES = ('two-pass', 'one-pass', 'boxes')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('--data', metavar='DIR', required=True, type=Path, help='labelled photos')
    parser.add_argument('--mode', choices=MODES, default=MODES[0], help='default: %(default)s')
    parser.add_argument(
        '--model', metavar='FILE',
        help='network of the crops, or with one-pass of the whole image (default: the shipped)',
    )
    parser.add_argument(
        '--detect-size', metavar='PX', type=int,
        help='the same as --set detect_size_px=PX --set detect_second_size_px=0',
    )
    parser.add_argument(
        '--box-padding', metavar='FACTOR', type=float,
        help='enlarges the boxes of --mode boxes (default: as the model says)',
    )
    parser.add_argument(
        '--set', metavar='NAME=VALUE', action='append', default=[],
        help='a parameter of pose_estimator; may be given several times',
    )
    parser.add_argument('--pictures', metavar='DIR', type=Path, help='write the photos, drawn on')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    config = _config(args)
    if args.box_padding is not None and not 0.1 <= args.box_padding <= 10.0:
        raise SettingError(f'--box-padding {args.box_padding}: must be between 0.1 and 10')
    data = CocoFolder(args.data)
    backend = load_backend(config)
    padding = args.box_padding or backend.refiner.crop_scale
    estimator = PoseEstimator(backend, config)
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    found: dict[int, Keypoints] = {}
    estimate_ms, network_ms = [], []
    progress = tqdm(
        data.photos, unit='photo', desc=args.mode, file=sys.stderr,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,  # in a log every update is a line
    )
    for photo in progress:
        image = cv2.imread(str(photo.path), cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(f'{photo.path} cannot be read as an image')
        started_s = time.perf_counter()
        if args.mode == 'boxes':
            people = _in_boxes(backend, image, photo, padding, config.mirror_crops)
        else:
            people = estimator.estimate(image)
        estimate_ms.append((time.perf_counter() - started_s) * 1e3)
        network_ms.append(backend.times.network_s * 1e3)
        found[photo.image_id] = people
        if args.pictures:
            _draw(args.pictures / f'{photo.path.stem}.jpg', image, people)
    scores = data.scores(found)
    report: dict[str, Any] = {
        'data': str(args.data), 'photos': len(data.photos), 'people': data.num_people,
        'mode': args.mode, 'models': _models(args.mode, backend), 'backend': backend.name,
        **scores,
        'found': sum(len(people) for people in found.values()),
        'estimate_ms': percentiles(estimate_ms), 'network_ms': percentiles(network_ms),
        'parameters': {**asdict(config), 'box_padding': padding}, **machine(),
    }
    backend.close()
    _print(report)
    finish(report, args.json)
    return 0


def _config(args: argparse.Namespace) -> EstimatorConfig:
    settings = list(args.set)
    if args.detect_size is not None:
        # First, so that --set may still ask for a second size.
        settings[:0] = [f'detect_size_px={args.detect_size}', 'detect_second_size_px=0']
    if args.model:
        which = 'detector_model' if args.mode == 'one-pass' else 'refiner_model'
        settings.append(f'{which}={args.model}')
    mode = 'two-pass' if args.mode == 'boxes' else args.mode
    config, _ = configs(mode, ['min_keypoint_score=0.0', *settings])
    return replace(config, mode=mode)


def _in_boxes(
    backend: Backend, image: np.ndarray, photo: Photo, padding: float, mirrored: bool
) -> Keypoints:
    """Run the second pass on the labelled boxes; a person's score is that of his keypoints."""
    if not len(photo.boxes_xyxy):
        return Keypoints.empty()
    backend.load_image(image)
    crops = geometry.crop(photo.boxes_xyxy, backend.refiner.input_size, padding)
    people = look_at_crops(backend, crops, mirrored)
    return replace(people, person_score=people.score.mean(axis=1))


def _models(mode: str, backend: Backend) -> list[str]:
    first, second = backend.detector.name, backend.refiner.name
    return {'boxes': [second], 'one-pass': [first], 'two-pass': [first, second]}[mode]


def _draw(path: Path, image: np.ndarray, people: Keypoints) -> None:
    # Keypoints that the node would not publish are not drawn.
    weak = people.score < EstimatorConfig.min_keypoint_score
    drawn = replace(people, xy=np.where(weak[..., None], np.float32(np.nan), people.xy))
    draw_keypoints(image, drawn)
    if not cv2.imwrite(str(path), image):
        raise DataError(f'cannot write {path}')


def _print(report: dict[str, Any]) -> None:
    models = ' + '.join(report['models'])
    print(f'{report["mode"]}, {models}, on {report["photos"]} photos with {report["people"]} '
          f'labelled people ({report["found"]} found)')  # fmt: skip
    for name in ('AP', 'AP50', 'AP75', 'APm', 'APl', 'AR'):
        print(f'  {name:5} {report[name]:.3f}')
    cost, network = report['estimate_ms'], report['network_ms']
    print(f'  ms per photo: median {cost["p50"]:.1f}, 95 % {cost["p95"]:.1f}; '
          f'of it the networks {network["p50"]:.1f}')  # fmt: skip
    print('  min_keypoint_score 0, because COCO counts a keypoint left out as wrong')
