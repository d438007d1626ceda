# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.runtimes` on real footage."""

from __future__ import annotations

import json

import pytest

from pose_ros.cli import run_module
from pose_ros.media.sources import SourceError, demo_paths


def test_a_runtime_beside_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip('openvino', reason='OpenVINO: pip install -r requirements/openvino.txt')
    try:
        demo_paths()
    except SourceError as error:
        pytest.skip(str(error))
    assert run_module('benchmarks.runtimes', ['--runtimes', 'openvino:fp32', '--images', '6']) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    reference, other = report['runtimes']['onnx'], report['runtimes']['openvino:fp32']
    assert reference['median_px'] == reference['far'] == 0
    assert reference['keypoints'] == other['keypoints'] > 10
    assert other['median_px'] < 0.01 and other['p95_px'] < 0.1
    assert all(row['cpu_ms']['p50'] > 0 and row['wall_ms']['n'] > 0 for row in (reference, other))


def test_a_runtime_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip('openvino', reason='OpenVINO: pip install -r requirements/openvino.txt')
    assert run_module('benchmarks.runtimes', ['--runtimes', 'openvino:fp16', '--images', '1']) == 1
    assert 'not fp16' in capsys.readouterr().err
