# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node as a real process: signals at any time, and parameters that cannot be."""

from __future__ import annotations

from itertools import product
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

from demo_footage import demo_footage
from node_processes import ENDS_WITHIN_S, end
import pytest

from pose_ros.ros.nodes import NODES

_SPECIAL = (  # networks, a source, files
    (signal.SIGTERM, 'pose_estimator'), (signal.SIGINT, 'pose_camera'),
    (signal.SIGINT, 'pose_recorder'))


@pytest.mark.parametrize('number, name', [
    *_SPECIAL,
    *(pytest.param(*case, marks=pytest.mark.nightly('one handler for all nodes'))
      for case in product((signal.SIGINT, signal.SIGTERM), NODES) if case not in _SPECIAL),
])
def test_a_signal_ends_a_node(
    start: Any, ros: Any, name: str, number: signal.Signals
) -> None:
    if name == 'pose_camera':
        demo_footage()
    process = start(
        '-m', 'pose_ros.ros.start_node', name, '--ros-args', *(
            ['-p', 'source:=demo', '-p', 'loop:=true'] if name == 'pose_camera' else []))
    assert ros.spin_until(lambda: name in ros.probe.get_node_names(), 60)
    status, output, took_s = end(process, number)
    assert status == 0, output
    assert took_s < ENDS_WITHIN_S
    assert 'Traceback' not in output and 'rror' not in output, output


@pytest.mark.parametrize('delay_s', [0.0, 0.3, 1.0])
def test_a_signal_while_starting(start: Any, delay_s: float) -> None:
    process = start('-m', 'pose_ros.ros.start_node', 'pose_estimator')
    time.sleep(delay_s)
    status, output, took_s = end(process, signal.SIGTERM)
    assert took_s < ENDS_WITHIN_S
    # Before our handler is there, the system's default ends the process.
    assert status in (0, -signal.SIGTERM) and 'Traceback' not in output, output


_STUCK = """
import hashlib
from pose_ros.core.config import CameraConfig
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.process import spin

class Stuck(ManagedNode):
    def __init__(self):
        super().__init__('stuck', CameraConfig)

    def configure(self):
        print('stuck', flush=True)
        hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)  # never ends

spin(Stuck)
"""


def test_a_signal_ends_a_node_that_is_stuck(ros: Any, tmp_path: Path) -> None:
    """Inside a library, as in a network, no signal handler runs."""
    script = tmp_path / 'stuck.py'
    script.write_text(_STUCK)
    process = subprocess.Popen(
        [sys.executable, str(script)], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, 'ROS_DOMAIN_ID': str(ros.domain_id)})
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == 'stuck\n'
        _, output, took_s = end(process, signal.SIGINT)
    finally:
        process.kill()  # it would never end by itself
    assert took_s < ENDS_WITHIN_S and 'Traceback' not in output, (took_s, output)


def test_an_impossible_parameter_is_one_line(start: Any) -> None:
    process = start('-m', 'pose_ros.ros.start_node', 'pose_tracker', '--ros-args',
                    '-p', 'gate_sigma:=0.0')
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert 'gate_sigma = 0.0: must be' in output and 'Traceback' not in output
