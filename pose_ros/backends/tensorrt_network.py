# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
One network on the GPU: regions of a frame in, keypoints out, nothing in between on the host.

Everything here is called on the CUDA thread (`cuda_worker.py`). Only the name-based tensor calls
of TensorRT are used, which are the same from 8.6 to 11 and in TensorRT-RTX; each tells by a bool
whether it worked, and each is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
import logging
from typing import Any

import numpy as np

from pose_ros.backends.cuda_graph import CudaGraph, GraphError
from pose_ros.backends.engine_build import make_logger
from pose_ros.backends.engine_cache import EngineRefused
from pose_ros.backends.kernels import THREADS, structs
from pose_ros.core.backend import BackendError, ModelSpec

_LOG = logging.getLogger('pose_ros.tensorrt')
# Mean difference to ONNX Runtime on the golden input, in standard deviations of the map. Right
# engines are some thousandths off, wrong ones about 1.
GOLDEN_TOLERANCE = {'fp32': 0.005, 'fp16': 0.05}
# Bytes before the views in a network's parameters; a multiple of 8, which their doubles need.
_HEAD_BYTES = structs.FRAME.itemsize + structs.TARGET.itemsize + structs.DECODER.itemsize


@dataclass(frozen=True)
class People:
    """
    What a pass found, as it comes from the GPU.

    Attributes
    ----------
    count : (B,) int32
        People per view; -1 when the network's numbers were not finite.
    score : (B, P) float32
        Of the centres; for plain heatmaps the mean of the keypoints' scores.
    keypoints : (B, P, K, 3) float32
        x, y in frame pixels, score; those of the network, in its order.
    """

    count: np.ndarray
    score: np.ndarray
    keypoints: np.ndarray


