# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros evaluate`: COCO keypoint accuracy of what ships, on labelled photos."""

from __future__ import annotations

import argparse
from dataclasses import asdict, fields, replace
import os
from pathlib import Path
import sys
import time
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from pose_ros.backends import load_backend
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model
from pose_ros.cli.report import add_json_argument, finish, machine, percentiles
from pose_ros.cli.run import PHOTO_SCORE
from pose_ros.cli.settings import SettingError, configs
from pose_ros.core.backend import Backend
from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.estimator.person_score import MODES as MODES_FITTED
from pose_ros.core.estimator.person_score import Scorer
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.evaluation import calibration, degrade
from pose_ros.evaluation.annotation_file import DataError
from pose_ros.evaluation.cached_backend import CachedBackend
from pose_ros.evaluation.pose_errors import PersonError, pair, pck, worst
from pose_ros.evaluation.report import as_published, write_report
from pose_ros.evaluation.scores import CocoFolder
from pose_ros.media.overlay import draw_keypoints

HELP = 'measure COCO keypoint accuracy'
DESCRIPTION = """\
Measures COCO keypoint AP and AR (pycocotools) and PCK@0.2 of each joint on a folder with
annotations.json and images/:
  two-pass  whole images, as the node does by default
  one-pass  whole images, without the crops
  boxes     the second pass alone, on the labelled boxes
It is the estimator that ships, with its default parameters but one: min_keypoint_score is 0,
because COCO counts a keypoint that was left out as wrong. With --mode boxes the limits on the
number of people are off too: every labelled box is looked at. A network of your own needs its
description beside it: `pose_ros inspect` makes one.
With --calibrate it fits the scores to labelled photos that the networks did not learn from, or as
many that they did, and writes the weights into the networks' descriptions."""
EPILOG = """\
examples:
  pose_ros evaluate --data coco_dev
  pose_ros evaluate --data coco_dev --mode boxes --model my_network.onnx
  pose_ros evaluate --data coco_dev --degrade jpeg:68   what the compression of a camera costs
  pose_ros evaluate --data coco_dev --report out/       report.md with the worst cases drawn
  pose_ros evaluate --calibrate --data coco_train --data coco_train_more
  pose_ros evaluate --data coco_dev --set detect_second_size_px=256 --pictures out/"""

