# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Fixtures of tests with real rclpy: a domain of its own for each test, nodes in one executor.

A folder's conftest.py imports those that it needs; without ROS a test that asks for one is
skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
import os
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import NUM_KEYPOINTS

_NUMBERS = count(os.getpid())


def new_domain() -> int:
    """Return a domain, 1..100 (ports above are taken); each worker of pytest-xdist has its own."""
    worker = int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])
    own = range(1 + worker, 101, int(os.environ.get('PYTEST_XDIST_WORKER_COUNT', '1')))
    return own[next(_NUMBERS) % len(own)]


class Ros:
    """A context on a domain of its own, with a plain node `probe` that tests look through."""

    def __init__(self, domain_id: int) -> None:
        import rclpy
        from rclpy.context import Context
        from rclpy.executors import SingleThreadedExecutor

        self.domain_id = domain_id
        self.context = Context()
        self._shutdown = rclpy.shutdown
        rclpy.init(context=self.context, domain_id=domain_id)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.probe = rclpy.create_node('probe', context=self.context)
        self.executor.add_node(self.probe)
        self.nodes: list[Any] = []

    def add(self, node_class: Callable[..., Any], **kwargs: Any) -> Any:
        """
        Make a node in this context and spin it along; parameters by `parameters={}`.

        Their names are those of the fields (depth_wait_s) or of the ROS parameters (depth.wait_s).
        """
        from rclpy.parameter import Parameter

        from pose_ros.core.config import NODE_CONFIGS, named_fields

        named = [item for c in NODE_CONFIGS.values() for item in named_fields(c).items()]
        names = {f.name: name for name, f in named}
        overrides = [
            Parameter(names.get(name, name), value=value)
            for name, value in kwargs.pop('parameters', {}).items()
        ]
        node = node_class(context=self.context, parameter_overrides=overrides, **kwargs)
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def collect(self, kind: Any, topic: str, qos: Any = 10) -> list[Any]:
        """Subscribe; return the list that messages are put into."""
        received: list[Any] = []
        self.probe.create_subscription(kind, topic, received.append, qos)
        return received

    def spin_until(self, done: Callable[[], Any], timeout_s: float = 20.0) -> bool:
        """Spin until `done()` is true; return whether it became so."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if done():
                return True
            self.executor.spin_once(timeout_sec=0.02)
        return bool(done())

    def spin_for(self, duration_s: float) -> None:
        """Spin for a while."""
        self.spin_until(lambda: False, duration_s)

    def call(self, kind: Any, name: str, request: Any) -> Any:
        """Call a service; fail after 20 s."""
        client = self.probe.create_client(kind, name)
        assert self.spin_until(client.service_is_ready), f'no service {name}'
        future = client.call_async(request)
        assert self.spin_until(future.done), f'no answer from {name}'
        self.probe.destroy_client(client)
        return future.result()

    def close(self) -> None:
        """End everything."""
        for node in self.nodes:
            node.release()
            self.executor.remove_node(node)
            node.destroy_node()
        self.executor.remove_node(self.probe)
        self.probe.destroy_node()
        self.executor.shutdown()
        self._shutdown(context=self.context)


@pytest.fixture
def domain_id() -> int:
    """Return a domain that no other test of this run uses now."""
    pytest.importorskip('rclpy', reason='rclpy is not here: ./run pytest brings it')
    pytest.importorskip('pose_ros.msg', reason='the messages are not built: ./run pytest does it')
    return new_domain()


@pytest.fixture
def start(domain_id: int) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that runs `python ...` in the test's domain, nothing else set."""
    from environments import without_profile  # not before pytest is configured
    from node_processes import children

    processes: list[subprocess.Popen[str]] = []

    def start_one(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments], text=True, stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE, start_new_session=True,
            env={**without_profile(), 'ROS_DOMAIN_ID': str(domain_id), 'OMP_NUM_THREADS': '1',
                 **environment})
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        # Its nodes as well: they would live on, and hold the pipe that is read here.
        nodes = children(process.pid) if process.poll() is None else []
        for pid in nodes:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def ros(domain_id: int) -> Iterator[Ros]:
    """Give a context of its own."""
    harness = Ros(domain_id)
    yield harness
    harness.close()


@pytest.fixture
def make_people() -> Callable[..., Keypoints]:
    """Return a function that makes N people standing side by side, about 200 px tall."""

    def make(number: int = 1, x_px: float = 100.0, y_px: float = 100.0) -> Keypoints:
        body = np.array([
            [20, 0], [23, -3], [17, -3], [27, 0], [13, 0], [35, 30], [5, 30], [40, 65], [0, 65],
            [42, 95], [-2, 95], [30, 100], [10, 100], [31, 150], [9, 150], [32, 195], [8, 195],
        ], np.float32)
        offsets = np.array([[x_px + 90 * i, y_px] for i in range(number)], np.float32)
        xy = body[None] + offsets.reshape(number, 1, 2)
        score = np.full((number, NUM_KEYPOINTS), 0.9, np.float32)
        return Keypoints(xy, score, np.full(number, 0.95, np.float32))

    return make
