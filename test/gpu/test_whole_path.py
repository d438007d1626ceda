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

from fake_driver import FakeDriver
import numpy as np
import pytest

from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model
from pose_ros.backends.onnx import OnnxBackend, OnnxNetwork
from pose_ros.backends.tensorrt.backend import TensorrtBackend
from pose_ros.backends.tensorrt.cuda_worker import CudaWorker
from pose_ros.backends.tensorrt.engine_cache import EngineCache
from pose_ros.core import geometry
from pose_ros.core.backend import Backend
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.decode.movenet import MIDDLE_PRIOR_PX
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.media.sources import SourceError, open_source

pytestmark = pytest.mark.gpu
DETECTOR, REFINER = SHIPPED_DETECTOR, SHIPPED_REFINER
CONFIG = EstimatorConfig()
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


class SecondPass:
    """Notes what a backend is asked for in the second pass, and its answer."""

    def __init__(self, backend: Backend) -> None:
        self.crops, self.people = np.empty((0, 2, 3)), Keypoints.empty()
        self._refine = backend.refine
        backend.refine = self._note  # type: ignore[method-assign]

    def _note(self, input_from_image: np.ndarray) -> Keypoints:
        self.crops, self.people = input_from_image, self._refine(input_from_image)
        return self.people


@pytest.mark.parametrize('precision', [
    pytest.param('fp16', marks=pytest.mark.nightly('slow on the fake driver; gpu-check runs it')),
    'fp32',
])
def test_keypoints_are_those_of_onnx_runtime(
    load: Load, built: Path, images: list[np.ndarray], precision: str, driver: FakeDriver | None,
    record_property: Callable[[str, object], None],
) -> None:
    """
    Within half a pixel, but for keypoints with two peaks that are equally high.

    float16 in the first pass moves a crop by hundredths of a pixel. That is enough for
    pose_thunder to take the other peak, a pixel or two away; float32 does so with that crop, too.
    """
    backend = load(
        DETECTOR, REFINER, precision=precision, folder=built, detect_size_px=CONFIG.detect_size_px
    )
    estimator = TwoPassEstimator(backend, CONFIG)
    network = OnnxNetwork(find_model(REFINER), 0)
    on_cpu = OnnxBackend(DETECTOR, REFINER, 0)
    reference = TwoPassEstimator(on_cpu, CONFIG)
    theirs, ours = SecondPass(on_cpu), SecondPass(backend)
    off_px, off_score, ties = [], [], 0
    for image in images:
        expected, found = reference.estimate(image), estimator.estimate(image)
        assert len(found) == len(expected) and len(ours.people) == len(theirs.people)
        distance, sure = shifts(ours.people, theirs.people)
        moved = np.argwhere(sure & (distance > MAX_PX))
        for n, k in moved:
            xy = ours.people.xy[n, k]
            assert is_peak_as_high(network, image, theirs.crops[n], k, xy), (n, k)
        ties += len(moved)
        distance, sure = shifts(found, expected)
        assert set(np.nonzero(sure & (distance > MAX_PX))[1]) <= set(moved[:, 1])
        off_px.append(distance[sure])
        off_score.append(np.abs(found.score - expected.score)[sure])
    off_px = np.concatenate(off_px)
    record_property('keypoints', len(off_px))
    record_property('median_px', float(np.median(off_px)))
    record_property('max_px', float(off_px.max()))
    record_property('ties', ties)
    assert len(off_px) > 5 * len(images)
    assert np.median(off_px) <= MEDIAN_PX and ties <= 0.05 * len(off_px)
    assert np.median(np.concatenate(off_score)) < 0.01
    assert precision == 'fp16' or not driver or off_px.max() < 1e-3
    assert backend.uses_graphs
    if driver is not None:
        assert driver.threads() == 1, 'CUDA was used on several threads'
        assert driver.count('cuMemcpyHtoD') == driver.count('cuMemcpyDtoH') == 0, 'legacy stream'


def shifts(found: Keypoints, expected: Keypoints) -> tuple[np.ndarray, np.ndarray]:
    """Return how far keypoints are apart, px, and which of them both are sure of: (N, 17) each."""
    sure = (found.score > SURE) & (expected.score > SURE)
    return np.linalg.norm(found.xy - expected.xy, axis=2), sure


def is_peak_as_high(
    network: OnnxNetwork, image: np.ndarray, crop: np.ndarray, k: int, xy: np.ndarray
) -> bool:
    """Tell whether keypoint k has a peak at xy that is at least 0.9 as high as the highest."""
    size, spec = network.spec.input_size, network.spec
    batch = network.input_array(1, size)
    network.fill(image, crop[None], batch)
    maps = {role: values[0] for role, values in network.run(batch).items()}
    rows, columns = maps['centers'].shape[1:]
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    middle = np.hypot(y - rows // 2, x - columns // 2) + MIDDLE_PRIOR_PX
    center = np.unravel_index((maps['centers'][0] / middle).argmax(), (rows, columns))
    dy, dx = maps['regress'][2 * k:2 * k + 2, center[0], center[1]]
    away = np.hypot(y - center[0] - dy, x - center[1] - dx) + spec.weighting['value']
    height = maps['heatmaps'][k] / away
    y_offset, x_offset = maps['offsets'][2 * k:2 * k + 2]
    at = np.stack([x + x_offset, y + y_offset], axis=-1) * spec.stride + spec.offset_px
    at = geometry.apply(geometry.invert(crop), at)
    near = np.linalg.norm(at - xy, axis=-1) < MAX_PX
    return bool((height[near] > 0.9 * height.max()).any())


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
how, folder, detector, refiner, *fake = sys.argv[1:]
if fake:
    import fake_driver
    fake_driver.FakeDriver(*map(Path, fake)).start()
    from fake_tensorrt import FakeTensorrt
    sys.modules['tensorrt'] = FakeTensorrt()
import numpy as np
from pose_ros.backends.tensorrt.backend import TensorrtBackend
from pose_ros.core.backend import BackendLostError
from pose_ros.core.backend import Backend
from pose_ros.core.camera_image import CameraImage
backend = TensorrtBackend(detector, refiner, detect_size_px=64, folder=Path(folder))
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
    small: Load, small_detector: str, small_refiner: str, built: Path, driver: FakeDriver | None,
    how: str,
) -> None:
    small().close()  # has the engines built
    fake = driver.paths if driver else ()
    done = subprocess.run(
        [sys.executable, '-c', PROCESS, how, str(built), small_detector, small_refiner,
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
