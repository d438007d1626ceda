# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_ros up`: the nodes as processes of their own, for machines without the launch system.

With the launch system `ros2 launch pose_ros pose.launch.py` does the same.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import sys

from pose_ros.cli.run_together import KILL_AFTER_S, run_together
from pose_ros.ros.cameras import Camera, CamerasError, cameras
from pose_ros.ros.node_settings import NodeSettingError, node_settings
from pose_ros.ros.nodes import NODES
from pose_ros.ros.shipped_files import config_file, transport_environment

HELP = 'start the ROS 2 nodes (where there is no `ros2 launch`)'
EPILOG = """\
examples:
  pose_ros up --camera 0                                webcam, estimator, tracker, visualizer
  pose_ros up --image /camera/image_raw                 nodes for a camera that is running
  pose_ros up --camera demo --set pose_camera.loop=true --set pose_estimator.mode=single
  pose_ros up --camera 0 --proximity --set 'pose_proximity.zone=[0.0, 0.0, 0.0, 0.5]'
                                                        how near people are to half a metre
                                                        around the camera (not certified safety)
  pose_ros up --nodes pose_estimator,pose_tracker --namespace front
  pose_ros up --camera 0 --standards                    topics of hri_msgs and vision_msgs too
  pose_ros up --cameras front,rear --image image_raw    /front/image_raw and /rear/image_raw
  pose_ros up --cameras front,rear --use-composition    with less memory for each
  pose_ros up --cameras front=/usb_0/image_raw,rear=/usb_1/image_raw"""

COMPOSED = ('pose_estimator', 'pose_tracker')  # in one process, when asked for
_WITH_AN_END = ('pose_camera', 'pose_recorder')  # these are not started again


class UpError(ValueError):
    """The arguments do not make sense; the message says which and why."""


ERRORS = (UpError, CamerasError, NodeSettingError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('--nodes', metavar='NAME,...',
                        help='which to start (default: pose_estimator,pose_tracker,'
                        'pose_visualizer; pose_camera with --camera, pose_proximity with '
                        '--proximity, pose_standards with --standards)')
    parser.add_argument('--camera', metavar='SOURCE',
                        help='start pose_camera too: webcam index, video, image, folder or demo')
    parser.add_argument('--standards', action='store_true',
                        help='start pose_standards too: people in hri_msgs and vision_msgs')
    parser.add_argument('--proximity', action='store_true',
                        help='start pose_proximity too: distances to a zone, as information, not '
                        'as certified safety')
    parser.add_argument('--cameras', default='', metavar='NAME,...',
                        help='several cameras: the nodes once for each, in namespaces of these '
                        'names; NAME=TOPIC for an image topic elsewhere')
    parser.add_argument('--namespace', default='', metavar='NS', help='of all nodes and topics')
    parser.add_argument('--params', type=Path, metavar='FILE',
                        help='parameter file (default: the shipped config/pose.yaml)')
    parser.add_argument('--set', action='append', default=[], metavar='NODE.PARAM=VALUE',
                        help='one parameter; may be repeated')
    parser.add_argument('--image', metavar='TOPIC',
                        help="the camera's topic; camera_info beside it, compressed below it")
    parser.add_argument('--remap', action='append', default=[], metavar='FROM:=TO',
                        help='a topic of all nodes; may be repeated')
    parser.add_argument('--use-composition', action='store_true',
                        help='pose_estimator and pose_tracker in one process, for less memory')
    parser.add_argument('--use-sim-time', action='store_true', help='take the time from /clock')
    parser.add_argument('--respawn', action='store_true',
                        help='start a node again that failed, as the launch file does')
    parser.add_argument('--grace', type=float, default=KILL_AFTER_S, metavar='SECONDS',
                        help='what the nodes have to end by themselves (default: %(default)s)')
    parser.add_argument('--log-level', default='info',
                        choices=('debug', 'info', 'warn', 'error', 'fatal'))


def main(args: argparse.Namespace) -> int:
    """Start the nodes, wait for them, end them; return the exit status."""
    commands = node_commands(args)
    environment = {**os.environ, **transport_environment()}
    # Without this the log lines of nodes that write into a pipe come late.
    environment.setdefault('RCUTILS_LOGGING_BUFFERED_STREAM', '0')
    respawn = [n for n in commands if not n.endswith(_WITH_AN_END)] if args.respawn else []
    return run_together(commands, environment, args.grace, respawn)


def node_commands(args: argparse.Namespace) -> dict[str, list[str]]:
    """
    Return the command line of each node to start, by its name.

    With several cameras the name has the camera's namespace before it.

    Raises
    ------
    UpError, NodeSettingError
        When an argument names an unknown node or is malformed.
    CamerasError
        When the cameras cannot be told apart.
    """
    if args.camera is not None and args.cameras:
        raise UpError('--camera starts one pose_camera, --cameras names those that run: not both')
    several = cameras(args.cameras, args.namespace, args.image)
    names = args.nodes.split(',') if args.nodes else list(NODES[:3])
    if args.camera is not None and 'pose_camera' not in names:
        names.append('pose_camera')
    if args.proximity and 'pose_proximity' not in names:
        names.append('pose_proximity')
    if args.standards and 'pose_standards' not in names:
        names.append('pose_standards')
    for name in names:
        if name not in NODES:
            raise UpError(f'unknown node {name!r}: {", ".join(NODES)}')
    settings = node_settings(args.set, NODES)
    if args.camera is not None:
        # Quoted: the parameter is a string, and '0' alone would be read as an integer.
        settings['pose_camera'] += ['-p', f"source:='{args.camera}'"]
    params = args.params or config_file('pose.yaml')
    if not params.is_file():
        raise UpError(f'no parameter file at {params}')
    for text in args.remap:
        if ':=' not in text:
            raise UpError(f'--remap {text!r}: expected FROM:=TO')
    shared = ['--params-file', str(params), '--log-level', args.log_level]
    if args.use_sim_time:
        shared += ['-p', 'use_sim_time:=true']
    composed = list(COMPOSED) if args.use_composition else []
    if not set(composed) <= set(names):
        raise UpError(f'--use-composition is for {" and ".join(COMPOSED)}: --nodes lacks one')
    # By what runs it: the arguments before --ros-args, and those at the end.
    runs = {name: ([], settings[name]) for name in names if name not in composed}
    if composed:
        own = [word for text in args.set if text.startswith(tuple(f'{n}.' for n in composed))
               for word in ('--set', text)]
        runs = {'pose_container': ([*composed, *own], []), **runs}
    return {
        f'{camera.namespace}/{name}' if args.cameras else name: [
            sys.executable, '-m', f'pose_ros.ros.nodes.{name}', *before, '--ros-args', *shared,
            *_placed(camera, args.remap), *after,
        ]
        for camera in several
        for name, (before, after) in runs.items()
    }


def _placed(camera: Camera, remaps: list[str]) -> list[str]:
    """Return the ROS arguments that put a node where its camera is."""
    arguments = []
    for text in (*camera.remaps(), *remaps):
        arguments += ['-r', text]
    if camera.namespace:
        arguments += ['-r', f'__ns:=/{camera.namespace}']
    return arguments