ERRORS = (DataError, SettingError)
MODES = ('two-pass', 'one-pass', 'boxes')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        '--data', metavar='DIR', required=True, type=Path, action='append',
        help='labelled photos; several times with --calibrate',
    )
    parser.add_argument(
        '--calibrate', action='store_true',
        help='fit the person score of every mode and write it into the descriptions',
    )
    parser.add_argument(
        '--photos', metavar='N', type=int, default=600,
        help='--calibrate: photos taken, evenly, of all (default: %(default)s)',
    )
    parser.add_argument(
        '--cache', metavar='DIR', type=Path,
        help='--calibrate: keeps what the networks saw: an interrupted call goes on from there',
    )
    parser.add_argument('--mode', choices=MODES, default=MODES[0], help='default: %(default)s')
    parser.add_argument(
        '--model', metavar='FILE',
        help='network of the crops, or with one-pass of the whole image (default: the shipped)',
    )
    parser.add_argument(
        '--backend', choices=_choices('backend'), help='runtime (default: auto)'
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
    parser.add_argument(
        '--degrade', metavar='KIND:X[,...]', default='',
        help='degrade the photos first, as cameras do: jpeg:68 (quality), noise:8 (sigma in grey '
             'levels), blur:1.5 (sigma in pixels), dark:0.1 (share of the light)',
    )
    parser.add_argument(
        '--report', metavar='DIR', type=Path,
        help='write report.md with every figure, curves.png (reliability of the scores, precision '
        'and recall), and the worst cases as pictures',
    )
    parser.add_argument(
        '--worst', metavar='N', type=int, default=12, help='worst cases drawn (default: 12)'
    )
    parser.add_argument('--pictures', metavar='DIR', type=Path, help='write the photos, drawn on')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    config = _config(args)
    if args.calibrate:
        return _calibrate(args, config)
    if len(args.data) > 1:
        raise SettingError('--data: one folder, but with --calibrate')
    args.data = args.data[0]
    try:
        args.degrade = degrade.parse(args.degrade)
    except ValueError as error:
        raise SettingError(f'--degrade {error}') from None
    if args.box_padding is not None and not 0.1 <= args.box_padding <= 10.0:
        raise SettingError(f'--box-padding {args.box_padding}: must be between 0.1 and 10')
    if not 0 <= args.worst <= 1000:
        raise SettingError(f'--worst {args.worst}: must be between 0 and 1000')
    data = CocoFolder(args.data)
    for note in data.notes:
        print(f'pose_ros: {note}', file=sys.stderr)
    for folder in (args.pictures, args.report):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    backend = load_backend(config)
    if args.box_padding:
        backend.refiner = replace(backend.refiner, crop_scale=args.box_padding)
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    found, estimate_ms, network_ms = _estimate(args, TwoPassEstimator(backend, config), data)
    errors: list[PersonError] = []
    for photo in data.photos:
        errors += pair(photo, found[photo.image_id])
    report: dict[str, Any] = {
        'data': str(args.data), 'photos': len(data.photos), 'people': data.num_people,
        'mode': args.mode, 'models': _models(args.mode, backend), 'backend': backend.name,
        'degraded': dict(args.degrade),
        **data.scores(found), 'pck': pck(errors), 'notes': data.notes,
        'found': sum(len(people) for people in found.values()),
        'estimate_ms': percentiles(estimate_ms), 'network_ms': percentiles(network_ms),
        'wall_s': round(time.perf_counter() - started_s, 2),
        'cpu_s': round(time.process_time() - started_cpu_s, 2),
        'parameters': {**asdict(config), 'box_padding': backend.refiner.crop_scale}, **machine(),
    }  # fmt: skip
    judged = calibration.judge(data.photos, found)
    report['calibration_error'] = round(
        calibration.expected_calibration_error(judged.score, judged.right), 4)
    report['keypoint_calibration_error'] = round(
        calibration.expected_calibration_error(judged.keypoint_score, judged.right_keypoint), 4)
    for least, suffix in ((TrackerConfig.new_track_score, ''), (PHOTO_SCORE, '_of_photos')):
        for name, value in zip(('precision', 'recall'), judged.at(least)):
            report[name + suffix] = round(value, 4)
    report['calibrated'] = Scorer(backend.detector, backend.refiner).is_calibrated(
        args.mode.replace('-', '_'))
    backend.close()
    if args.report:
        write_report(args.report, report, worst(errors, args.worst), found, judged)
    _print(report)
    finish(report, args.json)
    return 0


def _calibrate(args: argparse.Namespace, config: EstimatorConfig) -> int:
    """Fit the person score of every mode, and write it into the descriptions."""
    photos = [photo for folder in args.data for photo in CocoFolder(folder).photos]
    photos = photos[::max(1, round(len(photos) / max(args.photos, 1)))]
    backend = load_backend(config)
    if args.cache:
        backend = CachedBackend(backend, args.cache)
    fitted: dict[str, dict[str, dict[str, float]]] = {}
    boxes_alone = backend.detector.decoder == 'boxes'
    for mode in MODES_FITTED:
        if mode == 'one_pass' and boxes_alone:
            continue
        print(f'{mode}: looking at {len(photos)} photos', file=sys.stderr)
        samples = calibration.collect(backend, photos, mode)
        fitted[mode] = calibration.calibrate(samples)
        right = samples.right
        print(f'{mode}: {len(right)} people found, {int(right.sum())} right: {fitted[mode]}')
    detector, refiner = backend.detector, backend.refiner
    backend.close()
    paths = (find_model(config.detector_model or SHIPPED_DETECTOR),
             find_model(config.refiner_model or SHIPPED_REFINER))  # fmt: skip
    of_detector = {k: v for k, v in fitted.items() if k == 'one_pass'}
    of_refiner = {f'two_pass {detector.name}' if k == 'two_pass' else k: v
                  for k, v in fitted.items() if k != 'one_pass'}  # fmt: skip
    parts = {}
    try:
        for path, spec, own in zip(paths, (detector, refiner), (of_detector, of_refiner)):
            if own:
                target = path.with_suffix('.json')
                parts[target] = target.with_suffix('.json.part')
                fitted_spec = replace(spec, calibration={**spec.calibration, **own})
                parts[target].write_text(fitted_spec.to_json(), encoding='utf-8')
        for target, part in parts.items():
            os.replace(part, target)
            print(f'written to {target}')
    except OSError as error:
        raise DataError(f'cannot write {target}: {error.strerror}: make room, or give it the '
                        'permission, and call again with --cache') from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return 0


def _estimate(
    args: argparse.Namespace, estimator: TwoPassEstimator, data: CocoFolder
) -> tuple[dict[int, Keypoints], list[float], list[float]]:
    """Return the people found in each photo, and the milliseconds that they took."""
    found: dict[int, Keypoints] = {}
    estimate_ms, network_ms = [], []
    progress = tqdm(
        data.photos, unit='photo', desc=args.mode, file=sys.stderr,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,  # in a log every update is a line
    )
    for photo in progress:
        image = photo.read()
        if args.degrade:
            rng = np.random.default_rng(photo.image_id)
            image = degrade.degrade(image, args.degrade, rng)
        started_s = time.perf_counter()
        boxes = photo.boxes_xyxy if args.mode == 'boxes' else None
        people = estimator.estimate(image, boxes=boxes)
        estimate_ms.append((time.perf_counter() - started_s) * 1e3)
        network_ms.append(estimator.times.network_s * 1e3)
        found[photo.image_id] = people
        if args.pictures:
            _draw(args.pictures / f'{photo.path.stem}.jpg', image, people)
    return found, estimate_ms, network_ms


def _choices(name: str) -> tuple[str, ...]:
    return next(f.metadata['choices'] for f in fields(EstimatorConfig) if f.name == name)


def _config(args: argparse.Namespace) -> EstimatorConfig:
    settings = list(args.set)
    if args.detect_size is not None:
        # First, so that --set may still ask for a second size.
        settings[:0] = [f'detect_size_px={args.detect_size}', 'detect_second_size_px=0']
    if args.model:
        which = 'detector_model' if args.mode == 'one-pass' else 'refiner_model'
        settings.append(f'{which}={args.model}')
    if args.backend:
        settings.append(f'backend={args.backend}')
    settings.insert(0, 'min_keypoint_score=0.0')
    if args.mode != 'boxes':
        return configs(args.mode, settings)[0]
    # Every labelled box is one person, none twice.
    all_boxes = ['max_crops=100', 'max_people=100', 'min_person_score=0.0', 'nms_oks=1.0']
    return configs('two-pass', [*all_boxes, *settings])[0]


def _models(mode: str, backend: Backend) -> list[str]:
    first, second = backend.detector.name, backend.refiner.name
    return {'boxes': [second], 'one-pass': [first], 'two-pass': [first, second]}[mode]


def _draw(path: Path, image: np.ndarray, people: Keypoints) -> None:
    draw_keypoints(image, as_published(people))
    if not cv2.imwrite(str(path), image):
        raise DataError(f'cannot write {path}')


def _print(report: dict[str, Any]) -> None:
    models = ' + '.join(report['models'])
    print(f'{report["mode"]}, {models}, on {report["photos"]} photos with {report["people"]} '
          f'labelled people ({report["found"]} found)')  # fmt: skip
    for name in ('AP', 'AP50', 'AP75', 'APm', 'APl', 'AR'):
        print(f'  {name:5} {report[name]:.3f}')
    box, torso = report['pck']['box']['all'], report['pck']['torso']['all']
    print(f'  PCK@0.2: {box:.3f} of the longer side of the box, {torso:.3f} of the torso')
    what = 'probabilities' if report['calibrated'] else 'no probabilities: run --calibrate'
    print(f'  scores are {what}; calibration error {report["calibration_error"]:.3f}, of '
          f'keypoints {report["keypoint_calibration_error"]:.3f}')
    for least, what, suffix in (
        (TrackerConfig.new_track_score, 'begin a track', ''),
        (PHOTO_SCORE, 'are drawn in photos', '_of_photos'),
    ):
        print(f'  people of at least {least:g} ({what}): '
              f'precision {report["precision" + suffix]:.3f}, '
              f'recall {report["recall" + suffix]:.3f}')  # fmt: skip
    cost, network = report['estimate_ms'], report['network_ms']
    print(f'  ms per photo: median {cost["p50"]:.1f}, 95 % {cost["p95"]:.1f}; '
          f'of it the networks {network["p50"]:.1f}')  # fmt: skip
    print(f'  {report["wall_s"]:.1f} s, {report["cpu_s"]:.1f} s of the processor')
    print('  min_keypoint_score 0, because COCO counts a keypoint left out as wrong')
