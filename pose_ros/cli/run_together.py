# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Processes that belong together: one end for all of them, and a new start for a killed one."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from types import FrameType

from pose_ros.ros.respawn import Again, ExitPolicy, Over

KILL_AFTER_S = 1.9  # all gone within 2 s of a signal
_POLL_S = 0.05


def run_together(
    commands: dict[str, list[str]],
    environment: dict[str, str],
    grace_s: float = KILL_AFTER_S,
) -> int:
    """
    Run processes until a signal comes or ExitPolicy says so, then end all within `grace_s`.

    Parameters
    ----------
    commands : dict
        Command line by the name of the node.
    environment : dict
    grace_s : float
        What they have to end by themselves, s.

    Returns
    -------
    int
        0 after a signal or when all is done, 1 when a node could not be started or kept alive.
    """
    stop = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        stop = True

    before = {number: signal.signal(number, on_signal) for number in (
        signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    processes: dict[str, subprocess.Popen[bytes]] = {}
    due_s = dict.fromkeys(commands, 0.0)  # those that are not running, and when they start
    policy, status = ExitPolicy(commands), 0
    try:
        while not stop:
            for name in [name for name, at_s in due_s.items() if time.monotonic() >= at_s]:
                del due_s[name]
                processes[name] = _start(commands[name], environment)
            ended = {name: process.returncode for name, process in processes.items()
                     if process.poll() is not None}
            for name, code in ended.items():
                del processes[name]
                verdict = policy.judge(name, code, time.monotonic())
                print(f'pose_ros up: {verdict.reason}', file=sys.stderr)
                if isinstance(verdict, Again):
                    due_s[name] = time.monotonic() + verdict.delay_s
                elif not isinstance(verdict, Over):
                    status, stop = verdict.status, True
                    break
            time.sleep(0.0 if stop else _POLL_S)
    finally:
        _end(processes, grace_s)
        for number, handler in before.items():
            signal.signal(number, handler)
    return status


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # An interrupt while Python starts would end in a traceback: start_node takes it from here on.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        # A session of its own: Ctrl-C in the terminal reaches us only, and each gets one signal.
        return subprocess.Popen(command, env=environment, start_new_session=True)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _end(processes: dict[str, subprocess.Popen[bytes]], grace_s: float) -> None:
    running = {name: process for name, process in processes.items() if process.poll() is None}
    for process in running.values():
        process.send_signal(signal.SIGINT)
    deadline_s = time.monotonic() + grace_s
    for name, process in running.items():
        try:
            process.wait(max(0.0, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f'pose_ros up: {name} does not end: killed', file=sys.stderr)
            process.kill()
            process.wait()
