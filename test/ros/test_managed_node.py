# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle of real nodes: autostart, every transition, failures, illegal requests."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

from demo_footage import demo_footage
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rclpy.lifecycle import LifecycleNode
from replay_backend import ReplayBackend

from pose_ros.core.backend import BackendError
from pose_ros.core.keypoints import Keypoints
from pose_ros.ros.diagnostics import ERROR, OK, WARN, Statistics, Throttle
from pose_ros.ros.nodes.pose_camera import PoseCameraNode
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode
from pose_ros.ros.nodes.pose_visualizer import PoseVisualizerNode

NODES = [PoseEstimatorNode, PoseTrackerNode, PoseVisualizerNode, PoseCameraNode]


def replay(config: Any) -> ReplayBackend:
    return ReplayBackend(Keypoints.empty())


def add(ros: Any, node_class: Any, **parameters: Any) -> Any:
    extra: dict[str, Any] = {'load': replay} if node_class is PoseEstimatorNode else {}
    if node_class is PoseCameraNode:
        demo_footage()
        parameters = {'source': 'demo', **parameters}
    return ros.add(node_class, parameters=parameters, **extra)


def state_of(ros: Any, node: Any) -> int:
    name = f'{node.get_fully_qualified_name()}/get_state'
    return int(ros.call(GetState, name, GetState.Request()).current_state.id)


def change(ros: Any, node: Any, transition: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=transition))
    name = f'{node.get_fully_qualified_name()}/change_state'
    return bool(ros.call(ChangeState, name, request).success)


