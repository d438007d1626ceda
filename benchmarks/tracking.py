# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well people are tracked, side by side with other trackers."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
import logging
import os
from pathlib import Path
import time
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.tracking_worlds import photo_camera, synthetic_report
from benchmarks.tracking_worlds.compared_trackers import ByHand, Ours, all_compared
from benchmarks.tracking_worlds.gap_scores import Seen, across_gaps
from benchmarks.tracking_worlds.mot_sequence import (
    MotSequence,
    SequenceError,
    full_body_boxes,
    read_key_frames,
    read_sequence,
)
from benchmarks.tracking_worlds.photo_motion import compare
from benchmarks.tracking_worlds.scores import Identities, MetricsMissing, require_metrics
from benchmarks.tracking_worlds.synthetic_world import PERFECT, View, noise_px
from pose_ros.backends import load_backend
from pose_ros.cli.report import add_json_argument, finish, machine
from pose_ros.core.body import STANDING
from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.geometry import box_iou
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.tracking.tracker import PRESETS, Tracker

HELP = 'measure tracking accuracy'
DESCRIPTION = """\
Measure the tracker, side by side with norfair and with what one writes by hand (nearest
neighbour ids, One Euro on every coordinate):
  a synthetic world with exact truth: identities in crossings, delay, jitter, errors, covariance
  the same before cameras that pan, tilt, roll, drive and shake
  sequences in MOT layout with detections by the shipped networks: MOTA, IDF1, HOTA, switches
    (tud_campus of POSE_ROS_DATA, and every --mot DIR), also with `appearance`, and how many
    people keep their id when seconds are cut out (also of videos/vtest.avi, PETS09-S2L1)
  photographs under known camera motion (coco_dev of POSE_ROS_DATA)
Identities are scored by TrackEval, and norfair is the peer; without them those parts are left out:
pip install --no-deps -r requirements/peers.txt."""
EPILOG = """\
examples:
  python -m benchmarks.tracking                           the synthetic world, a few minutes
  python -m benchmarks.tracking --seeds 1                 the same, quicker and rougher
  python -m benchmarks.tracking --mot MOT17-09 --only mot a sequence of one's own"""

ERRORS = (SequenceError,)
PARTS = ('identities', 'motion', 'camera', 'mot', 'photos', 'time')
APPEARANCE = 'pose_ros, appearance'
PIPELINE_DELAY_S = 0.1
BAR: dict[str, Any] = {'disable': None}  # None: shown on a terminal only


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        '--mot', metavar='DIR', action='append', default=[], type=Path,
        help='a sequence: img1/ or img/, and gt/gt.txt; may be given several times',
    )
    parser.add_argument(
        '--only', metavar='PART', action='append', choices=PARTS,
        help=f'measure this part only, of {", ".join(PARTS)}; may be given several times',
    )
    parser.add_argument(
        '--seeds', type=int, default=3, help='repetitions of each synthetic scene (default 3)'
    )
    parser.add_argument(
        '--gap', type=float, default=2.0, metavar='S',
        help='cut so much out of each sequence, at every place, s (default 2)',
    )
    parser.add_argument(
        '--photos', type=int, default=6, help='photographs to move the camera over (default 6)'
    )
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    logging.getLogger().setLevel(logging.ERROR)  # norfair warns of every scalar distance
    parts = args.only or PARTS
    data = os.environ.get('POSE_ROS_DATA')
    report: dict[str, Any] = {'machine': machine()}
    if 'identities' in parts:
        report['identities'] = _measured(lambda: _identities(args.seeds))
    if 'motion' in parts:
        report['motion'] = _motion(args.seeds)
    photos = sorted((Path(data) / 'coco_dev' / 'images').glob('*.jpg')) if data else []
    if 'camera' in parts:
        report['camera'] = _camera(args.seeds, photos[: args.photos])
    if 'mot' in parts:
        folders = [*args.mot]
        if data and (Path(data) / 'tud_campus').is_dir():
            folders.insert(0, Path(data) / 'tud_campus')
        elif not folders:
            print('MOT sequences: left out, no --mot DIR and no POSE_ROS_DATA/tud_campus')
        sequences = [read_sequence(folder) for folder in folders]
        report['mot'] = {s.name: _measured(lambda s=s: _mot(s, args.gap)) for s in sequences}
        truth = Path(data or '') / 'videos' / 'vtest_pets09_s2l1_gt_keyframes.txt'
        if data and truth.is_file() and args.gap > 0:
            pets = read_key_frames(truth.with_name('vtest.avi'), truth)
            report['mot'][pets.name] = _gaps(pets, *_seen(pets), args.gap)
    if 'photos' in parts and args.photos > 0:
        if photos:
            report['photos'] = _photos(photos[: args.photos])
        else:
            print('photographs: left out, no POSE_ROS_DATA/coco_dev')
    if 'time' in parts:
        report['time'] = _time()
    finish(report, args.json)
    return 0


