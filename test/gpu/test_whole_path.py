# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images, threads, processes and engines over a longer time; fewer of each on the fake driver."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import subprocess
import sys
import threading
from typing import Any

import fake_driver
from fake_driver import FakeDriver
import numpy as np
import pytest

from pose_ros.backends.onnx import OnnxBackend
from pose_ros.backends.tensorrt.backend import TensorrtBackend
from pose_ros.backends.tensorrt.cuda_worker import CudaWorker
from pose_ros.backends.tensorrt.engine_cache import EngineCache
from pose_ros.core import geometry
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.media.sources import SourceError, open_source

pytestmark = pytest.mark.gpu
DETECTOR, REFINER = 'movenet_multipose', 'movenet_thunder'
CONFIG = EstimatorConfig(detect_size_px=256)
SURE = 0.3
MEDIAN_PX, MAX_PX = 0.05, 0.5
Load = Callable[..., TensorrtBackend]


@pytest.fixture(scope='module')
def images(driver: FakeDriver | None) -> list[np.ndarray]:
    """Return images of the demo footage, spread over it."""
    try:
        with open_source('demo') as source:
            found = [frame.image.copy() for frame in source]
    except SourceError as error:
        pytest.skip(f'the demo footage is not here: {error}')
    chosen = (116, 120) if driver else np.linspace(60, len(found) - 1, 40, dtype=int)
    return [found[i] for i in chosen]


@pytest.mark.parametrize('precision', ['fp16', 'fp32'])
def test_keypoints_are_those_of_onnx_runtime(
    load: Load, images: list[np.ndarray], precision: str,
    record_property: Callable[[str, object], None],
) -> None:
    reference = TwoPassEstimator(OnnxBackend(DETECTOR, REFINER, 0), CONFIG)
    expected = [reference.estimate(image) for image in images]
    estimator = TwoPassEstimator(load(DETECTOR, REFINER, precision=precision), CONFIG)
    found = [estimator.estimate(image) for image in images]
    off_px = np.concatenate([_shifts_px(a, b) for a, b in zip(found, expected)])
    record_property('keypoints', len(off_px))
    record_property('median_px', float(np.median(off_px)))
    record_property('max_px', float(off_px.max()))
    assert len(off_px) > 5 * len(images)
    assert np.median(off_px) <= MEDIAN_PX and off_px.max() <= MAX_PX


def _shifts_px(found: Keypoints, expected: Keypoints) -> np.ndarray:
    """Return how far keypoints are from those of the nearest person of the reference."""
    distance = np.linalg.norm(found.xy[:, None] - expected.xy[None], axis=3)
    both = (found.score[:, None] > SURE) & (expected.score[None] > SURE)
    mean = np.where(both, distance, 0).sum(axis=2) / np.maximum(both.sum(axis=2), 1)
    nearest = np.where(both.any(axis=2), mean, np.inf).argmin(axis=1)
    rows = np.arange(len(found))
    return distance[rows, nearest][both[rows, nearest]]


def used_bytes(cuda: Any) -> int:
    """Return how much of the GPU's memory is in use, by whatever."""
    worker = CudaWorker(cuda)
    try:
        free, whole = worker.call(cuda.mem_get_info)
        return int(whole) - int(free)
    finally:
        worker.close()


def resident_bytes() -> int:
    """Return how much memory of the host this process has (Linux)."""
    for line in Path('/proc/self/status').read_text(encoding='utf-8').splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1]) * 1024
    return 0


