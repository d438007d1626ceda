# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The TensorRT backend with the CPU in place of the GPU: everything but the two libraries is real.

PyCUDA is replaced by memory of the host and the kernels compiled by g++, TensorRT by ONNX Runtime
on the same addresses. What comes out is compared with the ONNX Runtime backend.
"""

from __future__ import annotations

import ctypes
from itertools import islice
import logging
from pathlib import Path
import threading
from types import SimpleNamespace

import cv2
import numpy as np
import onnxruntime
import pytest

from pose_ros.backends import engine_build, kernels, tensorrt
from pose_ros.backends.cuda_driver import CudaDevice
from pose_ros.backends.engine_cache import EngineRefused
from pose_ros.backends.onnx import OnnxBackend
from pose_ros.backends.precision import to_half
from pose_ros.core import geometry
from pose_ros.core.backend import BackendError
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator import PoseEstimator
from pose_ros.media.sources import SourceError, open_source

DETECTOR, REFINER = 'movenet_multipose', 'movenet_thunder'
CONFIG = EstimatorConfig(detect_size_px=256)


class HostMemory:
    """Memory of the host with an address, as PyCUDA's DeviceAllocation has one."""

    def __init__(self, num_bytes: int) -> None:
        self.array = np.full(num_bytes, 0xA5, np.uint8)

    def __int__(self) -> int:
        return self.array.ctypes.data


class HostCuda:
    """pycuda.driver on the host; notes the threads that use it and what is still allocated."""

    class Error(Exception):
        pass

    class MemoryError(Error):
        pass

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.threads: set[str] = set()
        self.events: list[str] = []
        self.fail_with: Exception | None = None
        self.limit_bytes = 1 << 40
        self.Context = SimpleNamespace(pop=lambda: self._note('pop'), synchronize=self.synchronize)

    def _note(self, event: str = '') -> None:
        self.threads.add(threading.current_thread().name)
        if event:
            self.events.append(event)

    def init(self) -> None:
        self._note()

    def Device(self, index: int) -> SimpleNamespace:  # noqa: N802
        self._note()
        context = SimpleNamespace(
            push=lambda: self._note('push'), detach=lambda: self._note('detach')
        )
        return SimpleNamespace(retain_primary_context=lambda: context)

    def synchronize(self) -> None:
        self._note()
        if self.fail_with:
            raise self.fail_with

    def Stream(self) -> SimpleNamespace:  # noqa: N802
        self._note()
        return SimpleNamespace(handle=1, synchronize=self.synchronize)

    def mem_alloc(self, num_bytes: int) -> HostMemory:
        self._note()
        if num_bytes > self.limit_bytes:
            raise self.MemoryError('cuMemAlloc failed: out of memory')
        return HostMemory(num_bytes)

    def pagelocked_empty(self, shape, dtype) -> np.ndarray:
        self._note()
        return np.empty(shape, dtype)

    def memcpy_htod(self, target, source: np.ndarray) -> None:
        self._note()
        assert source.nbytes <= target.array.nbytes
        ctypes.memmove(int(target), source.ctypes.data, source.nbytes)

    def memcpy_dtoh(self, target: np.ndarray, source) -> None:
        self._note()
        assert target.nbytes <= source.array.nbytes
        ctypes.memmove(target.ctypes.data, int(source), target.nbytes)

    def memcpy_htod_async(self, target, source: np.ndarray, stream) -> None:
        self.memcpy_htod(target, source)

    def memcpy_dtoh_async(self, target: np.ndarray, source, stream) -> None:
        self.memcpy_dtoh(target, source)

    def module_from_buffer(self, ptx: bytes) -> SimpleNamespace:
        self._note()
        assert ptx == kernels.PTX_FILE.read_bytes() + b'\0'
        return SimpleNamespace(get_function=lambda name: HostFunction(self, name))


class HostFunction:
    """A kernel, with PyCUDA's prepared calls."""

    def __init__(self, cuda: HostCuda, name: str) -> None:
        self.cuda = cuda
        self.name = name
        self.launch = getattr(cuda.library, f'host_{name}')
        self.launch.restype = ctypes.c_bool

    def prepare(self, arguments: str) -> None:
        assert set(arguments) == {'P'}
        self.count = len(arguments)

    def prepared_async_call(self, grid, block, stream, *pointers: int) -> None:
        self.cuda._note()
        assert len(pointers) == self.count
        # Fewer threads are quicker here; the kernel without barriers takes a pixel per thread.
        threads = block[0] if self.name == 'warp_views' else 4
        assert self.launch(
            (ctypes.c_uint * 3)(*grid), ctypes.c_uint(threads), 0,
            (ctypes.c_void_p * len(pointers))(*pointers),
        )


