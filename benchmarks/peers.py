# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Our nodes beside plain ones, end to end over real DDS, in one run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from importlib.util import find_spec
import os
from pathlib import Path
import statistics
import sys
from typing import Any

from geometry_msgs.msg import PoseArray
import numpy as np
from tqdm import tqdm

from benchmarks.peer_nodes.measured_run import MeasuredRun, PeerError, PeerSystem, measure
from benchmarks.people_images import people_images
from pose_ros.cli.report import add_json_argument, finish
from pose_ros.msg import SkeletonArray

HELP = 'measure our nodes beside plain ones'
DESCRIPTION = """\
Plays the same images to each system in turn, every process by itself and real DDS between them,
and watches from outside: from the publication of an image to the reception of its skeletons.
First more images than any system can take (rate, age at overload), then 70 % of what it took
(delay, processor, memory). The rounds alternate between the systems; medians are printed.
Nothing else should run meanwhile.

The oldest answer at overload is also given in mean periods, and as the number of answers from
the publication of its image to itself: 1 or 2 where no image waits but for the one before, 3
when an answer was under way just then.

A plain node is what people write: the whole work in the image's callback, default QoS. The
plain ONNX node has our weights, input sizes and decoding. `each image` is two-pass without
skip_detection_when_late, `following` with detection_interval_s 0.5. The floor answers and does
nothing."""
EPILOG = """\
examples:
  python -m benchmarks.peers                               about ten minutes
  python -m benchmarks.peers --only 'pose_ros single,plain ONNX' --rounds 1
  python -m benchmarks.peers --size 1920x1080 --people 1 --json peers.json
  pip install --target peers -r requirements/mediapipe.txt
  python -m benchmarks.peers --mediapipe peers       MediaPipe too, with libraries of its own"""

ERRORS = (PeerError,)
OVERLOAD_HZ = 60.0
LOAD = 0.7


@dataclass
class _Result:
    overload: list[MeasuredRun] = field(default_factory=list)
    load: list[MeasuredRun] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('--rounds', type=int, default=3, help='default: %(default)s')
    parser.add_argument('--seconds', type=float, default=8.0, metavar='S',
                        help='length of each run (default: %(default)s)')
    parser.add_argument('--size', default='640x480', metavar='WxH', help='default: %(default)s')
    parser.add_argument('--people', type=int, default=1, choices=(1, 5),
                        help='in each image (default: %(default)s)')
    parser.add_argument('--only', metavar='NAME,...', help='systems of these names only')
    parser.add_argument('--set', action='append', default=[], metavar='NODE.PARAM=VALUE',
                        help='a parameter of our nodes; may be repeated')
    parser.add_argument('--mediapipe', type=Path, metavar='DIR',
                        help='where `pip install --target DIR` has put mediapipe')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    systems = _chosen(_systems(args), args.only)
    width, _, height = args.size.partition('x')
    if not (width.isdigit() and height.isdigit()):
        raise PeerError(f'--size {args.size}: expected WIDTHxHEIGHT, for example 640x480')
    images = np.stack(people_images(args.people, (int(width), int(height))))
    results = {system.name: _Result() for system in systems}
    with tqdm(total=2 * args.rounds * len(systems), unit='run', file=sys.stderr) as progress:
        for _ in range(args.rounds):
            for system in systems:
                progress.set_description(system.name)
                result = results[system.name]
                overload = measure(system, images, OVERLOAD_HZ, args.seconds)
                progress.update()
                load = measure(system, images, LOAD * overload.rate_hz, args.seconds)
                progress.update()
                result.overload.append(overload)
                result.load.append(load)
    report = {
        'date': date.today().isoformat(), 'cores': len(os.sched_getaffinity(0)),
        'size': args.size, 'people': args.people, 'rounds': args.rounds, 'seconds': args.seconds,
        'systems': {name: _figures(result) for name, result in results.items()},
    }
    print('\n'.join(_table(report['systems'])))
    finish(report, args.json)
    return 0


def _systems(args: argparse.Namespace) -> list[PeerSystem]:
    systems = [
        _plain('floor', 'echo'),
        our_system('pose_ros two-pass', args.set),
        _plain('plain ONNX', 'plain_onnx'),
        our_system('pose_ros each image', args.set, skip_detection_when_late='false'),
        our_system('pose_ros following', args.set, detection_interval_s='0.5'),
        our_system('pose_ros single', args.set, mode='single'),
        our_system('pose_ros two-pass + tracker', args.set, 'pose_tracker'),
    ]
    if find_spec('openvino') is not None:
        systems.append(our_system('pose_ros OpenVINO', args.set, backend='openvino'))
    if find_spec('norfair') is not None:
        systems.append(_plain('plain ONNX + norfair', 'plain_onnx', '--track'))
    if args.mediapipe is not None:
        if not (args.mediapipe / 'mediapipe').is_dir():
            raise PeerError(f'there is no mediapipe in {args.mediapipe}: pip install --target '
                            f'{args.mediapipe} -r requirements/mediapipe.txt')
        systems.append(_plain(
            'plain MediaPipe', 'mediapipe', PYTHONPATH=str(args.mediapipe.resolve())))
    return systems


