# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of real nodes: ranges, live updates all or none, refusals that say why."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from rcl_interfaces.srv import (
    DescribeParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.parameter import Parameter
from replay_backend import ReplayBackend

from pose_ros.core.config import EstimatorConfig, VisualizerConfig, named_fields
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_proximity import PoseProximityNode
from pose_ros.ros.nodes.pose_visualizer import PoseVisualizerNode
from pose_ros.ros.parameters import ParameterError


@pytest.fixture
def estimator(ros: Any, make_people: Any) -> Any:
    """Return an active estimator without a network."""
    node = ros.add(PoseEstimatorNode, load=lambda config: ReplayBackend(make_people(1)))
    assert node.start()
    return node


def set_atomically(ros: Any, values: dict[str, Any]) -> Any:
    request = SetParametersAtomically.Request(
        parameters=[Parameter(n, value=v).to_parameter_msg() for n, v in values.items()])
    name = '/pose_estimator/set_parameters_atomically'
    return ros.call(SetParametersAtomically, name, request).result


def test_descriptors_carry_range_and_text(ros: Any, estimator: Any) -> None:
    names = list(named_fields(EstimatorConfig))
    answer = ros.call(
        DescribeParameters, '/pose_estimator/describe_parameters',
        DescribeParameters.Request(names=names))
    for f, found in zip(fields(EstimatorConfig), answer.descriptors):
        assert found.description == f.metadata['description']
        if f.metadata['low'] is not None:
            limits = (found.integer_range or found.floating_point_range)[0]
            assert (limits.from_value, limits.to_value) == (f.metadata['low'], f.metadata['high'])


def test_live_update_reaches_the_estimator(ros: Any, estimator: Any) -> None:
    result = set_atomically(ros, {'min_person_score': 0.5, 'max_people': 3})
    assert result.successful, result.reason
    assert (estimator.config.min_person_score, estimator.config.max_people) == (0.5, 3)
    assert estimator._estimator.config is estimator.config


REFUSED = [
    ({'min_person_score': 0.5, 'mode': 'three-pass'}, ['mode', 'three-pass', 'two-pass']),
    ({'min_person_score': 0.5, 'max_people': 0}, ['max_people', '0', '1', '100']),
    ({'min_person_score': 1.5}, ['min_person_score', '1.5', '0.0', '1.0']),
    ({'min_person_score': float('nan')}, ['min_person_score', 'nan']),
    ({'min_person_score': 'much'}, ['min_person_score', "'much'", '0.0', '1.0']),
    ({'min_person_score': 0.5, 'num_threads': 1}, ['num_threads', 'deactivate']),
    ({'min_person_score': 0.5, 'unheard_of': 1}, ['unheard_of']),
    ({'max_peple': 3}, ['pose_estimator', 'max_peple', 'max_people']),
]


def test_refused_as_a_whole(ros: Any, estimator: Any) -> None:
    before = estimator.config
    for values, words in REFUSED:
        result = set_atomically(ros, values)
        assert not result.successful, values
        assert all(word in result.reason for word in words), result.reason
        assert estimator.config == before
        assert estimator.get_parameter('min_person_score').value == before.min_person_score


def test_one_by_one_takes_the_good_ones(ros: Any, estimator: Any) -> None:
    values = {'max_people': 4, 'detect_size_px': 1, 'min_keypoint_score': 0.25}
    request = SetParameters.Request(
        parameters=[Parameter(n, value=v).to_parameter_msg() for n, v in values.items()])
    results = ros.call(SetParameters, '/pose_estimator/set_parameters', request).results
    assert [r.successful for r in results] == [True, False, True]
    assert (estimator.config.max_people, estimator.config.min_keypoint_score) == (4, 0.25)


def test_fixed_ones_change_while_unconfigured(ros: Any, estimator: Any) -> None:
    estimator.trigger_deactivate()
    assert not set_atomically(ros, {'num_threads': 1}).successful
    estimator.trigger_cleanup()
    assert set_atomically(ros, {'num_threads': 1}).successful
    estimator.trigger_configure()
    assert estimator.config.num_threads == 1
    # Setting it to what it is already is no change.
    assert set_atomically(ros, {'num_threads': 1}).successful


def test_overrides_are_checked(ros: Any) -> None:
    for values, words in (
        ({'image_buffer': 0}, ['image_buffer', '0', '1', '100']),
        ({'image_buffer': 0.5}, ['image_buffer', '0.5']),
        ({'plane_distance_m': 'far'}, ['plane_distance_m', 'far', 'a number']),
        ({'skeletons': 'all'}, ['skeletons', "'all'", 'tracked']),
    ):
        with pytest.raises(ParameterError) as caught:
            ros.add(PoseVisualizerNode, parameters=values)
        assert all(word in str(caught.value) for word in words), caught.value
        assert '\n' not in str(caught.value)


def test_whole_numbers_are_taken_where_floats_are_meant(ros: Any) -> None:
    node = ros.add(PoseVisualizerNode, parameters={'plane_distance_m': 1})
    assert node.config == VisualizerConfig(plane_distance_m=1.0)
    answer = ros.call(SetParameters, '/pose_visualizer/set_parameters', SetParameters.Request(
        parameters=[Parameter('plane_distance_m', value=2).to_parameter_msg()]))
    assert answer.results[0].successful, answer
    assert node.config.plane_distance_m == node.get_parameter('plane_distance_m').value == 2.0
    node = ros.add(PoseProximityNode, parameters={'zone': [0, 0, 0, 1]})
    assert node.config.zone == (0.0, 0.0, 0.0, 1.0)


def test_unknown_names_are_said(ros: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Those of another node are not: a file may give all nodes the same."""
    ros.add(PoseVisualizerNode, parameters={
        'image_bufer': 3, 'max_people': 4, 'qos_overrides./x.publisher.depth': 3})
    said, = capfd.readouterr().err.splitlines()
    assert said.endswith('pose_visualizer has no parameter image_bufer: is image_buffer meant?')
