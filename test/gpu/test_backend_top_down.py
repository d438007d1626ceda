# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Networks of others through the TensorRT backend; on the driver of `fake/`, or on a GPU."""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

onnx = pytest.importorskip('onnx')

from foreign_networks import IMAGENET, network, picture_of_joints, places  # noqa: E402
from onnx import TensorProto  # noqa: E402

from pose_ros.backends.model_files import read_spec  # noqa: E402
from pose_ros.backends.onnx import OnnxBackend  # noqa: E402
from pose_ros.backends.tensorrt import engine_build  # noqa: E402
from pose_ros.backends.tensorrt.backend import TensorrtBackend  # noqa: E402
from pose_ros.core import geometry  # noqa: E402
from pose_ros.core.backend import Backend, BackendError  # noqa: E402
from pose_ros.core.camera_image import CameraImage  # noqa: E402
from pose_ros.core.keypoints import Keypoints  # noqa: E402
from pose_ros.core.skeleton import KEYPOINT_NAMES  # noqa: E402

# Not in step with the pixels: the summits of what is symmetric would be ties.
BOXES = [[100.3, 60.7, 291.9, 315.2], [90.0, 40.0, 300.0, 330.0], [120.0, 80.0, 280.0, 300.0]]
HOW = [
    {'refinement': 'argmax', 'offset_px': 1.5},
    {'refinement': 'taylor', **IMAGENET},
    {'refinement': 'udp', 'blur_sigma': 1.5},
    {'refinement': 'taylor', 'batch': 1},
    {'decoder': 'simcc', 'split': 2, **IMAGENET},
    {'decoder': 'simcc', 'split': 3, 'color': 'bgr', 'batch': 1, 'score_scale': 0.7},
    {'joints': 16, 'keypoints': 'mpii16', 'refinement': 'taylor', 'score_scale': 0.7},
]


def described(folder: Path, **how) -> Path:
    """Write a network and its description."""
    data = network(folder, **how)
    (folder / 'net.json').write_text(json.dumps(data))
    return folder / 'net.onnx'


@pytest.fixture
def loaded(load, small_detector: str, built: Path) -> Callable[..., TensorrtBackend]:
    """Return what loads a second network; the engine of the first is built once."""

    def load_(model: Path, precision: str = 'fp32') -> TensorrtBackend:
        return load(
            small_detector, str(model), precision=precision, detect_size_px=64,
            folder=built,
        )

    return load_


def soft_dots(xy: np.ndarray) -> np.ndarray:
    """Return a picture whose dots have one summit: on a flat top a rounding moves the arg max."""
    return cv2.GaussianBlur(picture_of_joints(xy, (400, 380)), (0, 0), 3)


def refined(backend: Backend, image: np.ndarray, boxes=BOXES) -> Keypoints:
    """Return the people of these boxes."""
    crops = geometry.crop(np.array(boxes), backend.refiner.input_size, 1.0)
    backend.load(CameraImage.from_bgr(image))
    return backend.refine(crops)


# The kernels divide by std, the CPU multiplies: maps differ in their last bit, which moves a flat
# summit. ONNX Runtime computes float16 models in float32: of fp16 only the rounding of weights,
# inputs and maps is seen here.
@pytest.mark.gpu
@pytest.mark.parametrize(
    ('how', 'precision', 'off_px', 'off_score'),
    [*((how, 'fp32', 5e-3, 1e-5) for how in HOW),
     *((how, 'fp16', 3.0, 0.01) for how in (HOW[1], HOW[-2]))],
    ids=str,
)  # fmt: skip
def test_people_are_those_of_onnx_runtime(
    loaded, small_detector: str, tmp_path: Path, how: dict, precision: str, off_px: float,
    off_score: float,
) -> None:
    model = described(tmp_path, **how)
    xy = places(how.get('joints', 17))
    image = soft_dots(xy)
    expected = refined(OnnxBackend(small_detector, str(model), 1), image)
    backend = loaded(model, precision)
    for _ in range(2):
        people = refined(backend, image)
    assert len(people) == len(BOXES)
    np.testing.assert_allclose(people.xy, expected.xy, rtol=0, atol=off_px)
    np.testing.assert_allclose(people.score, expected.score, rtol=0, atol=off_score)
    np.testing.assert_allclose(people.person_score, expected.person_score, rtol=0, atol=off_score)
    names = read_spec(model).keypoints
    missing = [k for k, name in enumerate(KEYPOINT_NAMES) if name not in names]
    assert np.isnan(people.xy[:, missing]).all() and (people.score[:, missing] == 0).all()
    if not missing:  # and they are where the dots are
        assert np.abs(people.xy[0] - xy).max() < 4.5


@pytest.mark.parametrize(
    ('how', 'message'),
    [
        ({'layout': 'nhwc', 'output_layout': 'nhwc'}, 'layout nhwc.*backend onnx'),
        ({'dtype': TensorProto.UINT8}, 'its input is uint8.*backend onnx'),
    ],
    ids=str,
)
def test_what_it_cannot_do_is_said_before_anything_is_built(
    loaded, trt, fake, tmp_path: Path, how: dict, message: str
) -> None:
    model = described(tmp_path, **how)
    with pytest.raises(BackendError, match=message):
        loaded(model)
    assert trt.built in ([], [1]), 'the detector at most'


