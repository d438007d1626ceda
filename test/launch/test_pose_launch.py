# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The launch file, where the launch system is; the functions behind it: test_launch_plan.py."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import cv2
from demo_footage import demo_footage
from node_processes import children
import numpy as np
import pytest
from ros_fixtures import new_domain

LAUNCH_FILE = Path(__file__).resolve().parents[2] / 'launch' / 'pose.launch.py'
WHY = 'the launch system is not here (it is not among the wheels): source a ROS 2 to test this'
_START_S = 60  # on a busy machine


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
    from launch_ros.actions import Node

    return [a.node_executable for a in found if isinstance(a, Node)]


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


def test_truths_are_those_of_ros() -> None:
    assert 'pose_standards' in nodes(actions(standards='On'))
    assert 'pose_standards' not in nodes(actions(standards='Off'))


def test_profile_is_set_unless_the_user_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from launch_ros.actions import Node

    def variables() -> int:
        return min(len(a.process_description.additional_env or ())
                   for a in actions() if isinstance(a, Node))

    names = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
    for name in (*names, 'FASTDDS_BUILTIN_TRANSPORTS'):
        monkeypatch.delenv(name, raising=False)
    assert variables() == 3
    monkeypatch.setenv(names[0], '/mine.xml')
    assert variables() == 0


def test_arguments_are_described() -> None:
    from launch.actions import DeclareLaunchArgument

    description = load().generate_launch_description()
    declared = {a.name: a for a in description.entities if isinstance(a, DeclareLaunchArgument)}
    assert set(declared) == {
        'namespace', 'cameras', 'params_file', 'set', 'image', 'depth', 'detections',
        'use_composition', 'use_sim_time', 'camera', 'loop', 'proximity', 'standards', 'rviz',
        'log_level'}
    assert all(argument.description for argument in declared.values())


@pytest.mark.parametrize('arguments, reason', [
    ({'params_file': 'TMP/malformed.yaml'}, 'malformed.yaml: line 2: expected'),
    ({'set': 'confirm_hits=5;mod=single'}, "'mod=single': no node has a parameter mod"),
    ({'standards': 'maybe'}, "standards 'maybe': must be true or false"),
    ({'loop': 'true'}, 'loop is for the source'),
])
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, arguments: dict[str, str], reason: str
) -> None:
    (tmp_path / 'malformed.yaml').write_text('a: [1\n')
    arguments = {name: v.replace('TMP', str(tmp_path)) for name, v in arguments.items()}
    with pytest.raises(RuntimeError) as caught:
        actions(**arguments)
    assert str(caught.value).startswith('pose.launch.py: ') and reason in str(caught.value)
    assert '\n' not in str(caught.value)


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


