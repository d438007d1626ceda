# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Start estimator, tracker and visualizer; if asked, the camera and RViz.

ros2 launch pose_ros pose.launch.py image:=/camera/image_raw namespace:=front
ros2 launch pose_ros pose.launch.py cameras:=front,rear image:=image_raw
ros2 launch pose_ros pose.launch.py camera:=0 set:='mode=single;pose_tracker.max_lost_s=2'

Arguments are what a launcher decides; everything else is in the parameter file.
"""

import time

from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    LogInfo,
    OpaqueFunction,
    Shutdown,
    TimerAction,
)
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from pose_ros.ros.launch_plan import ERRORS, LaunchArguments, NodeProcess, parse_bool, plan
from pose_ros.ros.respawn import Again, ExitPolicy, Over
from pose_ros.ros.shipped_files import config_file, transport_environment

ARGUMENTS = (
    ('namespace', '', 'Namespace of all nodes and topics'),
    ('cameras', '', 'Several cameras: the nodes once for each, in namespaces of these names, '
     'front,rear; NAME=TOPIC for an image topic elsewhere'),
    ('params_file', '', 'Parameter file; empty: the shipped config/pose.yaml'),
    ('set', '', "Single parameters, which win over the file: 'NODE.PARAM=VALUE;...', or "
     'PARAM=VALUE where one node has it'),
    ('image', 'image', 'Topic of the camera; camera_info beside it, compressed below it'),
    ('depth', '', 'Topic of a registered depth image: joints in metres'),
    ('detections', '', 'Topic with people found by another detector, '
     'vision_msgs/Detection2DArray'),
    ('use_composition', 'false',
     'pose_estimator and pose_tracker in one process, for less memory'),
    ('use_sim_time', 'false', 'Take the time from /clock'),
    ('camera', '', 'Start pose_camera on this source: webcam index, video, folder, demo'),
    ('loop', 'false', 'Begin the source of camera again at its end; else all ends with it'),
    ('proximity', 'false', 'Start pose_proximity: distances to a zone, not certified safety'),
    ('standards', 'false', 'Start pose_standards: REP-155 and vision_msgs topics'),
    ('rviz', 'false', 'Start RViz with config/pose.rviz'),
    ('log_level', 'info', 'debug, info, warn, error or fatal'),
)


class PoseLaunchError(RuntimeError):
    """Ends the launch with exit status 1: launch prints its message in one line."""


def nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the actions, with the arguments known."""
    value = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    try:
        truth = {name: parse_bool(name, value[name])
                 for name, default, _ in ARGUMENTS if default == 'false'}
        params_file, processes = plan(LaunchArguments(
            camera=value['camera'] or None, loop=truth['loop'], cameras=value['cameras'],
            namespace=value['namespace'],
            image='' if value['image'] == 'image' else value['image'], depth=value['depth'],
            detections=value['detections'], params_file=value['params_file'],
            settings=tuple(t.strip() for t in value['set'].split(';') if t.strip()),
            proximity=truth['proximity'], standards=truth['standards'],
            use_composition=truth['use_composition'], log_level=value['log_level']))
    except ERRORS as error:
        raise PoseLaunchError(f'pose.launch.py: {error}') from error

    named = {f'{p.namespace}/{p.executable}' if value['cameras'] else p.executable: p
             for p in processes}
    policy = ExitPolicy(named)
    # Of the file that includes this one: its groups are left when a node starts again.
    around, outer = dict(context.launch_configurations), dict(context.environment)

    def restore(context: LaunchContext) -> None:
        context.launch_configurations.update(around)
        context.environment.update(outer)

    def start(name: str) -> Node:
        return node(
            named[name], str(params_file), {'use_sim_time': truth['use_sim_time']},
            value['log_level'], lambda event, context: ended(name, event, context))

    def ended(
        name: str, event: ProcessExited, context: LaunchContext
    ) -> list[LaunchDescriptionEntity]:
        if context.is_shutdown:
            return []
        verdict = policy.judge(name, event.returncode, time.monotonic())
        if isinstance(verdict, Again):
            again = GroupAction([OpaqueFunction(function=restore), start(name)])
            return [LogInfo(msg=verdict.reason),
                    TimerAction(period=verdict.delay_s, actions=[again])]
        if isinstance(verdict, Over):
            return [LogInfo(msg=verdict.reason)]
        if verdict.status:
            raise PoseLaunchError(verdict.reason)
        return [Shutdown(reason=verdict.reason)]

    actions: list[LaunchDescriptionEntity] = [start(name) for name in named]
    for process in processes:
        if truth['rviz'] and process.executable == 'pose_visualizer':
            actions.append(Node(
                package='rviz2', executable='rviz2', name='rviz2', output='log',
                namespace=process.namespace or None,
                arguments=['-d', str(config_file('pose.rviz'))],
                parameters=[{'use_sim_time': truth['use_sim_time']}],
                remappings=process.remaps))
    actions.append(LogInfo(msg=f'pose_ros with {params_file}'))
    return actions


def node(
    process: NodeProcess, params_file: str, shared: dict[str, object], log_level: str,
    on_exit: object,
) -> Node:
    """Return the action that runs a process."""
    own = {name: ParameterValue(v, value_type=str) if isinstance(v, str) else v
           for name, v in process.parameters.items()}  # as strings: '0' would become an integer
    return Node(
        package='pose_ros', executable=process.executable, namespace=process.namespace or None,
        # A name would be that of all nodes in the process.
        name=None if process.executable == 'pose_container' else process.executable,
        output='screen', arguments=process.arguments, parameters=[params_file, {**shared, **own}],
        remappings=process.remaps, ros_arguments=['--log-level', log_level], on_exit=on_exit,
        additional_env=transport_environment())


def generate_launch_description() -> LaunchDescription:
    """Return what `ros2 launch` runs."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=text)
          for name, default, text in ARGUMENTS),
        OpaqueFunction(function=nodes),
    ])