def _measured(measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Measure, or say why not."""
    try:
        return measure()
    except MetricsMissing as error:
        print(f'left out: {error}')
        return {'left_out': str(error)}


def _print_rows(title: str, rows: dict[str, dict[str, float]]) -> None:
    """Print a table: a line for each row, a column for each figure."""
    print(f'\n{title}')
    for name, figures in rows.items():
        cells = '  '.join(f'{key} {value:8.2f}' for key, value in figures.items())
        print(f'  {name:20s} {cells}')


def _identities(seeds: int) -> dict[str, Any]:
    require_metrics()
    table = synthetic_report.identity_table(all_compared(), (10.0, 25.0), seeds)
    for scene, row in table.items():
        _print_rows(f'synthetic, {scene} (switches: sum over {seeds} runs)', row)
    return table


def _motion(seeds: int) -> dict[str, Any]:
    rows: dict[str, dict[str, float]] = {
        'raw detections': synthetic_report.motion(lambda: None, PERFECT, seeds)
    }
    for preset in PRESETS:
        config = TrackerConfig(preset=preset)
        rows[preset] = synthetic_report.motion(lambda c=config: Tracker(c), PERFECT, seeds)
    accelerated = TrackerConfig(filter='constant-acceleration')
    rows['const acceleration'] = synthetic_report.motion(
        lambda: Tracker(accelerated), PERFECT, seeds
    )
    settings, euro = synthetic_report.one_euro_at_jitter(
        rows['balanced']['jitter_px'], PERFECT, seeds
    )
    rows['one-euro, as calm'] = euro
    rows['one-euro by hand'] = synthetic_report.motion(ByHand, PERFECT, seeds)
    _print_rows('synthetic motion (delay: best fitting shift of the truth)', rows)
    ahead = synthetic_report.ahead_errors(TrackerConfig(), PERFECT, seeds, PIPELINE_DELAY_S)
    ahead['less_percent'] = 100.0 * (1.0 - ahead['predicted_px'] / ahead['raw_px'])
    honesty = {
        'now': synthetic_report.honesty(TrackerConfig(), PERFECT, seeds),
        'now, with faults': synthetic_report.honesty(TrackerConfig(), View(), seeds),
        '100 ms ahead': synthetic_report.honesty(
            TrackerConfig(), PERFECT, seeds, PIPELINE_DELAY_S
        ),
    }
    _print_rows('error at true now, 100 ms after the image', {'mean distance': ahead})
    _print_rows('covariance (ideal: nees 1, shares 0.95 and 0.50)', honesty)
    less = 100.0 * (1.0 - rows['balanced']['delay_ms'] / euro['delay_ms'])
    print(f'\ndelay at equal jitter at rest: {less:.0f} % less than One Euro {settings}')
    return {
        'filters': rows, 'one_euro': settings, 'delay_less_percent': less, 'ahead': ahead,
        'covariance': honesty,
    }


def _seen(sequence: MotSequence) -> tuple[list[Seen], tuple[int, int]]:
    """Return the people of all images, described, the camera's motion, and the images' size."""
    config = EstimatorConfig(appearance=True)
    estimator = TwoPassEstimator(load_backend(config), config)
    seen: list[Seen] = []
    size = 0, 0
    for stamp_s, image in tqdm(
        sequence.frames(), total=len(sequence.ids), desc=sequence.name, **BAR
    ):
        seen.append((estimator.estimate(image, stamp_s), estimator.camera_motion))
        size = image.shape[1], image.shape[0]
    return seen, size


def _mot(sequence: MotSequence, gap_s: float) -> dict[str, Any]:
    require_metrics()
    seen, size = _seen(sequence)
    makers = {**all_compared(), APPEARANCE: Ours}
    rows = {}
    for name, make in makers.items():
        tracker, score = make(), Identities()
        for i, (keypoints, motion) in enumerate(seen):
            if name != APPEARANCE:
                keypoints = replace(keypoints, appearance=None)
            ids, xy = tracker.update(i / sequence.rate_hz, keypoints, size, motion)
            there = np.isfinite(xy).any(axis=(1, 2))
            similarity = box_iou(sequence.boxes[i][:, None], full_body_boxes(xy[there]))
            score.add(sequence.ids[i], ids[there], similarity)
        rows[name] = score.scores()
    _print_rows(f'{sequence.name}: detections by two-pass, boxes by IoU', rows)
    return {**rows, **_gaps(sequence, seen, size, gap_s)}


def _gaps(
    sequence: MotSequence, seen: list[Seen], size: tuple[int, int], gap_s: float
) -> dict[str, Any]:
    """Return who keeps their id over a gap, without and with appearance."""
    if gap_s <= 0:
        return {}
    truth = list(zip(sequence.ids, sequence.boxes))
    undescribed = [(replace(people, appearance=None), motion) for people, motion in seen]
    rows = {
        name: across_gaps(Ours, given, truth, sequence.rate_hz, size, gap_s)
        for name, given in (('pose_ros', undescribed), (APPEARANCE, seen))
    }
    _print_rows(f'{sequence.name}: {gap_s:g} s cut out, at every place', rows)
    return {'gap': {'gap_s': gap_s, **rows}}


def _camera(seeds: int, photos: list[Path]) -> dict[str, Any]:
    rows = synthetic_report.moving_camera(seeds, PIPELINE_DELAY_S, (10.0, 30.0, 60.0))
    _print_rows(f'cameras in motion: error {PIPELINE_DELAY_S:g} s after the image, and ids', rows)
    found: dict[str, Any] = {'synthetic': rows}
    if photos:
        with tqdm(total=None, unit='photo', desc='photographs', **BAR) as bar:
            found['photos'] = {
                f'{size[0]}x{size[1]}': photo_camera.measure(
                    photos, size, lambda: bar.update() and None)
                for size in ((640, 480), (1280, 720))}
        _print_rows(
            f"the camera's motion on {len(photos)} photographs: largest error at the corners",
            found['photos'])
    return found


def _photos(photos: list[Path]) -> dict[str, Any]:
    config = EstimatorConfig()
    estimator = TwoPassEstimator(load_backend(config), config)
    with tqdm(total=None, unit='image', desc='photographs', **BAR) as bar:
        rows = compare(photos, estimator, lambda: bar.update() and None)
    _print_rows('photographs under camera motion', rows)
    return rows


def _time() -> dict[str, Any]:
    """Measure the cost of an update and of a look ahead, ms, on one core."""
    rows = {}
    for people in (1, 5, 20):
        base = STANDING * 200 + np.stack([90.0 * np.arange(people), np.zeros(people)], 1)[:, None]
        rng, noise = np.random.default_rng(0), noise_px(np.full(17, 0.96), 200.0)[:, None]
        tracker = Tracker(TrackerConfig())
        update_ms, predict_ms = [], []
        for i in range(300):
            xy = base + [2.0 * i, 0.0] + rng.normal(size=base.shape) * noise
            frame = Keypoints(
                xy.astype(np.float32),
                np.full((people, 17), 0.96, np.float32),
                np.full(people, 0.8, np.float32),
            )
            start = time.perf_counter()
            tracker.update(i / 30, frame, (20000, 480))
            middle = time.perf_counter()
            tracker.predict(i / 30 + 0.05)
            update_ms.append(1e3 * (middle - start))
            predict_ms.append(1e3 * (time.perf_counter() - middle))
        rows[f'{people} people'] = {
            'update_ms': float(np.median(update_ms)), 'predict_ms': float(np.median(predict_ms))
        }
    load = os.getloadavg()[0]
    _print_rows(f'time, median (load of the machine: {load:.1f})', rows)
    return {**rows, 'load': load}


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('benchmarks.tracking'))
