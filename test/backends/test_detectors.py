# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Detectors and one-stage networks as the first pass: real ones, and made ones that are known."""

from dataclasses import replace
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')

from foreign_networks import write_constant  # noqa: E402

from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER  # noqa: E402
from pose_ros.backends.onnx import OnnxBackend  # noqa: E402
from pose_ros.core import geometry, oks  # noqa: E402
from pose_ros.core.backend import BackendError  # noqa: E402
from pose_ros.core.camera_image import CameraImage  # noqa: E402
from pose_ros.core.config import EstimatorConfig  # noqa: E402
from pose_ros.core.decode.boxes import yolox_rows  # noqa: E402
from pose_ros.core.estimator.two_pass import TwoPassEstimator  # noqa: E402
from pose_ros.media.sources import SourceError, open_source  # noqa: E402
from pose_ros.model_import.spec_guess import guess_spec  # noqa: E402

DATA = os.environ.get('POSE_ROS_DATA')
SIZE = (320, 160)


@pytest.fixture(scope='module')
def image():
    """Return an image of one cyclist."""
    try:
        with open_source('demo') as source:
            return next(f.image.copy() for f in source if f.index == 120)
    except SourceError as error:
        pytest.skip(str(error))


@pytest.fixture(scope='module')
def cyclist(image):
    """Return whom the shipped networks see in it."""
    estimator = TwoPassEstimator(OnnxBackend(SHIPPED_DETECTOR, SHIPPED_REFINER, 2),
                                 EstimatorConfig())
    people = estimator.estimate(image)
    return people.select(people.person_score >= 0.5)


def described(path, **changes):
    """Write the guessed description beside a network."""
    spec = replace(guess_spec(path).spec, **changes)
    path.with_suffix('.json').write_text(spec.to_json())
    return spec


def seen_from(image, xy):
    """Map points of the image into the first pass's input."""
    return geometry.apply(geometry.letterbox(image.shape[1::-1], SIZE), xy)


def box_row(image, cyclist):
    """Return the box of the cyclist in the input, with margins as detectors give."""
    low, high = cyclist.boxes_xyxy()[0].reshape(2, 2)
    margin = 0.08 * (high - low)
    return seen_from(image, np.stack([low - margin, high + margin])).reshape(4)


def test_boxes_lead_the_second_pass(tmp_path, image, cyclist):
    box = box_row(image, cyclist)
    path = write_constant(tmp_path / 'net.onnx', dets=[[[*box, 0.9]]], labels=[[0]])
    spec = described(path)
    assert (spec.decoder, spec.box_format) == ('boxes', 'dets')
    assert spec.outputs == {'dets': 'dets', 'labels': 'labels'}
    backend = OnnxBackend(str(path), SHIPPED_REFINER, 2)
    for mode in ('two-pass', 'single'):
        people = TwoPassEstimator(backend, EstimatorConfig(mode=mode)).estimate(image)
        assert len(people) == 1
        assert oks.symmetric_oks(people.xy, cyclist.xy)[0, 0] > 0.8
    with pytest.raises(BackendError, match='cannot run alone'):
        TwoPassEstimator(backend, EstimatorConfig(mode='one-pass'))


def test_the_score_of_a_box_is_evidence_once_the_pair_is_calibrated(tmp_path, image, cyclist):
    path = write_constant(
        tmp_path / 'net.onnx', dets=[[[*box_row(image, cyclist), 0.7]]], labels=[[0]])
    described(path)
    backend = OnnxBackend(str(path), SHIPPED_REFINER, 2)
    plain = TwoPassEstimator(backend, EstimatorConfig())
    assert "has no calibration 'two_pass'" in plain.lack()
    looked, evidence = plain.evidence(image, 'two_pass')
    [person] = plain.estimate(image).person_score
    assert evidence['box'] == pytest.approx([0.7]) and len(looked) == 1 and 0.3 < person < 0.7
    # Weights that take the box alone: its score comes out as it went in.
    weights = {'person': {'bias': 0.0, 'box': 1.0}, 'keypoint': {'bias': 0.0, 'peak': 1.0}}
    backend.refiner = replace(backend.refiner, calibration={'two_pass net': weights})
    fitted = TwoPassEstimator(backend, EstimatorConfig())
    assert fitted.lack() == ''
    assert fitted.estimate(image).person_score == pytest.approx([0.7])
    assert fitted.evidence(image, 'two_pass')[0].person_score == pytest.approx([0.7])


