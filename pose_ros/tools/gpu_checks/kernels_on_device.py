# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernels as the driver compiled them, on the GPU, against NumPy and OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pose_ros.backends.tensorrt import kernels
from pose_ros.backends.tensorrt.cuda_worker import CudaWorker
from pose_ros.backends.tensorrt.kernels import structs
from pose_ros.backends.tensorrt.kernels.calls import KernelCalls
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model, read_spec
from pose_ros.core import geometry
from pose_ros.core.backend import ModelSpec
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.colors import bgr_from
from pose_ros.core.decode import movenet as decode
from pose_ros.core.estimator import preprocess
from pose_ros.core.model_spec import REFINEMENTS
from pose_ros.tools.gpu_checks.site import Site, require

# Largest difference of the network's input, and of keypoints in pixels.
TOLERANCE = 1e-3
PLAIN = ModelSpec(
    name='plain', input_name='image', input_size=(192, 256), decoder='heatmaps', stride=4,
    outputs={'heatmaps': 'heatmaps'},
)


class DeviceArrays:
    """
    Arrays on the GPU, and the kernels; used on the CUDA thread.

    Parameters
    ----------
    cuda : module
        pycuda.driver.
    """

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        self._stream = cuda.Stream()
        # The driver wants text that ends with a zero.
        module = cuda.module_from_buffer(kernels.PTX_FILE.read_bytes() + b'\0')
        self.calls = KernelCalls(module, self._stream)
        self._memory: dict[int, Any] = {}

    def put(self, array: np.ndarray) -> int:
        """Copy an array up; return its address."""
        array = np.ascontiguousarray(array)
        memory = self._cuda.mem_alloc(max(array.nbytes, 1))
        self._cuda.memcpy_htod(memory, array.view(np.uint8).reshape(-1))
        self._memory[int(memory)] = memory
        return int(memory)

    def get(self, address: int, like: np.ndarray) -> np.ndarray:
        """Wait, and copy down into the given array."""
        self._stream.synchronize()
        self._cuda.memcpy_dtoh(like, self._memory[address])
        return like


def check_kernels(site: Site) -> dict[str, Any]:
    """Compare every kernel with the reference on random input."""
    figures = {}
    worker = CudaWorker(site.runtime.cuda)
    try:
        for name, compare in _COMPARISONS.items():
            figures[name] = worker.call(partial(_compare, compare, site.runtime.cuda))
    finally:
        worker.close()
    for name, off in figures.items():
        limit = 0.0 if name == 'colors' else TOLERANCE
        require(off <= limit, f'{name}: {off:.3g} away from the reference, more than {limit}')
    return figures


def _compare(compare: Callable[[DeviceArrays], float], cuda: Any) -> float:
    return compare(DeviceArrays(cuda))


def _colors(arrays: DeviceArrays) -> float:
    """Return the largest difference of a pixel over all encodings, 0..255."""
    spec = replace(
        read_spec(find_model(SHIPPED_REFINER)), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0),
        color='bgr',
    )
    size = width, height = 96, 64
    random = np.random.default_rng(1)
    off = 0.0
    for encoding in structs.FRAME_FORMATS:
        step = 4 * width + 5
        rows = height * 3 // 2 if encoding.startswith('nv') else height
        frame = CameraImage(
            random.integers(0, 256, rows * step, np.uint8), encoding, width, height, step
        )
        got = _warped(arrays, frame, np.eye(2, 3)[None], size, spec)
        off = max(off, float(np.abs(got[0] - bgr_from(frame).transpose(2, 0, 1)).max()))
    return off


def _warp(arrays: DeviceArrays) -> float:
    """Return the largest difference of the networks' inputs, whole images and crops."""
    random = np.random.default_rng(2)
    off = 0.0
    for name, size, image_size in (
        (SHIPPED_DETECTOR, (448, 352), (640, 480)), (SHIPPED_REFINER, (256, 256), (1920, 1080)),
    ):
        spec = read_spec(find_model(name))
        width, height = image_size
        image = random.integers(0, 256, (height, width, 3), np.uint8)
        corners = np.sort(random.uniform(-0.2, 1.2, (2, 2, 2)), axis=1) * image_size
        affines = np.concatenate([
            geometry.letterbox(image_size, size)[None],
            geometry.crop(corners.reshape(2, 4), size, spec.crop_scale),
        ])
        got = _warped(arrays, CameraImage.from_bgr(image), affines, size, spec)
        expected = np.empty_like(got)
        preprocess.network_input(
            image, affines, preprocess.lookup_tables(spec), spec.color, expected
        )
        off = max(off, float(np.abs(got - expected).max()))
    return off


def _warped(
    arrays: DeviceArrays, frame: CameraImage, affines: np.ndarray, size: tuple[int, int],
    spec: ModelSpec,
) -> np.ndarray:
    record = structs.frame_record(
        frame.encoding, frame.width, frame.height, frame.step, frame.data.size
    )
    out = np.zeros((len(affines), 3, size[1], size[0]), np.float32)
    address = arrays.put(out)
    arrays.calls.warp(
        size, len(affines), arrays.put(frame.data), arrays.put(record),
        arrays.put(structs.target_record(spec, size, is_half=False)),
        arrays.put(structs.view_records(affines, frame.size, size)), address,
    )
    return arrays.get(address, out)


