# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The TensorRT backend with the CPU in place of the GPU: everything but the two libraries is real.

`pose_ros.backends.host_gpu` says what stands for what. What comes out is compared with the ONNX
Runtime backend.
"""

from __future__ import annotations

import ctypes
from itertools import islice
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_ros.backends.tensorrt import backend as tensorrt
from pose_ros.backends.tensorrt.engine_cache import EngineRefused
from pose_ros.backends.tensorrt.device import GpuRuntime
from pose_ros.backends.host_gpu.runtime import host_runtime
from pose_ros.backends.onnx import OnnxBackend
from pose_ros.core import geometry
from pose_ros.core.backend import BackendError, BackendLostError
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.colors import bgr_from
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.media.sources import SourceError, open_source

DETECTOR, REFINER = 'movenet_multipose', 'movenet_thunder'
CONFIG = EstimatorConfig(detect_size_px=256)


@pytest.fixture
def gpu(host_library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> GpuRuntime:
    """Put the host in place of the GPU."""
    runtime = host_runtime(host_library)
    monkeypatch.setattr(tensorrt, 'find_runtime', lambda: runtime)
    return runtime


def load(folder: Path, **kwargs) -> tensorrt.TensorrtBackend:
    return tensorrt.TensorrtBackend(DETECTOR, REFINER, folder=folder / 'engines', **kwargs)


@pytest.fixture(scope='module')
def image() -> np.ndarray:
    try:
        with open_source('demo') as source:
            return next(islice(source, 120, None)).image.copy()  # one person, large
    except SourceError as error:
        pytest.skip(f'the demo footage is not here: {error}')


# ONNX Runtime computes float16 models in float32: of fp16 only the rounding of weights, inputs and
# maps is seen here.
@pytest.mark.parametrize(
    ('precision', 'size', 'tolerance_px'),
    [('fp32', (640, 272), 1e-3), ('fp32', (640, 480), 1e-3), ('fp16', (640, 272), 0.1)],
)
def test_people_are_those_of_onnx_runtime(
    gpu, tmp_path: Path, image: np.ndarray, precision: str, size, tolerance_px: float
) -> None:
    image = cv2.resize(image, size)
    reference = TwoPassEstimator(OnnxBackend(DETECTOR, REFINER, 1), CONFIG)
    expected = reference.estimate(image)
    backend = load(tmp_path, precision=precision)
    try:
        estimator = TwoPassEstimator(backend, CONFIG)
        for _ in range(3):  # the first, the one that would be recorded, the one after
            people = estimator.estimate(image)
        assert len(people) == len(expected) > 0
        off_px = np.linalg.norm(people.xy - expected.xy, axis=2)
        seen = (people.score > 0.3) & (expected.score > 0.3)
        assert seen.sum() >= 10
        assert off_px[seen].max() < tolerance_px
        np.testing.assert_allclose(people.score[seen], expected.score[seen], atol=0.05)
        # The same people from the frame as other cameras send it.
        view = geometry.letterbox(image.shape[1::-1], (256, 192))[None]
        found = backend.detect(view, (256, 192))
        data = np.ascontiguousarray(image[..., ::-1])
        height, width = image.shape[:2]
        backend.load_frame(CameraImage(data.reshape(-1), 'rgb8', width, height, 3 * width))
        again = backend.detect(view, (256, 192))
        np.testing.assert_array_equal(again.xy, found.xy)
        backend.refine(geometry.crop(found.boxes_xyxy(), (256, 256)))
        assert backend.times.detect_s > 0 and backend.times.refine_s > 0
        assert 0 < backend.times.network_s <= backend.times.detect_s + backend.times.refine_s
    finally:
        backend.close()
    assert gpu.cuda.threads == {'cuda'}, 'CUDA was used on another thread'
    assert gpu.cuda.events == ['push', 'pop', 'detach']


def test_more_crops_than_an_engine_takes(gpu, tmp_path: Path, image: np.ndarray) -> None:
    backend = load(tmp_path, precision='fp32')
    try:
        part = image[:, 10:]  # a view, with padded rows
        reference = OnnxBackend(DETECTOR, REFINER, 1)
        reference.load_image(part)
        view = geometry.letterbox(part.shape[1::-1], (256, 192))[None]
        box = reference.detect(view, (256, 192)).boxes_xyxy()[0]
        crops = geometry.crop(box + np.arange(11)[:, None], (256, 256), 1.25)
        backend.load_image(part)
        people = backend.refine(crops)
        expected = reference.refine(crops)
        assert len(people) == 11
        sure = expected.score > 0.4
        assert sure.sum() > 100
        np.testing.assert_allclose(people.xy[sure], expected.xy[sure], atol=1e-3)
        assert len(backend.refine(crops[:0])) == 0
    finally:
        backend.close()


def test_engines_are_built_once_and_checked(
    gpu, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load(tmp_path).close()
    load(tmp_path).close()
    assert gpu.trt.built == [DETECTOR, REFINER]
    # A driver update gives an engine that computes something else: refused, built anew, refused.
    gpu.trt.factor = 1.5
    with pytest.raises(EngineRefused, match='heatmaps are .* standard deviations away'):
        load(tmp_path)
    assert gpu.trt.built == [DETECTOR, REFINER, DETECTOR]
    gpu.trt.factor = float('nan')
    with pytest.raises(EngineRefused, match='not finite'):
        load(tmp_path)
    gpu.trt.factor = 1.0
    load(tmp_path).close()
    assert gpu.cuda.events.count('push') == gpu.cuda.events.count('detach') == 5


def test_truncated_plan(gpu, tmp_path: Path) -> None:
    load(tmp_path).close()
    for plan in (tmp_path / 'engines').glob('*.plan'):
        plan.write_bytes(plan.read_bytes()[:1000])
    load(tmp_path).close()
    assert gpu.trt.built == [DETECTOR, REFINER] * 2


def test_gpu_memory_full(gpu, tmp_path: Path) -> None:
    gpu.cuda.limit_bytes = 100_000
    with pytest.raises(BackendError, match='memory of GPU 0 is full'):
        load(tmp_path)
    assert gpu.cuda.events == ['push', 'pop', 'detach']


def test_lost_context_is_reported_and_a_new_backend_works(
    gpu, tmp_path: Path, image: np.ndarray
) -> None:
    backend = load(tmp_path, precision='fp32')
    gpu.cuda.fail_with = gpu.cuda.Error('cuStreamSynchronize failed: an illegal address')
    view = geometry.letterbox(image.shape[1::-1], (256, 192))[None]
    backend.load_image(image)
    with pytest.raises(BackendLostError, match='illegal address; the context is lost'):
        backend.detect(view, (256, 192))
    with pytest.raises(BackendLostError, match='cannot be used any more'):
        backend.detect(view, (256, 192))
    backend.close()
    gpu.cuda.fail_with = None
    backend = load(tmp_path, precision='fp32')
    backend.load_image(image)
    assert len(backend.detect(view, (256, 192)))
    backend.close()
    with pytest.raises(BackendError, match='no image was loaded'):
        backend.detect(view, (256, 192))


def test_failing_engine_and_wrong_use(gpu, tmp_path: Path, image: np.ndarray) -> None:
    backend = load(tmp_path, precision='fp32')
    try:
        view = geometry.letterbox(image.shape[1::-1], (256, 192))[None]
        with pytest.raises(BackendError, match='no image'):
            backend.detect(view, (256, 192))
        backend.load_image(image)
        with pytest.raises(BackendError, match='does not take inputs of'):
            backend.detect(view, (512, 384))
        gpu.trt.fails = True
        with pytest.raises(BackendError, match='cannot run movenet_multipose'):
            backend.detect(view, (256, 192))
        gpu.trt.fails = False
        assert len(backend.detect(view, (256, 192)))
    finally:
        backend.close()
        backend.close()


def test_without_graphs_it_says_so_once(
    gpu, tmp_path: Path, image: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        ctypes.CDLL('libcuda.so.1')
    except OSError:
        pass
    else:
        pytest.skip('there is an NVIDIA driver: recording would not fail')
    backend = load(tmp_path, precision='fp32')
    view = geometry.letterbox(image.shape[1::-1], (256, 192))[None]
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            backend.load_image(image)
            backend.detect(view, (256, 192))
    backend.close()
    assert caplog.text.count('runs without CUDA graphs') == 1


@pytest.mark.parametrize('encoding', tensorrt.TensorrtBackend.encodings)
def test_frames_as_they_come_give_the_people_of_the_converted_image(
    gpu, tmp_path_factory: pytest.TempPathFactory, image: np.ndarray, encoding: str,
    backends: dict[str, tensorrt.TensorrtBackend],
) -> None:
    """What a camera sends is converted by the kernels as OpenCV converts it for the CPU."""
    if not backends:
        backends['gpu'] = load(tmp_path_factory.mktemp('engines'), precision='fp32')
    backend = backends['gpu']
    height, width = image.shape[0] & ~1, image.shape[1] & ~1
    frame = as_sent(image[:height, :width], encoding)
    view = geometry.letterbox((width, height), (128, 96))[None]
    backend.load_frame(frame)
    found = backend.detect(view, (128, 96))
    backend.load_image(bgr_from(frame))
    expected = backend.detect(view, (128, 96))
    assert len(found) == len(expected) > 0
    np.testing.assert_array_equal(found.xy, expected.xy)


@pytest.fixture(scope='module')
def backends():
    """Hold a backend that several tests use."""
    held: dict[str, tensorrt.TensorrtBackend] = {}
    yield held
    for backend in held.values():
        backend.close()


def as_sent(image: np.ndarray, encoding: str) -> CameraImage:
    """Write a picture as a camera would: only its greys where colour is costly to write."""
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if encoding in ('bgr8', 'rgb8', 'bgra8', 'rgba8'):
        order = ['bgr'.find(c) for c in encoding[:-1]]
        data = image[..., order]
    elif encoding.startswith('nv'):
        data = np.concatenate([grey, np.full((height // 2, width), 120, np.uint8)])
    elif encoding.startswith(('yu', 'uy')):
        luma = 0 if encoding in ('yuv422_yuy2', 'yuyv') else 1
        data = np.full((height, width, 2), 120, np.uint8)
        data[..., luma] = grey
    else:
        data = grey
    step = data.size // len(data)
    padded = np.pad(data.reshape(len(data), -1), ((0, 0), (0, 3)))
    return CameraImage(padded.reshape(-1), encoding, width, height, step + 3)


def test_a_shape_keeps_its_context(gpu, tmp_path: Path, image: np.ndarray) -> None:
    """The number of people changes all the time: what was recorded of another must stay right."""
    backend = load(tmp_path, precision='fp32')
    try:
        backend.load_image(image)
        crops = geometry.crop(np.array([[100.0, 20, 300, 250]] * 3), (256, 256))
        expected = [backend.refine(crops[:n]).xy for n in (1, 2, 3)]
        contexts = backend._refine._contexts
        engine = contexts._engine
        made = list(engine.contexts)
        for n in (2, 1, 3, 2):
            np.testing.assert_array_equal(backend.refine(crops[:n]).xy, expected[n - 1])
        assert engine.contexts == made and len(contexts._bound) == 4  # and the golden batch
    finally:
        backend.close()


def test_one_context_per_profile_is_enough(gpu, tmp_path: Path, image: np.ndarray) -> None:
    """TensorRT 8.6 gives a profile no second context."""
    gpu.trt.contexts_per_profile = 1
    backend = load(tmp_path, precision='fp32')
    try:
        backend.load_image(image)
        crops = geometry.crop(np.array([[100.0, 20, 300, 250]] * 3), (256, 256))
        three = backend.refine(crops)
        two = backend.refine(crops[:2])
        np.testing.assert_array_equal(two.xy, three.xy[:2])
        np.testing.assert_array_equal(backend.refine(crops).xy, three.xy)
        assert len(backend._refine._contexts._bound) == 2
    finally:
        backend.close()
