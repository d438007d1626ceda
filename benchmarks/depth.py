# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
How good 3-D joints are, in a synthetic world and in a recording.

A recording is a folder of `NAME.jpg`, `NAME_depth.png` (uint16 mm, registered) and, where there
is one, `NAME_mask.jpg` (where the person is, whose depths a joint on the person shares).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
import copy
from pathlib import Path
import sys
import time
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.depth_worlds import lifting_scores
from benchmarks.depth_worlds.depth_pictures import depth_picture, sheet
from pose_ros.backends import load_backend
from pose_ros.cli.report import add_json_argument, finish, machine, percentiles
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.pose3d.bone_lengths import BONES, FOREARM, SHOULDERS, UPPER_ARM, lengths
from pose_ros.core.pose3d.depth_lifting import DepthReason, lift
from pose_ros.core.pose3d.depth_noise import DepthNoise
from pose_ros.core.pose3d.tracker3d import Tracker3D
from pose_ros.core.skeleton import KEYPOINT_NAMES
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import TrackState

HELP = 'measure 3-D joints, in a synthetic world and on a recorded RGB-D sequence'
DESCRIPTION = (
    'Measures 3-D joints. In a synthetic world of people whose joints are known: the error, '
    'and how many joints are taken for the wall behind. With --data on a sequence of colour and '
    'registered depth images: how many joints land within the depths of the mask of the person, '
    'how much the lengths of limbs vary before and after filtering, and what it costs.'
)
EPILOG = """\
examples:
  python -m benchmarks.depth                                            the synthetic world
  python -m benchmarks.depth --data rgbd_person --json depth.json       and a recording
  python -m benchmarks.depth --people 4 --pictures out              depth with joints, as PNG"""
BONE_NAMES = {
    f'{KEYPOINT_NAMES[far]}-{KEYPOINT_NAMES[near]}': i
    for i, (far, near, kind) in enumerate(BONES.tolist())
    if kind in (UPPER_ARM, FOREARM, SHOULDERS)
}

_AGAIN = 5
FOREARMS = [name for name in BONE_NAMES if 'wrist' in name]


class SequenceError(Exception):
    """The folder holds no sequence that can be used."""


