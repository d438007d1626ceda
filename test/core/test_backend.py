# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from pose_ros.backends.model_files import find_model
from pose_ros.core.backend import ModelSpec, ModelSpecError
from pose_ros.core.skeleton import KEYPOINT_NAMES


def spec(**changes):
    data = json.loads(find_model('movenet_thunder').with_suffix('.json').read_text())
    for name, value in changes.items():
        if name.startswith('input_'):
            data['input'][name[6:]] = value
        elif value is None:
            del data[name]
        else:
            data[name] = value
    return json.dumps(data)


def test_shipped_specs_are_read():
    got = ModelSpec.from_json(spec())
    assert (got.name, got.input_size, got.stride) == ('movenet_thunder', (256, 256), 4)
    assert got.mean == got.std == (127.5, 127.5, 127.5) and got.color == 'rgb'
    assert got.keypoints == KEYPOINT_NAMES and got.weighting['kind'] == 'reciprocal'


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'stride': None}, 'stride'),
        ({'outputs': None}, 'outputs'),
        ({'surprise': 1}, 'surprise'),
        ({'input_surprise': 1}, 'surprise'),
        ({'decoder': 'magic'}, 'magic'),
        ({'outputs': {'heatmaps': 'h'}}, 'centers'),
        ({'weighting': {}}, 'weighting'),
        ({'weighting': {'kind': 'gaussian', 'value': 0}}, 'weighting'),
        ({'input_color': 'grey'}, 'grey'),
        ({'input_std': [1, 1, 0]}, 'std'),
        ({'input_mean': [1, 1]}, 'mean'),
        ({'input_width': 0}, 'width'),
        ({'input_width': 256.5}, 'width'),
        ({'stride': -4}, 'stride'),
        ({'keypoints': ['tail', 'wing']}, 'keypoint'),
        ({'keypoints': ['nose', 'nose']}, 'twice'),
    ],
)
def test_a_senseless_spec_is_refused_by_name(changes, message):
    with pytest.raises(ModelSpecError, match=message):
        ModelSpec.from_json(spec(**changes))


@pytest.mark.parametrize('text', ['', '{', '[]', '3', 'null', '{"name": "x"}'])
def test_what_is_no_spec_is_refused(text):
    with pytest.raises(ModelSpecError):
        ModelSpec.from_json(text)