def _plain(name: str, module: str, *arguments: str, **environment: str) -> PeerSystem:
    command = [sys.executable, '-m', f'benchmarks.peer_nodes.{module}_node', *arguments]
    return PeerSystem(name, [command], 'poses', PoseArray, environment)


def our_system(
    name: str, settings: list[str], *more_nodes: str, **parameters: str
) -> PeerSystem:
    """Return our estimator, and more of our nodes, with NODE.PARAM=VALUE settings."""
    commands = []
    for node in ('pose_estimator', *more_nodes):
        command = [sys.executable, '-m', f'pose_ros.ros.nodes.{node}', '--ros-args']
        own = [s.partition('.')[2] for s in settings if s.startswith(node + '.')]
        if node == 'pose_estimator':
            # A setting after them counts.
            own = [f'{key}={value}' for key, value in parameters.items()] + own
        for setting in own:
            command += ['-p', setting.replace('=', ':=', 1)]
        commands.append(command)
    return PeerSystem(name, commands, 'pose/tracked' if more_nodes else 'pose', SkeletonArray, {})


def _chosen(systems: list[PeerSystem], only: str | None) -> list[PeerSystem]:
    if not only:
        return systems
    wanted = only.split(',')
    by_name = {system.name: system for system in systems}
    for name in wanted:
        if name not in by_name:
            raise PeerError(f'--only: no system {name!r}; there are {", ".join(by_name)}')
    return [by_name[name] for name in wanted]


def _figures(result: _Result) -> dict[str, Any]:
    """Return the medians over the rounds; delays are percentiles within a round first."""
    def middle(of: Callable[[MeasuredRun], float], runs: list[MeasuredRun]) -> float:
        return round(statistics.median(of(run) for run in runs), 2)

    def delay(percent: float) -> Callable[[MeasuredRun], float]:
        return lambda run: float(np.percentile(run.delay_ms, percent))

    return {
        'rate_hz': middle(lambda run: run.rate_hz, result.overload),
        'overload_age_p50_ms': middle(delay(50), result.overload),
        'overload_age_max_ms': middle(delay(100), result.overload),
        'overload_age_max_periods': middle(
            lambda run: float(run.delay_ms.max()) * 1e-3 * run.rate_hz, result.overload),
        'overload_lived_max': middle(lambda run: float(run.lived.max()), result.overload),
        'delay_p50_ms': middle(delay(50), result.load),
        'delay_p95_ms': middle(delay(95), result.load),
        'delay_p99_ms': middle(delay(99), result.load),
        'load_rate_hz': middle(lambda run: run.rate_hz, result.load),
        'cpu_ms': middle(lambda run: 10.0 * run.cpu_percent / run.rate_hz, result.load),
        'cpu_percent': middle(lambda run: run.cpu_percent, result.load),
        'memory_mb': middle(lambda run: run.memory_mb, result.load),
        'found_percent': middle(lambda run: run.found_percent, result.load),
    }


def _table(systems: dict[str, dict[str, Any]]) -> list[str]:
    plain = systems.get('plain ONNX')
    lines = [
        '| system | images/s | beside plain '
        '| oldest answer at overload, ms (mean periods; answers) '
        '| delay at 70 % load p50 / p95 / p99, ms | people found | CPU, % of a core '
        '| CPU for each image, ms | memory, MB |',
        '|---|---|---|---|---|---|---|---|---|',
    ]
    for name, f in systems.items():
        ratio = f'{f["rate_hz"] / plain["rate_hz"]:.2f}' if plain else ''
        lines.append(
            f'| {name} | {f["rate_hz"]:.1f} | {ratio} | {f["overload_age_max_ms"]:.0f} '
            f'({f["overload_age_max_periods"]:.1f}; {f["overload_lived_max"]:.0f}) '
            f'| {f["delay_p50_ms"]:.1f} / '
            f'{f["delay_p95_ms"]:.1f} / {f["delay_p99_ms"]:.1f} | {f["found_percent"]:.0f} % '
            f'| {f["cpu_percent"]:.0f} | {f["cpu_ms"]:.1f} '
            f'| {f["memory_mb"]:.0f} |')
    return lines


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('benchmarks.peers'))
