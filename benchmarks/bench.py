# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: cost, rate, latency and accuracy on this machine."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
import json
import math
import os
from pathlib import Path
import subprocess
import sys
import tempfile
from typing import Any

import cv2
import numpy as np

from benchmarks.people_images import people_images
from pose_ros.cli.recorded_run import PipelineError, Recording, record
from pose_ros.cli.report import add_json_argument, finish, machine
from pose_ros.media.sources import demo_paths

HELP = 'measure cost, rate and latency on this machine'
DESCRIPTION = """\
Measure, with every node in a process of its own and real DDS between them:
  the estimator's own cost per 640x480 image (callback entry to return of publish, without the
    time inside the networks), with one person and with five
  skeletons per second and their age (publication minus the image's stamp) on bikes.mp4 at 25 Hz
  the tracker's time per image
and, when POSE_ROS_DATA names the evaluation data, COCO keypoint AP by `pose_ros evaluate`.
Nothing else should run meanwhile: the load at the start is printed."""
EPILOG = """\
examples:
  python -m benchmarks.bench                                 two minutes
  python -m benchmarks.bench --quick                         half of it, no accuracy
  POSE_ROS_DATA=~/data python -m benchmarks.bench            accuracy too: ~/data/coco_dev
  python -m benchmarks.bench --update .                      the table of docs/benchmarks.md"""

ERRORS = (PipelineError,)

DATA_VARIABLE = 'POSE_ROS_DATA'
NODES = ('pose_estimator', 'pose_tracker')
COST_RATE_HZ = 10.0  # low enough for any machine: cost per image, not throughput
MODES = ('single', 'two-pass')
FIGURES_BEGIN = '<!-- figures: made by `python -m benchmarks.bench --update .` -->'
FIGURES_END = '<!-- end of figures -->'


