# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_container`: several nodes in one process, which saves memory.

Seen from outside they are the same nodes: names, topics, parameters, lifecycle and /diagnostics
do not change. `docs/benchmarks.md` says what it saves and costs. They share one end: SIGKILL, or a
fault of one, ends all of them.
"""

from __future__ import annotations

import argparse
from functools import partial
import sys

from rclpy.utilities import remove_ros_args

from pose_ros.ros.node_settings import NodeSettingError, node_settings, ros_arguments
from pose_ros.ros.nodes import NODES, node_class
from pose_ros.ros.process import spin_together
from pose_ros.ros.respawn import WITH_AN_END

# Those without an end of their own.
COMPOSABLE = tuple(name for name in NODES if name not in WITH_AN_END)
EPILOG = """\
examples:
  ros2 run pose_ros pose_container pose_estimator pose_tracker
  ros2 run pose_ros pose_container pose_estimator pose_tracker pose_visualizer \\
      --set mode=single --ros-args -r __ns:=/front -r image:=/front/image_raw

A parameter file after --ros-args has the nodes by their names; -p and -r hold for all of them."""


def main(args: list[str] | None = None) -> int:
    """Run the nodes; return the exit status."""
    args = sys.argv[1:] if args is None else args
    parser = argparse.ArgumentParser(
        prog='pose_container', description='Runs several nodes in one process.', epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('nodes', nargs='+', metavar='NODE', choices=COMPOSABLE,
                        help=', '.join(COMPOSABLE))
    parser.add_argument('--set', action='append', default=[], metavar='NODE.PARAM=VALUE',
                        help='a parameter of one of them; may be repeated')
    given = parser.parse_args(remove_ros_args(['pose_container', *args])[1:])
    if len(set(given.nodes)) < len(given.nodes):
        parser.error('a node is named twice')
    try:
        settings = node_settings(given.set, given.nodes)
    except NodeSettingError as error:
        parser.error(str(error))
    makers = [
        partial(node_class(name), cli_args=['--ros-args', *ros_arguments(settings[name])])
        for name in given.nodes
    ]
    return spin_together(makers, ['pose_container', *args])
