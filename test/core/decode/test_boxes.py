# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rows of detectors and one-stage networks, made from people that are known."""

import json

import numpy as np
import pytest

from pose_ros.core.decode.boxes import decode_boxes, decode_one_stage, yolox_rows
from pose_ros.core.model_spec import ModelSpec, ModelSpecError
from pose_ros.core.skeleton import NUM_KEYPOINTS

SIZE = (320, 256)
BOXES = np.array([[40, 30, 120, 230], [200, 60, 260, 200]], np.float32)
SCORES = np.array([0.9, 0.6], np.float32)
JOINTS = np.random.default_rng(1).uniform(30, 230, (2, NUM_KEYPOINTS, 2)).astype(np.float32)
JOINT_SCORES = np.linspace(0.1, 1.0, 2 * NUM_KEYPOINTS, dtype=np.float32).reshape(2, -1)
NUMBERS = np.concatenate([JOINTS, JOINT_SCORES[..., None]], axis=2).reshape(2, -1)
CENTRES = np.concatenate([(BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]], axis=1)


def spec(box_format, decoder='boxes', **changes):
    outputs = {'dets': 'd', 'labels': 'l', 'keypoints': 'k', 'output': 'o'}
    return ModelSpec(
        name='made', input_name='x', input_size=SIZE, decoder=decoder, stride=0, outputs=outputs,
        box_format=box_format, **changes)


def classes(person_class, count=3):
    """Scores of classes; another class is always higher than 0."""
    scores = np.full((2, count), 0.3, np.float32)
    scores[:, person_class] = SCORES
    return scores


