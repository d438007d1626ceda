# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.cameras`: how several cameras share one machine."""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
import os
import sys

import numpy as np
from tqdm import tqdm

from benchmarks.peer_nodes.measured_run import MeasuredRun, PeerError, PeerSystem, measure
from benchmarks.peers import our_system
from benchmarks.people_images import people_images
from pose_ros.cli.report import add_json_argument, finish
from pose_ros.msg import SkeletonArray
from pose_ros.ros.launch_plan import COMPOSED

HELP = 'measure how several cameras share this machine'
DESCRIPTION = """\
Runs an estimator and a tracker for each of one, two, ... cameras at once, all with images of one
person at the same rate, and watches from outside. More cameras than the machine can serve get
fewer images each, not older ones. Nothing else should run meanwhile."""
EPILOG = """\
examples:
  python -m benchmarks.cameras                          one to four cameras, two minutes
  python -m benchmarks.cameras --use-composition        the two nodes of a camera in one process
  python -m benchmarks.cameras --set pose_estimator.mode=one-pass --rate-hz 15"""

ERRORS = (PeerError,)
FIRST_DOMAIN = 41


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('--most', type=int, default=4, metavar='N',
                        help='cameras at the end (default: %(default)s)')
    parser.add_argument('--rate-hz', type=float, default=30.0, metavar='HZ',
                        help='images of each camera (default: %(default)s)')
    parser.add_argument('--seconds', type=float, default=10.0, metavar='S',
                        help='length of each run (default: %(default)s)')
    parser.add_argument('--set', action='append', default=[], metavar='NODE.PARAM=VALUE',
                        help='a parameter of the nodes; may be repeated')
    parser.add_argument('--use-composition', action='store_true',
                        help='estimator and tracker of a camera in one process')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    images = np.stack(people_images(1))
    settings = ['pose_estimator.num_threads=1', *args.set]
    system = (
        _composed('camera', settings) if args.use_composition
        else our_system('camera', settings, 'pose_tracker'))
    found = {}
    for number in tqdm(range(1, args.most + 1), unit='run', file=sys.stderr):
        # A domain for each: cameras of a robot do not hear each other either.
        with ThreadPoolExecutor(number) as pool:
            runs = list(pool.map(
                lambda domain_id: measure(
                    system, images, args.rate_hz, args.seconds, domain_id),
                range(FIRST_DOMAIN, FIRST_DOMAIN + number)))
        found[number] = _figures(runs)
    print('\n'.join(_table(found)))
    finish({
        'cores': len(os.sched_getaffinity(0)), 'rate_hz': args.rate_hz, 'settings': settings,
        'composed': args.use_composition, 'cameras': found,
    }, args.json)
    return 0


def _composed(name: str, settings: list[str]) -> PeerSystem:
    command = [sys.executable, '-m', 'pose_ros.ros.start_node', 'pose_container', *COMPOSED]
    for setting in settings:
        command += ['--set', setting]
    return PeerSystem(name, [command], 'pose/tracked', SkeletonArray, {})


def _figures(runs: list[MeasuredRun]) -> dict[str, float]:
    delays_ms = np.concatenate([run.delay_ms for run in runs])
    p50, p95 = np.percentile(delays_ms, [50, 95])
    return {
        'rate_hz_least': round(min(run.rate_hz for run in runs), 2),
        'rate_hz_all': round(sum(run.rate_hz for run in runs), 2),
        'delay_p50_ms': round(float(p50), 1),
        'delay_p95_ms': round(float(p95), 1),
        'cpu_percent': round(sum(run.cpu_percent for run in runs)),
        'memory_mb': round(sum(run.memory_mb for run in runs)),
    }


def _table(found: dict[int, dict[str, float]]) -> list[str]:
    one = found[1]['rate_hz_all']
    return [
        '| cameras | skeletons/s, all | beside one | the slowest camera | delay p50 / p95, ms '
        '| CPU, % of a core | memory, MB |',
        '|---|---|---|---|---|---|---|',
        *(
            f'| {number} | {f["rate_hz_all"]:.1f} | {f["rate_hz_all"] / one:.2f} '
            f'| {f["rate_hz_least"]:.1f} | {f["delay_p50_ms"]:.0f} / {f["delay_p95_ms"]:.0f} '
            f'| {f["cpu_percent"]} | {f["memory_mb"]} |'
            for number, f in found.items()
        ),
    ]


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('benchmarks.cameras'))
