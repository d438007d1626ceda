# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Other people's networks, by a spec alone, on ONNX Runtime and through the estimator."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('onnxruntime')
onnx = pytest.importorskip('onnx')

from foreign_networks import (  # noqa: E402
    BOX,
    IMAGENET,
    network,
    picture_of_joints,
    places,
    write_centers,
)
from onnx import TensorProto  # noqa: E402

from pose_ros.backends.onnx import OnnxBackend  # noqa: E402
from pose_ros.core.backend import BackendError  # noqa: E402
from pose_ros.core.camera_image import CameraImage  # noqa: E402
from pose_ros.core.config import EstimatorConfig  # noqa: E402
from pose_ros.core.estimator.two_pass import TwoPassEstimator  # noqa: E402
from pose_ros.core.joint_names import ORDERS  # noqa: E402
from pose_ros.core.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS  # noqa: E402


@pytest.fixture(scope='module')
def detector(tmp_path_factory):
    """Return a first pass that is loaded quickly; it is never run."""
    return str(write_centers(tmp_path_factory.mktemp('detector')))


@pytest.fixture
def backend(detector, tmp_path):
    """Return what loads net.onnx of the test's folder by a description."""

    def load(data):
        (tmp_path / 'net.json').write_text(json.dumps(data))
        return OnnxBackend(detector, str(tmp_path / 'net.onnx'), 1)

    return load


@pytest.fixture
def answer(backend):
    def found(data, xy):
        estimator = TwoPassEstimator(backend(data), EstimatorConfig(min_keypoint_score=0.1))
        people = estimator.estimate(picture_of_joints(xy, (400, 380)), boxes=[BOX])
        assert len(people) == 1
        return people

    return found


@pytest.mark.parametrize(
    'how',
    [
        {},
        {'layout': 'nhwc', 'output_layout': 'nhwc'},
        {'color': 'bgr'},
        IMAGENET,
        {'color': 'bgr', 'layout': 'nhwc', 'output_layout': 'nhwc', 'mean': [103.5, 116.3, 123.7],
         'std': [57.4, 57.1, 58.4]},
        {'refinement': 'taylor'},
        {'dtype': TensorProto.UINT8, 'layout': 'nhwc', 'output_layout': 'nhwc'},
        {'dtype': TensorProto.FLOAT16, **IMAGENET},
        {'decoder': 'simcc', 'split': 2, **IMAGENET},
        {'decoder': 'simcc', 'split': 3, 'color': 'bgr'},
        {'stride': 8},
    ],
    ids=str,
)  # fmt: skip
def test_joints_are_found_where_they_are(answer, tmp_path, how):
    data = network(tmp_path, **how)
    # Pixels 4n..4n+3 make map pixel n of this network: their middle is at 4n + 1.5.
    if data['decoder'] == 'heatmaps':
        data['offset_px'] = (data['stride'] - 1) / 2
    xy = places(17)
    people = answer(data, xy)
    assert np.abs(people.xy[0] - xy).max() < (4.5 if data['stride'] == 8 else 2.6)
    assert (people.score > 0.3).all()
    # What the spec says matters: with another order of colours most joints are elsewhere.
    inputs = data['input']
    inputs['color'] = 'bgr' if inputs['color'] == 'rgb' else 'rgb'
    wrong = answer(data, xy)
    assert (~(np.abs(wrong.xy[0] - xy).max(axis=1) < 8)).sum() > 10


@pytest.mark.parametrize('order', ['openpose18', 'mpii16', 'crowdpose14'])
@pytest.mark.parametrize('how', [{}, {'decoder': 'simcc', 'split': 2}], ids=str)
def test_joints_of_other_orders_are_named_right(answer, tmp_path, order, how):
    names = ORDERS[order]
    data = network(tmp_path, joints=len(names), keypoints=order, **how)
    xy = places(len(names))
    people = answer(data, xy)
    for k, name in enumerate(KEYPOINT_NAMES):
        if name in names:
            assert np.abs(people.xy[0, k] - xy[names.index(name)]).max() < 4
        else:
            assert np.isnan(people.xy[0, k]).all() and people.score[0, k] == 0