def test_boxes_of_other_classes_are_no_people(tmp_path, image, cyclist):
    box = box_row(image, cyclist)
    path = write_constant(tmp_path / 'net.onnx', dets=[[[*box, 0.9]]], labels=[[1]])
    described(path)
    estimator = TwoPassEstimator(OnnxBackend(str(path), SHIPPED_REFINER, 2), EstimatorConfig())
    assert len(estimator.estimate(image)) == 0


@pytest.mark.parametrize('box_format', ['dets', 'yolov8', 'end_to_end'])
@pytest.mark.parametrize('mode', ['one-pass', 'two-pass'])
def test_people_of_one_stage(tmp_path, image, cyclist, box_format, mode):
    joints = np.concatenate(
        [seen_from(image, cyclist.xy[0]), np.maximum(cyclist.score[0], 0.05)[:, None]], axis=1)
    joints[np.isnan(joints).any(axis=1)] = 0.0
    box = box_row(image, cyclist)
    path = tmp_path / 'net.onnx'
    if box_format == 'dets':
        write_constant(path, dets=[[[*box, 0.9]]], keypoints=joints[None, None])
    elif box_format == 'end_to_end':
        write_constant(path, output0=[[[*box, 0.9, 0, *joints.ravel()]]])
    else:
        rows = np.zeros((1, 5 + joints.size, yolox_rows(SIZE)))
        centre_size = np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])
        rows[0, :, 7] = [*centre_size, 0.9, *joints.ravel()]
        write_constant(path, output0=rows)
    spec = described(path)
    assert (spec.decoder, spec.box_format, len(spec.keypoints)) == ('one_stage', box_format, 17)
    backend = OnnxBackend(str(path), SHIPPED_REFINER, 2)
    people = TwoPassEstimator(backend, EstimatorConfig(mode=mode)).estimate(image)
    assert len(people) == 1
    assert oks.symmetric_oks(people.xy, cyclist.xy)[0, 0] > (0.99 if mode == 'one-pass' else 0.8)


@pytest.mark.parametrize(
    ('shape', 'wanted'),
    [
        ((1, yolox_rows(SIZE), 85), ('boxes', 'yolox')),
        ((1, 84, yolox_rows(SIZE)), ('boxes', 'yolov8')),
        ((1, 5, yolox_rows(SIZE)), ('boxes', 'yolov8')),
        ((1, 56, yolox_rows(SIZE)), ('one_stage', 'yolov8')),
        ((1, 3 * yolox_rows(SIZE), 85), ('boxes', 'yolov5')),
        ((1, 300, 6), ('boxes', 'end_to_end')),
        ((1, 300, 57), ('one_stage', 'end_to_end')),
        ((1, 100, 5), ('boxes', 'dets')),
    ],
    ids=str,
)
def test_each_form_is_recognised_from_its_graph(tmp_path, shape, wanted):
    path = write_constant(tmp_path / 'net.onnx', y=np.zeros(shape))
    spec = described(path)
    assert (spec.decoder, spec.box_format) == wanted
    # It loads as guessed, and finds nobody.
    backend = OnnxBackend(str(path), SHIPPED_REFINER, 1)
    backend.load(CameraImage.from_bgr(np.zeros((40, 60, 3), np.uint8)))
    view = geometry.letterbox((60, 40), SIZE)[None]
    found = (backend.detect_boxes(view, SIZE)[0] if wanted[0] == 'boxes'
             else backend.detect(view, SIZE))
    assert len(found) == 0


