# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros demo` and `make demo`: the ROS 2 nodes on real footage, recorded."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import sys
from typing import Any

from pose_ros.cli.recorded_run import PipelineError, Recording, record
from pose_ros.cli.report import add_json_argument, finish
from pose_ros.media.sources import DEMO, open_source

HELP = 'the ROS 2 nodes on real footage, recorded'
DESCRIPTION = """\
Start camera, estimator, tracker, visualizer and recorder, each in a process of its own and
connected by ROS 2 topics, on the bundled footage or your own, and show a line of
  time | rate | people | latency from image to tracked skeletons | images dropped

Leaves in --out:
  annotated.mp4      the skeletons drawn in
  contact_sheet.png  a page of pictures from the whole run
  skeletons.jsonl    one JSON object per image
  bag/               the topics pose and pose/tracked: `ros2 bag play`, or any reader of MCAP
  summary.json       rates, latencies, tracks; nodes.log, recorder.log"""
EPILOG = """\
examples:
  pose_ros demo                              the bundled footage: 14 s
  pose_ros demo --video walk.mp4             a video of yours
  pose_ros demo --camera 0                   the first webcam; Ctrl-C ends
  pose_ros demo --set pose_estimator.mode=single

Or `make demo`, `make demo VIDEO=walk.mp4`, `make demo CAMERA=0`. To watch it in your own RViz,
set ROS_DOMAIN_ID for both."""

ERRORS = (PipelineError,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument('--video', metavar='FILE', help='a video, image or folder of images')
    which.add_argument('--camera', metavar='N', help='a webcam')
    parser.add_argument('--out', default='demo_out', metavar='DIR', help='default: %(default)s')
    parser.add_argument('--seconds', type=float, metavar='S', help='stop after so long')
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='NODE.PARAM=VALUE',
        help='a parameter of a node (`pose_ros parameters` lists them); may be repeated',
    )
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    text = args.video or args.camera or DEMO
    # What cannot be opened is told here, in one line, and not by a node's log.
    with open_source(text) as source:
        name, live = source.name, source.live
    source_path = text if live or text == DEMO else str(Path(text).expanduser().resolve())
    out = Path(args.out)
    print(f'{name} -> ROS 2 nodes -> {out}{os.sep}', flush=True)
    job = Recording(source_path, out, settings=tuple(args.set), seconds=args.seconds)
    summary = record(job, say_live)
    if sys.stdout.isatty():
        print()
    print_summary(summary, out)
    report = {'source': name, 'out': str(out), **summary}
    report.pop('nodes')
    finish(report, args.json)
    # Ctrl-C is how one stops a webcam, and is no failure there.
    return 130 if summary['interrupted'] and not live else 0


def say_live(line: str) -> None:
    """Show a live line: in place on a terminal."""
    if sys.stdout.isatty():
        print(f'\r{line:<78}', end='', flush=True)
    else:
        print(line, flush=True)


def print_summary(summary: dict[str, Any], out: Path) -> None:
    """Say in a few lines what happened and where the files are."""
    rate = summary['skeletons_hz'] or 0.0
    print(f'{summary["images"]} images, {rate:.1f} per second, {summary["dropped"]} dropped')
    ages = summary['age_ms']
    if ages['n']:
        print(
            f'latency from the image\'s stamp to its skeletons: median {ages["p50"]:.0f} ms, '
            f'95 % {ages["p95"]:.0f} ms'
        )
    for track in summary['tracks']:
        print(f'  person {track["id"]}: {track["first_s"]:.2f} s to {track["last_s"]:.2f} s')
    if not summary['tracks']:
        print('  no person was seen long enough to be confirmed')
    print('written:')
    for path in sorted(out.iterdir()):
        print(f'  {path}{os.sep if path.is_dir() else ""}')
