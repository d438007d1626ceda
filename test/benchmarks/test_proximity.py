# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.proximity`: the report, and arguments out of range."""

import json

import pytest

from pose_ros import cli


def test_the_report_has_every_scene(tmp_path, capsys):
    file = tmp_path / 'report.json'
    assert cli.run_module('benchmarks.proximity', [
        '--seeds', '1', '--seconds', '0.8', '--scenes', 'reach',
                     'two', '--json', str(file)]) == 0
    report = json.loads(file.read_text())
    out = capsys.readouterr().out
    assert json.loads(out.splitlines()[-1]) == report
    assert 'not certified safety' in out.replace('\n', ' ')
    assert set(report['scenes']) == {'reach 2 m', 'reach 4 m', 'two 2 m', 'two 4 m', 'all'}
    for row in report['scenes'].values():
        assert row['frames'] > 0 and 0 <= row['coverage'] <= 1
        assert row['margin_median_m'] < row['margin_p95_m']


@pytest.mark.parametrize('arguments', [
    ['--confidence', '1.0'], ['--confidence', 'nan'], ['--seeds', '0'], ['--seconds', '0.1'],
])
def test_arguments_out_of_range_end_in_one_line(arguments, capsys):
    assert cli.run_module('benchmarks.proximity', [*arguments]) == 1
    assert capsys.readouterr().err.startswith('pose_ros: --confidence')
