# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The process of a node: from its arguments to its end, within 2 s of a signal."""

from __future__ import annotations

from collections.abc import Callable
import faulthandler
import os
import signal
import sys
from types import FrameType

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.parameters import ParameterError

_SPIN_TIMEOUT_S = 0.1  # how late a signal may be noticed
_EXIT_WITHIN_S = 1.5
_KILL_WITHIN_S = 1.9


def spin(node_class: Callable[[], ManagedNode], args: list[str] | None = None) -> int:
    """
    Run one node until SIGINT, SIGTERM or its own end.

    rclpy's signal handlers are not used: they invalidate the context in the middle of whatever
    runs, which then ends in a traceback.

    Returns
    -------
    int
        Exit status: 0, or 1 when the node cannot be made.
    """
    stop = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        stop = True
        _end_soon()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = node_class()
    except ParameterError as error:
        print(f'{sys.argv[0]}: {error}', file=sys.stderr)
        rclpy.shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    if not stop:
        node.start()
    while not stop and not node.finished:
        executor.spin_once(timeout_sec=_SPIN_TIMEOUT_S)
    node.release()
    executor.remove_node(node)
    node.destroy_node()
    executor.shutdown()
    rclpy.shutdown()
    return 0


def _end_soon() -> None:
    """End the process in time whatever it is doing: it has nothing to lose."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, _EXIT_WITHIN_S)
    # Inside a network no Python handler runs; faulthandler's thread needs no interpreter. What
    # it would write, a traceback, is of no use here.
    faulthandler.dump_traceback_later(
        _KILL_WITHIN_S, exit=True, file=open(os.devnull, 'w', encoding='utf-8'))


def take_your_time() -> None:
    """Let a node that finishes files end later than 2 s after a signal."""
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    faulthandler.cancel_dump_traceback_later()
