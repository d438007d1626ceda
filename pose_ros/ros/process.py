# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The process of nodes: from its arguments to its end, within 2 s of a signal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
import gc
import os
from pathlib import Path
import re
import signal
import sys
import threading
import traceback
from types import FrameType

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from pose_ros.ros.image_memory import keep_image_memory
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.parameter_files import ParameterFileError, repaired_arguments
from pose_ros.ros.parameters import ParameterError

_SPIN_TIMEOUT_S = 0.1  # how late a signal may be noticed
_EXIT_WITHIN_S = 1.5

_no_hurry = threading.Event()


def spin(node_class: Callable[[], ManagedNode], args: list[str] | None = None) -> int:
    """
    Run one node until SIGINT, SIGTERM or its own end.

    Returns
    -------
    int
        Exit status: 0, or 1 when the node cannot be made.
    """
    return spin_together([node_class], args)


def spin_together(
    makers: Sequence[Callable[[], ManagedNode]], args: list[str] | None = None
) -> int:
    """
    Run nodes in one process until SIGINT, SIGTERM or the end of one of them.

    Each has a thread and an executor of its own: none waits for the callback of another, but for
    Python code, of which one thread runs at a time. What one raises ends the process, as if it
    had been alone.

    rclpy's signal handlers are not used: they invalidate the context in the middle of whatever
    runs, which then ends in a traceback.

    Parameters
    ----------
    makers : sequence of callable
        Each makes a node. The first one runs in the main thread.
    args : list of str, optional
        Of all nodes; by default those of the command line.

    Returns
    -------
    int
        Exit status: 0, 1 when a node cannot be made or has nothing to work on, 70 (EX_SOFTWARE)
        after a fault of ours, which a new start may get over.
    """
    stop = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        stop = True

    def run(node: ManagedNode) -> None:
        nonlocal stop
        try:
            _run(node, lambda: stop)
        finally:
            stop = True

    keep_image_memory()
    _exit_after_signal()
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    name = Path(sys.argv[0]).name
    try:
        with repaired_arguments(sys.argv if args is None else args) as repaired:
            rclpy.init(args=repaired, signal_handler_options=SignalHandlerOptions.NO)
    except (ParameterFileError, RuntimeError) as error:  # RuntimeError: what rcl refuses
        print(f'{name}: {_what_rcl_says(str(error))}', file=sys.stderr)
        return 1
    nodes: list[ManagedNode] = []
    try:
        for make in makers:
            nodes.append(make())
    except ParameterError as error:
        print(f'{name}: {error}', file=sys.stderr)
        for node in nodes:
            node.destroy_node()
        rclpy.shutdown()
        return 1
    try:
        with ThreadPoolExecutor(len(nodes), 'node') as threads:
            others = [threads.submit(run, node) for node in nodes[1:]]
            run(nodes[0])
        for other in others:
            other.result()  # raises what it has raised
    except Exception:  # noqa: BLE001  said, with a status that starts the node again
        traceback.print_exc()
        return os.EX_SOFTWARE
    rclpy.shutdown()
    return max(node.exit_status for node in nodes)


def _what_rcl_says(text: str) -> str:
    """Shorten the message of rclpy.init(): without where in rcl's sources it was raised."""
    text = re.sub(r', at [^ ,]+:\d+', '', ' '.join(text.split()))
    return text.removeprefix('failed to initialize rcl: ')


def _run(node: ManagedNode, is_over: Callable[[], bool]) -> None:
    """Start a node and spin it until `is_over()` or its own end."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    if not is_over():
        node.start()
    # What is there now stays: the collector need not look through it again and again, 30 ms each.
    gc.collect()
    gc.freeze()
    while not is_over() and not node.finished:
        executor.spin_once(timeout_sec=_SPIN_TIMEOUT_S)
    node.release()
    executor.remove_node(node)
    node.destroy_node()
    executor.shutdown()


def _exit_after_signal() -> None:
    """
    End the process some time after a signal, whatever its main thread is doing.

    Signal handlers run in the main thread only, between two bytecodes: not while it loads or
    runs a network. The wake-up file is written at once, and a thread waits for it.
    """
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)

    def watch() -> None:
        os.read(readable, 1)
        if not _no_hurry.wait(_EXIT_WITHIN_S):
            os._exit(0)

    threading.Thread(target=watch, name='exit_after_signal', daemon=True).start()


def take_your_time() -> None:
    """Let a node that finishes files end later than 2 s after a signal."""
    _no_hurry.set()
