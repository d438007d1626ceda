# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The ONNX Runtime backend: what it refuses, and what it finds on real footage."""

import json
from pathlib import Path
import shutil

import numpy as np
import pytest

pytest.importorskip('onnxruntime')

from pose_ros.backends import load_backend, model_files  # noqa: E402
from pose_ros.backends.host_network import MAX_BATCH  # noqa: E402
from pose_ros.backends.onnx import OnnxBackend, OnnxNetwork  # noqa: E402
from pose_ros.core import geometry  # noqa: E402
from pose_ros.core.backend import BackendError  # noqa: E402
from pose_ros.core.camera_image import CameraImage  # noqa: E402
from pose_ros.core.config import EstimatorConfig, TrackerConfig  # noqa: E402
from pose_ros.core.estimator.two_pass import TwoPassEstimator  # noqa: E402
from pose_ros.media.sources import SourceError, demo_paths, open_source  # noqa: E402

NOBODY, MAN, CYCLIST, STREET = 20, 34, 120, 150  # frames of bikes.mp4


@pytest.fixture(scope='module')
def frames():
    try:
        path = str(demo_paths()[0])
    except SourceError as error:
        pytest.skip(str(error))
    with open_source(path) as source:
        return {f.index: f.image.copy() for f in source if f.index <= STREET}


@pytest.fixture(scope='module')
def backend():
    return OnnxBackend('movenet_multipose', 'movenet_thunder', 2)


def estimator(backend, **parameters):
    return TwoPassEstimator(backend, EstimatorConfig(**parameters))


def copy_of_thunder(folder: Path, onnx: bytes | None = None, **changes) -> Path:
    """Put Thunder into a folder, its spec (or its bytes) changed."""
    source = model_files.find_model('movenet_thunder')
    spec = json.loads(source.with_suffix('.json').read_text())
    for name, value in changes.items():
        target, key = (spec['input'], name[6:]) if name.startswith('input_') else (spec, name)
        target[key] = value
    path = folder / 'net.onnx'
    if onnx is None:
        shutil.copyfile(source, path)
    else:
        path.write_bytes(onnx)
    path.with_suffix('.json').write_text(json.dumps(spec))
    return path


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'input_name': 'pixels'}, 'pixels'),
        ({'outputs': {'heatmaps': 'h', 'centers': 'centers', 'regress': 'regress',
                      'offsets': 'offsets'}}, "no outputs .*'h'"),
        ({'outputs': {'heatmaps': 'centers', 'centers': 'heatmaps', 'regress': 'regress',
                      'offsets': 'offsets'}}, r'\(1, 1, 64, 64\)'),
        ({'stride': 8}, r'\(1, 17, 32, 32\)'),
        ({'keypoints': ['nose', 'left_eye']}, r'\(1, 2, 64, 64\)'),
        ({'onnx_sha256': '0' * 64}, 'damaged'),
    ],
)  # fmt: skip
def test_a_spec_that_contradicts_its_network_is_refused(tmp_path, changes, message):
    with pytest.raises(BackendError, match=message):
        OnnxNetwork(copy_of_thunder(tmp_path, **changes), 1)


def test_a_damaged_file_is_refused(tmp_path):
    whole = model_files.find_model('movenet_thunder').read_bytes()
    for content in (whole[:5_000_000], b'', b'no network at all'):
        with pytest.raises(BackendError, match='damaged'):
            OnnxNetwork(copy_of_thunder(tmp_path, content), 1)
        with pytest.raises(BackendError, match=r'cannot load|net\.onnx'):
            OnnxNetwork(copy_of_thunder(tmp_path, content, onnx_sha256=''), 1)


def test_a_network_that_gives_nan_is_refused(tmp_path):
    onnx = pytest.importorskip('onnx')
    nodes = [onnx.helper.make_node('Log', ['image'], ['heatmaps'])]  # log(-1) is NaN
    shape = ['n', 3, 'h', 'w']
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, 'nan', [value('image', 1, shape)], [value('heatmaps', 1, shape)]
    )
    opset = [onnx.helper.make_opsetid('', 13)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=7)
    path = copy_of_thunder(
        tmp_path, model.SerializeToString(), onnx_sha256='', decoder='heatmaps', stride=1,
        keypoints=['nose', 'left_eye', 'right_eye'],
    )  # fmt: skip
    with pytest.raises(BackendError, match='not numbers'):
        backend = OnnxBackend('movenet_multipose', str(path), 1)
        backend.load(CameraImage.from_bgr(np.zeros((9, 9, 3), np.uint8)))
        backend.refine(np.eye(2, 3)[None])


def test_a_missing_model_is_named_with_where_it_was_looked_for(tmp_path, monkeypatch):
    path = copy_of_thunder(tmp_path)
    with pytest.raises(BackendError, match=r'nowhere\.onnx'):
        model_files.find_model('/nowhere.onnx')
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    with pytest.raises(BackendError, match=f'{tmp_path}.*share'):
        model_files.find_model('movenet_other')
    path.with_suffix('.json').unlink()
    with pytest.raises(BackendError, match=r'net\.json is missing'):
        OnnxNetwork(path, 1)
    path.with_suffix('.json').write_text('{')
    with pytest.raises(BackendError, match=r'net\.json'):
        OnnxNetwork(path, 1)