def test_a_box_is_widened_to_the_aspect_of_the_network(backend, answer, tmp_path):
    data = network(tmp_path, width=256, height=256, crop_aspect=0.75, offset_px=1.5)
    xy = places(17)
    # 192 x 256 fills 256 x 256: a dot is wider there, the answer is in image pixels again.
    assert np.abs(answer(data, xy).xy[0] - xy).max() < 2.6
    assert backend({**data, 'crop_aspect': 0}).refiner.crop_aspect == 0


@pytest.mark.parametrize(
    ('made', 'changes', 'message'),
    [
        ({}, {'outputs': {'heatmaps': 'heat'}}, r"no outputs \['heat'\].*\['maps'\]"),
        ({}, {'stride': 8}, r'\(1, 17, 64, 48\).*\(1, 17, 32, 24\).*stride 8'),
        ({}, {'keypoints': 'openpose18'}, r'\(1, 17, 64, 48\).*\(1, 18, 64, 48\).*18 keypoints'),
        ({}, {'output_layout': 'nhwc'}, r'\(1, 64, 48, 17\).*nhwc'),
        ({}, {'layout': 'nhwc'}, r"\['n', 3, 256, 192\].*\[batch, 256, 192, 3\] \(nhwc\)"),
        ({'layout': 'nhwc', 'output_layout': 'nhwc'}, {'layout': 'nchw'}, r'3, 256, 192\] \(nchw'),
        ({}, {'width': 256}, r"\['n', 3, 256, 192\].*\[batch, 3, 256, 256\]"),
        ({}, {'name': 'image'}, r"\['pixels'\].*'image'"),
        ({'decoder': 'simcc', 'split': 2}, {'simcc_split': 3}, r'\(1, 17, 384\).*\(1, 17, 576\)'),
        ({'dtype': TensorProto.UINT8}, {'std': [2, 2, 2]}, r'uint8.*whole numbers.*std'),
        ({'dtype': TensorProto.INT64}, {}, r'tensor\(int64\)'),
        ({}, {'keypoints': ['r_wrist']}, "'r_wrist' is called 'right_wrist' here"),
    ],
)  # fmt: skip
def test_a_spec_that_contradicts_its_graph_is_refused_with_both_sides(
    backend, tmp_path, made, changes, message
):
    data = network(tmp_path, **made)
    for name, value in changes.items():
        (data['input'] if name in data['input'] else data)[name] = value
    with pytest.raises(BackendError, match=message):
        backend(data)


@pytest.mark.parametrize('how', [{}, {'decoder': 'simcc', 'split': 2}], ids=str)
def test_weights_that_are_not_numbers_are_refused(backend, tmp_path, how):
    data = network(tmp_path, **how)
    model = onnx.load(str(tmp_path / 'net.onnx'))
    for tensor in model.graph.initializer:
        if tensor.name == 'weight':
            tensor.CopyFrom(onnx.numpy_helper.from_array(
                np.full((1, 1, 3, 1, 1), np.nan, np.float32), 'weight'))  # fmt: skip
    # Relu would hide it.
    for node in model.graph.node:
        if node.op_type == 'Relu':
            node.op_type = 'Identity'
    onnx.save(model, str(tmp_path / 'net.onnx'))
    with pytest.raises(BackendError, match='not numbers'):
        backend(data)


def test_a_network_that_sees_one_person_cannot_be_the_first_pass(tmp_path):
    data = network(tmp_path)
    (tmp_path / 'net.json').write_text(json.dumps(data))
    with pytest.raises(BackendError, match='the first pass needs centers'):
        OnnxBackend(str(tmp_path / 'net.onnx'), 'movenet_thunder', 1)


@pytest.mark.data
def test_a_network_of_others_runs_by_its_spec(backend, tmp_path):
    data = os.environ.get('POSE_ROS_DATA')
    if not data or not (Path(data) / 'models/simplepose_256x192.onnx').is_file():
        pytest.skip('POSE_ROS_DATA does not name the evaluation data')
    (tmp_path / 'net.onnx').symlink_to(Path(data) / 'models/simplepose_256x192.onnx')
    spec = Path(__file__).with_name('simplepose_256x192.json').read_text()
    got = backend(json.loads(spec))
    got.load(CameraImage.from_bgr(np.zeros((300, 300, 3), np.uint8)))
    assert got.refine(np.eye(2, 3)[None]).xy.shape == (1, NUM_KEYPOINTS, 2)
