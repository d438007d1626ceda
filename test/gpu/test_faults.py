# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on a GPU, in TensorRT and in engines: said in one line, and nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
import logging
from pathlib import Path
import sys
import threading
from typing import Any

from fake_driver import ILLEGAL_ADDRESS, FakeDriver
from fake_tensorrt import FakeExecutionContext, FakeRtx
import numpy as np
import pytest

from pose_ros.backends import load_backend
from pose_ros.backends.tensorrt import device, engine_check
from pose_ros.backends.tensorrt.backend import TensorrtBackend
from pose_ros.backends.tensorrt.cuda_worker import CudaWorker
from pose_ros.backends.tensorrt.engine_cache import EngineRefused
from pose_ros.core import geometry
from pose_ros.core.backend import BackendError, BackendLostError
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig

SIZE_PX = 64
VIEW = geometry.letterbox((640, 480), (SIZE_PX, SIZE_PX))[None]
Load = Callable[..., TensorrtBackend]


@pytest.fixture
def fresh(small: Load, fake: FakeDriver, tmp_path: Path) -> Load:
    """Return what loads small networks; engines of earlier tests are not there."""
    return partial(small, folder=tmp_path / 'engines')


def with_image(backend: TensorrtBackend) -> TensorrtBackend:
    backend.load(CameraImage.from_bgr(np.zeros((480, 640, 3), np.uint8)))
    return backend