def test_models_are_found_in_a_ros_workspace(tmp_path, monkeypatch):
    installed = tmp_path / 'share' / 'pose_ros' / 'models'
    installed.mkdir(parents=True)
    copy_of_thunder(tmp_path).rename(installed / 'movenet_mine.onnx')
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nowhere:{tmp_path}')
    assert model_files.find_model('movenet_mine') == installed / 'movenet_mine.onnx'


def test_a_network_for_crops_cannot_find_everybody(tmp_path):
    path = copy_of_thunder(tmp_path, decoder='heatmaps', outputs={'heatmaps': 'heatmaps'})
    with pytest.raises(BackendError, match='decoder'):
        OnnxBackend(str(path), 'movenet_thunder', 1)


def test_load_backend_uses_the_parameters(tmp_path):
    path = copy_of_thunder(tmp_path, name='mine')
    got = load_backend(EstimatorConfig(backend='onnx', refiner_model=str(path), num_threads=1))
    assert (got.name, got.detector.name, got.refiner.name) == ('onnx', 'pose_multipose', 'mine')


def test_the_cyclist_is_found_where_he_is(backend, frames):
    people = estimator(backend).estimate(frames[CYCLIST])
    assert len(people.select(people.person_score > 0.1)) == 1
    assert people.person_score[0] > 0.5
    # Read off the frame by eye, 640x272: a helmet at the top, a foot on the pedal.
    nose, hip, ankles = people.xy[0, 0], people.xy[0, [11, 12]].mean(0), people.xy[0, 15:]
    assert np.abs(nose - (430, 40)).max() < 15
    assert np.abs(hip - (450, 143)).max() < 25
    assert (ankles[:, 1] > 190).all() and (people.score[0] > 0.3).all()


def test_all_modes_agree_on_the_cyclist(backend, frames):
    wanted = estimator(backend).estimate(frames[CYCLIST]).xy[0]
    one = estimator(backend, mode='one-pass').estimate(frames[CYCLIST])
    single = estimator(backend, mode='single')
    assert np.nanmedian(np.linalg.norm(one.xy[0] - wanted, axis=1)) < 6
    for stamp_s in (0.0, 0.04):
        people = single.estimate(frames[CYCLIST], stamp_s)
        assert len(people) == 1
        assert np.nanmedian(np.linalg.norm(people.xy[0] - wanted, axis=1)) < 4


@pytest.mark.parametrize('frame', [0, NOBODY, 60, 96, 140, STREET])
@pytest.mark.parametrize('mode', ['two-pass', 'single'])
def test_where_nobody_is_nobody_has_a_high_score(backend, frames, frame, mode):
    people = estimator(backend, mode=mode).estimate(frames[frame], 0.0)
    # Well below the least score that continues a track.
    assert (people.person_score < min(0.125, TrackerConfig.low_score)).all()


def test_the_result_is_the_same_each_time_and_for_every_view_of_the_array(backend, frames):
    image = frames[MAN]
    first = estimator(backend).estimate(image)
    assert first.person_score[0] > 0.3
    padded = np.zeros((272, 700, 3), np.uint8)
    padded[:, :640] = image
    for same in (image, padded[:, :640], np.asfortranarray(image), image[..., ::-1][..., ::-1]):
        again = estimator(backend).estimate(same)
        np.testing.assert_array_equal(again.xy, first.xy)


def test_crops_in_one_batch_are_as_one_by_one(backend, frames):
    backend.load(CameraImage.from_bgr(frames[CYCLIST]))
    boxes = np.array([[500.0 + n, 10, 640, 260] for n in range(MAX_BATCH + 2)])
    boxes[3] += 5000  # outside
    crops = geometry.crop(boxes, (256, 256), 1.25)
    people = backend.refine(crops)
    assert len(people) == len(boxes) and np.isfinite(people.xy).all()
    for n in (0, 3, MAX_BATCH + 1):
        alone = backend.refine(crops[n:n + 1])
        np.testing.assert_allclose(alone.xy[0], people.xy[n], atol=1e-2)
    assert len(backend.refine(crops[:0])) == 0


def test_times_are_those_of_the_latest_image(backend, frames):
    one = estimator(backend)
    one.estimate(frames[CYCLIST])
    times = one.times
    assert 0 < times.network_s < times.detect_s + times.refine_s
    backend.load(CameraImage.from_bgr(frames[CYCLIST]))
    assert backend.times.network_s == backend.times.detect_s == backend.times.refine_s == 0


@pytest.mark.parametrize('shape', [(1, 1), (1, 700), (37, 3), (31, 33), (1080, 1920)])
@pytest.mark.parametrize('mode', ['two-pass', 'single'])
def test_images_of_any_size_work_one_after_the_other(backend, shape, mode):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    people = estimator(backend, mode=mode, detect_size_px=128).estimate(image, 0.0)
    assert (people.person_score < 0.2).all()