class Launch:
    """The launch file as a process, and a node that listens."""

    def __init__(self, *arguments: str) -> None:
        rclpy = pytest.importorskip('rclpy')
        domain_id = new_domain()
        self.process = subprocess.Popen(
            [sys.executable, '-c', _LAUNCH, str(LAUNCH_FILE), *arguments],
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.context = rclpy.context.Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        self.executor = rclpy.executors.SingleThreadedExecutor(context=self.context)
        self.probe = rclpy.create_node('probe', context=self.context)
        self.executor.add_node(self.probe)

    def until(self, condition: Any, timeout_s: float = _START_S) -> bool:
        """Spin until it holds; return whether it does."""
        deadline_s = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < deadline_s:
            self.executor.spin_once(timeout_sec=0.05)
        return bool(condition())

    def pid(self, executable: str) -> int:
        """Return the process of a node, 0 when it does not run."""
        for pid in children(self.process.pid):
            try:
                words = Path(f'/proc/{pid}/cmdline').read_text().split('\0')
            except FileNotFoundError:
                continue
            if any(word.endswith(f'/{executable}') for word in words):
                return pid
        return 0

    def interrupt(self) -> str:
        """Do what Ctrl-C in a terminal does, to the launcher and its nodes; return the output."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.output()

    def output(self) -> str:
        """Wait for the end; return all that was said."""
        return self.process.communicate(timeout=_START_S)[0]

    def close(self) -> None:
        import rclpy

        self.executor.remove_node(self.probe)
        self.probe.destroy_node()
        rclpy.shutdown(context=self.context)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()


@pytest.fixture
def launch() -> Iterator[Any]:
    started: list[Launch] = []

    def start(*arguments: str) -> Launch:
        started.append(Launch(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.mark.parametrize('more, processes', [([], 4), (['use_composition:=true'], 3)])
def test_skeletons_come_out(launch: Any, more: list[str], processes: int) -> None:
    """Of a video in a loop, until Ctrl-C; with topics and single parameters of the user."""
    from rcl_interfaces.srv import GetParameters

    from pose_ros.msg import SkeletonArray

    demo_footage()
    here = launch('camera:=demo', 'loop:=yes', 'namespace:=front', 'depth:=/rgbd/depth',
                  'set:=pose_tracker.confirm_hits=5; mode=one-pass', *more)
    tracked: list[Any] = []
    here.probe.create_subscription(SkeletonArray, 'front/pose/tracked', tracked.append, 10)
    assert here.until(lambda: tracked), here.interrupt()
    assert here.until(lambda: here.probe.count_subscribers('/rgbd/depth') == 1)
    for node, name, expected in (
            ('pose_tracker', 'confirm_hits', 5), ('pose_estimator', 'mode', 'one-pass'),
            ('pose_estimator', 'depth.enabled', True), ('pose_camera', 'loop', True)):
        client = here.probe.create_client(GetParameters, f'front/{node}/get_parameters')
        assert here.until(client.service_is_ready)
        answer = client.call_async(GetParameters.Request(names=[name]))
        assert here.until(answer.done)
        value = answer.result().values[0]
        assert expected in (value.integer_value, value.string_value, value.bool_value), name
    started_s = time.monotonic()
    output = here.interrupt()
    assert time.monotonic() - started_s < 10, output  # 3 s on a machine that is not busy
    assert 'Traceback' not in output
    assert output.count('process has finished cleanly') == processes, output


def test_only_a_crash_brings_a_node_back(launch: Any) -> None:
    """One node is ended and stays so; another is killed until launch gives up."""
    here = launch('log_level:=warn')
    assert here.until(lambda: all(
        here.pid(f'pose_{name}') for name in ('estimator', 'tracker', 'visualizer')))
    os.kill(here.pid('pose_visualizer'), signal.SIGINT)
    assert here.until(lambda: not here.pid('pose_visualizer'))
    delays_s = []
    for _ in range(5):
        began_s = time.monotonic()
        assert here.until(lambda: here.pid('pose_tracker'))
        delays_s.append(time.monotonic() - began_s)
        pid = here.pid('pose_tracker')
        os.kill(pid, signal.SIGKILL)
        assert here.until(lambda pid=pid: here.pid('pose_tracker') != pid)
        assert not here.pid('pose_visualizer')
    output = here.output()
    assert here.process.returncode == 1
    assert 'pose_visualizer has ended and stays so' in output, output
    assert output.count('pose_tracker ended with signal SIGKILL: it starts again') == 4
    assert '5 times within 60 s: given up' in output
    assert delays_s[2] > 0.9 and delays_s[3] > 1.9 and delays_s[4] > 3.9, delays_s


@pytest.mark.parametrize('source, status, said', [
    ('image.png', 0, 'the source has ended'),
    ('none.mp4', 1, 'none.mp4: no such file'),
])
def test_the_end_of_the_source_is_the_end(
    launch: Any, tmp_path: Path, source: str, status: int, said: str
) -> None:
    cv2.imwrite(str(tmp_path / 'image.png'), np.zeros((48, 64, 3), np.uint8))
    here = launch(f'camera:={tmp_path}/{source}')
    output = here.output()
    assert here.process.returncode == status, output
    assert said in output and 'Traceback' not in output and 'starts again' not in output, output


def test_what_is_wrong_starts_nothing(launch: Any) -> None:
    here = launch('params_file:=/nowhere/mine.yaml')
    output = here.output()
    assert here.process.returncode == 1
    assert '/nowhere/mine.yaml: No such file' in output and 'process started' not in output
    assert len([line for line in output.splitlines() if 'ERROR' in line]) == 1, output


@pytest.mark.parametrize('after_s', [0.4, 1.2])
def test_an_early_interrupt_is_quiet(launch: Any, after_s: float) -> None:
    """While Python starts, and while the nodes import ROS and the networks."""
    demo_footage()
    here = launch('camera:=demo')
    assert here.until(lambda: here.pid('pose_tracker'))
    here.until(lambda: False, after_s)
    began_s = time.monotonic()
    output = here.interrupt()
    assert time.monotonic() - began_s < 5, output
    assert 'Traceback' not in output and 'KeyboardInterrupt' not in output, output
    assert here.process.returncode == 0, output
