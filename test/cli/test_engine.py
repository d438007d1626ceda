# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The verb `pose_ros engine`, with real engines where TensorRT-RTX is installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pose_ros.backends.tensorrt.device import NoGpuError, find_gpu
from pose_ros.cli import main


def report(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_build_list_check_clear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(
        'tensorrt_rtx', reason='TensorRT-RTX: pip install -r requirements/gpu-build.txt'
    )
    folder = ['--folder', str(tmp_path / 'engines')]
    build = ['engine', 'build', '--capability', 'SM86', '--precision', 'fp16', *folder]
    assert main(build) == 0
    engines = report(capsys)['engines']
    assert [e['name'] for e in engines] == ['pose_multipose', 'pose_thunder']
    assert all(e['built'] and e['num_bytes'] > 5e6 for e in engines)
    assert main(build) == 0
    assert not any(e['built'] for e in report(capsys)['engines']), 'the cache was not used'
    assert main(['engine', 'list', *folder]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and 'pose_thunder' in lines[0] and 'SM86' in lines[0]
    assert main(['engine', 'check', *folder]) == 0
    plan = next((tmp_path / 'engines').glob('*.plan'))
    plan.write_bytes(plan.read_bytes()[:1000])
    assert main(['engine', 'check', *folder]) == 1
    assert 'UNUSABLE' in capsys.readouterr().out
    assert main(build) == 0
    assert sorted(e['built'] for e in report(capsys)['engines']) == [False, True]
    assert main(['engine', 'clear', *folder]) == 0
    assert report(capsys)['removed'] > 0 and not list((tmp_path / 'engines').iterdir())


def test_without_a_gpu_it_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        find_gpu()
    except NoGpuError:
        pass
    else:
        pytest.skip('there is a GPU')
    assert main(['engine', 'build', '--folder', str(tmp_path)]) == 1
    assert '--capability' in capsys.readouterr().err


def test_nothing_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for action in ('list', 'check', 'clear'):
        assert main(['engine', action, '--folder', str(tmp_path / 'none')]) == 0
    assert not (tmp_path / 'none').exists()