ERRORS = (SequenceError,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument('--data', metavar='DIR',
        help='folder of a sequence: NAME.jpg, NAME_depth.png (16 bit, mm), NAME_mask.jpg',
    )
    parser.add_argument(
        '--people', type=int, default=60, metavar='N',
        help='synthetic people for each kind of sensor, 0 for none; default: 60',
    )
    parser.add_argument(
        '--pictures', metavar='DIR', help='write pictures of depth with joints into this folder'
    )
    parser.add_argument(
        '--rate', type=float, default=30.0, metavar='HZ', help='images per second; default: 30'
    )
    parser.add_argument(
        '--camera', nargs=4, type=float, default=(525.0, 525.0, 320.0, 240.0),
        metavar=('FX', 'FY', 'CX', 'CY'), help='px; default: 525 525 320 240',
    )
    parser.add_argument(
        '--sensor', choices=('structured-light', 'time-of-flight'), default='structured-light',
        help='noise of the depth; default: %(default)s',
    )
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    pictures: dict[str, list[np.ndarray]] = {'synthetic': [], 'recorded': []}
    report: dict[str, Any] = {}
    if args.people > 0:
        report['synthetic'] = lifting_scores.measure(args.people, pictures['synthetic'])
        print('\n'.join(lifting_scores.lines(report['synthetic'])))
    if args.data:
        report |= _recorded(args, pictures['recorded'])
        _print(report)
    if not report:
        raise SequenceError('nothing to measure: --people is 0 and there is no --data')
    report['machine'] = machine()
    if args.pictures:
        _write(Path(args.pictures), pictures)
    finish(report, args.json)
    return 0


def _write(folder: Path, pictures: dict[str, list[np.ndarray]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, some in pictures.items():
        if some:
            path = folder / f'depth_{name}.png'
            if not cv2.imwrite(str(path), sheet(some)):
                raise SequenceError(f'{path}: cannot be written')
            print(f'wrote {path}')


def _recorded(args: argparse.Namespace, pictures: list[np.ndarray]) -> dict[str, Any]:
    names = sorted(
        path.stem for path in Path(args.data).glob('*.jpg')
        if path.with_name(f'{path.stem}_depth.png').is_file()
    )
    if not names:
        raise SequenceError(f'{args.data}: no NAME.jpg with a NAME_depth.png beside it')
    return _measure(Path(args.data), names, args, pictures)


def _measure(
    folder: Path, names: list[str], args: argparse.Namespace, pictures: list[np.ndarray]
) -> dict[str, Any]:
    config = EstimatorConfig()
    estimator = TwoPassEstimator(load_backend(config), config)
    noise = (
        DepthNoise.structured_light() if args.sensor == 'structured-light'
        else DepthNoise.time_of_flight()
    )
    tracker, space, camera = Tracker(TrackerConfig()), None, None
    reasons: Counter[str] = Counter()
    raw: list[np.ndarray] = []
    filtered: list[np.ndarray] = []
    skin_inside: list[bool] = []
    joint_inside: list[bool] = []
    lift_ms: list[float] = []
    filter_ms: list[float] = []
    added_ms: list[float] = []
    least_ms: list[float] = []
    visible = people = 0
    for i, name in enumerate(tqdm(names, unit='image', file=sys.stderr)):
        image = cv2.imread(str(folder / f'{name}.jpg'))
        depth = cv2.imread(str(folder / f'{name}_depth.png'), cv2.IMREAD_UNCHANGED)
        if image is None or depth is None:
            raise SequenceError(f'{folder / name}: cannot be read')
        size = (image.shape[1], image.shape[0])
        if camera is None or space is None:
            fx, fy, cx, cy = args.camera
            camera = CameraModel.from_camera_info(
                *size, '', (), (fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0)
            )
            if camera is None:
                raise SequenceError('--camera: FX must be above 0')
            space = Tracker3D(camera)
        keypoints = estimator.estimate(image, i / args.rate)
        # Of this thread: the networks' threads may still be spinning.
        begin_s = time.thread_time()
        lifted = lift(depth, camera, keypoints, noise)
        middle_s = time.thread_time()
        tracks = tracker.update(i / args.rate, keypoints, size)
        before = copy.deepcopy(space)
        joined_s = time.thread_time()
        found = lifted.joints.of(tracks)
        joints = space.update(i / args.rate, tracks, *found)
        if len(keypoints):
            lift_ms.append(1e3 * (middle_s - begin_s) / len(keypoints))
            filter_ms.append(1e3 * (time.thread_time() - joined_s) / len(keypoints))
            added_ms.append(lift_ms[-1] + filter_ms[-1])
            least_ms.append(1e3 / len(keypoints) * (
                _least_s(lambda: lift(depth, camera, keypoints, noise))  # noqa: B023
                + _least_s(lambda: lifted.joints.of(tracks))  # noqa: B023
                + _least_s(lambda again: again.update(i / args.rate, tracks, *found),  # noqa: B023
                           lambda: copy.deepcopy(before))  # noqa: B023
            ))
        if i % max(len(names) // 4, 1) == 0 and len(pictures) < 8:
            pictures.append(image)
            pictures.append(depth_picture(depth, camera, joints.position, keypoints.xy))
        people += len(keypoints)
        reasons.update(lifted.counts())
        visible += int((~np.isin(
            lifted.reason, (DepthReason.NO_KEYPOINT, DepthReason.BORDER)
        )).sum())
        raw += list(lengths(lifted.position, lifted.covariance)[0])
        seen = (tracks.state == TrackState.CONFIRMED) & (tracks.since_seen_s == 0)
        filtered += list(lengths(joints.position[seen], joints.covariance[seen])[0])
        mask = cv2.imread(str(folder / f'{name}_mask.jpg'), cv2.IMREAD_GRAYSCALE)
        if mask is not None:
            own = depth[(mask > 127) & (depth > 0)] * 0.001
            there = lifted.reason == DepthReason.LIFTED
            low, high = own.min() - 0.0005, own.max() + 0.0005
            skin = lifted.surface_m[there]
            joint = lifted.position[there][:, 2]
            skin_inside += ((skin >= low) & (skin <= high)).tolist()
            joint_inside += ((joint >= low) & (joint <= high)).tolist()
    return {
        'data': folder.name,
        'images': len(names),
        'people': people,
        'visible_keypoints': visible,
        'reasons': dict(reasons),
        'lifted_of_visible': _share(reasons['lifted'], visible),
        'joints_in_mask_depths': _share(sum(joint_inside), len(joint_inside)),
        'skin_in_mask_depths': _share(sum(skin_inside), len(skin_inside)),
        'bones': {
            name: {'lifted': _spread(raw, bone), 'filtered': _spread(filtered, bone)}
            for name, bone in BONE_NAMES.items()
        },
        'lift_ms_per_person': percentiles(lift_ms),
        'filter_ms_per_person': percentiles(filter_ms),
        'added_ms_per_person': percentiles(added_ms),
        'added_undisturbed_ms_per_person': percentiles(least_ms),
    }


def _least_s(do: Callable[..., Any], prepare: Callable[[], Any] | None = None) -> float:
    """Return the least CPU time of doing the same several times, seconds."""
    least_s = float('inf')
    for _ in range(_AGAIN):
        given = () if prepare is None else (prepare(),)
        begin_s = time.thread_time()
        do(*given)
        least_s = min(least_s, time.thread_time() - begin_s)
    return least_s


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else float('nan')


def _spread(found: list[np.ndarray], bone: int) -> dict[str, float]:
    values = np.array([row[bone] for row in found if np.isfinite(row[bone])])
    if len(values) < 2:
        return {'mean_m': float('nan'), 'std_share': float('nan'), 'n': len(values)}
    return {
        'mean_m': round(float(values.mean()), 4),
        'std_share': round(float(values.std() / values.mean()), 4),
        'n': len(values),
    }


def _print(report: dict[str, Any]) -> None:
    print(f'{report["images"]} images, {report["people"]} people, '
          f'{report["visible_keypoints"]} keypoints inside the image')
    print(f'lifted {report["lifted_of_visible"]:.1%}; of these the joint lies within the depths '
          f'of the mask in {report["joints_in_mask_depths"]:.1%}, its skin in '
          f'{report["skin_in_mask_depths"]:.1%}')
    print(f'{"bone":30s} {"lifted":>22s} {"filtered":>22s}')
    for name, bone in report['bones'].items():
        columns = [
            f'{b["mean_m"]:.3f} m +- {b["std_share"]:5.1%} ({b["n"]:3d})' for b in bone.values()
        ]
        print(f'{name:30s} {columns[0]:>22s} {columns[1]:>22s}')
    forearms = sum(report['bones'][name]['filtered']['n'] for name in FOREARMS)
    print(f'forearms could be judged {forearms} times in {2 * report["images"]}')
    lift_ms, filter_ms, added_ms = (
        report[f'{part}_ms_per_person']['p50'] for part in ('lift', 'filter', 'added')
    )
    print(f'CPU time per person and image, median: lifting {lift_ms:.2f} ms, filtering '
          f'{filter_ms:.2f} ms, together {added_ms:.2f} ms')
    print(f'least of {_AGAIN} times the same image, so without what else this machine does: '
          f'{report["added_undisturbed_ms_per_person"]["p50"]:.2f} ms')


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('benchmarks.depth'))
