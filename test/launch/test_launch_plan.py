# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the launch file and `pose_ros up` share: what is wrong with arguments, what is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pose_ros.ros.launch_plan import ERRORS, LaunchArguments, NodeProcess, parse_bool, plan
from pose_ros.ros.node_settings import NodeSettingError, node_settings, ros_arguments
from pose_ros.ros.nodes import NODES
from pose_ros.ros.parameter_files import (
    ParameterFileError,
    check_parameter_file,
    parse_value,
    repaired_arguments,
    with_floats,
)
from pose_ros.ros.respawn import DEATHS, DELAYS_S, WITHIN_S, Again, ExitPolicy, Over, Stop


def started(**arguments: Any) -> dict[str, NodeProcess]:
    return {process.executable: process for process in plan(LaunchArguments(**arguments))[1]}


def test_topics_switch_on_what_uses_them() -> None:
    estimator = started(depth='/camera/depth', detections='/people')['pose_estimator']
    assert ('depth', '/camera/depth') in estimator.remaps
    assert ('depth/compressedDepth', '/camera/depth/compressedDepth') in estimator.remaps
    assert ('detections', '/people') in estimator.remaps
    assert estimator.parameters == {'depth.enabled': True, 'detections.enabled': True}
    assert started()['pose_estimator'].parameters == {}


def test_the_source_of_a_camera() -> None:
    camera = started(camera='0', loop=True)['pose_camera']
    assert camera.parameters == {'source': '0', 'exit_at_end': True, 'loop': True}
    given = started(camera='0', settings=('pose_camera.exit_at_end=no', 'frame_id=eye'))
    assert given['pose_camera'].parameters == {
        'source': '0', 'exit_at_end': False, 'loop': False, 'frame_id': 'eye'}


@pytest.mark.parametrize('arguments, reason', [
    ({'log_level': 'bogus'}, 'log_level .bogus.: must be one of debug, info'),
    ({'image': 'bad topic'}, 'image .bad topic.: not a valid ROS name'),
    ({'depth': '/2nd'}, 'depth ./2nd.: not a valid ROS name'),
    ({'detections': 'a//b'}, 'detections .a//b.: not a valid ROS name'),
    ({'namespace': 'my-robot'}, 'namespace .my-robot.: not a valid ROS name'),
    ({'cameras': 'front=bad topic'}, 'cameras .bad topic.: not a valid ROS name'),
    ({'remaps': ('image:=bad topic',)}, 'remap .bad topic.: not a valid ROS name'),
    ({'loop': True}, 'loop is for the source'),
    ({'params_file': '/nowhere/mine.yaml'}, '/nowhere/mine.yaml: No such file'),
    ({'settings': ('mode=bogus',)}, "mode = 'bogus': must be one of two-pass"),
    ({'settings': ('pose_camera.loop=true',)}, 'pose_camera is not started'),
])
def test_what_is_wrong_is_said_in_one_line(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ERRORS, match=reason) as caught:
        plan(LaunchArguments(**arguments))
    assert '\n' not in str(caught.value)


def test_bools_are_those_of_ros() -> None:
    assert all(parse_bool('rviz', text) for text in ('true', 'True', '1', 'yes', 'on', 'Y'))
    assert not any(parse_bool('rviz', text) for text in ('false', 'FALSE', '0', 'no', 'off', 'n'))
    for text in ('', 'maybe', '2', 'ture'):
        with pytest.raises(ERRORS, match='rviz .*must be true or false'):
            parse_bool('rviz', text)


def test_settings() -> None:
    found = node_settings(
        ['pose_tracker.max_lost_s=2', 'mode=single', 'depth.wait_s=1', 'zone=[0, 0, 0, 0.5]',
         'source=0'], NODES)
    assert found['pose_tracker'] == {'max_lost_s': 2.0}
    assert found['pose_estimator'] == {'mode': 'single', 'depth.wait_s': 1.0}
    assert found['pose_proximity'] == {'zone': [0.0, 0.0, 0.0, 0.5]}
    assert ros_arguments(found['pose_camera']) == ['-p', 'source:="0"']
    for text, reason in (
            ('mod=single', 'no parameter mod|has a parameter mod: is mode meant'),
            ('pose_tracker.max_lst_s=2', 'max_lost_s meant'),
            ('autostart=false', 'of which node.*pose_estimator.autostart'),
            ('pose_tracer.max_lost_s=2', "unknown node 'pose_tracer'"),
            ('confirm_hits=2.5', 'must be an integer'), ('mode', 'NODE.PARAM=VALUE')):
        with pytest.raises(NodeSettingError, match=reason):
            node_settings([text], NODES)


