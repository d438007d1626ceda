# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_ros doctor`: what is wrong, most important first, and what to do about it.

Looks at this Python and its ROS, then at what the running nodes say on /diagnostics, at the graph,
and at the images themselves. Changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
import importlib.util
import json
import os
from pathlib import Path
import platform
import re
import sys

from pose_ros.diagnostics.findings import Finding, Level
from pose_ros.diagnostics.report import Report, as_json, as_text
from pose_ros.diagnostics.transport import profile_of, shared_memory_findings

HELP = 'say what is wrong with nodes, topics and images'
DESCRIPTION = """\
Looks for two seconds at the running nodes, the topics, the images and this Python, and says what
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
_NEEDED = {  # import name: what pip calls it
    'numpy': 'numpy', 'cv2': 'opencv-python-headless', 'onnxruntime': 'onnxruntime',
    'yaml': 'pyyaml',
}
_LAST_DOMAIN = 101  # higher ones use ports that Linux gives away (docs.ros.org, The ROS_DOMAIN_ID)


class DoctorError(ValueError):
    """The arguments make no sense; the message says which."""


ERRORS = (DoctorError,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('--seconds', type=float, default=2.0, metavar='S',
                        help='how long to look (default: %(default)s); up to 3 s longer while a '
                             'node that is there has said nothing')
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
        look_at_python(report)
        if importlib.util.find_spec('rclpy') is None:
            _say_no_ros(report)
        else:
            _look_at_ros(args, report)
    colors = sys.stdout.isatty() and not os.environ.get('NO_COLOR')
    print(json.dumps(as_json(report), indent=2) if args.json else as_text(report, colors))
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


def look_at_python(report: Report) -> None:
    """Say which interpreter runs, and what it lacks."""
    report.machine['python'] = f'{platform.python_version()} ({sys.executable})'
    report.machine['system'] = f'{platform.system()} {platform.machine()}'
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        report.findings.append(Finding(
            Level.ERROR, 'install', 'missing_package',
            f'this Python ({sys.executable}) has no {", ".join(missing)}',
            f'{sys.executable} -m pip install {" ".join(_NEEDED[name] for name in missing)}; on '
            '"externally-managed-environment", in a venv made with --system-site-packages'))


def _say_no_ros(report: Report) -> None:
    """Say that this Python has no rclpy, and where there may be one."""
    setups = sorted(str(path) for path in Path('/opt/ros').glob('*/setup.bash'))
    report.machine['rclpy'] = 'none in this Python'
    report.not_seen.append('nodes and topics: no rclpy here')
    report.findings.append(Finding(
        Level.OK, 'ros', 'no_ros', f'no ROS 2 for this Python ({sys.executable})',
        f'source {setups[-1] if setups else "/opt/ros/DISTRO/setup.bash where there is one"}; '
        'pose_ros run works without'))


def _look_at_ros(args: argparse.Namespace, report: Report) -> None:
    """Look at the environment of ROS, then at the graph."""
    spec = importlib.util.find_spec('rclpy')
    folder = str(Path(spec.origin).parent) if spec is not None and spec.origin else '?'
    domain = os.environ.get('ROS_DOMAIN_ID', '')
    profile = profile_of(os.environ)
    report.machine |= {
        'rclpy': folder,
        'ros_distro': os.environ.get('ROS_DISTRO', 'not sourced'),
        'ros_domain_id': domain or '0 (not set)',
        'rmw': os.environ.get('RMW_IMPLEMENTATION', 'default'),
        'shm_profile': profile or 'none: segments of 0.5 MB',
    }
    if domain.isdigit() and int(domain) > _LAST_DOMAIN:
        report.findings.append(Finding(
            Level.WARN, 'ros', 'high_domain',
            f'ROS_DOMAIN_ID is {domain}: above {_LAST_DOMAIN} ports collide with those of Linux',
            f'take one from 0 to {_LAST_DOMAIN}'))
    if os.environ.get('ROS_LOCALHOST_ONLY') == '1':
        report.findings.append(Finding(
            Level.OK, 'ros', 'localhost_only',
            'ROS_LOCALHOST_ONLY is 1: other machines are not seen'))
    if 'fastrtps' in (os.environ.get('RMW_IMPLEMENTATION') or 'rmw_fastrtps_cpp'):
        report.findings += shared_memory_findings(profile)
    if importlib.util.find_spec('pose_ros.msg') is None:
        report.findings.append(Finding(
            Level.ERROR, 'ros', 'no_messages', 'the messages of pose_ros are not built here',
            'colcon build --packages-select pose_ros, then source install/setup.bash'))
    try:
        from pose_ros.ros.graph_probe import look_at_graph
    except ImportError as error:
        report.not_seen.append(f'nodes and topics: {error}')
        report.findings.append(broken_ros(folder, sys.version_info[:2], str(error)))
        return
    look_at_graph(report, args.seconds, args.image, args.namespace.strip('/'))


def broken_ros(folder: str, version: tuple[int, int], error: str) -> Finding:
    """Say why rclpy of a folder cannot be used by a Python of a version, and what to do."""
    own, found = 'python{}.{}'.format(*version), re.search(r'python3\.\d+', folder)
    if found and found[0] != own:
        return Finding(
            Level.ERROR, 'ros', 'broken_ros',
            f'this is {own} ({sys.executable}), the rclpy in {folder} is for {found[0]}',
            f'run pose_ros with {found[0]}, or with a venv of it: '
            f'/usr/bin/{found[0]} -m venv --system-site-packages VENV')
    return Finding(
        Level.ERROR, 'ros', 'broken_ros', f'rclpy is here ({folder}) but cannot be used: {error}',
        'source the setup.bash of this ROS 2 in this terminal, and use its Python')
