# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Estimator and tracker in one process: nobody outside sees a difference, but for the process."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import signal
import subprocess
import time
from typing import Any

from demo_footage import demo_footage
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from node_processes import ENDS_WITHIN_S, children, end
import numpy as np
import pytest
from rcl_interfaces.srv import GetParameters, ListParameters
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from benchmarks.people_images import people_images
from pose_ros.media.sources import SourceError
from pose_ros.msg import SkeletonArray, Target
from pose_ros.ros.conversions import stamp_from_ns, stamp_ns
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.nodes import pose_container

PAIR = ('pose_estimator', 'pose_tracker')
_START_S = 60.0
QUICK = ('pose_estimator.mode=one-pass', 'pose_estimator.num_threads=1')

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope='module')
def images() -> list[np.ndarray]:
    """Return images of one person, small enough for Fast DDS as it comes: (240, 320, 3) uint8."""
    try:
        return people_images(1, (320, 240))
    except SourceError as error:
        pytest.skip(str(error))


def run_pair(start: Start, composed: bool, *settings: str) -> list[subprocess.Popen[str]]:
    """Start estimator and tracker; return their processes."""
    sets = [word for text in settings for word in ('--set', text)]
    if composed:
        return [start('-m', 'pose_ros.ros.start_node', 'pose_container', *PAIR, *sets)]
    return [start('-m', 'pose_ros.cli', 'up', '--nodes', ','.join(PAIR), *sets)]


class Camera:
    """Publishes images on `image` from the probe, each until it is answered on `pose/tracked`."""

    def __init__(self, ros: Any, images: list[np.ndarray]) -> None:
        self._ros, self._images = ros, images
        self._publisher = ros.probe.create_publisher(Image, 'image', 1)
        self.pose = ros.collect(SkeletonArray, 'pose', 50)
        self.tracked = ros.collect(SkeletonArray, 'pose/tracked', 50)

    def show(self, number: int, stamp: int, timeout_s: float = _START_S) -> SkeletonArray:
        """Return the tracker's answer to an image; `stamp` in ns."""
        message = image_to_msg(
            self._images[number % len(self._images)],
            Header(stamp=stamp_from_ns(stamp), frame_id='camera_optical_frame'))
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            # Best effort: what is lost is sent again. The tracker drops what came twice.
            self._publisher.publish(message)
            if self._ros.spin_until(lambda: self._answer(stamp) is not None, 1.0):
                return self._answer(stamp)
        raise AssertionError(f'no answer to image {number}')

    def _answer(self, stamp: int) -> SkeletonArray | None:
        return next((m for m in self.tracked if m.status == SkeletonArray.OK
                     and stamp_ns(m.header.stamp) == stamp), None)


def graph(ros: Any) -> dict[str, set[Any]]:
    """Return what the nodes of the pair publish, subscribe and serve, once all of it is known."""
    probe = ros.probe
    found: dict[str, set[Any]] = {}
    for name in PAIR:
        assert ros.spin_until(lambda name=name: name in probe.get_node_names(), _START_S)
        for what in ('publisher', 'subscriber', 'service'):
            look = getattr(probe, f'get_{what}_names_and_types_by_node')
            found[f'{name} {what}'] = {(topic, *kinds) for topic, kinds in look(name, '/')}
        found[f'{name} parameters'] = set(ros.call(
            ListParameters, f'{name}/list_parameters', ListParameters.Request()).result.names)
    return found


def state_of(ros: Any, node: str) -> int:
    return int(ros.call(GetState, f'{node}/get_state', GetState.Request()).current_state.id)


def comparable(message: SkeletonArray) -> Any:
    """Return all values of a message, exactly, but for those that tell the time it took."""
    message.transport_s = message.latency_s = 0.0
    message.convert_ms = message.detect_ms = message.refine_ms = 0.0
    message.network_ms = message.track_ms = 0.0
    return plain(message)


def plain(value: Any) -> Any:
    """Return a message as nested tuples, in which NaN equals NaN."""
    if hasattr(value, 'get_fields_and_field_types'):
        return tuple(plain(getattr(value, name)) for name in value.get_fields_and_field_types())
    if isinstance(value, (list, tuple)):
        return tuple(map(plain, value))
    return value.tobytes() if hasattr(value, 'tobytes') else repr(value)


def test_the_same_answers_and_the_same_graph(
    start: Start, ros: Any, images: list[np.ndarray]
) -> None:
    """Eight images to two processes, and to one: every number of pose/tracked, all names."""
    answers, graphs = [], []
    for composed in (False, True):
        processes = run_pair(start, composed, *QUICK)
        camera = Camera(ros, images)
        answers.append([
            comparable(camera.show(i, 10**12 + i * 10**8)) for i in range(8)])
        assert any(m.skeletons for m in camera.tracked)
        graphs.append(graph(ros))
        process, = processes
        status, output, took_s = end(process, signal.SIGTERM)
        assert status == 0 and took_s < ENDS_WITHIN_S, (status, took_s, output)
        assert 'Traceback' not in output and 'rror' not in output, output
        assert ros.spin_until(lambda: not {*PAIR} & set(ros.probe.get_node_names()), 30)
    assert answers[0] == answers[1]
    assert graphs[0] == graphs[1]


