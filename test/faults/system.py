# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The nodes as processes of their own, a camera that can be made to misbehave, and what one sees.

Nothing is replaced: the nodes are started by `pose_ros up`, images go over real DDS,
and everything is judged from outside by topics, /diagnostics and /proc.
"""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_ros.msg import SkeletonArray
from pose_ros.ros.conversions import stamp_from_ns, stamp_ns
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.shipped_files import transport_environment

NODES = ('pose_estimator', 'pose_tracker')
# The quickest way to a skeleton: what is tested is the path, not the network.
QUICK = ('pose_estimator.mode=one-pass', 'pose_estimator.detect_size_px=256',
         'pose_estimator.detect_second_size_px=0', 'pose_estimator.num_threads=1')


class System:
    """
    Nodes, a camera and a listener, on a domain of their own.

    Parameters
    ----------
    domain_id : int
    nodes : sequence of str
    settings : sequence of str
        NODE.PARAM=VALUE.
    limits : callable, optional
        Runs in the process that starts the nodes, before them: resource limits.
    use_sim_time : bool

    Attributes
    ----------
    pose, tracked : list of (int, SkeletonArray)
        What came, with the time of reception in ns.
    diagnostics : dict
        Latest level, message and values, by node.
    sent : int
        Images that the camera has published.
    """

    def __init__(
        self,
        domain_id: int,
        nodes: tuple[str, ...] = NODES,
        settings: tuple[str, ...] = QUICK,
        limits: Callable[[], None] | None = None,
        use_sim_time: bool = False,
    ) -> None:
        self.domain_id = domain_id
        self.nodes = nodes
        self.sent = 0
        self.pose: list[tuple[int, SkeletonArray]] = []
        self.tracked: list[tuple[int, SkeletonArray]] = []
        self.diagnostics: dict[str, tuple[int, str, dict[str, str]]] = {}
        self._said_ns: dict[str, int] = {}  # the stamp of the latest /diagnostics
        # This process publishes images: without the profile most of them would be lost.
        os.environ.update(transport_environment())
        self.environment = {
            **os.environ, 'ROS_DOMAIN_ID': str(domain_id),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'PYTHONUNBUFFERED': '1',
        }
        if limits is None:
            # As on a robot: a node that starts again finds its code compiled.
            self.environment.pop('PYTHONDONTWRITEBYTECODE', None)
        else:
            # A file that a limit cuts short must not be a compiled one of the environment.
            self.environment['PYTHONDONTWRITEBYTECODE'] = '1'
        command = [sys.executable, '-m', 'pose_ros.cli', 'up', '--nodes',
                   ','.join(nodes)]
        for setting in settings:
            command += ['--set', setting]
        if use_sim_time:
            command.append('--use-sim-time')
        self.process = subprocess.Popen(
            command, env=self.environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limits)
        # The pipe must not fill up: what is said is kept by a thread of its own.
        self.output: list[str] = []
        threading.Thread(target=self._read_output, daemon=True).start()
        self._connect()

    def _connect(self) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=self.domain_id)
        self.node = rclpy.create_node('camera_and_listener', context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._camera: Any = None
        self.start_camera()
        for name, into in (('pose', self.pose), ('pose/tracked', self.tracked)):
            self.node.create_subscription(
                SkeletonArray, name,
                lambda msg, into=into: into.append((time.time_ns(), msg)), 50)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 50)

    def _disconnect(self) -> None:
        self._executor.remove_node(self.node)
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)

    def reconnect(self) -> None:
        """Leave, and come again as somebody new."""
        self._disconnect()
        self._connect()
        self.spin_until(lambda: self.listeners() >= 1)

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        self.output.extend(iter(self.process.stdout.readline, ''))

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            level = int.from_bytes(status.level, 'little')
            self.diagnostics[status.name] = (
                level, status.message, {value.key: value.value for value in status.values})
            self._said_ns[status.name] = stamp_ns(msg.header.stamp)

    # -- the camera -----------------------------------------------------------------------------

    def start_camera(self) -> None:
        """Begin to publish on `image`."""
        self._camera = self.node.create_publisher(
            Image, 'image', QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE))

    def stop_camera(self) -> None:
        """Take the publisher away."""
        self.node.destroy_publisher(self._camera)
        self._camera = None

    def listeners(self) -> int:
        """Return how many subscribe to the camera."""
        return int(self._camera.get_subscription_count())

    def send(self, image: np.ndarray, stamp_ns_: int | None = None, **fields: Any) -> None:
        """Publish an image, (H, W, 3) uint8 BGR, stamped now; `fields` replace the message's."""
        stamp = stamp_from_ns(time.time_ns() if stamp_ns_ is None else stamp_ns_)
        msg = image_to_msg(image, Header(stamp=stamp, frame_id='camera_optical_frame'))
        for name, value in fields.items():
            setattr(msg, name, value)
        self._camera.publish(msg)
        self.sent += 1

    def play(
        self, images: list[np.ndarray], rate_hz: float, seconds: float, **fields: Any
    ) -> None:
        """Publish images again and again, with `fields` in place of theirs, and spin along."""
        started_s, number = time.monotonic(), 0
        while (now_s := time.monotonic()) - started_s < seconds:
            if now_s - started_s >= number / rate_hz:
                self.send(images[number % len(images)], **fields)
                number += 1
            self.spin(min(0.005, 1.0 / rate_hz))

    def play_until(
        self, images: list[np.ndarray], done: Callable[[], Any], timeout_s: float = 30.0,
        rate_hz: float = 10.0, **fields: Any,
    ) -> bool:
        """Publish images until `done()`; return whether it became so."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if done():
                return True
            self.play(images, rate_hz, 2.0 / rate_hz, **fields)
        return bool(done())

    def send_until_answered(self, image: np.ndarray, timeout_s: float = 60.0) -> int:
        """
        Publish one image after the other, each until it is answered or has had five seconds.

        Returns
        -------
        int
            How many it took: when the last is answered, what became of all before it is known.
        """
        deadline_s = time.monotonic() + timeout_s
        number = 0
        while time.monotonic() < deadline_s:
            sent_ns = time.time_ns()
            self.send(image, sent_ns)
            number += 1
            if self.spin_until(lambda sent_ns=sent_ns: any(
                    stamp_ns(msg.header.stamp) == sent_ns for _, msg in self.pose), 5.0):
                return number
        raise AssertionError(f'{number} images without an answer:\n{self.text()[-3000:]}')

    # -- what one sees --------------------------------------------------------------------------

    def spin(self, seconds: float) -> None:
        """Receive for a while."""
        deadline_s = time.monotonic() + seconds
        while (left_s := deadline_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left_s)

    def spin_until(self, done: Callable[[], Any], timeout_s: float = 20.0) -> bool:
        """Receive until `done()`; return whether it became so."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if done():
                return True
            self.spin(0.02)
        return bool(done())

    def people_since(self, since_ns: int) -> int:
        """Return how many tracked people images stamped since then have shown."""
        return sum(
            len(msg.skeletons) for _, msg in self.tracked
            if msg.status == SkeletonArray.OK and stamp_ns(msg.header.stamp) >= since_ns)

    def message(self, node: str) -> str:
        """Return what a node last said on /diagnostics; nothing when it has not spoken yet."""
        return self.diagnostics.get(node, (0, '', {}))[1]

    def value(self, node: str, key: str) -> int:
        """Return a counter of /diagnostics; 0 when it is not there."""
        return int(self.diagnostics.get(node, (0, '', {}))[2].get(key, 0))

    def counts(self, node: str, *keys: str) -> list[int]:
        """Return counters of a node as they are from now on."""
        now_ns = time.time_ns()
        assert self.spin_until(lambda: self._said_ns.get(node, 0) > now_ns), f'{node} is silent'
        return [self.value(node, key) for key in keys]

    def pid(self, node: str) -> int | None:
        """Return the process of a node; None while there is none."""
        children = Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text()
        for number in children.split():
            try:
                command = Path(f'/proc/{number}/cmdline').read_text()
            except FileNotFoundError:
                continue
            if f'pose_ros.ros.start_node\0{node}\0' in command:
                return int(number)
        return None

    def pids(self) -> dict[str, int | None]:
        """Return the process of each node."""
        return {node: self.pid(node) for node in self.nodes}

    def kill(self, node: str) -> int:
        """Kill a node (SIGKILL); return when, ns."""
        pid = self.pid(node)
        assert pid is not None, f'{node} is not running'
        os.kill(pid, signal.SIGKILL)
        return time.time_ns()

    def text(self) -> str:
        """Return what the nodes have said."""
        return ''.join(self.output)

    def close(self) -> int:
        """End everything; return the exit status of `pose_ros up`."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10.0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if rclpy.ok(context=self.context):
            self._disconnect()
        return self.process.returncode


def footprint(pid: int) -> dict[str, float]:
    """Return what a process holds: memory in MB (proportional share), descriptors, threads."""
    rollup = Path(f'/proc/{pid}/smaps_rollup').read_text()
    # Private memory only: shared segments of the middleware belong to everybody.
    private_kb = sum(
        int(line.split()[1]) for line in rollup.splitlines() if line.startswith('Private_'))
    return {
        'memory_mb': private_kb / 1024.0,
        'descriptors': float(len(os.listdir(f'/proc/{pid}/fd'))),
        'threads': float(len(os.listdir(f'/proc/{pid}/task'))),
    }
