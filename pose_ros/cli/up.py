# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_ros up`: the nodes as processes of their own, for machines without the launch system.

With the launch system `ros2 launch pose_ros pose.launch.py` does the same.
"""

from __future__ import annotations

import argparse
import os
import sys

from pose_ros.cli.run_together import KILL_AFTER_S, run_together
from pose_ros.ros.launch_plan import ERRORS, LOG_LEVELS, LaunchArguments, NodeProcess, plan
from pose_ros.ros.node_settings import ros_arguments
from pose_ros.ros.shipped_files import transport_environment

__all__ = ['EPILOG', 'ERRORS', 'HELP', 'add_arguments', 'main', 'node_commands']

HELP = 'start the ROS 2 nodes (where there is no `ros2 launch`)'
EPILOG = """\
examples:
  pose_ros up --camera 0                                webcam, estimator, tracker, visualizer
  pose_ros up --image /camera/image_raw                 nodes for a camera that is running
  pose_ros up --camera demo --loop --set mode=single
  pose_ros up --camera 0 --proximity --set 'zone=[0, 0, 0, 0.5]'
                                                        how near people are to half a metre
                                                        around the camera (not certified safety)
  pose_ros up --nodes pose_estimator,pose_tracker --namespace front
  pose_ros up --camera 0 --standards                    topics of hri_msgs and vision_msgs too
  pose_ros up --cameras front,rear --image image_raw    /front/image_raw and /rear/image_raw
  pose_ros up --cameras front,rear --use-composition    with less memory for each
  pose_ros up --cameras front=/usb_0/image_raw,rear=/usb_1/image_raw"""

def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('--nodes', metavar='NAME,...',
                        help='which to start (default: pose_estimator,pose_tracker,'
                        'pose_visualizer; pose_camera with --camera, pose_proximity with '
                        '--proximity, pose_standards with --standards)')
    parser.add_argument('--camera', metavar='SOURCE',
                        help='start pose_camera too: webcam index, video, image, folder or demo')
    parser.add_argument('--loop', action='store_true', help='begin the source again at its end')
    parser.add_argument('--depth', default='', metavar='TOPIC',
                        help='registered depth image: joints in metres')
    parser.add_argument('--detections', default='', metavar='TOPIC',
                        help='people found by another detector (vision_msgs/Detection2DArray)')
    parser.add_argument('--standards', action='store_true',
                        help='start pose_standards too: people in hri_msgs and vision_msgs')
    parser.add_argument('--proximity', action='store_true',
                        help='start pose_proximity too: distances to a zone, as information, not '
                        'as certified safety')
    parser.add_argument('--cameras', default='', metavar='NAME,...',
                        help='several cameras: the nodes once for each, in namespaces of these '
                        'names; NAME=TOPIC for an image topic elsewhere')
    parser.add_argument('--namespace', default='', metavar='NS', help='of all nodes and topics')
    parser.add_argument('--params', default='', metavar='FILE',
                        help='parameter file (default: the shipped config/pose.yaml)')
    parser.add_argument('--set', action='append', default=[], metavar='NODE.PARAM=VALUE',
                        help='a parameter, or PARAM=VALUE where one node has it; repeated')
    parser.add_argument('--image', default='', metavar='TOPIC',
                        help="the camera's topic; camera_info beside it, compressed below it")
    parser.add_argument('--remap', action='append', default=[], metavar='FROM:=TO',
                        help='a topic of all nodes; may be repeated')
    parser.add_argument('--use-composition', action='store_true',
                        help='pose_estimator and pose_tracker in one process, for less memory')
    parser.add_argument('--use-sim-time', action='store_true', help='take the time from /clock')
    parser.add_argument('--grace', type=float, default=KILL_AFTER_S, metavar='SECONDS',
                        help='what the nodes have to end by themselves (default: %(default)s)')
    parser.add_argument('--log-level', default='info', help=', '.join(LOG_LEVELS))


def main(args: argparse.Namespace) -> int:
    """Start the nodes, wait for them, end them; return the exit status."""
    commands = node_commands(args)
    environment = {**os.environ, **transport_environment()}
    # Without this the log lines of nodes that write into a pipe come late.
    environment.setdefault('RCUTILS_LOGGING_BUFFERED_STREAM', '0')
    return run_together(commands, environment, args.grace)


def node_commands(args: argparse.Namespace) -> dict[str, list[str]]:
    """
    Return the command line of each process to start, by the name of its node.

    With several cameras the name has the camera's namespace before it.

    Raises
    ------
    LaunchError, CamerasError, NodeSettingError, ParameterFileError
        As `launch_plan.plan`.
    """
    params_file, processes = plan(LaunchArguments(
        nodes=tuple(args.nodes.split(',')) if args.nodes else (), camera=args.camera,
        loop=args.loop, cameras=args.cameras, namespace=args.namespace, image=args.image,
        depth=args.depth, detections=args.detections, params_file=args.params,
        settings=tuple(args.set), remaps=tuple(args.remap), proximity=args.proximity,
        standards=args.standards, use_composition=args.use_composition,
        log_level=args.log_level))
    shared = ['--params-file', str(params_file), '--log-level', args.log_level]
    if args.use_sim_time:
        shared += ['-p', 'use_sim_time:=true']
    return {
        f'{process.namespace}/{process.executable}' if args.cameras else process.executable: [
            sys.executable, '-m', 'pose_ros.ros.start_node', process.executable,
            *process.arguments, '--ros-args', *shared, *_placed(process),
            *ros_arguments(process.parameters),
        ]
        for process in processes
    }


def _placed(process: NodeProcess) -> list[str]:
    """Return the ROS arguments that put a node where its camera is."""
    arguments = [word for old, new in process.remaps for word in ('-r', f'{old}:={new}')]
    if process.namespace:
        arguments += ['-r', f'__ns:=/{process.namespace}']
    return arguments