def test_centres_in_pixels_are_told_from_a_raw_grid(tmp_path):
    rows = np.zeros((1, yolox_rows(SIZE), 6))
    rows[0, :, 0] = np.linspace(0, SIZE[0], rows.shape[1])
    assert guess_spec(write_constant(tmp_path / 'net.onnx', y=rows)).spec.box_format == 'yolov5'


def test_what_does_not_fit_is_refused_in_one_line(tmp_path):
    path = write_constant(tmp_path / 'net.onnx', dets=np.zeros((1, 3, 5)), labels=np.zeros((1, 3)))
    described(path)
    with pytest.raises(BackendError, match='is it meant as detector_model'):
        OnnxBackend(SHIPPED_DETECTOR, str(path), 1)
    with pytest.raises(BackendError, match='is it meant as refiner_model'):
        simcc = write_constant(tmp_path / 'simcc.onnx', (192, 256), a=np.zeros((1, 17, 384)),
                               b=np.zeros((1, 17, 512)))  # fmt: skip
        described(simcc)
        OnnxBackend(str(simcc), SHIPPED_REFINER, 1)
    described(path, decoder='one_stage', outputs={'dets': 'dets', 'keypoints': 'labels'})
    with pytest.raises(BackendError, match=r"'labels' of .*its description says \(1, -1, 17, 3\)"):
        OnnxBackend(str(path), SHIPPED_REFINER, 1)
    write_constant(path, dets=np.zeros((1, 3, 5)), labels=np.zeros((1, 4)))
    described(path)
    with pytest.raises(BackendError, match='gives 3 dets, but 4 labels'):  # before any image
        OnnxBackend(str(path), SHIPPED_REFINER, 1)
    write_constant(path, output=np.full((1, 300, 6), np.nan))
    described(path)
    with pytest.raises(BackendError, match='not numbers'):
        OnnxBackend(str(path), SHIPPED_REFINER, 1)


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason='POSE_ROS_DATA does not name the evaluation data')
@pytest.mark.parametrize('name', ['rtmdet_nano', 'yolox_nano'])
def test_real_detectors_find_the_people_of_a_photo(tmp_path, name, image, cyclist):
    path = tmp_path / f'{name}.onnx'
    path.symlink_to(Path(DATA) / 'models' / f'{name}.onnx')
    spec = described(path)
    assert spec.box_format == {'rtmdet_nano': 'dets', 'yolox_nano': 'yolox'}[name]
    backend = OnnxBackend(str(path), SHIPPED_REFINER, 2)
    config = EstimatorConfig(detect_size_px=320)
    people = TwoPassEstimator(backend, config).estimate(image)
    similarity = oks.symmetric_oks(people.xy[:1], cyclist.xy)
    assert similarity[0, 0] > 0.7 and people.person_score[0] > 0.5


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason='POSE_ROS_DATA does not name the evaluation data')
@pytest.mark.parametrize('name', ['rtmdet_nano', 'yolox_nano'])
def test_openvino_finds_the_same_boxes(tmp_path, name, image):
    pytest.importorskip('openvino', reason='pip install -r requirements/openvino.txt')
    from pose_ros.backends.openvino import OpenvinoBackend

    path = tmp_path / f'{name}.onnx'
    path.symlink_to(Path(DATA) / 'models' / f'{name}.onnx')
    spec = described(path)
    size = spec.input_size if name == 'yolox_nano' else (320, 160)
    view = geometry.letterbox(image.shape[1::-1], size)[None]
    found = []
    for backend in (OnnxBackend(str(path), SHIPPED_REFINER, 2),
                    OpenvinoBackend(str(path), SHIPPED_REFINER, 2, 'fp32')):  # fmt: skip
        backend.load(CameraImage.from_bgr(image))
        boxes, score = backend.detect_boxes(view, size)
        found.append((boxes[score > 0.2], score[score > 0.2]))
    assert len(found[0][0]) >= 1
    np.testing.assert_allclose(found[0][0], found[1][0], atol=0.5)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=0.01)
