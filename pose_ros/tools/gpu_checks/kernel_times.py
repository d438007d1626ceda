# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the kernels and copies take and that they can be recorded: wants no TensorRT."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import time
from typing import Any

import numpy as np

from pose_ros.backends.tensorrt import kernels
from pose_ros.backends.tensorrt.cuda_graph import CudaGraph, GraphError
from pose_ros.backends.tensorrt.cuda_worker import CudaWorker
from pose_ros.backends.tensorrt.frame_upload import FrameUpload
from pose_ros.backends.tensorrt.kernels import structs
from pose_ros.backends.tensorrt.kernels.calls import KernelCalls
from pose_ros.backends.model_files import SHIPPED_REFINER, find_model, read_spec
from pose_ros.backends.tensorrt.pass_buffers import PassBuffers
from pose_ros.core import geometry
from pose_ros.tools.gpu_checks.latency import PEOPLE, SIZES, percentiles
from pose_ros.tools.gpu_checks.site import Site, require


def check_kernel_times(site: Site) -> dict[str, Any]:
    """Time upload, warp and decode of crops, enqueued and as a graph; the maps are zeros."""
    worker = CudaWorker(site.runtime.cuda)
    sizes = SIZES[:1] if site.is_dry else SIZES
    numbers = PEOPLE[:1] if site.is_dry else PEOPLE
    try:
        return {
            f'{width}x{height}, {people} crops': worker.call(
                partial(_times, site, (width, height), people)
            )
            for width, height in sizes
            for people in numbers
        }
    finally:
        worker.close()


class CropPass:
    """
    A second pass without its network; made and used on the CUDA thread.

    Parameters
    ----------
    cuda : module
        pycuda.driver.
    size : (width, height)
        Of the image, pixels.
    people : int
        Number of crops.
    """

    def __init__(self, cuda: Any, size: tuple[int, int], people: int) -> None:
        self._cuda, self._people = cuda, people
        self._spec = spec = read_spec(find_model(SHIPPED_REFINER))
        self.stream = cuda.Stream()
        module = cuda.module_from_buffer(kernels.PTX_FILE.read_bytes() + b'\0')
        self._calls = KernelCalls(module, self.stream)
        self._frame = FrameUpload(cuda, self.stream)
        width, height = spec.input_size
        cells, number = (width // spec.stride) * (height // spec.stride), len(spec.keypoints)
        channels = {
            'heatmaps': number, 'centers': 1, 'regress': 2 * number, 'offsets': 2 * number,
        }
        self._buffers = PassBuffers(
            cuda, people, 1, number, cells, people * 3 * width * height * 2,
            {role: people * cells * count * 2 for role, count in channels.items()},
        )
        for role, count in channels.items():
            self._buffers.set_map(role, np.zeros(people * cells * count, np.float16))
        self._image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
        self._record = structs.frame_record('bgr8', *size, 3 * size[0], self._image.size)
        box = np.array([size[0] * 0.3, size[1] * 0.1, size[0] * 0.6, size[1] * 0.9])
        crops = geometry.crop(
            box + np.arange(people)[:, None], spec.input_size, spec.crop_scale
        )
        self._buffers.write(
            self._record, structs.target_record(spec, spec.input_size, is_half=True),
            structs.decoder_record(spec, spec.input_size, 1, 0.0, is_half=True),
            structs.view_records(crops, size, spec.input_size),
        )

    def upload(self) -> None:
        """Enqueue the copy of the image."""
        self._frame.upload(self._image, self._record)

    def enqueue(self, mark: Callable[[], None] = lambda: None) -> None:
        """Enqueue the kernels and copies; `mark` is called before, between and after."""
        buffers, calls, people = self._buffers, self._calls, self._people
        mark()
        buffers.upload(self.stream)
        calls.warp(
            self._spec.input_size, people, self._frame.address, buffers.frame, buffers.target,
            buffers.views, buffers.input,
        )
        mark()
        calls.middle_person(
            people, buffers.maps['centers'], buffers.decoder, buffers.count, buffers.cell,
            buffers.score,
        )
        calls.keypoints(
            people, 1, len(self._spec.keypoints), buffers.maps, buffers.decoder, buffers.views,
            buffers.count, buffers.cell, buffers.keypoints,
        )
        buffers.download(self.stream)
        mark()

    def stages_ms(self) -> tuple[float, float]:
        """Return what warp and decode take on the GPU, milliseconds."""
        marks: list[Any] = []
        self.enqueue(lambda: marks.append(self._cuda.Event().record(self.stream)))
        self.stream.synchronize()
        first, second, third = marks
        return first.time_till(second), second.time_till(third)

    def keypoints(self) -> np.ndarray:
        """Return what was downloaded."""
        return self._buffers.people(self._people, is_counted=True).keypoints


def _times(site: Site, size: tuple[int, int], people: int) -> dict[str, Any]:
    crops = CropPass(site.runtime.cuda, size, people)
    samples: dict[str, list[float]] = {'upload': [], 'warp': [], 'decode': [], 'enqueued': []}
    for _ in range(site.repeat):
        samples['upload'].append(_wall_ms(crops, crops.upload))
        for stage, took_ms in zip(('warp', 'decode'), crops.stages_ms()):
            samples[stage].append(took_ms)
        samples['enqueued'].append(_wall_ms(crops, crops.enqueue))
    expected = crops.keypoints()
    figures: dict[str, Any] = {name: percentiles(values) for name, values in samples.items()}
    try:
        graph = CudaGraph(crops.stream.handle, crops.enqueue)
    except GraphError as error:
        return {**figures, 'graph': str(error)}
    graph_ms = [_wall_ms(crops, graph.launch) for _ in range(site.repeat)]
    graph.close()
    require((crops.keypoints() == expected).all(), 'recorded kernels give other keypoints')
    return {**figures, 'graph': percentiles(graph_ms)}


def _wall_ms(crops: CropPass, enqueue: Callable[[], None]) -> float:
    """Return the time from the call until the GPU is done, milliseconds."""
    start_s = time.perf_counter()
    enqueue()
    crops.stream.synchronize()
    return (time.perf_counter() - start_s) * 1e3
