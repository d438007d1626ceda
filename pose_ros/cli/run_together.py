# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Processes that belong together: one end for all of them, and a new start for a killed one."""

from __future__ import annotations

from collections.abc import Sequence
import signal
import subprocess
import sys
import time
from types import FrameType

KILL_AFTER_S = 1.9  # all gone within 2 s of a signal
# As in the launch file. A node takes a second to start: it cannot fail more often than that.
RESPAWN_DELAY_S = 0.0
_POLL_S = 0.05


def run_together(
    commands: dict[str, list[str]],
    environment: dict[str, str],
    grace_s: float = KILL_AFTER_S,
    respawn: Sequence[str] = (),
) -> int:
    """
    Run processes until one ends or a signal comes, then end all within `grace_s`.

    Parameters
    ----------
    commands : dict
        Command line by name.
    environment : dict
    grace_s : float
        What they have to end by themselves, s.
    respawn : sequence of str
        Names of those that are started again when they fail.

    Returns
    -------
    int
        0 after a signal or when the first one ended well, else its exit status.
    """
    stop = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        stop = True

    before = {number: signal.signal(number, on_signal) for number in (
        signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    processes = {name: _start(command, environment) for name, command in commands.items()}
    due_s: dict[str, float] = {}  # when those that failed start again
    status = 0
    try:
        while not stop:
            ended = {
                name: process.returncode for name, process in processes.items()
                if name not in due_s and process.poll() is not None
            }
            for name, code in ended.items():
                again = bool(code) and name in respawn
                if again:
                    due_s[name] = time.monotonic() + RESPAWN_DELAY_S
                if code:
                    print(f'pose_ros up: {name} ended with {describe(code)}'
                          f'{": it starts again" if again else ""}', file=sys.stderr)
            final = {name: code for name, code in ended.items() if name not in due_s}
            if final:
                status = next((code for code in final.values() if code), 0)
                break
            for name in [name for name, at_s in due_s.items() if time.monotonic() >= at_s]:
                del due_s[name]
                processes[name] = _start(commands[name], environment)
            time.sleep(_POLL_S)
    finally:
        _end(processes, grace_s)
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal reaches us only, and each gets one signal.
    return subprocess.Popen(command, env=environment, start_new_session=True)


def describe(code: int) -> str:
    """Say a return code of subprocess in words."""
    if code < 0:
        return f'signal {signal.Signals(-code).name}'
    return f'exit status {code}'


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