def test_memory_does_not_grow(
    small: Load, cuda: Any, driver: FakeDriver | None,
    record_property: Callable[[str, object], None],
) -> None:
    backend = small()
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (480, width, 3), np.uint8) for width in (640, 600, 638)]
    crops = geometry.crop(np.array([[100.0, 20, 300, 250]] * 8), backend.refiner.input_size)

    def run(frames: int) -> None:
        for i in range(frames):
            backend.load(CameraImage.from_bgr(images[i % 3]))
            view = geometry.letterbox(images[i % 3].shape[1::-1], (64, 64))[None]
            backend.detect(view, (64, 64))
            backend.refine(crops[:1 + i % 8])

    run(16 if driver else 200)
    gpu_bytes, host_bytes = used_bytes(cuda), resident_bytes()
    run(32 if driver else 10_000)
    gpu_growth, host_growth = used_bytes(cuda) - gpu_bytes, resident_bytes() - host_bytes
    record_property('gpu_growth_bytes', gpu_growth)
    record_property('host_growth_bytes', host_growth)
    # On a GPU others may use memory as well.
    assert gpu_growth <= (0 if driver else 8 << 20)
    assert host_growth <= 32 << 20


def test_two_at_once_and_on_other_threads(small: Load, driver: FakeDriver | None) -> None:
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    found: list[np.ndarray] = []

    def work() -> None:
        backend = small()
        for _ in range(3 if driver else 100):
            backend.load(CameraImage.from_bgr(image))
            crop = geometry.crop(np.array([[9.0, 9, 300, 250]]), backend.refiner.input_size)
            found.append(backend.refine(crop).xy)
        backend.close()

    work()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 * (3 if driver else 100)
    assert all((xy == found[0]).all() for xy in found)


def test_engines_are_kept_and_mended(small: Load, tmp_path: Path) -> None:
    folder = tmp_path / 'engines'

    def built() -> dict[str, float]:
        small(folder=folder).close()
        stored = EngineCache(folder).contents()
        assert not any(engine.problem for engine in stored)
        return {engine.digest: engine.built for engine in stored}

    first = built()
    assert built() == first, 'engines were built although they were there'
    plan = folder / f'{min(first)}.plan'
    plan.write_bytes(plan.read_bytes()[:-100])
    again = built()
    assert again.keys() == first.keys()
    assert [digest for digest in first if again[digest] != first[digest]] == [min(first)]


# A process that ends without closing anything, or whose kernel reads what it must not.
PROCESS = """
import sys
from pathlib import Path
how, folder, refiner, *fake = sys.argv[1:]
if fake:
    import fake_driver
    fake_driver.FakeDriver(*map(Path, fake)).start()
    from fake_tensorrt import FakeTensorrt
    sys.modules['tensorrt'] = FakeTensorrt()
import numpy as np
from pose_ros.backends.tensorrt.backend import TensorrtBackend
from pose_ros.core.backend import BackendLostError
from pose_ros.core.camera_image import CameraImage
backend = TensorrtBackend(
    'movenet_multipose', refiner, detect_size_px=64, folder=Path(folder))
backend.load(CameraImage.from_bgr(np.zeros((480, 640, 3), np.uint8)))
if how == 'breaks':
    backend.uses_graphs = False
    backend._frame.record = backend._frame.record.copy()
    backend._frame.record['step'] = 1 << 26  # the rows are 64 MB apart
try:
    for _ in range(2):
        backend.refine(np.eye(2, 3)[None])
except BackendLostError as error:
    print('LOST:', error)
"""


@pytest.mark.parametrize('how', ['leaves', 'breaks'])
def test_a_process_ends_well(
    small: Load, small_refiner: str, built: Path, driver: FakeDriver | None,
    request: pytest.FixtureRequest, how: str,
) -> None:
    small().close()  # has the engines built
    fake = fake_driver.build(request.config.cache.mkdir('fake_driver')) if driver else ()
    done = subprocess.run(
        [sys.executable, '-c', PROCESS, how, str(built / 'engines'), small_refiner,
         *map(str, fake)],
        capture_output=True, text=True, timeout=120,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert 'Traceback' not in done.stderr
    if how == 'leaves':
        assert done.stdout == '' and 'PyCUDA' not in done.stderr and 'fake' not in done.stderr
    else:
        assert 'LOST: ' in done.stdout and 'illegal memory access' in done.stdout
