# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""run_on_fake.py FOLDER SCRIPT|-m MODULE ARGUMENT...: run Python on the driver of this folder."""

from __future__ import annotations

from pathlib import Path
import runpy
import sys

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]

import fake_driver  # noqa: E402


def main(folder: str, *command: str) -> None:
    """Compile the driver into a folder unless it is there, load it, run the command."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    fake_driver.FakeDriver(*fake_driver.build(Path(folder))).start()
    from fake_tensorrt import FakeTensorrt

    sys.modules['tensorrt'] = FakeTensorrt()  # type: ignore[assignment]
    if command[0] == '-m':
        sys.argv = list(command[1:])
        runpy.run_module(command[1], run_name='__main__', alter_sys=True)
    else:
        sys.argv = list(command)
        runpy.run_path(command[0], run_name='__main__')


if __name__ == '__main__':
    main(*sys.argv[1:])
