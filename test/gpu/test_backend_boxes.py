# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Detectors and one-stage networks on TensorRT: their outputs come down, NumPy reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('onnx')

from foreign_networks import write_constant  # noqa: E402

from pose_ros.backends.onnx import OnnxBackend  # noqa: E402
from pose_ros.backends.tensorrt.backend import TensorrtBackend  # noqa: E402
from pose_ros.backends.tensorrt.engine_cache import EngineRefused  # noqa: E402
from pose_ros.backends.tensorrt.engine_check import compare_boxes  # noqa: E402
from pose_ros.core import geometry  # noqa: E402
from pose_ros.core.backend import Backend, BackendError  # noqa: E402
from pose_ros.core.camera_image import CameraImage  # noqa: E402
from pose_ros.core.decode.boxes import yolox_rows  # noqa: E402
from pose_ros.core.model_spec import ModelSpec  # noqa: E402
from pose_ros.media.sources import SourceError, open_source  # noqa: E402
from pose_ros.model_import.spec_guess import guess_spec  # noqa: E402

SIZE = (320, 160)
ROWS = np.array([[20.0, 30, 80, 150, 0.9], [100, 20, 160, 150, 0.7], [22, 28, 79, 149, 0.6]])
Load = Callable[..., TensorrtBackend]


def answers(kind: str) -> dict[str, Any]:
    """Return outputs that say ROWS, the last of which NMS leaves out, and joints of one-stage."""
    joints = np.random.default_rng(0).uniform(20, 150, (3, 17, 3)) / [1, 1, 200]
    size, middle = ROWS[:, 2:4] - ROWS[:, :2], (ROWS[:, :2] + ROWS[:, 2:4]) / 2
    if kind.startswith('dets'):
        more = {'keypoints': joints[None, :2]} if 'joints' in kind else {'labels': [[0, 0]]}
        return {'dets': ROWS[None, :2], **more}
    if kind == 'end_to_end, joints':
        flat = joints.reshape(3, -1)
        return {'output0': np.hstack([ROWS, np.zeros((3, 1)), flat])[None, :2]}
    rows = np.zeros((1, 5 + 51 * ('joints' in kind), yolox_rows(SIZE)))  # yolov8
    whole = np.hstack([middle, size, ROWS[:, 4:], joints.reshape(3, -1)])
    rows[0, :, :3] = whole.T[:rows.shape[1]]
    return {'output0': rows}


def described(path: Path, **changes: Any) -> ModelSpec:
    spec = replace(guess_spec(path).spec, **changes)
    path.with_suffix('.json').write_text(spec.to_json())
    return spec


def found_by(backend: Backend, image: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    """Return boxes and scores, or people."""
    view = geometry.letterbox(image.shape[1::-1], size)[None]
    backend.load(CameraImage.from_bgr(image))
    if backend.detector.decoder == 'boxes':
        return list(backend.detect_boxes(view, size))
    people = backend.detect(view, size)
    return [people.xy, people.score, people.person_score]


@pytest.mark.gpu
@pytest.mark.parametrize(
    ('kind', 'open_rows'),
    [('dets', True), ('dets', False), ('dets, joints', True), ('yolov8', False),
     ('yolov8, joints', False), ('end_to_end, joints', False)],
)  # fmt: skip
def test_people_are_those_of_onnx_runtime(
    load: Load, small_refiner: str, tmp_path: Path, kind: str, open_rows: bool
) -> None:
    path = write_constant(tmp_path / 'net.onnx', SIZE, open_rows, **answers(kind))
    box_format = kind.partition(',')[0]
    decoder = 'one_stage' if 'joints' in kind else 'boxes'
    spec = described(path)
    assert (spec.decoder, spec.box_format) == (decoder, box_format)
    image = np.random.default_rng(1).integers(0, 256, (100, 200, 3), np.uint8)
    expected = found_by(OnnxBackend(str(path), small_refiner, 1), image, SIZE)
    backend = load(str(path), small_refiner, precision='fp32')
    for _ in range(3):  # the first, the one that is recorded, the one after
        found = found_by(backend, image, SIZE)
    assert len(found[0]) == 2
    if open_rows:  # two rows come down, not all that there is memory for
        (bound,) = backend._detect._contexts._bound.values()
        assert bound.shape_of('dets') == (1, 2, 5)
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.gpu
def test_values_that_are_not_numbers(load: Load, small_refiner: str, tmp_path: Path) -> None:
    outputs = answers('yolov8')
    outputs['output0'][0, 4, 7] = np.nan
    path = write_constant(tmp_path / 'net.onnx', SIZE, **outputs)
    described(path)
    with pytest.raises(BackendError, match='net.onnx gives values that are not numbers'):
        load(str(path), small_refiner)


@pytest.mark.parametrize(('moved_px', 'is_right'), [(2.0, True), (20.0, False)])
def test_engines_are_compared_by_their_best_boxes(moved_px: float, is_right: bool) -> None:
    """Their order says nothing: float16 changes it."""
    spec = ModelSpec('net', 'x', SIZE, 'boxes', 0, {'dets': 'dets'})
    expected = {'dets': ROWS[None].astype(np.float32)}
    found = {'dets': expected['dets'][:, ::-1] + np.float32([moved_px] * 4 + [0])}
    if is_right:
        compare_boxes(found, expected, spec)
    else:
        with pytest.raises(EngineRefused, match='of the 3 best boxes .* it has 0'):
            compare_boxes(found, expected, spec)


@pytest.mark.data
@pytest.mark.gpu
@pytest.mark.parametrize(('name', 'precision'), [('rtmdet_nano', 'fp16'), ('yolox_nano', 'fp32')])
def test_real_detectors(
    load: Load, small_refiner: str, tmp_path: Path, name: str, precision: str
) -> None:
    model = Path(os.environ.get('POSE_ROS_DATA', '')) / 'models' / f'{name}.onnx'
    if not model.is_file():
        pytest.skip('POSE_ROS_DATA does not name the evaluation data')
    try:
        with open_source('demo') as source:
            image = next(f.image.copy() for f in source if f.index == 120)
    except SourceError as error:
        pytest.skip(str(error))
    path = tmp_path / f'{name}.onnx'
    path.symlink_to(model)
    spec = described(path)
    size = spec.input_size if name == 'yolox_nano' else SIZE
    boxes, score = found_by(OnnxBackend(str(path), small_refiner, 1), image, size)
    backend = load(str(path), small_refiner, precision=precision, detect_size_px=320)
    found, found_score = found_by(backend, image, size)
    sure, found_sure = score > 0.3, found_score > 0.3
    assert sure.sum() >= 1
    off_px, off_score = (1.0, 0.02) if precision == 'fp16' else (1e-2, 1e-4)
    np.testing.assert_allclose(found[found_sure], boxes[sure], atol=off_px)
    np.testing.assert_allclose(found_score[found_sure], score[sure], atol=off_score)