def test_predictions_go_on_while_the_networks_run(
    start: Start, ros: Any, images: list[np.ndarray]
) -> None:
    """With one thread for both, nothing could be published between an image and its answer."""
    run_pair(start, True, 'pose_tracker.prediction_rate_hz=100.0', 'pose_estimator.num_threads=1')
    camera = Camera(ros, images)
    predicted = ros.collect(SkeletonArray, 'pose/predicted', 200)
    meanwhile = 0
    for number in range(200):
        camera.show(number, time.time_ns())
        seen = camera.pose[-1]
        # Published at its stamp: there is no lead time.
        since_s = ((stamp_ns(m.header.stamp) - stamp_ns(seen.header.stamp)) * 1e-9
                   for m in predicted)
        meanwhile += sum(seen.transport_s < s < seen.latency_s for s in since_s)
        predicted.clear()
        if meanwhile >= 20:
            break
    assert meanwhile >= 20


def test_one_that_fails_leaves_the_other_alone(start: Start, ros: Any, tmp_path: Path) -> None:
    """The estimator has no network: it says so; the tracker says STALE, and can be worked with."""
    states: dict[str, str] = {}
    ros.probe.create_subscription(
        DiagnosticArray, '/diagnostics',
        lambda m: states.update({s.name: s.message for s in m.status}), 50)
    tracked = ros.collect(SkeletonArray, 'pose/tracked')
    process, = run_pair(
        start, True, f'pose_estimator.detector_model={tmp_path}/none.onnx',
        'pose_tracker.stale_after_s=0.5')
    assert ros.spin_until(
        lambda: 'cannot load the networks' in states.get('pose_estimator', ''), _START_S)
    assert ros.spin_until(lambda: any(m.status == SkeletonArray.STALE for m in tracked), 30)
    assert state_of(ros, 'pose_estimator') == State.PRIMARY_STATE_UNCONFIGURED
    answer = ros.call(GetParameters, 'pose_tracker/get_parameters',
                      GetParameters.Request(names=['stale_after_s']))
    assert answer.values[0].double_value == 0.5
    # Through its lifecycle and back, while the other one stays as it is.
    for wanted, reached in (
        (Transition.TRANSITION_DEACTIVATE, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_ACTIVATE, State.PRIMARY_STATE_ACTIVE),
    ):
        assert ros.call(ChangeState, 'pose_tracker/change_state', ChangeState.Request(
            transition=Transition(id=wanted))).success
        assert state_of(ros, 'pose_tracker') == reached
    assert state_of(ros, 'pose_estimator') == State.PRIMARY_STATE_UNCONFIGURED
    assert process.poll() is None


@pytest.mark.nightly('one process that is killed is like another: test/cli/test_up.py')
def test_both_come_back_after_a_kill(start: Start, ros: Any) -> None:
    """`pose_ros up --use-composition`: one process, killed, and there again."""
    demo_footage()
    targets = ros.collect(Target, 'front/pose/target')
    up = start(
        '-m', 'pose_ros.cli', 'up', '--use-composition', '--namespace', 'front',
        '--nodes', ','.join(PAIR), '--camera', 'demo', '--set', 'pose_camera.loop=true',
        '--set', 'pose_camera.rate_hz=5.0', *(w for s in QUICK for w in ('--set', s)))
    assert ros.spin_until(lambda: targets, _START_S)
    commands = {p: Path(f'/proc/{p}/cmdline').read_text() for p in children(up.pid)}
    container, = (p for p, text in commands.items() if 'pose_container' in text)
    assert len(commands) == 2
    os.kill(container, signal.SIGKILL)
    killed_ns = time.time_ns()
    came_back = ros.spin_until(
        lambda: any(stamp_ns(t.header.stamp) > killed_ns + 10**8 for t in targets), _START_S)
    status, output, _ = end(up, signal.SIGINT)
    assert came_back and status == 0, output
    assert 'pose_container ended with signal SIGKILL: it starts again' in output


_ONE_RAISES = """
from pose_ros.core.config import TrackerConfig
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.process import spin_together

class Quiet(ManagedNode):
    def __init__(self):
        super().__init__('quiet', TrackerConfig)

    def cleanup(self):
        print('quiet is cleaned up', flush=True)

class Raises(ManagedNode):
    def __init__(self):
        super().__init__('raises', TrackerConfig)
        self.create_timer(0.1, lambda: {}['a fault of ours'])

raise SystemExit(spin_together([ORDER]))
"""


@pytest.mark.parametrize('order', ['Quiet, Raises', 'Raises, Quiet'])
def test_a_fault_of_one_ends_the_process(start: Start, ros: Any, order: str) -> None:
    """As it would that of the node alone, so that it is started again; the other one frees all."""
    process = start('-c', _ONE_RAISES.replace('ORDER', order))
    output, _ = process.communicate(timeout=_START_S)
    assert process.returncode == os.EX_SOFTWARE
    assert "KeyError: 'a fault of ours'" in output and 'quiet is cleaned up' in output, output


@pytest.mark.parametrize('arguments, reason', [
    (['pose_tracker', 'pose_camera'], 'pose_camera'),
    (['pose_tracker', 'pose_tracker'], 'twice'),
    ([*PAIR, '--set', 'pose_visualizer.rate_hz=1.0'], 'no node has a parameter pose_visualizer'),
    ([*PAIR, '--set', 'mode'], 'expected NODE.PARAM=VALUE'),
    ([*PAIR, '--set', 'pose_tracker.gate_sigma=0.0'], 'gate_sigma = 0.0: must be'),
])
def test_bad_arguments(
    capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    with pytest.raises(SystemExit, match='2'):
        pose_container.main(arguments)
    assert reason in capsys.readouterr().err
