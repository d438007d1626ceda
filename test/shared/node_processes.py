# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Processes of nodes: ended by a signal, waited for."""

from __future__ import annotations

from pathlib import Path
import signal
import subprocess
import time
from typing import Any

# Ten times what the package says (`pose_ros/ros/process.py`): a busy machine is no fault.
ENDS_WITHIN_S = 20.0


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str, float]:
    """Send a signal; return exit status, output and the seconds it took."""
    started_s = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=2 * ENDS_WITHIN_S)
    return process.returncode, output, time.monotonic() - started_s


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


def wait_until(condition: Any, timeout_s: float = 15.0) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if condition():
            return True
        time.sleep(0.02)
    return False