@pytest.mark.parametrize('node_class', NODES)
def test_whole_cycle_twice(ros: Any, node_class: Any) -> None:
    node = add(ros, node_class, autostart=False)
    assert node.start()
    assert state_of(ros, node) == State.PRIMARY_STATE_UNCONFIGURED
    topics_before = node.get_topic_names_and_types()
    for _ in range(2):
        assert change(ros, node, Transition.TRANSITION_CONFIGURE)
        assert change(ros, node, Transition.TRANSITION_ACTIVATE)
        assert node.is_active
        assert change(ros, node, Transition.TRANSITION_DEACTIVATE)
        assert not node.is_active
        assert change(ros, node, Transition.TRANSITION_CLEANUP)
    # Nothing of ours is left behind: topics, subscriptions, timers.
    assert ros.spin_until(lambda: node.get_topic_names_and_types() == topics_before)
    assert change(ros, node, Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
    assert state_of(ros, node) == State.PRIMARY_STATE_FINALIZED


def test_random_requests_never_kill_it(ros: Any) -> None:
    node = add(ros, PoseTrackerNode, autostart=False)
    choose = random.Random(7)
    possible = {
        State.PRIMARY_STATE_UNCONFIGURED: {Transition.TRANSITION_CONFIGURE},
        State.PRIMARY_STATE_INACTIVE: {
            Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_CLEANUP},
        State.PRIMARY_STATE_ACTIVE: {Transition.TRANSITION_DEACTIVATE},
    }
    wanted = [
        Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE,
        Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP, 99,
    ]
    state = State.PRIMARY_STATE_UNCONFIGURED
    for _ in range(20):
        transition = choose.choice(wanted)
        assert change(ros, node, transition) == (transition in possible[state])
        state = state_of(ros, node)
    assert node.statistics.counts['refused_transitions'] > 0


def test_failed_load_can_be_retried(ros: Any) -> None:
    broken = [True]

    def load(config: Any) -> ReplayBackend:
        if broken[0]:
            raise BackendError('no model file at /nowhere/x.onnx')
        return replay(config)

    node = ros.add(PoseEstimatorNode, load=load)
    diagnostics = ros.collect(DiagnosticArray, '/diagnostics')
    assert not node.start()
    assert state_of(ros, node) == State.PRIMARY_STATE_UNCONFIGURED
    assert ros.spin_until(lambda: diagnostics)
    status = diagnostics[-1].status[0]
    assert status.level == ERROR and '/nowhere/x.onnx' in status.message
    broken[0] = False
    assert change(ros, node, Transition.TRANSITION_CONFIGURE)
    assert change(ros, node, Transition.TRANSITION_ACTIVATE)
    del diagnostics[:]
    assert ros.spin_until(lambda: diagnostics)
    assert diagnostics[-1].status[0].level == OK


def test_a_fault_of_ours_is_said(ros: Any, capfd: pytest.CaptureFixture[str]) -> None:
    def load(config: Any) -> ReplayBackend:
        raise AttributeError('a fault in the code')

    node = ros.add(PoseEstimatorNode, load=load)
    assert not node.start()
    assert state_of(ros, node) == State.PRIMARY_STATE_UNCONFIGURED
    assert 'a fault in the code' in capfd.readouterr().err
    assert 'a fault in the code' in node._failure


def test_inactive_is_a_warning(ros: Any) -> None:
    node = add(ros, PoseTrackerNode, autostart=False)
    node.start()
    diagnostics = ros.collect(DiagnosticArray, '/diagnostics')
    assert ros.spin_until(lambda: diagnostics)
    status = diagnostics[0].status[0]
    assert (status.level, status.name) == (WARN, 'pose_tracker')
    assert status.message.startswith('not active -> ros2 lifecycle set /pose_tracker configure')


def test_no_attribute_of_rclpy_is_overwritten(ros: Any) -> None:
    plain = ros.add(lambda **kwargs: _WithRelease('plain', **kwargs))
    theirs = set(dir(plain)) - {'release'}
    meant = {name for name in theirs if name.startswith('on_')} | {
        'set_parameters_atomically', 'create_subscription', 'create_publisher'}
    for node_class in NODES:
        node = add(ros, node_class)
        for cls in node_class.__mro__[:2]:
            ours = {name for name in vars(cls) if not name.startswith('__')}
            assert not ours & (theirs - meant)
        assert not [name for name, value in vars(plain).items()
                    if type(vars(node)[name]) is not type(value)]


class _WithRelease(LifecycleNode):
    def release(self) -> None:
        """Hold nothing."""


def test_throttle() -> None:
    throttle = Throttle(5.0)
    assert throttle.pass_('truncated data: 99 bytes', 0.0) == 'truncated data: 99 bytes'
    assert throttle.pass_('truncated data: 98 bytes', 1.0) is None
    assert throttle.pass_('another fault', 1.0) == 'another fault'
    assert throttle.pass_('truncated data: 97 bytes', 4.9) is None
    assert throttle.pass_('truncated data: 96 bytes', 5.1) == (
        'truncated data: 96 bytes (2 more like this)')
    for i in range(10_000):
        throttle.pass_(f'random {chr(0x4e00 + i)}', 6.0)
    assert len(throttle._seen) <= Throttle.MOST_KINDS


def test_statistics() -> None:
    statistics = Statistics(window=100)
    statistics.counts['dropped'] += 3
    for i in range(1000):
        statistics.add('cost', (i % 100 + 1) * 1e-3)
    values = {v.key: v.value for v in statistics.values()}
    assert values['dropped'] == '3'
    assert abs(float(values['cost_p50_ms']) - 50.5) < 0.01
    assert abs(float(values['cost_p95_ms']) - 95.05) < 0.01
    assert set(values) == {'dropped', 'cost_p50_ms', 'cost_p95_ms', 'cost_p99_ms'}


def test_what_a_node_starts_with_costs_the_collector_nothing() -> None:
    """A full collection would look through some 50,000 objects in the middle of an image."""
    program = """
import gc
from pose_ros.core.config import TrackerConfig
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.process import spin

class Node(ManagedNode):
    def __init__(self):
        super().__init__('short', TrackerConfig)
        self.finished = True

    def release(self):
        print(gc.get_freeze_count(), len(gc.get_objects()))
        super().release()

spin(Node)
"""
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=60, check=True)
    frozen, looked_through = map(int, done.stdout.split())
    assert frozen > 10_000 > looked_through
