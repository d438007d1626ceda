# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One run of one system: images go in at a rate, and what comes back is watched from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from pose_ros.ros.conversions import stamp_ns
from pose_ros.ros.shipped_files import transport_environment

_START_WITHIN_S = 60.0
_SETTLE_S = 1.0  # after the first answer: networks warm up, discovery ends
_TICK_S = 1.0 / os.sysconf('SC_CLK_TCK')


class PeerError(RuntimeError):
    """A system did not start or did not answer; the message says which, and its last lines."""


@dataclass(frozen=True)
class PeerSystem:
    """
    What is measured.

    Attributes
    ----------
    name : str
    commands : sequence of command lines
        Its processes.
    topic : str
        Where its answers come, with the header of the image.
    message : class
        Of the answers.
    environment : dict
        Added to the processes' environment.
    """

    name: str
    commands: Sequence[list[str]]
    topic: str
    message: Any
    environment: dict[str, str]


@dataclass(frozen=True)
class MeasuredRun:
    """
    What came out of one run.

    Attributes
    ----------
    rate_hz : float
        Answers per second.
    delay_ms : (N,) float64
        Of each answer: from the image's stamp (its publication) to the answer's reception.
    lived : (N,) int
        Of each answer: answers from its image's publication to itself, itself included. Up to 2
        where no image waits for more than the one that is worked on, however uneven the times;
        3 when an answer was under way as the image was published.
    cpu_percent : float
        Of one core, all its processes together.
    memory_mb : float
        Resident, all its processes together, at the end.
    found_percent : float
        Of the answers, those with a person in them.
    """

    rate_hz: float
    delay_ms: np.ndarray
    lived: np.ndarray
    cpu_percent: float
    memory_mb: float
    found_percent: float


def measure(
    system: PeerSystem,
    images: np.ndarray,
    rate_hz: float,
    seconds: float,
    domain_id: int | None = None,
) -> MeasuredRun:
    """
    Run a system for a while.

    Parameters
    ----------
    system : PeerSystem
    images : (N, H, W, 3) uint8
        BGR, played again and again.
    rate_hz : float
        Images per second.
    seconds : float
        What is measured, after it has settled.
    domain_id : int, optional
        By default one of this process.

    Raises
    ------
    PeerError
        When it does not answer.
    """
    domain_id = domain_id or 1 + os.getpid() % 100
    with tempfile.TemporaryDirectory(prefix='pose_ros_peers_') as scratch:
        np.save(Path(scratch) / 'images.npy', images)
        player = [sys.executable, '-m', 'benchmarks.peer_nodes.player_node',
                  str(Path(scratch) / 'images.npy'), str(rate_hz)]
        with _running([*system.commands, player], system, domain_id, Path(scratch)) as processes, \
                _listening(system, domain_id) as (spin, answers):
            deadline_s = time.monotonic() + _START_WITHIN_S
            while not answers:
                ended = [p for p in processes if p.poll() is not None]
                if ended or time.monotonic() > deadline_s:
                    raise PeerError(f'{system.name}: {_last_words(Path(scratch), bool(ended))}')
                spin(0.1)
            _spin_for(spin, _SETTLE_S)
            answers.clear()
            measured = processes[:-1]
            cpu_s, started_s = _cpu_s(measured), time.monotonic()
            _spin_for(spin, seconds)
            took_s = time.monotonic() - started_s
            cpu_s = _cpu_s(measured) - cpu_s
            memory_mb = _memory_mb(measured)
    if len(answers) < 2:
        raise PeerError(f'{system.name}: {len(answers)} answers in {seconds:.0f} s')
    received_ns, stamps_ns, people = np.array(answers, np.int64).T
    return MeasuredRun(
        rate_hz=len(answers) / took_s,
        delay_ms=(received_ns - stamps_ns) * 1e-6,
        lived=answers_since(stamps_ns, received_ns),
        cpu_percent=100.0 * cpu_s / took_s,
        memory_mb=memory_mb,
        found_percent=100.0 * float((people > 0).mean()),
    )


def answers_since(stamps_ns: np.ndarray, received_ns: np.ndarray) -> np.ndarray:
    """Count the answers from each image's stamp to its own answer: (N,) and (N,) -> (N,) int."""
    return np.arange(1, len(stamps_ns) + 1) - np.searchsorted(received_ns, stamps_ns, 'right')


@contextmanager
def _running(
    commands: Sequence[list[str]], system: PeerSystem, domain_id: int, scratch: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    environment = {
        **os.environ, **transport_environment(), 'ROS_DOMAIN_ID': str(domain_id),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }
    processes = []
    try:
        for command in commands:
            # The player is ours: a peer's own libraries are not for it.
            own = environment if command is commands[-1] else {
                **environment, **_joined(environment, system.environment)}
            with (scratch / 'log.txt').open('ab') as log:
                processes.append(subprocess.Popen(
                    command, env=own, stdout=log, stderr=log, start_new_session=True))
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in processes:
            try:
                process.wait(3.0)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _joined(environment: dict[str, str], added: dict[str, str]) -> dict[str, str]:
    """Put a peer's search paths before those that are there."""
    return {
        name: os.pathsep.join(filter(None, (value, environment.get(name))))
        if name.endswith('PATH') else value
        for name, value in added.items()
    }


@contextmanager
def _listening(
    system: PeerSystem, domain_id: int
) -> Iterator[tuple[Any, list[tuple[int, int, int]]]]:
    context = Context()
    rclpy.init(context=context, domain_id=domain_id)
    node = Node('listener', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    answers: list[tuple[int, int, int]] = []  # received and stamp, ns; people or keypoints

    def on_answer(msg: Any) -> None:
        found = len(msg.skeletons) if hasattr(msg, 'skeletons') else len(msg.poses)
        answers.append((time.time_ns(), stamp_ns(msg.header.stamp), found))

    node.create_subscription(system.message, system.topic, on_answer, 10)
    try:
        yield (lambda timeout_s: executor.spin_once(timeout_sec=timeout_s)), answers
    finally:
        executor.remove_node(node)
        node.destroy_node()
        rclpy.shutdown(context=context)


def _spin_for(spin: Any, seconds: float) -> None:
    deadline_s = time.monotonic() + seconds
    while (left_s := deadline_s - time.monotonic()) > 0:
        spin(left_s)


def _last_words(scratch: Path, ended: bool) -> str:
    lines = (scratch / 'log.txt').read_text(encoding='utf-8', errors='replace').splitlines()[-5:]
    what = 'a process ended' if ended else f'no answer within {_START_WITHIN_S:.0f} s'
    return '\n  | '.join((what, *lines))


def _cpu_s(processes: Sequence[subprocess.Popen[bytes]]) -> float:
    """Return the processor time of the processes so far, seconds (proc(5): utime, stime)."""
    total = 0.0
    for process in processes:
        fields = Path(f'/proc/{process.pid}/stat').read_text().rpartition(')')[2].split()
        total += (int(fields[11]) + int(fields[12])) * _TICK_S
    return total


def _memory_mb(processes: Sequence[subprocess.Popen[bytes]]) -> float:
    total = 0.0
    for process in processes:
        status = Path(f'/proc/{process.pid}/status').read_text()
        total += int(status.partition('VmRSS:')[2].split()[0]) / 1024.0
    return total
