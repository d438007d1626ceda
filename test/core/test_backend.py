# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import json

import pytest

from pose_ros.backends.model_files import find_model
from pose_ros.core.backend import ModelSpec, ModelSpecError
from pose_ros.core.joint_names import ORDERS
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
        ({'surprise': 1}, 'surprise'),
        ({'input_surprise': 1}, 'surprise'),
        ({'decoder': 'magic'}, 'magic'),
        ({'outputs': {'heatmaps': 'h'}}, 'centers'),
        ({'weighting': {'kind': 'gaussian', 'value': 0}}, 'weighting'),
        ({'input_color': 'grey'}, 'grey'),
        ({'input_std': [1, 1, 0]}, 'std'),
        ({'input_width': 256.5}, 'width'),
        ({'stride': -4}, 'stride'),
        ({'keypoints': ['tail', 'wing']}, 'keypoint'),
        ({'keypoints': 'coco18'}, 'openpose18'),
        ({'input_layout': 'hwc'}, 'layout is one of nchw, nhwc'),
        ({'decoder': 'simcc'}, 'simcc_x'),
        ({'refinement': 'dark'}, 'taylor'),
        ({'blur_sigma': -1}, 'blur_sigma'),
        ({'offset_px': 'half'}, 'offset_px'),
        ({'simcc_split': 0}, 'simcc_split'),
        ({'crop_aspect': -0.75}, 'crop_aspect'),
        ({'outputs': {'heatmaps': 3, 'centers': 'c', 'regress': 'r', 'offsets': 'o'}}, 'outputs'),
    ],
)
def test_a_senseless_spec_is_refused_by_name(changes, message):
    with pytest.raises(ModelSpecError, match=message):
        ModelSpec.from_json(spec(**changes))


@pytest.mark.parametrize('text', ['', '{', '[]', '3', 'null', '{"name": "x"}'])
def test_what_is_no_spec_is_refused(text):
    with pytest.raises(ModelSpecError):
        ModelSpec.from_json(text)


def test_what_is_written_is_what_is_read():
    for model in ('movenet_thunder', 'movenet_multipose'):
        got = ModelSpec.from_json(find_model(model).with_suffix('.json').read_text())
        assert ModelSpec.from_json(got.to_json()) == got
    other = replace(
        got, decoder='simcc', stride=0, outputs={'simcc_x': 'x', 'simcc_y': 'y'}, layout='nhwc',
        output_layout='nhwc', color='bgr', simcc_split=3.0, crop_aspect=0.75, offset_px=-0.5,
        keypoints=ORDERS['openpose18'], weighting={}, blur_sigma=3.0, refinement='taylor',
        multiple_of=0,
    )  # fmt: skip
    assert ModelSpec.from_json(other.to_json()) == other
    assert '"openpose18"' in other.to_json()


def test_the_shapes_of_outputs_follow_from_the_spec():
    got = ModelSpec.from_json(spec())
    assert got.output_shape('regress', 2, (320, 256)) == (2, 34, 64, 80)
    nhwc = replace(got, output_layout='nhwc')
    assert nhwc.output_shape('heatmaps', 1, (320, 256)) == (1, 64, 80, 17)
    simcc = replace(got, decoder='simcc', keypoints=ORDERS['halpe26'], simcc_split=2.0)
    assert simcc.output_shape('simcc_x', 3, (192, 256)) == (3, 26, 384)
    assert simcc.output_shape('simcc_y', 3, (192, 256)) == (3, 26, 512)
