# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Start estimator, tracker and visualizer; if asked, the camera and RViz.

ros2 launch pose_ros pose.launch.py image:=/camera/image_raw namespace:=front
ros2 launch pose_ros pose.launch.py cameras:=front,rear image:=image_raw

Arguments are what a launcher decides; everything else is in the parameter file.
"""

from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    LogInfo,
    OpaqueFunction,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from pose_ros.cli.run_together import RESPAWN_DELAY_S
from pose_ros.cli.up import COMPOSED
from pose_ros.ros.cameras import cameras
from pose_ros.ros.shipped_files import config_file, transport_environment

ARGUMENTS = (
    ('namespace', '', 'Namespace of all nodes and topics'),
    ('cameras', '', 'Several cameras: the nodes once for each, in namespaces of these names, '
     'front,rear; NAME=TOPIC for an image topic elsewhere'),
    ('params_file', '', 'Parameter file; empty: the shipped config/pose.yaml'),
    ('image', 'image', 'Topic of the camera; camera_info beside it, compressed below it'),
    ('use_composition', 'false',
     'pose_estimator and pose_tracker in one process, for less memory'),
    ('use_sim_time', 'false', 'Take the time from /clock'),
    ('camera', '', 'Start pose_camera on this source: webcam index, video, folder, demo'),
    ('proximity', 'false', 'Start pose_proximity: distances to a zone, not certified safety'),
    ('standards', 'false', 'Start pose_standards: REP-155 and vision_msgs topics'),
    ('rviz', 'false', 'Start RViz with config/pose.rviz'),
    ('log_level', 'info', 'debug, info, warn, error or fatal'),
)


def nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the actions, with the arguments known."""
    value = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    params_file = value['params_file'] or str(config_file('pose.yaml'))
    sim_time = {'use_sim_time': value['use_sim_time'].lower() in ('true', '1')}
    several = cameras(
        value['cameras'], value['namespace'],
        value['image'] if value['image'] != 'image' else None)

    def node(
        executable: str, remaps: list[tuple[str, str]], *composed: str, **parameters: object
    ) -> Node:
        return Node(
            # A name would be that of all nodes in the process.
            package='pose_ros', executable=executable, name=None if composed else executable,
            output='screen', arguments=composed,
            parameters=[params_file, sim_time, parameters] if parameters
            else [params_file, sim_time],
            remappings=remaps,
            ros_arguments=['--log-level', value['log_level']],
            # A killed node comes back; without the camera, which ends by itself.
            respawn=executable != 'pose_camera', respawn_delay=RESPAWN_DELAY_S,
            on_exit=Shutdown() if executable == 'pose_camera' else None,
        )

    actions: list[LaunchDescriptionEntity] = [
        SetEnvironmentVariable(name, path) for name, path in transport_environment().items()
    ]
    for camera in several:
        remaps = [tuple(text.split(':=')) for text in camera.remaps()]
        composed = value['use_composition'].lower() in ('true', '1')
        here = (
            [node('pose_container', remaps, *COMPOSED)] if composed
            else [node(name, remaps) for name in COMPOSED])
        here.append(node('pose_visualizer', remaps))
        if value['camera']:
            # As a string: '0' would become an integer.
            source = ParameterValue(value['camera'], value_type=str)
            here.append(node('pose_camera', remaps, source=source))
        if value['proximity'].lower() in ('true', '1'):
            here.append(node('pose_proximity', remaps))
        if value['standards'].lower() in ('true', '1'):
            here.append(node('pose_standards', remaps))
        if value['rviz'].lower() in ('true', '1'):
            here.append(Node(
                package='rviz2', executable='rviz2', name='rviz2', output='log',
                arguments=['-d', str(config_file('pose.rviz'))], parameters=[sim_time],
                remappings=remaps,
            ))
        if camera.namespace:
            here.insert(0, PushRosNamespace(camera.namespace))
        actions += [GroupAction(here)] if value['cameras'] else here
    actions.append(LogInfo(msg=f'pose_ros with {params_file}'))
    return actions


def generate_launch_description() -> LaunchDescription:
    """Return what `ros2 launch` runs."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=text)
          for name, default, text in ARGUMENTS),
        OpaqueFunction(function=nodes),
    ])
