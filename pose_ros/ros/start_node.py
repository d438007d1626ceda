# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The first thing that the process of a node runs: `python -m pose_ros.ros.start_node NAME ...`.

rclpy and the libraries of the networks take a second to import. An interrupt meanwhile would end
in a traceback out of whatever is being imported, or be lost in it.
"""

import os
import signal
import sys
from types import FrameType


def start_node(name: str) -> int:
    """
    Run a node; end at once, and quietly, when interrupted before it is there.

    Parameters
    ----------
    name : str
        Its module in `pose_ros.ros.nodes`; `sys.argv` has its arguments.

    Returns
    -------
    int
        Exit status: 0, 1 when it cannot be started, 70 (EX_SOFTWARE) after a fault.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    # Who starts us may have held it back so far: Python itself takes a tenth of a second.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        if name == 'pose_container':
            from pose_ros.ros.nodes.pose_container import main

            return main()
        from pose_ros.ros.nodes import node_class
        from pose_ros.ros.process import spin

        made = node_class(name)
    except ModuleNotFoundError as error:
        print(f'{name}: this Python ({sys.executable}) lacks {error.name}; `pose_ros doctor` says '
              'how to get it', file=sys.stderr)
        return 1
    return spin(made)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(0)  # no exception: a library that is being imported might take it for its own


if __name__ == '__main__':
    sys.argv[:2] = sys.argv[1:2]
    sys.exit(start_node(sys.argv[0]))
