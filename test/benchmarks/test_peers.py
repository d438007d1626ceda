# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`benchmarks.peers`: short runs of real systems give every figure; sick ones say why."""

from __future__ import annotations

import json
from pathlib import Path
import sys

from geometry_msgs.msg import PoseArray
import numpy as np
import pytest

from benchmarks.peer_nodes.measured_run import (
    MeasuredRun,
    PeerError,
    PeerSystem,
    answers_since,
    measure,
)
from benchmarks.peers import _figures, _Result, _table
from pose_ros import cli
from pose_ros.media.sources import SourceError, demo_paths

IMAGES = np.zeros((2, 48, 64, 3), np.uint8)


def run(delays_ms: list[float], gap_ms: float = 20.0) -> MeasuredRun:
    received_ms = np.arange(len(delays_ms)) * gap_ms
    lived = answers_since(received_ms - delays_ms, received_ms)
    return MeasuredRun(1e3 / gap_ms, np.array(delays_ms), lived, 50.0, 100.0, 100.0)


@pytest.mark.nightly('half a minute of other systems; a table is made of figures below')
def test_systems_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        demo_paths()
    except SourceError as error:
        pytest.skip(str(error))
    file = tmp_path / 'peers.json'
    assert cli.run_module('benchmarks.peers', [
        '--rounds', '1', '--seconds', '2', '--json', str(file),
                     '--only', 'floor,pose_ros single,plain ONNX']) == 0
    output = capsys.readouterr().out
    report = json.loads(file.read_text())
    assert report == json.loads(output.splitlines()[-1])
    floor, ours, plain = report['systems'].values()
    for figures in (floor, ours, plain):
        assert 0 < figures['delay_p50_ms'] <= figures['delay_p95_ms'] <= figures['delay_p99_ms']
        assert figures['rate_hz'] > 0 and figures['memory_mb'] > 20
    assert floor['found_percent'] == 0 and ours['found_percent'] > 90
    assert plain['found_percent'] > 90
    # A network takes longer than none, whatever else the machine does.
    assert floor['cpu_ms'] < ours['cpu_ms']
    assert '| beside plain |' in output


def test_a_system_that_dies_says_why() -> None:
    dying = PeerSystem('dying', [[sys.executable, '-c', 'raise SystemExit("no licence")']],
                       'poses', PoseArray, {})
    with pytest.raises(PeerError, match=r'dying: a process ended\n  \| no licence'):
        measure(dying, IMAGES, 10.0, 1.0)


def test_the_table_has_medians_over_rounds_and_ratios() -> None:
    ours = _Result([run([10, 30]), run([10, 90]), run([10, 50])], [run([1, 2, 3])] * 3)
    plain = _Result([run([10, 20], 40.0)] * 3, [run([4, 5, 6])] * 3)
    figures = _figures(ours)
    assert figures['overload_age_max_ms'] == 50 and figures['overload_age_max_periods'] == 2.5
    assert figures['delay_p50_ms'] == 2
    assert figures['cpu_ms'] == 10.0  # half a core at 50 images per second
    lines = _table({'ours': figures, 'plain ONNX': _figures(plain)})
    assert '| ours | 50.0 | 2.00 | 50 (2.5; 2) | 2.0 /' in lines[2]


def test_an_image_lives_through_as_many_answers_as_waited_before_it() -> None:
    # Slow and quick in turn, no queue: whoever comes while one is worked on is next.
    received_ms = np.array([50.0, 65.0, 115.0, 130.0])
    fresh = answers_since(np.array([0.0, 48.0, 64.0, 114.0]), received_ms)
    assert fresh.tolist() == [1, 2, 2, 2]
    # Three wait: each is the fourth answer since it was published.
    received_ms = np.arange(1.0, 9.0) * 20.0
    assert answers_since(received_ms - 79.0, received_ms).tolist() == [1, 2, 3, 4, 4, 4, 4, 4]


@pytest.mark.parametrize('arguments, reason', [
    (['--only', 'nobody'], 'nobody'),
    (['--size', '640'], 'WIDTHxHEIGHT'),
    (['--mediapipe', '/nowhere'], 'pip install --target'),
])
def test_bad_arguments(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run_module('benchmarks.peers', [*arguments]) == 1
    assert reason in capsys.readouterr().err


@pytest.mark.nightly('two cameras for seconds, with estimator and tracker each')
@pytest.mark.parametrize('more', [[], ['--use-composition']])
def test_two_cameras_are_measured(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        demo_paths()
    except SourceError as error:
        pytest.skip(str(error))
    file = tmp_path / 'cameras.json'
    assert cli.run_module('benchmarks.cameras', [
        '--most', '2', '--seconds', '2', '--json', str(file),
                     '--set', 'pose_estimator.mode=one-pass', *more]) == 0
    output = capsys.readouterr().out
    report = json.loads(file.read_text())
    assert report == json.loads(output.splitlines()[-1])
    one, two = report['cameras'].values()
    assert one['rate_hz_all'] == one['rate_hz_least'] > 0
    assert two['rate_hz_all'] > two['rate_hz_least'] > 0
    # Both are there: two pairs of processes hold more than one.
    assert two['memory_mb'] > 1.5 * one['memory_mb']
