# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`python -m pose_ros.cli`."""

import signal
import sys


def run() -> int:
    """Run the command; until it is imported an interrupt ends the process without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The script `pose_ros` has held it back so far: Python itself takes a tenth of a second.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    from pose_ros.cli import main

    return main()


if __name__ == '__main__':
    sys.exit(run())
