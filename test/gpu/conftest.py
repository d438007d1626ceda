# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
PyCUDA on the driver of `fake/`, or, with `--gpu`, on the GPU of this machine.

Tests with the mark `gpu` run on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import gc
import json
from pathlib import Path
import sys
from typing import Any

import fake_driver
from fake_driver import FakeDriver
from fake_tensorrt import FakeTensorrt
import numpy as np
import pytest

from pose_ros.backends.tensorrt import kernels
from pose_ros.backends.tensorrt.cuda_worker import CudaWorker
from pose_ros.backends.tensorrt.engine_build import make_logger
from pose_ros.backends.tensorrt.kernels import structs
from pose_ros.backends.tensorrt.kernels.calls import POINTERS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption('--gpu', action='store_true', help='test/gpu: on the GPU of this machine')
    parser.addoption('--gpu-out', type=Path, help='test/gpu: a folder for results and engines')


def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption('--gpu-out', None)
    if folder is not None:
        config.pluginmanager.register(Results(folder / 'gpu_check.json'))


class Results:
    """Writes down what came of each test, at once: what was found stays when the process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != 'call' and report.outcome == 'passed':
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        row = {
            'test': report.nodeid.rpartition('/')[2], 'outcome': report.outcome,
            'seconds': round(report.duration, 3), **dict(report.user_properties),
            **({'reason': reason[-2000:]} if reason else {}),
        }
        with self._path.open('a', encoding='utf-8') as file:
            file.write(json.dumps(row) + '\n')


@pytest.fixture(scope='session')
def driver(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> FakeDriver | None:
    """Load the fake driver; None on a GPU."""
    if request.config.getoption('--gpu', False):
        return None
    cache = getattr(request.config, 'cache', None)  # none with `-p no:cacheprovider`
    out = request.config.getoption('--gpu-out', None)
    if out is not None:
        folder = out / 'fake_driver'
        folder.mkdir(exist_ok=True)
    else:
        folder = cache.mkdir('fake_driver') if cache else tmp_path_factory.mktemp('fake_driver')
    try:
        built = fake_driver.build(folder)
    except fake_driver.CannotCompile as error:
        pytest.skip(str(error))
    found = FakeDriver(*built)
    records = (structs.FRAME, structs.TARGET, structs.VIEW, structs.DECODER)
    assert [found.kernels.host_sizes(i) for i in range(4)] == [r.itemsize for r in records]
    return found


@pytest.fixture
def cuda(driver: FakeDriver | None) -> Iterator[Any]:
    """Return pycuda.driver; nothing may be left on the fake driver."""
    pytest.importorskip('pycuda', reason='PyCUDA: ./run --with gpu-build')
    if driver is not None:
        driver.start()
    import pycuda.driver

    yield pycuda.driver
    if driver is not None:
        gc.collect()
        left = driver.alive()
        driver.start(devices=0)
        assert not left, 'left on the GPU'


@pytest.fixture(scope='session', autouse=True)
def context(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep the context of a GPU: each test would make it anew, which takes a while."""
    if not request.config.getoption('--gpu', False):
        yield
        return
    import pycuda.driver

    worker = CudaWorker(pycuda.driver)
    yield
    worker.close()


@pytest.fixture
def fake(cuda: Any, driver: FakeDriver | None) -> FakeDriver:
    """Return the fake driver: for what cannot be had from a real one."""
    if driver is None:
        pytest.skip('wants the fake driver')
    return driver


