# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros evaluate-depth` on real footage, with the figures it has to reach."""

import json
import os
from pathlib import Path

import pytest

from pose_ros import cli

DATA = Path(os.environ.get('POSE_ROS_DATA', ''), 'rgbd_person')


def test_a_folder_without_a_sequence_ends_in_one_line(tmp_path, capsys):
    assert cli.main(['evaluate-depth', '--data', str(tmp_path)]) == 1
    assert 'no NAME.jpg' in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(
    not (os.environ.get('POSE_ROS_DATA') and DATA.is_dir()),
    reason='POSE_ROS_DATA does not name a folder with rgbd_person/',
)
def test_the_person_before_the_camera(tmp_path, capsys):
    file = tmp_path / 'report.json'
    assert cli.main(['evaluate-depth', '--data', str(DATA), '--json', str(file)]) == 0
    report = json.loads(file.read_text())
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == report
    assert report['images'] == 100
    assert report['lifted_of_visible'] > 0.95
    assert report['joints_in_mask_depths'] >= 0.95
    assert report['skin_in_mask_depths'] >= 0.99
    for name in ('left_elbow-left_shoulder', 'right_elbow-right_shoulder',
                 'left_shoulder-right_shoulder'):
        assert report['bones'][name]['filtered']['std_share'] <= 0.04
        assert report['bones'][name]['filtered']['n'] > 40
