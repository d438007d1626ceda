# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The launch file, where the launch system is."""

from __future__ import annotations

import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from ros_fixtures import new_domain

LAUNCH_FILE = Path(__file__).resolve().parents[2] / 'launch' / 'pose.launch.py'
WHY = 'the launch system is not here (it is not among the wheels): source a ROS 2 to test this'


def load() -> Any:
    """Import the launch file."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location('pose_launch', LAUNCH_FILE)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def actions(**arguments: str) -> list[Any]:
    """Return what the launch file would do."""
    from launch import LaunchContext

    module = load()
    context = LaunchContext()
    values = {name: default for name, default, _ in module.ARGUMENTS}
    assert set(arguments) <= set(values)
    context.launch_configurations.update({**values, **arguments})
    return list(module.nodes(context))


def nodes(found: list[Any]) -> list[str]:
    from launch.actions import GroupAction
    from launch_ros.actions import Node

    inside = [a for group in found if isinstance(group, GroupAction)
              for a in group.get_sub_entities()]
    return [a.node_executable for a in (*found, *inside) if isinstance(a, Node)]


@pytest.fixture(autouse=True)
def _needs_launch() -> None:
    pytest.importorskip('launch', reason=WHY)
    pytest.importorskip('launch_ros.actions', reason=WHY)


def test_what_is_started() -> None:
    always = ['pose_estimator', 'pose_tracker', 'pose_visualizer']
    assert nodes(actions()) == always
    assert nodes(actions(camera='0')) == [*always, 'pose_camera']
    assert nodes(actions(rviz='true')) == [*always, 'rviz2']
    assert nodes(actions(standards='true')) == [*always, 'pose_standards']
    assert nodes(actions(cameras='front,rear')) == [*always, *always]
    assert nodes(actions(use_composition='true')) == ['pose_container', 'pose_visualizer']


def test_profile_is_set_unless_the_user_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from launch.actions import SetEnvironmentVariable

    names = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
    for name in (*names, 'FASTDDS_BUILTIN_TRANSPORTS'):
        monkeypatch.delenv(name, raising=False)
    assert sum(isinstance(a, SetEnvironmentVariable) for a in actions()) == 3
    monkeypatch.setenv(names[0], '/mine.xml')
    assert sum(isinstance(a, SetEnvironmentVariable) for a in actions()) == 0


def test_arguments_are_described() -> None:
    from launch.actions import DeclareLaunchArgument

    description = load().generate_launch_description()
    declared = {a.name: a for a in description.entities if isinstance(a, DeclareLaunchArgument)}
    assert set(declared) == {
        'namespace', 'cameras', 'params_file', 'image', 'use_composition', 'use_sim_time',
        'camera', 'proximity', 'standards', 'rviz', 'log_level'}
    assert all(argument.description for argument in declared.values())


_LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
service = LaunchService()
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(
    PythonLaunchDescriptionSource(sys.argv[1]),
    launch_arguments=[tuple(text.split(':=')) for text in sys.argv[2:]])]))
sys.exit(service.run())
"""


@pytest.mark.parametrize('more, processes', [([], 4), (['use_composition:=true'], 3)])
def test_skeletons_come_out(more: list[str], processes: int) -> None:
    rclpy = pytest.importorskip('rclpy')
    from pose_ros.msg import SkeletonArray

    domain_id = new_domain()
    process = subprocess.Popen(
        [sys.executable, '-c', _LAUNCH, str(LAUNCH_FILE), 'camera:=demo', 'namespace:=front',
         *more],
        env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    context = rclpy.context.Context()
    rclpy.init(context=context, domain_id=domain_id)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    probe = rclpy.create_node('probe', context=context)
    executor.add_node(probe)
    tracked: list[Any] = []
    probe.create_subscription(SkeletonArray, 'front/pose/tracked', tracked.append, 10)
    deadline_s = time.monotonic() + 60
    while not tracked and time.monotonic() < deadline_s:
        executor.spin_once(timeout_sec=0.1)
    # As Ctrl-C in a terminal does: to the launcher and its nodes.
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    executor.remove_node(probe)
    probe.destroy_node()
    rclpy.shutdown(context=context)
    assert tracked, output
    assert 'Traceback' not in output
    assert output.count('process has finished cleanly') == processes, output