@pytest.mark.parametrize('text, reason', [
    ('a: [1', 'line 1: expected'),
    ('pose_estimator: {ros__parameters: {depth: {wait_s: soon}}}', 'depth.wait_s = .soon.: must'),
    ('pose_estimator: {ros__parameters: {mode: bogus}}', "pose_estimator: mode = 'bogus'"),
    ('/**/pose_estimator: {ros__parameters: {max_people: 2.5}}', 'max_people = 2.5: must be an'),
    ('front: {pose_tracker: {ros__parameters: {confirm_hits: many}}}', 'confirm_hits'),
    ('pose_estimater: {ros__parameters: {}}', 'is pose_estimator meant'),
    ('pose_tracker: {confirm_hits: 3}', 'ros__parameters is missing'),
    ('pose_tracker: {ros__parameters: [1]}', 'must be names and values'),
    ('- 1', 'must have sections'),
])
def test_what_is_wrong_in_a_file(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / 'mine.yaml'
    file.write_text(text)
    with pytest.raises(ParameterFileError, match=reason) as caught:
        check_parameter_file(file, NODES)
    assert str(file) in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize('text', [
    '', 'other_package: {ros__parameters: {mode: bogus}}',
    'pose_tracker: {ros__parameters: {max_lost_s: 2, use_sim_time: yes, no_such: 1}}',
    '/**: {ros__parameters: {use_sim_time: true}}', 'pose_tracker: {ros__parameters: }',
    'pose_proximity: {ros__parameters: {zone: [0, 0, 0, 5e-1]}}',
])
def test_what_is_right_in_a_file(tmp_path: Path, text: str) -> None:
    (tmp_path / 'mine.yaml').write_text(text)
    check_parameter_file(tmp_path / 'mine.yaml', NODES)


def test_lists_that_mix_integers_and_floats(tmp_path: Path) -> None:
    text = 'zone: [0, -1, 0.5]  # a sphere\nnames: ["1", 2, x]\nwhole: [1, 2]\n'
    repaired = text.replace('[0, -1, 0.5]', '[0.0, -1.0, 0.5]')
    assert with_floats(text) == repaired
    file = tmp_path / 'mine.yaml'
    file.write_text(text)
    with repaired_arguments(
            ['--params-file', str(file), '-p', 'zone:=[1, 1e-3]', '-p', 'n:=1']) as arguments:
        assert Path(arguments[1]).read_text() == repaired
        assert arguments[2:] == ['-p', 'zone:=[1.0, 1e-3]', '-p', 'n:=1']
    assert not Path(arguments[1]).exists() and file.read_text() == text


def test_values_are_read_as_rcl_does() -> None:
    """What rcl_yaml_param_parser of Jazzy made of them."""
    assert [parse_value(text) for text in ('y', '1e-3', '2020-01-01', '0x10', '1:30', '.5')] == [
        True, 0.001, '2020-01-01', 16, '1:30', 0.5]


def test_only_a_crash_brings_a_node_back() -> None:
    policy = ExitPolicy(['pose_estimator', 'pose_tracker', 'pose_camera'])
    assert isinstance(policy.judge('pose_estimator', -9, 0.0), Again)
    assert isinstance(policy.judge('pose_estimator', 70, 100.0), Again)
    assert isinstance(policy.judge('pose_tracker', -11, 0.0), Again)
    assert isinstance(policy.judge('pose_tracker', 0, 1.0), Over)
    for code in (1, 2):
        assert policy.judge('pose_estimator', code, 2.0).status == 1
    assert policy.judge('pose_camera', 0, 3.0) == Stop(0, 'pose_camera has ended')
    assert ExitPolicy(['pose_recorder']).judge('pose_recorder', -9, 0.0).status == 1


def test_the_last_one_that_ends_is_the_end_of_all() -> None:
    policy = ExitPolicy(['front/pose_estimator', 'front/pose_tracker'])
    assert isinstance(policy.judge('front/pose_tracker', -2, 0.0), Over)
    assert policy.judge('front/pose_estimator', -15, 1.0) == Stop(
        0, 'front/pose_estimator has ended')


def test_delays_grow_until_it_is_given_up() -> None:
    policy = ExitPolicy(['pose_estimator', 'pose_tracker'])
    verdicts = [policy.judge('pose_tracker', -6, float(second)) for second in range(DEATHS)]
    assert [v.delay_s for v in verdicts[:-1]] == list(DELAYS_S) == sorted(DELAYS_S)
    assert verdicts[-1].status == 1 and '5 times within 60 s: given up' in verdicts[-1].reason
    assert policy.judge('pose_estimator', -6, 5.0).delay_s == 0.0  # each by itself
    slow = ExitPolicy(['pose_tracker'])
    for number in range(3 * DEATHS):
        assert slow.judge('pose_tracker', -6, number * (WITHIN_S + 1)).delay_s == 0.0