def yolox_raw():
    """Put the two people into the grid cell nearest to their middle, every other row empty."""
    rows = np.zeros((yolox_rows(SIZE), 8), np.float32)
    first = SIZE[0] // 8 * (SIZE[1] // 8)  # of stride 16
    for box, score in zip(CENTRES, SCORES):
        cell = (box[:2] // 16).astype(int)
        row = first + cell[1] * (SIZE[0] // 16) + cell[0]
        rows[row] = [*(box[:2] / 16 - cell), *np.log(box[2:] / 16), 0.9, 0.2, score / 0.9, 0.1]
    return rows


def outputs_of(box_format, decoder):
    """Network outputs of one view, (1, ...), with class 1 for people."""
    pose = decoder == 'one_stage'
    if box_format == 'dets':
        dets = np.concatenate([BOXES, SCORES[:, None]], axis=1)
        other = np.array([[5, 5, 300, 250, 0.95]], np.float32)
        if pose:
            return {'dets': dets[None], 'keypoints': NUMBERS.reshape(1, 2, NUM_KEYPOINTS, 3)}
        return {'dets': np.concatenate([other, dets])[None], 'labels': np.array([[0, 1, 1.0]])}
    if box_format == 'yolox':
        return {'output': yolox_raw()[None]}
    if box_format == 'yolov5':
        objectness = np.full((2, 1), 0.5, np.float32)
        rows = np.concatenate([CENTRES, objectness, classes(1) / 0.5], axis=1)
        return {'output': rows[None]}
    if box_format == 'yolov8':
        parts = [CENTRES, SCORES[:, None], NUMBERS] if pose else [CENTRES, classes(1)]
        return {'output': np.concatenate(parts, axis=1).T[None]}
    label = np.full((2, 1), 0 if pose else 1, np.float32)
    parts = [BOXES, SCORES[:, None], label] + ([NUMBERS] if pose else [])
    return {'output': np.concatenate(parts, axis=1)[None]}


@pytest.mark.parametrize('box_format', ['dets', 'yolox', 'yolov5', 'yolov8', 'end_to_end'])
def test_boxes_of_people_are_read(box_format):
    outputs = outputs_of(box_format, 'boxes')
    view, boxes, score = decode_boxes(outputs, spec(box_format, person_class=1), SIZE, 30, 0.1)
    np.testing.assert_array_equal(view, [0, 0])
    np.testing.assert_allclose(boxes, BOXES, atol=1e-3)
    np.testing.assert_allclose(score, SCORES, atol=1e-6)


@pytest.mark.parametrize('box_format', ['dets', 'yolov8', 'end_to_end'])
def test_people_with_joints_are_read(box_format):
    outputs = outputs_of(box_format, 'one_stage')
    view, people = decode_one_stage(outputs, spec(box_format, 'one_stage'), SIZE, 30, 0.1)
    np.testing.assert_array_equal(view, [0, 0])
    np.testing.assert_allclose(people.xy, JOINTS, atol=1e-4)
    np.testing.assert_allclose(people.score, JOINT_SCORES, atol=1e-6)
    np.testing.assert_allclose(people.person_score, SCORES)


def test_joints_that_are_no_numbers_are_missing():
    outputs = outputs_of('yolov8', 'one_stage')
    outputs['output'][0, 5, 0] = np.nan
    outputs['output'][0, 5 + 4, 0] = np.inf
    _, people = decode_one_stage(outputs, spec('yolov8', 'one_stage'), SIZE, 30, 0.1)
    assert np.isnan(people.xy[0, :2]).all() and (people.score[0, :2] == 0).all()
    assert np.isfinite(people.xy[0, 2:]).all() and np.isfinite(people.xy[1]).all()


def test_views_stay_apart_and_the_best_come_first():
    one = outputs_of('yolov8', 'boxes')['output']
    both = np.concatenate([np.zeros_like(one), one[..., ::-1], one])
    made = spec('yolov8', person_class=1)
    view, boxes, score = decode_boxes({'output': both}, made, SIZE, 30, 0.1)
    np.testing.assert_array_equal(view, [1, 1, 2, 2])
    np.testing.assert_allclose(boxes, [*BOXES, *BOXES], atol=1e-3)
    view, _, score = decode_boxes({'output': both}, made, SIZE, 1, 0.1)
    np.testing.assert_allclose(score, [0.9, 0.9])


@pytest.mark.parametrize('box_format', ['dets', 'end_to_end', 'yolov8'])
def test_a_detector_that_finds_none(box_format):
    shape = {'dets': (2, 0, 5), 'end_to_end': (2, 0, 6), 'yolov8': (2, 5, 0)}[box_format]
    role = 'dets' if box_format == 'dets' else 'output'
    outputs = {role: np.zeros(shape, np.float32)}
    view, boxes, score = decode_boxes(outputs, spec(box_format), SIZE, 30, 0.1)
    assert view.shape == score.shape == (0,) and boxes.shape == (0, 4)


def test_boxes_that_are_none_are_left_out():
    rows = np.array([
        [np.nan, 0, 50, 50, 0.9], [0, 0, np.inf, 50, 0.9], [50, 50, 20, 80, 0.9],
        [10, 10, 60, 90, 0.05], [10, 10, 60, 90, 0.5],
    ], np.float32)  # fmt: skip
    view, boxes, _ = decode_boxes({'dets': rows[None]}, spec('dets'), SIZE, 30, 0.1)
    np.testing.assert_array_equal(boxes, [[10, 10, 60, 90]])


def test_thousands_of_boxes_of_one_person_are_one():
    rng = np.random.default_rng(0)
    centres = CENTRES[0] + rng.normal(0, 2, (5000, 4))
    rows = np.concatenate([centres, rng.uniform(0.2, 0.8, (5000, 1))], axis=1).T[None]
    _, boxes, score = decode_boxes(
        {'output': rows.astype(np.float32)}, spec('yolov8'), SIZE, 30, 0.1)
    assert len(boxes) == 1 and score[0] == rows[0, 4].max().astype(np.float32)


def test_scores_that_are_no_numbers_and_classes_without_a_person_are_errors():
    outputs = outputs_of('yolov8', 'boxes')
    with pytest.raises(ValueError, match='no room for the person_class 3'):
        decode_boxes(outputs, spec('yolov8', person_class=3), SIZE, 30, 0.1)
    outputs['output'][0, 5, 1] = np.nan
    with pytest.raises(ValueError, match='not numbers'):
        decode_boxes(outputs, spec('yolov8', person_class=1), SIZE, 30, 0.1)


CELLS = yolox_rows(SIZE)


@pytest.mark.parametrize(
    ('box_format', 'shapes', 'message'),
    [
        ('dets', {'dets': (2, 5), 'labels': (3,)}, '2 dets, but 3 labels'),
        ('dets', {'dets': (2, 5), 'keypoints': (3, 17, 3)}, '2 dets, but 3 keypoints'),
        ('yolox', {'output': (CELLS - 1, 85)}, f'strides 8, 16 and 32 make {CELLS}'),
        ('yolox', {'output': (85, CELLS)}, '85 boxes of'),
        ('yolov5', {'output': (85, CELLS)}, '85 boxes of'),
        ('yolov8', {'output': (CELLS, 84)}, f'84 boxes of {CELLS} numbers'),
        ('yolov5', {'output': (CELLS, 5)}, 'no room for the person_class 0'),
        ('yolov8', {'output': (40, CELLS)}, 'no room for .* and 17 keypoints'),
        ('yolov8', {'output': (84, CELLS), 'value': 7.0}, 'scores up to 7, not between 0 and 1'),
    ],
)
def test_outputs_of_other_shapes_than_described_are_errors(box_format, shapes, message):
    value = shapes.get('value', 0.5)
    outputs = {
        role: np.full((1, *shape), value, np.float32)
        for role, shape in shapes.items() if role != 'value'
    }  # fmt: skip
    decoder = 'one_stage' if 'keypoints' in message else 'boxes'
    with pytest.raises(ValueError, match=message):
        decode_boxes(outputs, spec(box_format, decoder), SIZE, 30, 0.1)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'box_format': 'yolo'}, 'dets, yolox'),
        ({'person_class': -1}, 'person_class'),
        ({'person_class': 1.0}, 'person_class'),
        ({'decoder': 'one_stage', 'box_format': 'yolox'}, 'dets, yolov8 or end_to_end'),
        ({'box_format': 'yolov8', 'outputs': {'dets': 'd'}}, 'output'),
        ({'decoder': 'one_stage', 'outputs': {'dets': 'd'}}, 'keypoints'),
    ],
)
def test_descriptions_are_checked(changes, message):
    text = spec('dets').to_json()
    assert ModelSpec.from_json(text) == spec('dets')
    data = {**json.loads(text), **changes}
    with pytest.raises(ModelSpecError, match=message):
        ModelSpec.from_json(json.dumps(data))
