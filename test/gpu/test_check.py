# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A small part of `make gpu-check`, from its start to its end, on the driver of `fake/`."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
import subprocess
import sys

from fake_driver import FakeDriver
import pytest

CHECK = Path(__file__).parent / 'check.py'
spec = importlib.util.spec_from_file_location('gpu_check', CHECK)
assert spec is not None and spec.loader is not None
check = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check)


def run(out: Path, *arguments: str) -> tuple[int, list[dict]]:
    """Return the exit status and the lines of gpu_check.json."""
    done = subprocess.run(
        [sys.executable, str(CHECK), '--fake', '--minutes', '30', '--out', str(out), *arguments],
        timeout=280,
    )
    lines = (out / 'gpu_check.json').read_text(encoding='utf-8').splitlines()
    return done.returncode, [json.loads(line) for line in lines]


def test_tests_and_figures_are_written(fake: FakeDriver, tmp_path: Path) -> None:
    (tmp_path / 'fake_driver').symlink_to(fake.paths[0].parents[1])  # compiled already
    status, rows = run(tmp_path, '--only', 'figures', 'test_cuda_graph.py', 'sanitized')
    assert status == 0
    tests = [row for row in rows if 'test' in row]
    steps = [row for row in rows if 'step' in row]
    assert {row['outcome'] for row in tests} == {'passed'} and len(tests) >= 5
    assert [row['step'] for row in steps] == ['test_cuda_graph.py', 'figures', 'sanitized']
    assert [bool(row['skipped']) for row in steps] == [False, False, True]
    report = json.loads((tmp_path / 'gpu_latency.json').read_text(encoding='utf-8'))
    assert [row['graphs'] for row in report['rows']] == [True, False] and not report['failed']
    assert all(row['found'] == 1 and row['frame_ms']['p50'] > 0 for row in report['rows'])
    assert set(report['rows'][1]['stages_ms']) == {
        'upload', 'parameters', 'warp', 'network', 'decode', 'download'
    }


def test_it_goes_on_after_what_fails_or_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = {
        'test_kernels_warp.py': 'raise SystemExit(139)', 'test_cuda_worker.py': 'pass',
        'test_cuda_graph.py': 'import time; time.sleep(60)', 'figures': 'pass',
    }
    monkeypatch.setattr(
        check, '_command', lambda name, *_: ([sys.executable, '-c', commands[name]], '')
    )
    monkeypatch.setattr(check, 'LEAST_S', 0.5)
    monkeypatch.setitem(check.STEPS, 'test_cuda_graph.py', 1)
    assert check.main(['--out', str(tmp_path), '--only', *commands]) == 2
    lines = (tmp_path / 'gpu_check.json').read_text(encoding='utf-8').splitlines()
    assert {row['step']: row['problem'] for row in map(json.loads, lines)} == {
        'test_kernels_warp.py': 'ended with status 139', 'test_cuda_worker.py': '',
        'test_cuda_graph.py': 'took longer than 1 s', 'figures': '',
    }


def test_it_stays_within_its_minutes(tmp_path: Path) -> None:
    assert check.main(['--out', str(tmp_path), '--minutes', '0.01']) == 0
    lines = (tmp_path / 'gpu_check.json').read_text(encoding='utf-8').splitlines()
    assert [json.loads(line)['skipped'] for line in lines] == ['0.01 minutes are over'] * len(
        check.STEPS
    )
