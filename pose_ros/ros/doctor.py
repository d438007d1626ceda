# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_ros doctor`: what is wrong, most important first, and what to do about it.

Looks at the installation and the machine, then, where ROS is, at what the running nodes say on
/diagnostics, at the graph, and at the images themselves. Changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
import importlib.util
import json
import os
import sys

from pose_ros.core.health.findings import Finding, Level
from pose_ros.ros.diagnosis.machine import look_at_machine
from pose_ros.ros.diagnosis.report import Report, as_json, as_text

HELP = 'say what is wrong with nodes, images and machine'
DESCRIPTION = """\
Looks for a few seconds at the running nodes, the topics, the images and the machine, and says what
is wrong, most important first, each with what to do. Changes nothing. docs/troubleshooting.md
explains every finding.

Exit status: 0 all is well, 1 there are problems, 2 no problem seen, but it could not look at
everything: no ROS 2 here, or no node of pose_ros is running."""
EPILOG = """\
examples:
  pose_ros doctor                                   everything that runs
  pose_ros doctor --namespace front                 the nodes of one camera
  pose_ros doctor --image /camera/color/image_raw   a camera, before any node is started
  pose_ros doctor --json | jq .problems             for scripts"""

FINE, PROBLEMS, BLIND = 0, 1, 2


class DoctorError(ValueError):
    """The arguments make no sense; the message says which."""


ERRORS = (DoctorError,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('--seconds', type=float, default=6.0, metavar='S',
                        help='how long to look (default: %(default)s)')
    parser.add_argument('--image', metavar='TOPIC',
                        help='images to look at (default: those that the nodes subscribe)')
    parser.add_argument('--namespace', default='', metavar='NS',
                        help='only nodes in this namespace')
    parser.add_argument('--json', action='store_true', help='print JSON only')


def main(args: argparse.Namespace) -> int:
    """Look and tell; return the exit status."""
    if not 0.0 < args.seconds <= 3600.0:
        raise DoctorError(f'--seconds {args.seconds:g}: more than 0, at most 3600')
    report = Report()
    with _quiet_stdout():
        report.findings, report.machine = look_at_machine()
        _look_at_ros(args, report)
    print(json.dumps(as_json(report), indent=2) if args.json else as_text(report))
    if report.problems():
        return PROBLEMS
    return BLIND if report.not_seen else FINE


@contextmanager
def _quiet_stdout() -> Iterator[None]:
    """Send to stderr what others write to stdout: Fast DDS puts its complaints there."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _look_at_ros(args: argparse.Namespace, report: Report) -> None:
    if importlib.util.find_spec('rclpy') is None:
        report.not_seen.append('nodes and topics: no rclpy here')
        report.findings.append(Finding(
            Level.OK, 'ros', 'no_ros', 'no ROS 2 in this environment',
            'source /opt/ros/DISTRO/setup.bash where there is one; pose_ros run works without'))
        return
    try:
        from pose_ros.ros.diagnosis.graph import look_at_graph
    except ImportError as error:
        report.not_seen.append(f'nodes and topics: {error}')
        report.findings.append(Finding(
            Level.ERROR, 'ros', 'broken_ros', f'rclpy is here but cannot be used: {error}',
            'source the setup.bash of this ROS 2 in this terminal, and use its Python'))
        return
    look_at_graph(report, args.seconds, args.image, args.namespace.strip('/'))