def _people(arrays: DeviceArrays) -> float:
    """Return the largest shift of a keypoint of the first pass, px."""
    spec, size, most = read_spec(find_model(SHIPPED_DETECTOR)), (256, 192), 30
    maps = _random_maps(spec, size)
    affines = np.stack([geometry.letterbox((640, 480), size), [[0.7, 0.2, -30], [-0.2, 0.7, 20]]])
    view, expected = decode.decode_people(maps, spec, most, 0.1)
    on_device = {role: arrays.put(values) for role, values in maps.items()}
    decoder = arrays.put(structs.decoder_record(spec, size, most, 0.1, is_half=False))
    count, cell = np.zeros(2, np.int32), np.zeros((2, most), np.int32)
    score = np.zeros((2, most), np.float32)
    counts, cells, scores = (arrays.put(a) for a in (count, cell, score))
    arrays.calls.peaks(
        2, on_device['centers'], decoder, arrays.put(np.zeros(maps['centers'].size, np.int32)),
        counts, cells, scores,
    )
    keypoints = np.zeros((2, most, len(spec.keypoints), 3), np.float32)
    out = arrays.put(keypoints)
    views = arrays.put(structs.view_records(affines, (640, 480), size))
    arrays.calls.keypoints(
        2, most, len(spec.keypoints), on_device, decoder, views, counts, cells, out
    )
    got, found = arrays.get(out, keypoints), arrays.get(counts, count)
    require(
        (found == np.bincount(view, minlength=2)).all(),
        f'the kernels find {found.tolist()} people, NumPy {np.bincount(view).tolist()}',
    )
    in_image = geometry.apply(geometry.invert(affines[view]), expected.xy)
    places = np.arange(most) < found[:, None]
    return float(np.abs(got[places][..., :2] - in_image).max())


def _one_person(arrays: DeviceArrays) -> float:
    """Return the largest shift of a keypoint of the second pass, px."""
    spec, size = read_spec(find_model(SHIPPED_REFINER)), (256, 256)
    maps = _random_maps(spec, size)
    expected = decode.decode_person(maps, spec)
    on_device = {role: arrays.put(values) for role, values in maps.items()}
    decoder = arrays.put(structs.decoder_record(spec, size, 1, 0.0, is_half=False))
    counts, cells, scores = (arrays.put(np.zeros(2, np.int32)) for _ in range(3))
    arrays.calls.middle_person(2, on_device['centers'], decoder, counts, cells, scores)
    keypoints = np.zeros((2, 1, len(spec.keypoints), 3), np.float32)
    out = arrays.put(keypoints)
    arrays.calls.keypoints(
        2, 1, len(spec.keypoints), on_device, decoder,
        arrays.put(structs.view_records(np.stack([np.eye(2, 3)] * 2), size, size)), counts, cells,
        out,
    )
    return float(np.abs(arrays.get(out, keypoints)[:, 0, :, :2] - expected.xy).max())


def _heatmaps(arrays: DeviceArrays, refinement: str) -> float:
    """Return the largest shift of a keypoint of plain heatmaps, px."""
    spec = replace(PLAIN, refinement=refinement)
    width, height = (n // spec.stride for n in spec.input_size)
    random = np.random.default_rng(4)
    xy = random.uniform(-1, (width, height), (2, len(spec.keypoints), 2))
    rows, columns = np.mgrid[:height, :width]
    squared = (columns - xy[..., :1, None]) ** 2 + (rows - xy[..., 1:, None]) ** 2
    maps = np.exp(-squared / 8) + random.normal(0, 0.02, squared.shape)
    return _top_down(arrays, {'heatmaps': maps.astype(np.float32)}, spec)


def _simcc(arrays: DeviceArrays) -> float:
    """Return the largest shift of a keypoint of SimCC vectors, px."""
    spec = replace(PLAIN, decoder='simcc', stride=0, outputs={'simcc_x': 'x', 'simcc_y': 'y'})
    random = np.random.default_rng(5)
    shapes = {role: spec.output_shape(role, 2, spec.input_size) for role in spec.outputs}
    maps = {role: random.random(shape).astype(np.float32) for role, shape in shapes.items()}
    return _top_down(arrays, maps, spec)


def _top_down(arrays: DeviceArrays, maps: dict[str, np.ndarray], spec: ModelSpec) -> float:
    size, number = spec.input_size, len(spec.keypoints)
    expected = decode.decode_person(maps, spec)
    keypoints = np.zeros((2, number, 3), np.float32)
    out = arrays.put(keypoints)
    decoder = arrays.put(structs.decoder_record(spec, size, 1, 0.0, is_half=False))
    views = arrays.put(structs.view_records(np.stack([np.eye(2, 3)] * 2), size, size))
    on_device = {role: arrays.put(values) for role, values in maps.items()}
    if spec.decoder == 'simcc':
        arrays.calls.keypoints_of_simcc(2, number, on_device, decoder, views, out)
    else:
        arrays.calls.keypoints_of_heatmaps(
            2, number, on_device['heatmaps'], decoder, views, out
        )
    return float(np.abs(arrays.get(out, keypoints)[..., :2] - expected.xy).max())


def _random_maps(spec: ModelSpec, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return head maps of two views with values like a network's."""
    random = np.random.default_rng(3)
    width, height = (n // spec.stride for n in size)
    number = len(spec.keypoints)
    maps = {
        'heatmaps': random.random((2, number, height, width)) ** 4,
        'centers': random.random((2, 1, height, width)) ** 6,
        'regress': random.normal(0, 12, (2, 2 * number, height, width)),
        'offsets': random.normal(0, 0.6, (2, 2 * number, height, width)),
    }
    return {role: values.astype(np.float32) for role, values in maps.items()}


_COMPARISONS: dict[str, Callable[[DeviceArrays], float]] = {
    'colors': _colors, 'warp': _warp, 'people': _people, 'one person': _one_person,
    **{refinement: partial(_heatmaps, refinement=refinement) for refinement in REFINEMENTS},
    'simcc': _simcc,
}