def test_a_description_that_contradicts_the_graph_is_refused_before_it_is_built(
    loaded, trt, fake, tmp_path: Path
) -> None:
    model = described(tmp_path)
    data = json.loads((tmp_path / 'net.json').read_text())
    (tmp_path / 'net.json').write_text(json.dumps({**data, 'stride': 8}))
    with pytest.raises(BackendError, match=r'\(1, 17, 64, 48\).*\(1, 17, 32, 24\)'):
        loaded(model)
    assert trt.built in ([], [1]), 'the detector at most'


@pytest.mark.gpu
@pytest.mark.parametrize('shape', [['n', 5], ['n', 2, 64, 48]], ids=str)
def test_outputs_that_nobody_reads(
    loaded, small_detector: str, tmp_path: Path, shape: list
) -> None:
    """TensorRT wants memory for every output."""
    model_path = described(tmp_path, refinement='taylor')
    model = onnx.load(str(model_path))
    add_unread(model, shape)
    onnx.save(model, str(model_path))
    image = soft_dots(places(17))
    expected = refined(OnnxBackend(small_detector, str(model_path), 1), image)
    backend = loaded(model_path)
    np.testing.assert_allclose(refined(backend, image).xy, expected.xy, rtol=0, atol=1e-3)


def add_unread(model: onnx.ModelProto, shape: list) -> None:
    """Add an output that a description says has this shape: some part of the maps."""
    helper = onnx.helper
    last = 'maps_part' if len(shape) == 2 else 'unread'
    cut = {'first': [0, 0, 0], 'end': [2, 64, 48], 'of_axes': [1, 2, 3], 'all': [0, -1]}
    if len(shape) == 2:
        cut['end'] = [5, 1, 1]
    nodes = [helper.make_node('Slice', ['maps', 'first', 'end', 'of_axes'], [last])]
    if len(shape) == 2:
        nodes.append(helper.make_node('Reshape', [last, 'all'], ['unread']))
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.array(values, np.int64), name)
        for name, values in cut.items()
    )
    model.graph.node.extend(nodes)
    model.graph.output.append(helper.make_tensor_value_info('unread', TensorProto.FLOAT, shape))


@pytest.mark.parametrize(
    ('how', 'precision'), [(HOW[1], 'fp32'), *((how, 'fp16') for how in (HOW[2], *HOW[3:6]))],
    ids=str,
)
def test_they_build(tmp_path: Path, how: dict, precision: str) -> None:
    """By the real TensorRT-RTX, with the shapes that the backend asks for."""
    rtx = pytest.importorskip(
        'tensorrt_rtx', reason='TensorRT-RTX: pip install -r requirements/gpu-build.txt'
    )
    model = described(tmp_path, **how)
    request = engine_build.request_for(model, precision, 0)
    assert len(request.profiles) == (1 if how.get('batch') == 1 else 2)
    assert len(engine_build.build_engine(rtx, request, ('SM89',))) > 10_000


def simplepose(folder: Path) -> Path:
    data = os.environ.get('POSE_ROS_DATA')
    if not data or not (Path(data) / 'models/simplepose_256x192.onnx').is_file():
        pytest.skip('POSE_ROS_DATA does not name the evaluation data')
    model = folder / 'net.onnx'
    model.symlink_to(Path(data) / 'models/simplepose_256x192.onnx')
    spec = Path(__file__).parents[1] / 'backends' / 'simplepose_256x192.json'
    (folder / 'net.json').symlink_to(spec)
    return model


# A rounding moves an arg max now and then: of fp16 the 90 % that it does not move are looked at.
@pytest.mark.gpu
@pytest.mark.data
@pytest.mark.parametrize(
    ('precision', 'part', 'off_px'), [('fp32', 1.0, 1e-3), ('fp16', 0.9, 1.0)]
)
def test_a_network_of_others_on_real_photos(
    loaded, small_detector: str, tmp_path: Path, precision: str, part: float, off_px: float
) -> None:
    model = simplepose(tmp_path)
    reference = OnnxBackend(small_detector, str(model), 1)
    backend = loaded(model, precision)
    shifts = []
    try:
        for path in sorted((model.resolve().parents[1] / 'coco_dev/images').iterdir())[:6]:
            image = cv2.imread(str(path))
            height, width = image.shape[:2]
            boxes = [[0.0, 0.0, width, height], [width / 4, 0.0, width, height * 0.8]]
            people, expected = (refined(b, image, boxes) for b in (backend, reference))
            sure = expected.score > 0.3
            shifts.append(np.linalg.norm(people.xy - expected.xy, axis=2)[sure])
    finally:
        backend.close()
    shift = np.concatenate(shifts)
    assert len(shift) > 50
    assert np.quantile(shift, part) < off_px


@pytest.mark.nightly('what a wheel of NVIDIA builds changes with the wheel only')
@pytest.mark.data
@pytest.mark.parametrize('precision', engine_build.PRECISIONS)
def test_a_network_of_others_builds(tmp_path: Path, precision: str) -> None:
    rtx = pytest.importorskip(
        'tensorrt_rtx', reason='TensorRT-RTX: pip install -r requirements/gpu-build.txt'
    )
    model = simplepose(tmp_path)
    request = engine_build.request_for(model, precision, 0)
    assert len(engine_build.build_engine(rtx, request, ('SM86',))) > 1e6