@pytest.fixture
def trt(driver: FakeDriver | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return TensorRT: on the fake driver what stands in for it."""
    if driver is None:
        from pose_ros.backends.tensorrt.device import find_runtime

        yield find_runtime().trt
        return
    found = FakeTensorrt()
    monkeypatch.setitem(sys.modules, 'tensorrt', found)
    yield found
    make_logger.cache_clear()  # it knows the module, and that all networks of the test


class Kernels:
    """The package's kernels, with arrays of the host in the place of addresses."""

    def __init__(self, cuda: Any, worker: CudaWorker) -> None:
        self._cuda, self._worker = cuda, worker
        self._module: Any = worker.call(
            lambda: cuda.module_from_buffer(kernels.PTX_FILE.read_bytes() + b'\0')
        )

    def launch(self, name: str, grid: tuple[int, int, int], *arrays: np.ndarray) -> None:
        """Copy the arrays up, run the kernel, copy what it may have written down."""
        assert all(a.flags.c_contiguous for a in arrays)
        self._worker.call(lambda: self._launch(name, grid, arrays))

    def _launch(self, name: str, grid: tuple[int, int, int], arrays: Any) -> None:
        stream = self._cuda.Stream(1)
        addresses = [self._cuda.mem_alloc(max(array.nbytes, 1)) for array in arrays]
        for address, array in zip(addresses, arrays):
            self._cuda.memcpy_htod_async(address, array, stream)
        function = self._module.get_function(name)
        function.prepare('P' * POINTERS[name])
        function.prepared_async_call(grid, (kernels.THREADS, 1, 1), stream, *addresses)
        for address, array in zip(addresses, arrays):
            if array.flags.writeable:
                self._cuda.memcpy_dtoh_async(array, address, stream)
        stream.synchronize()

    def close(self) -> None:
        self._worker.at_close(lambda: setattr(self, '_module', None))
        self._worker.close()

    def warp(self, frame, record, views, target) -> np.ndarray:
        """Return the network's input, (B, 3, height, width) of the target's type."""
        width, height = int(target['width'][0]), int(target['height'][0])
        dtype = np.float16 if target['is_half'][0] else np.float32
        out = np.full((len(views), 3, height, width), np.nan, dtype)
        grid = (-(-width // kernels.THREADS), height, len(views))
        self.launch(
            'warp_views', grid, frame, record, target, views.records, views.tables, out
        )
        return out

    def peaks(self, centers, decoder):
        """Return count (B,), cell and score (B, max_people)."""
        people = int(decoder['max_people'][0])
        count = np.full(len(centers), -7, np.int32)
        cell = np.full((len(centers), people), -7, np.int32)
        score = np.full((len(centers), people), np.nan, np.float32)
        scratch = np.full(centers.size, -7, np.int32)
        self.launch(
            'center_peaks', (len(centers), 1, 1), centers, decoder, scratch, count, cell, score
        )
        return count, cell, score

    def middle_person(self, centers, decoder):
        """Return count (B,), cell and score (B, 1)."""
        count = np.full(len(centers), -7, np.int32)
        cell = np.full((len(centers), 1), -7, np.int32)
        score = np.full((len(centers), 1), np.nan, np.float32)
        self.launch('middle_person', (len(centers), 1, 1), centers, decoder, count, cell, score)
        return count, cell, score

    def keypoints(self, maps, decoder, views, count, cell) -> np.ndarray:
        """Return (B, max_people, K, 3): x, y, score; NaN beyond the people that were found."""
        people, number = int(decoder['max_people'][0]), int(decoder['keypoints'][0])
        out = np.full((len(views), people, number, 3), np.nan, np.float32)
        self.launch(
            'keypoints_at_centers', (number, people, len(views)), maps['heatmaps'],
            maps['regress'], maps['offsets'], decoder, views.records, count, cell, out,
        )
        return out

    def keypoints_of_heatmaps(self, heatmaps, decoder, views) -> np.ndarray:
        """Return (B, K, 3): x, y, score."""
        number = int(decoder['keypoints'][0])
        out = np.full((len(views), number, 3), np.nan, np.float32)
        self.launch(
            'keypoints_of_heatmaps', (number, len(views), 1), heatmaps, decoder, views.records, out
        )
        return out


@pytest.fixture(params=[(16, False), (16, True)], ids=['16', '16-reversed'])
def device_kernels(
    cuda: Any, driver: FakeDriver | None, request: pytest.FixtureRequest
) -> Iterator[Kernels]:
    """On the fake driver: in small blocks, and with the threads in either order."""
    if driver is not None:
        driver.set_block(*request.param)
    elif request.param != (16, False):
        pytest.skip('a GPU has one size of blocks, and its own order')
    found = Kernels(cuda, CudaWorker(cuda))
    yield found
    found.close()


@pytest.fixture
def load(tmp_path: Path, trt: Any, cuda: Any) -> Iterator[Callable[..., Any]]:
    """Return what loads a backend, closed at the end; its engines lie in a folder of the test."""
    from pose_ros.backends.tensorrt.backend import TensorrtBackend

    loaded = []

    def load_(
        detector: str = 'movenet_multipose', refiner: str = 'movenet_thunder', **kwargs: Any
    ) -> TensorrtBackend:
        kwargs.setdefault('folder', tmp_path / 'engines')
        backend = TensorrtBackend(detector, refiner, **kwargs)
        loaded.append(backend)
        return backend

    yield load_
    for backend in loaded:
        backend.close()


@pytest.fixture(scope='session')
def small_refiner(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path of a small second network."""
    pytest.importorskip('onnx')
    from foreign_networks import network

    folder = tmp_path_factory.mktemp('small')
    data = network(folder, refinement='taylor', width=48, height=64)
    (folder / 'net.json').write_text(json.dumps(data))
    return str(folder / 'net.onnx')


@pytest.fixture(scope='session')
def small_detector(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path of a small first network."""
    pytest.importorskip('onnx')
    from foreign_networks import write_centers

    return str(write_centers(tmp_path_factory.mktemp('small_detector')))


@pytest.fixture(scope='session')
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the engines that tests have in common."""
    out = request.config.getoption('--gpu-out', None)
    return (out or tmp_path_factory.mktemp('built')) / 'gpu_engines'


@pytest.fixture
def small(
    load: Callable[..., Any], small_detector: str, small_refiner: str, built: Path
) -> Callable[..., Any]:
    """Return what loads small networks, whose engines are built once."""

    def load_(**kwargs: Any) -> Any:
        kwargs.setdefault('folder', built)
        kwargs.setdefault('detect_size_px', 64)
        return load(small_detector, small_refiner, **kwargs)

    return load_
