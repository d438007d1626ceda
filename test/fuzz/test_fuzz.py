# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A short run of the fuzzer; `make fuzz` is the long one."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import pytest

SCRIPT = Path(__file__).with_name('fuzz.py')


@pytest.mark.slow
def test_some_spoilt_files(tmp_path: Path) -> None:
    pytest.importorskip('sensor_msgs.msg', reason='ROS is not here: ./run pytest brings it')
    pytest.importorskip('onnx', reason='networks are spoilt too: ./run pytest brings onnx')
    result = subprocess.run(
        [sys.executable, str(SCRIPT), '--inputs', '4000', '--keep', str(tmp_path / 'found')],
        capture_output=True, encoding='utf-8')
    assert result.returncode == 0, result.stdout
    lines = [line for line in result.stdout.splitlines() if ' inputs, ' in line]
    assert len(lines) == 14 and all(', 0 faults,' in line for line in lines)
    for line in lines:
        # A reader that refuses nothing, or takes nothing, is not fuzzed.
        assert ' 0 read,' not in line, line
