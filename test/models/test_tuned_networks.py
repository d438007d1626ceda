# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The networks that were trained here: the graphs of the originals, other numbers in the end."""

import json

import numpy as np
import pytest

from pose_ros import cli
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model, read_spec

onnx = pytest.importorskip('onnx')
pytest.importorskip('pycocotools')



def graph(name):
    return onnx.load(str(find_model(name))).graph


@pytest.mark.parametrize(('original', 'tuned', 'num_frozen'), [
    ('movenet_thunder', 'pose_thunder', 3), ('movenet_multipose', 'pose_multipose', 5)])
def test_the_graph_is_the_original_and_the_first_part_of_the_trunk_as_well(
    original, tuned, num_frozen
):
    old, new = graph(original), graph(tuned)
    assert [n.SerializeToString() for n in new.node] == [n.SerializeToString() for n in old.node]
    assert list(new.input) == list(old.input) and list(new.output) == list(old.output)
    old_values, new_values = (
        {i.name: onnx.numpy_helper.to_array(i) for i in g.initializer} for g in (old, new)
    )
    assert set(old_values) == set(new_values)
    changed = {n for n in old_values if not np.array_equal(old_values[n], new_values[n])}
    assert any('kpt_heatmap_0' in name for name in changed)
    frozen = [f'block_{n}_' for n in range(1, num_frozen + 1)] + ['Conv1_', 'expanded_conv_']
    frozen += ['box_scale', 'box_offset']  # nothing reads them
    assert not [name for name in changed if any(part in name for part in frozen)]
    assert len(changed) > 50


def test_they_are_read_as_the_originals_are():
    assert (SHIPPED_DETECTOR, SHIPPED_REFINER) == ('pose_multipose', 'pose_thunder')
    for name in ('multipose', 'thunder'):
        old, new = (read_spec(find_model(f'{maker}_{name}')) for maker in ('movenet', 'pose'))
        for what in ('mean', 'std', 'color', 'stride', 'offset_px', 'outputs', 'keypoints',
                     'crop_scale', 'multiple_of'):  # fmt: skip
            assert getattr(new, what) == getattr(old, what), what
    old, new = (read_spec(find_model(name)) for name in ('movenet_multipose', 'pose_multipose'))
    assert (new.input_size, new.weighting) == (old.input_size, old.weighting)
    new = read_spec(find_model('pose_thunder'))
    assert new.input_size == (192, 256) and new.weighting == {'kind': 'reciprocal', 'value': 4.0}
    assert set(new.calibration) == {'two_pass pose_multipose', 'roi', 'boxes'}


@pytest.mark.nightly('what a network finds changes with its file only')
@pytest.mark.data
def test_it_finds_people_better_than_the_original(tmp_path, half_of_coco_dev):
    scores = {}
    for name in ('movenet_thunder', 'pose_thunder'):
        report = tmp_path / f'{name}.json'
        arguments = ['evaluate', '--data', str(half_of_coco_dev), '--mode', 'boxes', '--set',
                     'backend=onnx', '--model', str(find_model(name)),
                     '--json', str(report)]  # fmt: skip
        assert cli.main(arguments) == 0
        scores[name] = json.loads(report.read_text())['AP']
    assert scores['pose_thunder'] > scores['movenet_thunder'] + 0.01 > 0.45