# ------------------------------------------------------------------ engines that are wrong


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda maps: np.roll(maps, 4, axis=-1), 'standard deviations away'),
        (lambda maps: maps * np.nan, 'not finite'),
    ],
    ids=['rolled', 'nan'],
)
def test_a_wrong_engine_is_refused_and_not_built_again(
    fresh: Load, trt: Any, spoil: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    trt.spoil = spoil
    with pytest.raises(EngineRefused, match=message):
        fresh()
    with pytest.raises(EngineRefused, match=f'({message}).*as it was built before.*engine clear'):
        fresh()
    assert trt.built == [1]


def test_keypoints_are_compared_as_well(
    fresh: Load, trt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where maps are flat, a tolerance of theirs lets pass what is a few pixels off."""
    monkeypatch.setitem(engine_check.MAP_TOLERANCE, 'fp16', 1e9)
    trt.spoil = lambda maps: np.roll(maps, 4, axis=-1)
    with pytest.raises(EngineRefused, match='keypoints are .* px away'):
        fresh()


def test_a_checked_engine_needs_no_onnx_runtime(
    fresh: Load, trt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict is stored with it: the second start loads no other runtime."""
    fresh().close()
    monkeypatch.setitem(sys.modules, 'pose_ros.backends.onnx', None)
    fresh().close()
    assert trt.built == [1, 2]


# ------------------------------------------------------------------ contexts, memory, graphs


def test_a_profile_that_is_refused(
    fresh: Load, trt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bindings raise RuntimeError, they never return False."""

    def refuse(self: FakeExecutionContext, profile: int, stream: int) -> bool:
        raise RuntimeError('Error in set optimization profile async.')

    monkeypatch.setattr(FakeExecutionContext, 'set_optimization_profile_async', refuse)
    with pytest.raises(EngineRefused, match='its profile 0 cannot be chosen: Error in set'):
        fresh()


def test_contexts_share_their_memory_and_it_is_given_first(small: Load, trt: Any) -> None:
    small()
    assert len(trt.contexts) >= 5
    assert not any(context._needs_memory for context in trt.contexts)


def test_memory_full(fresh: Load, fake: FakeDriver) -> None:
    fake.start(memory_bytes=100_000)
    with pytest.raises(BackendError, match='memory of GPU 0 is full'):
        fresh()
    assert not fake.alive()


def test_what_cannot_be_recorded_is_enqueued_and_said_once(
    small: Load, fake: FakeDriver, caplog: pytest.LogCaptureFixture
) -> None:
    fake.fail('cuStreamBeginCapture', 801)
    with caplog.at_level(logging.WARNING):
        backend = with_image(small())
        for _ in range(4):
            backend.detect(VIEW, (SIZE_PX, SIZE_PX))
    assert caplog.text.count('runs without CUDA graphs') == 1
    assert not backend.uses_graphs


def test_another_library_copies_while_a_graph_is_recorded(
    small: Load, trt: Any, cuda: Any
) -> None:
    """On the legacy stream, as PyTorch does: with a blocking stream both fail (error 906)."""
    backend = with_image(small())
    backend.uses_graphs = False
    backend.detect(VIEW, (SIZE_PX, SIZE_PX))  # drops the graph
    backend.uses_graphs = True
    other = CudaWorker(cuda)
    memory = [other.call(lambda: cuda.mem_alloc(4000))]
    other.at_close(memory.clear)

    def copy() -> bool:
        other.call(lambda: cuda.memcpy_htod(memory[0], np.zeros(1000, np.int32)))
        return True

    trt.while_running = copy
    backend.detect(VIEW, (SIZE_PX, SIZE_PX))
    other.close()
    assert backend.uses_graphs


def test_an_engine_that_fails_once(small: Load, trt: Any) -> None:
    backend = with_image(small())
    backend.uses_graphs = False
    trt.while_running = lambda: False
    with pytest.raises(BackendError, match='cannot run centers') as raised:
        backend.detect(VIEW, (SIZE_PX, SIZE_PX))
    assert not isinstance(raised.value, BackendLostError)
    trt.while_running = lambda: True
    backend.detect(VIEW, (SIZE_PX, SIZE_PX))


# ------------------------------------------------------------------ a GPU that is lost


@pytest.mark.parametrize(
    ('call', 'graphs'),
    [
        ('cuGraphLaunch', True),  # cuda_graph.py meets it
        ('cuLaunchHostFunc', False),  # execute_async_v3 meets it and returns False
        ('cuLaunchKernel', False),
    ],
)
def test_a_lost_gpu_is_said_whoever_meets_it(
    small: Load, fake: FakeDriver, call: str, graphs: bool
) -> None:
    backend = with_image(small())
    backend.uses_graphs = graphs
    fake.fail(call, ILLEGAL_ADDRESS, is_sticky=True)
    with pytest.raises(BackendLostError, match='illegal memory access.*context is lost'):
        backend.detect(VIEW, (SIZE_PX, SIZE_PX))
    with pytest.raises(BackendLostError, match='cannot be used any more'):
        backend.detect(VIEW, (SIZE_PX, SIZE_PX))
    backend.close()
    with_image(small()).detect(VIEW, (SIZE_PX, SIZE_PX))


def test_a_kernel_that_reads_beyond_its_memory_loses_the_gpu(small: Load) -> None:
    backend = with_image(small())
    frame = backend._frame
    assert frame is not None
    frame.record = frame.record.copy()
    frame.record['step'] = 1 << 26  # the rows are 64 MB apart
    with pytest.raises(BackendLostError, match='illegal memory access'):
        backend.detect(VIEW, (SIZE_PX, SIZE_PX))


# ------------------------------------------------------------------ builds that are cancelled


def test_a_build_ends_when_the_backend_is_closed(
    fresh: Load, trt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C waited for the end of the build, or 30 s."""
    steps: list[int] = []
    goes_on = threading.Event()

    class Interrupted(KeyboardInterrupt):
        pass

    def step() -> None:
        steps.append(1)
        goes_on.wait(20)

    def interrupt(name: str, part: float) -> None:
        if part == 0.0 and not steps:
            monkeypatch.setattr(Future, 'result', interrupted)

    result = Future.result

    def interrupted(future: Future[Any], timeout: float | None = None) -> Any:
        if threading.current_thread() is threading.main_thread():
            while not steps:
                pass
            monkeypatch.setattr(Future, 'result', result)
            threading.Timer(1.0, goes_on.set).start()  # when the backend is being closed
            raise Interrupted
        return result(future, timeout)

    trt.while_building = step
    with pytest.raises(Interrupted):
        fresh(progress=interrupt)
    assert len(steps) == 1 and trt.built == []


# ------------------------------------------------------------------ what a machine has and lacks


def test_no_gpu_and_no_driver(
    fake: FakeDriver, trt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(device.NoGpuError, match='no GPU number 3: the driver sees 1'):
        load_backend(EstimatorConfig(backend='tensorrt', gpu=3))
    fake.start(devices=0)
    with pytest.raises(device.NoGpuError, match='the NVIDIA driver shows no GPU: cuInit failed'):
        device.find_runtime()

    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(device.ctypes, 'CDLL', missing)
    with pytest.raises(device.NoGpuError, match='no NVIDIA driver on this machine'):
        device.find_runtime()


def test_pycuda_that_cannot_be_imported(
    fake: FakeDriver, trt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError('libcurand.so.10: cannot open shared object file')

    monkeypatch.setattr(device, 'import_module', missing)
    with pytest.raises(BackendError, match='PyCUDA cannot be used .*libcurand.*docs/gpu.md'):
        device.find_runtime()


def test_the_gpu_is_described(fake: FakeDriver, trt: Any) -> None:
    fake.start(devices=2, capability=(9, 0))
    found = device.find_runtime(1).device
    assert (found.index, found.name, found.compute_capability) == (1, 'Fake GPU 1', (9, 0))
    assert found.key() == {
        'name': 'Fake GPU 1', 'compute_capability': [9, 0], 'multiprocessors': 46,
        'driver': [12, 6],
    }


def test_an_old_tensorrt(fake: FakeDriver, trt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(trt), 'NetworkDefinitionCreationFlag', object())
    monkeypatch.setattr(type(trt), '__version__', '8.6.1')
    with pytest.raises(BackendError, match='8.6.1 is too old: 10 or newer is needed'):
        device.find_runtime()


@pytest.fixture
def rtx(trt: Any, fake: FakeDriver, monkeypatch: pytest.MonkeyPatch) -> FakeRtx:
    """Have TensorRT-RTX, and no TensorRT."""
    found = FakeRtx()
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    monkeypatch.setitem(sys.modules, 'tensorrt_rtx', found)
    return found


def test_rtx_on_a_gpu_that_it_does_not_know_builds_nothing(
    fake: FakeDriver, rtx: FakeRtx, caplog: pytest.LogCaptureFixture,
) -> None:
    fake.start(capability=(8, 7))
    with pytest.raises(BackendError, match=r'8.7\), only on 8.6, 8.9, 12.0: install'):
        load_backend(EstimatorConfig(backend='tensorrt'))
    with caplog.at_level(logging.WARNING):
        backend = load_backend(EstimatorConfig(backend='auto'))
    assert 'tensorrt' not in backend.name
    assert 'TensorRT-RTX does not run on Fake GPU 0' in backend.instead
    assert len(caplog.records) <= 1
    assert rtx.built == []


def test_rtx_compiles_eagerly_and_keeps_what_it_compiled(rtx: FakeRtx, fresh: Load) -> None:
    fresh().close()
    first = list(rtx.configs)
    assert all(c.dynamic_shapes_kernel_specialization_strategy == 1 for c in first)
    assert all(c.strategy == 2 for c in first), 'the memory is not ours'
    assert not any(c.cache.was_given for c in first if c.cache)
    fresh().close()
    later = rtx.configs[len(first):]
    assert [c.cache.was_given for c in later if c.cache] == [b'compiled'] * len(later)
    assert rtx.built == [1, 2]


def test_rtx_that_cannot_be_recorded(
    rtx: FakeRtx, fresh: Load, fake: FakeDriver, caplog: pytest.LogCaptureFixture
) -> None:
    rtx.is_capturable = False
    with caplog.at_level(logging.WARNING):
        backend = fresh()
    assert fake.count('cuStreamBeginCapture') == 0 and not backend.uses_graphs
    assert 'it cannot be recorded' in caplog.text