class HostEngine:
    """An engine that ONNX Runtime computes; also its own execution context."""

    def __init__(self, plan: bytes, trt) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            plan, options, providers=['CPUExecutionProvider']
        )
        self.trt = trt
        self.input, *_ = self.session.get_inputs()
        self.tensors = {t.name: t for t in (self.input, *self.session.get_outputs())}
        self.num_io_tensors = len(self.tensors)
        self.profiles = trt.profiles[len(self.tensors)]
        self.num_optimization_profiles = len(self.profiles)

    def get_tensor_name(self, i: int) -> str:
        return list(self.tensors)[i]

    def get_tensor_mode(self, name: str) -> str:
        return 'in' if name == self.input.name else 'out'

    def get_tensor_dtype(self, name: str) -> str:
        return self.tensors[name].type

    def get_tensor_profile_shape(self, name: str, i: int) -> list[tuple[int, ...]]:
        profile = self.profiles[i]
        return [profile.low, profile.best, profile.high]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(n if isinstance(n, int) else -1 for n in self.tensors[name].shape)

    def create_execution_context(self) -> HostContext:
        return HostContext(self)


class HostContext:
    def __init__(self, engine: HostEngine) -> None:
        self.engine = engine
        self.addresses: dict[str, int] = {}
        self.shape: tuple[int, ...] = ()

    def set_optimization_profile_async(self, profile: int, stream: int) -> bool:
        self.profile = self.engine.profiles[profile]
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shape = shape
        low, high = self.profile.low, self.profile.high
        return all(a <= n <= b for a, n, b in zip(low, shape, high))

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return name in self.engine.tensors

    def infer_shapes(self) -> list[str]:
        return []

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        channels = self.engine.tensors[name].shape[1]
        return (self.shape[0], channels, self.shape[2] // 4, self.shape[3] // 4)

    def execute_async_v3(self, stream_handle: int) -> bool:
        if self.engine.trt.fails:
            return False
        dtype = np.float16 if '16' in self.engine.input.type else np.float32
        values = self._at(self.engine.input.name, self.shape, dtype)
        names = [name for name in self.engine.tensors if name != self.engine.input.name]
        for name, found in zip(names, self.engine.session.run(names, {'image': values})):
            self._at(name, found.shape, dtype)[:] = found * self.engine.trt.factor
        return True

    def _at(self, name: str, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        num_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = (ctypes.c_uint8 * num_bytes).from_address(self.addresses[name])
        return np.frombuffer(memory, dtype).reshape(shape)


class Logger:
    INTERNAL_ERROR, ERROR, WARNING = range(3)


class HostTensorrt:
    __name__ = 'tensorrt'
    __version__ = '10.0'
    ILogger = Logger
    TensorIOMode = SimpleNamespace(INPUT='in')
    NetworkDefinitionCreationFlag = SimpleNamespace(STRONGLY_TYPED=1)
    float32, float16 = 'tensor(float)', 'tensor(float16)'
    fails = False
    factor = 1.0

    def __init__(self) -> None:
        self.built: list[str] = []
        # By the number of tensors: the engines of the two networks differ in it.
        self.profiles: dict[int, tuple[engine_build.Profile, ...]] = {}

    def build(self, trt, request, capabilities, progress) -> bytes:
        self.built.append(request.name)
        self.profiles[7 if request.name == DETECTOR else 5] = request.profiles
        return to_half(request.onnx) if request.precision == 'fp16' else request.onnx

    def Runtime(self, logger) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(
            deserialize_cuda_engine=lambda p: HostEngine(p, self) if len(p) > 10**6 else None
        )


@pytest.fixture
def gpu(host_library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Put the host in place of the GPU."""
    cuda, trt = HostCuda(host_library), HostTensorrt()
    device = CudaDevice('Host', (9, 0), 1 << 30, 1, (12, 6))
    monkeypatch.setattr(tensorrt, 'probe', lambda: device)
    monkeypatch.setattr(tensorrt, 'import_pycuda', lambda: cuda)
    monkeypatch.setattr(engine_build, 'import_tensorrt', lambda: trt)
    monkeypatch.setattr(engine_build, 'build_engine', trt.build)
    return SimpleNamespace(cuda=cuda, trt=trt)


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
    reference = PoseEstimator(OnnxBackend(DETECTOR, REFINER, 1), CONFIG)
    expected = reference.estimate(image)
    backend = load(tmp_path, precision=precision)
    try:
        estimator = PoseEstimator(backend, CONFIG)
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
        backend.load_frame(data.reshape(-1), 'rgb8', width, height, 3 * width)
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
    with pytest.raises(BackendError, match='illegal address; the context is lost, start again'):
        backend.detect(view, (256, 192))
    with pytest.raises(BackendError, match='cannot be used any more'):
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