@dataclass(frozen=True)
class Figure:
    """
    One measured value beside its target.

    Attributes
    ----------
    name, unit : str
    value : float or None
        None: not measured this time.
    target : float or None
    at_least : bool
        Whether more is better.
    """

    name: str
    value: float | None
    unit: str = 'ms'
    target: float | None = None
    at_least: bool = False

    def reached(self) -> bool | None:
        """Whether the target is met; None without value or target."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def measured(self) -> str:
        """Return value and unit in words."""
        return 'not measured' if self.value is None else f'{self.value:.3g} {self.unit}'.strip()

    def row(self) -> str:
        """Return the line that is printed: name, value, target and verdict."""
        sign = '>=' if self.at_least else '<='
        target = '' if self.target is None else f'{sign} {self.target:g} {self.unit}'.strip()
        verdict = {True: 'reached', False: 'missed', None: ''}[self.reached()]
        return f'  {self.name:<58} {self.measured():>14}   {target:<12} {verdict}'.rstrip()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument('--quick', action='store_true', help='shorter runs, no accuracy')
    parser.add_argument('--seconds', type=float, metavar='S', help='length of each of the runs')
    parser.add_argument(
        '--update', metavar='CHECKOUT', help='write the table into docs/benchmarks.md'
    )
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    demo_paths()  # a clear error now, rather than from a node's log
    here = {**machine(), 'load_before': round(os.getloadavg()[0], 2)}
    print(f'{here["cpu"]}, {here["cores"]} cores, Python {here["python"]}, '
          f'load {here["load_before"]}', flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory(prefix='pose_ros_bench_') as scratch:
        runs = _runs(Path(scratch), args.seconds or (6.0 if args.quick else 15.0))
    figures = _figures(runs)
    data = os.environ.get(DATA_VARIABLE, '')
    accuracy: dict[str, Any] = {}
    if data and not args.quick:
        accuracy = _accuracy(Path(data) / 'coco_dev')
    targets = {'boxes': 0.423, 'one-pass': 0.20, 'two-pass': 0.39}
    for mode, target in targets.items():
        name = f'COCO keypoint AP, coco_dev, {mode}'
        figures.append(Figure(name, accuracy.get(mode), '', target, at_least=True))
    print('\n'.join(figure.row() for figure in figures))
    if not data:
        print(f'  (accuracy wants {DATA_VARIABLE} to name the evaluation data)')
    if args.update:
        page = Path(args.update) / 'docs' / 'benchmarks.md'
        text = page.read_text(encoding='utf-8')
        page.write_text(with_figures(text, figures, here), encoding='utf-8')
    finish(
        {
            'machine': here,
            'figures': [{**vars(figure), 'reached': figure.reached()} for figure in figures],
            'runs': runs,
        },
        args.json,
    )
    return 0


def with_figures(page: str, figures: list[Figure], here: dict[str, Any]) -> str:
    """
    Return the page's text with the measured figures between their two comments.

    Parameters
    ----------
    page : str
        Has both comments.
    figures : list of Figure
    here : dict
        What `machine` tells, and the load before.

    Raises
    ------
    PipelineError
        When a comment is missing.
    """
    begin, middle, end = page.partition(FIGURES_BEGIN)
    _, last, rest = end.partition(FIGURES_END)
    if not middle or not last:
        raise PipelineError(f'the page lacks {FIGURES_BEGIN} or {FIGURES_END}')
    rows = [
        f'| {figure.name} | {figure.measured()} |'
        for figure in figures
        if figure.value is not None
    ]
    table = [
        f'`make bench` on {here["cores"]} cores of an {here["cpu"]}, no GPU, Python '
        f'{here["python"]}, load before {here["load_before"]}:',
        '',
        '| figure | measured |',
        '|---|---|',
        *rows,
    ]
    return begin + middle + '\n\n' + '\n'.join(table) + '\n\n' + last + rest


def _runs(scratch: Path, seconds: float) -> dict[str, dict[str, Any]]:
    """Measure everything that the nodes tell."""
    bikes = demo_paths()[0]
    runs = {}
    for people in (1, 5):
        folder = scratch / f'{people}_people'
        folder.mkdir()
        for i, image in enumerate(people_images(people)):
            cv2.imwrite(str(folder / f'{i}.png'), image)
        title = f'{people} {"person" if people == 1 else "people"}, 640x480, two-pass'
        runs[title] = _measure(title, folder, scratch, seconds, f'rate_hz={COST_RATE_HZ}')
    for mode in MODES:
        title = f'bikes.mp4, 25 Hz, {mode}'
        runs[title] = _measure(title, bikes, scratch, seconds, 'rate_hz=25.0', mode)
    return runs


def _measure(
    title: str, source: Path, scratch: Path, seconds: float, rate: str, mode: str = 'two-pass'
) -> dict[str, Any]:
    settings = (f'pose_camera.{rate}', 'pose_camera.loop=true', f'pose_estimator.mode={mode}')
    folder = scratch / 'recorder'
    job = Recording(
        str(source), folder, NODES, settings, video=False, bag=False, seconds=seconds
    )
    summary = record(job, _progress(title))
    if summary['interrupted']:
        raise KeyboardInterrupt
    found = [
        len(json.loads(line)['people'])
        for line in (folder / 'skeletons.jsonl').read_text(encoding='utf-8').splitlines()
    ]
    print(f'  {title}: {summary["images"]} images', file=sys.stderr)
    return {**summary, 'people_tracked': float(np.median(found)) if found else None}


def _figures(runs: dict[str, dict[str, Any]]) -> list[Figure]:
    one, five, single, two_pass = runs.values()
    figures = [
        Figure('estimator cost, 1 person, 640x480, median', one['cost_ms']['p50'], target=3.0),
        Figure('estimator cost, 5 people, 640x480, median', five['cost_ms']['p50'], target=5.0),
        *_parts('1 person', one), *_parts('5 people', five),
    ]
    for mode, run, least_hz in (('single', single, 20.0), ('two-pass', two_pass, 10.0)):
        rate, age = run['skeletons_hz'], run['age_ms']
        where = f'bikes.mp4 at 25 Hz, {mode}'
        figures += [
            Figure(f'skeletons per second, {where}', rate, 'Hz', least_hz, at_least=True),
            Figure(f'age of the data, {where}, median', age['p50']),
            Figure(f'age of the data, {where}, 95 %', age['p95'], target=150.0),
            Figure(f'network time, {where}, median', run['network_ms']['p50']),
        ]
    figures += [
        Figure('tracker, 1 person, median', one['track_ms']['p50']),
        Figure('tracker, 5 people, median', five['track_ms']['p50']),
        Figure('people tracked in the images of five, median', five['people_tracked'], ''),
    ]
    return figures


def _parts(people: str, run: dict[str, Any]) -> list[Figure]:
    """Say where the estimator's cost goes; medians of parts do not add up to that of the whole."""
    told = run['nodes'].get('pose_estimator', {})
    parts = {
        'convert': 'from the message to the image', 'around': 'the passes around the networks',
        'publish': 'writing and publishing',
    }
    found = {name: float(told.get(f'{name}_p50_ms', 'nan')) for name in parts}
    return [
        Figure(f'of it, {people}: {parts[name]}', None if math.isnan(ms) else ms)
        for name, ms in found.items()
    ]


def _accuracy(data: Path) -> dict[str, float | None]:
    """Run `pose_ros evaluate` for each way; it prints a line of JSON at its end."""
    found: dict[str, float | None] = {}
    for mode in ('boxes', 'one-pass', 'two-pass'):
        print(f'  COCO keypoint AP, {mode} ...', file=sys.stderr, flush=True)
        command = [sys.executable, '-m', 'pose_ros.cli', 'evaluate', '--data', str(data)]
        done = subprocess.run(
            [*command, '--mode', mode], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            raise PipelineError(f'`pose_ros evaluate --mode {mode}` failed, see above')
        report = json.loads(done.stdout.splitlines()[-1])
        found[mode] = report.get('AP', report.get('ap'))
    return found


def _progress(title: str) -> Callable[[str], None]:
    """Return what shows the live lines of a run: in place on a terminal, else not at all."""

    def say(line: str) -> None:
        if sys.stderr.isatty():
            print(f'\r{title}: {line}'[:100].ljust(100), end='\r', file=sys.stderr, flush=True)

    return say


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('benchmarks.bench'))