class TensorrtNetwork:
    """
    An engine with its buffers, kernels and graphs.

    Parameters
    ----------
    cuda : module
        pycuda.driver.
    trt : module
        tensorrt or tensorrt_rtx.
    kernels : module of PyCUDA
        The package's kernels, loaded.
    stream : pycuda.driver.Stream
        Where everything is enqueued.
    plan : bytes
        The engine.
    spec : ModelSpec
        Of the network.
    max_people : int
        Per view; 1 when a view is about one person.
    min_center : float
        Lower centres are nobody.

    Raises
    ------
    EngineRefused
        When the plan does not fit this TensorRT, this GPU or the spec.
    """

    def __init__(
        self,
        cuda: Any,
        trt: Any,
        kernels: Any,
        stream: Any,
        plan: bytes,
        spec: ModelSpec,
        max_people: int,
        min_center: float,
    ) -> None:
        self._cuda, self._trt, self._stream = cuda, trt, stream
        self.spec = spec
        self._max_people, self._min_center = max_people, min_center
        self._finds_one = max_people == 1
        logger = make_logger(trt)
        logger.latest.clear()
        try:
            self._runtime = trt.Runtime(logger)
        except TypeError as error:  # its factory returned nothing
            raise BackendError(f'{trt.__name__} does not start: {error}') from error
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise EngineRefused(f'{trt.__name__} does not load it: {" | ".join(logger.latest)}')
        self._read_tensors()
        self._contexts = [self._make_context(i) for i in range(len(self._profiles))]
        self._functions = {
            name: kernels.get_function(name)
            for name in (
                'warp_views', 'center_peaks', 'middle_person', 'keypoints_at_centers',
                'keypoints_of_heatmaps',
            )
        }
        for name, pointers in (
            ('warp_views', 5), ('center_peaks', 6), ('middle_person', 5),
            ('keypoints_at_centers', 8), ('keypoints_of_heatmaps', 4),
        ):
            self._functions[name].prepare('P' * pointers)
        self._allocate()
        self._graphs: dict[tuple[int, ...], CudaGraph] = {}
        self._has_run: set[tuple[int, ...]] = set()
        self._bound: dict[int, tuple[int, ...]] = {}
        self._frame = 0
        self.uses_graphs = True

    def _read_tensors(self) -> None:
        """Read names, types and shapes of the engine's tensors and check them by the spec."""
        trt, engine, spec = self._trt, self._engine, self.spec
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        if inputs != [spec.input_name]:
            raise EngineRefused(f'it has the inputs {inputs}, not {spec.input_name!r}')
        self._outputs = [name for name in names if name not in inputs]
        missing = sorted(set(spec.outputs.values()) - set(self._outputs))
        if missing:
            raise EngineRefused(f'it has no outputs {missing}')
        self._is_half = {}
        for name in names:
            dtype = engine.get_tensor_dtype(name)
            if dtype not in (trt.float32, trt.float16):
                raise EngineRefused(f'its tensor {name!r} is {dtype}')
            self._is_half[name] = dtype == trt.float16
        if len({self._is_half[name] for name in self._outputs}) != 1:
            raise EngineRefused('its outputs are of several types')
        self._maps_half = self._is_half[self._outputs[0]]
        self._profiles = [
            tuple(tuple(shape) for shape in engine.get_tensor_profile_shape(spec.input_name, i))
            for i in range(engine.num_optimization_profiles)
        ]

    @property
    def best_size(self) -> tuple[int, int]:
        """The (width, height) of the input that the engine is made for."""
        _, _, height, width = self._profiles[0][1]
        return width, height

    def _make_context(self, profile: int) -> Any:
        context = self._engine.create_execution_context()
        if context is None:
            raise BackendError('TensorRT gives no execution context: the GPU memory may be full')
        if not context.set_optimization_profile_async(profile, self._stream.handle):
            raise EngineRefused(f'its profile {profile} cannot be chosen')
        self._stream.synchronize()
        return context

    def _allocate(self) -> None:
        """Make every buffer once, for the largest shape: addresses never change."""
        cuda, spec = self._cuda, self.spec
        high = [profile[2] for profile in self._profiles]
        batch = max(shape[0] for shape in high)
        height, width = max(s[2] for s in high), max(s[3] for s in high)
        cells = batch * (height // spec.stride) * (width // spec.stride)
        number, people = len(spec.keypoints), batch * self._max_people
        self.max_batch = batch
        self._input = cuda.mem_alloc(batch * 3 * height * width * self._size(spec.input_name))
        self._maps = {}
        for name in self._outputs:
            channels = self._engine.get_tensor_shape(name)[1]
            self._maps[name] = cuda.mem_alloc(cells * channels * self._size(name))
        self._candidates = cuda.mem_alloc(4 * cells)
        self._cell = cuda.mem_alloc(4 * people)
        # Parameters up and results down, one copy each, between buffers that stay where they are.
        parameters = _HEAD_BYTES + batch * structs.VIEW.itemsize
        results = 4 * (batch + people + 3 * people * number)
        self._parameters = cuda.mem_alloc(parameters)
        self._results = cuda.mem_alloc(results)
        self._parameters_host = cuda.pagelocked_empty(parameters, np.uint8)
        self._results_host = cuda.pagelocked_empty(results, np.uint8)

    def _size(self, name: str) -> int:
        return 2 if self._is_half[name] else 4

    def run(
        self, frame: int, frame_record: np.ndarray, views: np.ndarray, input_size: tuple[int, int]
    ) -> People:
        """
        Run the network on regions of a frame and wait for the people.

        Parameters
        ----------
        frame : int
            Address of the frame's bytes on the GPU.
        frame_record : (1,) FRAME
            What they are.
        views : (B,) VIEW
            The regions.
        input_size : (width, height)
            Of the network's input, pixels.

        Raises
        ------
        BackendError
            When no profile of the engine takes the shape, or TensorRT fails.
        """
        width, height = input_size
        shape = (len(views), 3, height, width)
        profile = self._profile_of(shape)
        parts = (
            frame_record,
            structs.target_record(self.spec, input_size, self._is_half[self.spec.input_name]),
            structs.decoder_record(
                self.spec, input_size, self._max_people, self._min_center, self._maps_half
            ),
            views,
        )
        packed = np.concatenate([part.view(np.uint8).reshape(-1) for part in parts])
        self._parameters_host[:packed.size] = packed
        if frame != self._frame:  # graphs hold the address
            self._drop_graphs()
            self._frame = frame
        self._launch(profile, shape)
        self._stream.synchronize()
        return self._people(len(views))

    def _profile_of(self, shape: tuple[int, int, int, int]) -> int:
        for i, (low, _, high) in enumerate(self._profiles):
            if all(a <= n <= b for a, n, b in zip(low, shape, high)):
                return i
        _, _, height, width = self._profiles[-1][2]
        raise BackendError(
            f'the engine of {self.spec.name} does not take inputs of {shape}, only up to '
            f'{width}x{height}: configure again for another size'
        )

    def _launch(self, profile: int, shape: tuple[int, int, int, int]) -> None:
        """Enqueue one pass: by its graph, which is recorded at the second use of a shape."""
        key = (profile, *shape)
        self._bind(profile, shape)
        if key not in self._graphs and key in self._has_run and self.uses_graphs:
            # Everything has run with these shapes: nothing is left to be loaded or prepared, which
            # recording would not allow.
            try:
                self._graphs[key] = CudaGraph(
                    self._stream.handle, lambda: self._enqueue(profile, shape)
                )
            except GraphError as error:
                self.uses_graphs = False
                _LOG.warning('%s runs without CUDA graphs: %s', self.spec.name, error)
        if key in self._graphs:
            try:
                self._graphs[key].launch()
            except GraphError as error:  # the context is lost
                raise BackendError(f'{self.spec.name}: {error}') from error
            return
        self._enqueue(profile, shape)
        self._has_run.add(key)

    def _bind(self, profile: int, shape: tuple[int, ...]) -> None:
        context, name = self._contexts[profile], self.spec.input_name
        if self._bound.get(profile) == shape:
            return
        self._bound.pop(profile, None)
        # A recording holds the context as it was.
        self._drop_graphs(profile)
        bound = context.set_input_shape(name, shape)
        bound = bound and context.set_tensor_address(name, int(self._input))
        for output, memory in self._maps.items():
            bound = bound and context.set_tensor_address(output, int(memory))
        if not bound or context.infer_shapes():
            raise BackendError(f'TensorRT does not take the shape {shape} of {self.spec.name}')
        size = tuple(n // self.spec.stride for n in shape[2:])
        for output in self.spec.outputs.values():
            found = tuple(context.get_tensor_shape(output))
            if (found[0], *found[2:]) != (shape[0], *size):
                raise BackendError(
                    f'the output {output!r} of {self.spec.name} is {found}, its description says '
                    f'{(shape[0], found[1], *size)}'
                )
        self._bound[profile] = shape

    def _enqueue(self, profile: int, shape: tuple[int, int, int, int]) -> None:
        self._cuda.memcpy_htod_async(self._parameters, self._parameters_host, self._stream)
        frame = int(self._parameters)
        target = frame + structs.FRAME.itemsize
        views = frame + _HEAD_BYTES
        batch, _, height, width = shape
        self._kernel(
            'warp_views', (-(-width // THREADS), height, batch), self._frame, frame, target, views,
            int(self._input),
        )
        if not self._contexts[profile].execute_async_v3(self._stream.handle):
            said = ' | '.join(make_logger(self._trt).latest)
            raise BackendError(f'TensorRT cannot run {self.spec.name}: {said}')
        self._decode(batch, target + structs.TARGET.itemsize, views)
        self._cuda.memcpy_dtoh_async(self._results_host, self._results, self._stream)

    def _decode(self, batch: int, decoder: int, views: int) -> None:
        people, number = self.max_batch * self._max_people, len(self.spec.keypoints)
        maps = {role: int(self._maps[name]) for role, name in self.spec.outputs.items()}
        count = int(self._results)
        score = count + 4 * self.max_batch
        keypoints = score + 4 * people
        if self.spec.decoder == 'heatmaps':
            self._kernel(
                'keypoints_of_heatmaps', (number, batch, 1), maps['heatmaps'], decoder, views,
                keypoints,
            )
            return
        cell, centers = int(self._cell), maps['centers']
        if self._finds_one:
            self._kernel('middle_person', (batch, 1, 1), centers, decoder, count, cell, score)
        else:
            self._kernel(
                'center_peaks', (batch, 1, 1), centers, decoder, int(self._candidates), count,
                cell, score,
            )
        self._kernel(
            'keypoints_at_centers', (number, self._max_people, batch), maps['heatmaps'],
            maps['regress'], maps['offsets'], decoder, views, count, cell, keypoints,
        )

    def _kernel(self, name: str, grid: tuple[int, int, int], *pointers: int) -> None:
        self._functions[name].prepared_async_call(grid, (THREADS, 1, 1), self._stream, *pointers)

    def _people(self, batch: int) -> People:
        """Copy the results out of the buffer that the next pass overwrites."""
        number, places = len(self.spec.keypoints), self.max_batch * self._max_people
        ends = 4 * np.array([self.max_batch, self.max_batch + places])
        count = self._results_host[:ends[0]].view(np.int32)[:batch].copy()
        score = self._results_host[ends[0]:ends[1]].view(np.float32)
        score = score.reshape(self.max_batch, self._max_people)[:batch].copy()
        keypoints = self._results_host[ends[1]:].view(np.float32)
        keypoints = keypoints.reshape(self.max_batch, self._max_people, number, 3)[:batch].copy()
        if self.spec.decoder == 'heatmaps':
            count = np.ones(batch, np.int32)
            score = keypoints[..., 2].mean(axis=2)
        return People(count, score, keypoints)

    def maps_of(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """
        Run the engine alone.

        Parameters
        ----------
        values : (B, 3, height, width) float32
            Normalised input.

        Returns
        -------
        dict of (B, C, H, W) float32
            The maps by role.
        """
        def dtype(name: str) -> type[np.generic]:
            return np.float16 if self._is_half[name] else np.float32

        batch, channels, height, width = values.shape
        shape = (batch, channels, height, width)
        profile = self._profile_of(shape)
        self._bind(profile, shape)
        cast = np.ascontiguousarray(values.astype(dtype(self.spec.input_name)))
        self._cuda.memcpy_htod(self._input, cast)
        context = self._contexts[profile]
        if not context.execute_async_v3(self._stream.handle):
            raise BackendError(f'TensorRT cannot run {self.spec.name}')
        self._stream.synchronize()
        maps = {}
        for role, name in self.spec.outputs.items():
            found = np.empty(tuple(context.get_tensor_shape(name)), dtype(name))
            self._cuda.memcpy_dtoh(found, self._maps[name])
            maps[role] = found.astype(np.float32)
        return maps

    def _drop_graphs(self, profile: int | None = None) -> None:
        for key in [key for key in self._graphs if profile in (None, key[0])]:
            self._graphs.pop(key).close()
        self._has_run = {key for key in self._has_run if profile not in (None, key[0])}

    def close(self) -> None:
        """Free everything; users of a thing before the thing."""
        self._drop_graphs()
        self._contexts.clear()
        self._engine = self._runtime = None
        self._maps.clear()
        self._functions.clear()
        self._input = self._candidates = self._cell = self._parameters = self._results = None
        self._parameters_host = self._results_host = np.empty(0, np.uint8)


def compare_maps(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float
) -> None:
    """
    Compare an engine's maps with those of ONNX Runtime.

    Parameters
    ----------
    found, expected : dict of arrays
        By role; `found` may have more.
    tolerance : float
        Mean difference, in standard deviations of the expected map.

    Raises
    ------
    EngineRefused
        With the numbers, when a map is farther off or not finite.
    """
    for role, values in expected.items():
        if not np.isfinite(found[role]).all():
            raise EngineRefused(f'its {role} are not finite on the golden input')
        off = float(np.abs(found[role] - values).mean() / max(float(values.std()), 1e-9))
        if off > tolerance:
            raise EngineRefused(
                f'its {role} are {off:.4f} standard deviations away from those of ONNX Runtime '
                f'on the golden input, more than {tolerance}'
            )


def golden_input(spec: ModelSpec, input_size: tuple[int, int]) -> np.ndarray:
    """Return the input that engines are checked with: patches of noise, always the same."""
    width, height = input_size
    patches = np.random.default_rng(0).uniform(0, 255, (3, -(-height // 16), -(-width // 16)))
    pixels = np.kron(patches, np.ones((16, 16)))[:, :height, :width]
    mean, std = (np.array(values)[:, None, None] for values in (spec.mean, spec.std))
    return ((pixels - mean) / std).astype(np.float32)[None]
