# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
One network on the GPU: regions of a frame in, keypoints out, or outputs that are small anyway.

Everything here is called on the CUDA thread (`cuda_worker.py`). Only the name-based tensor calls
of TensorRT are used, which are the same in 10, 11 and TensorRT-RTX; each tells by a bool whether
it worked, and each is asked.
"""

from __future__ import annotations

from collections.abc import Callable
import logging
import math
from typing import Any

import numpy as np

from pose_ros.backends.tensorrt.contexts import BoundContext, EngineContexts, Shape, profiles_of
from pose_ros.backends.tensorrt.cuda_graph import CudaGraph, GraphError
from pose_ros.backends.tensorrt.engine_build import make_logger
from pose_ros.backends.tensorrt.engine_cache import EngineRefused
from pose_ros.backends.tensorrt.engine_tensors import HOST_DECODERS, EngineTensors
from pose_ros.backends.tensorrt.frame_upload import FrameUpload
from pose_ros.backends.tensorrt.kernels import structs
from pose_ros.backends.tensorrt.kernels.calls import KernelCalls
from pose_ros.backends.tensorrt.pass_buffers import PassBuffers, People
from pose_ros.core.backend import BackendError, ModelSpec

_LOG = logging.getLogger('pose_ros.tensorrt')
BATCHES = (1, 2, 4, 8)
"""Views of a pass: fewer are filled up, so that four recorded graphs serve every number."""


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
        Per view, for the kernels; 1 when a view is about one person.
    min_center : float
        Lower centres are no people.
    jit_cache : bytes
        Of an earlier start (`EngineContexts`).

    Attributes
    ----------
    max_batch : int
        Views that one pass takes.
    decodes_on_host : bool
        Whether `outputs` is to be called, which gives the network's; else `run`, people.
    uses_graphs : bool
        Whether passes are recorded and launched as a whole; may be set.

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
        jit_cache: bytes = b'',
    ) -> None:
        self._cuda, self._trt, self._stream = cuda, trt, stream
        self.spec = spec
        self._max_people, self._min_center = max_people, min_center
        logger = make_logger(trt)
        logger.latest.clear()
        try:
            self._runtime = trt.Runtime(logger)
        except TypeError as error:  # its factory returned nothing
            raise BackendError(f'{trt.__name__} does not start: {error}') from error
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise EngineRefused(f'{trt.__name__} does not load it: {" | ".join(logger.latest)}')
        self._tensors = EngineTensors(trt, self._engine, spec)
        self._profiles = profiles_of(self._engine, spec)
        self.decodes_on_host = spec.decoder in HOST_DECODERS
        self._kernels: Any = KernelCalls(kernels, stream)
        self._contexts = EngineContexts(cuda, trt, self._engine, stream, spec, jit_cache)
        self._buffers = self._make_buffers(cuda)
        self._frame = 0
        flags = cuda.event_flags
        self._done: Any = cuda.Event(flags.BLOCKING_SYNC | flags.DISABLE_TIMING)
        self.uses_graphs = True

    @property
    def best_shapes(self) -> list[Shape]:
        """The input shapes that the engine is made for, one of each profile."""
        return [best for _, best, _ in self._profiles]

    def _make_buffers(self, cuda: Any) -> PassBuffers:
        high = [highest for _, _, highest in self._profiles]
        self.max_batch = batch = max(shape[0] for shape in high)
        height, width = max(s[2] for s in high), max(s[3] for s in high)
        has_centers = self.spec.decoder == 'centers'
        cells = (height // self.spec.stride) * (width // self.spec.stride) if has_centers else 1
        input_bytes = batch * 3 * height * width * np.dtype(self._tensors.input_type).itemsize
        map_bytes = self._contexts.most_output_bytes(self._tensors.outputs)
        buffers = PassBuffers(
            cuda, batch, self._max_people, len(self.spec.keypoints), cells, (width, height),
            input_bytes, map_bytes, list(self._tensors.types) if self.decodes_on_host else (),
        )
        self._contexts.memory = {
            self.spec.input_name: (buffers.input, input_bytes),
            **{name: (address, map_bytes[name]) for name, address in buffers.maps.items()},
        }
        return buffers

    def run(
        self, frame: FrameUpload, views: structs.Views, input_size: tuple[int, int]
    ) -> People:
        """
        Run the network on regions of a frame and wait for the people.

        Parameters
        ----------
        frame : FrameUpload
            The frame on the GPU.
        views : structs.Views
            The regions, at most `max_batch`.
        input_size : (width, height)
            Of the network's input, pixels.

        Raises
        ------
        BackendError
            When no profile of the engine takes the shape, or TensorRT fails.
        """
        self._pass(frame, views, input_size)
        return self._buffers.people(len(views), is_counted=self.spec.decoder == 'centers')

    def outputs(
        self, frame: FrameUpload, views: structs.Views, input_size: tuple[int, int]
    ) -> dict[str, np.ndarray]:
        """Run the network as `run` does and return its outputs by role, float32."""
        bound = self._pass(frame, views, input_size)
        return {
            role: self._buffers.map(name, bound.shape_of(name), self._tensors.types[name])
            [:len(views)] for role, name in self.spec.read_outputs.items()
        }

    def _pass(
        self, frame: FrameUpload, views: structs.Views, input_size: tuple[int, int]
    ) -> BoundContext:
        bound = self._prepare(frame, views, input_size)
        self._launch(bound)
        # The thread sleeps, and wakes up some tens of microseconds late; it burns no core.
        self._done.record(self._stream)
        self._done.synchronize()
        return bound

    def warm_up(self, frame: FrameUpload) -> None:
        """
        Run every number of views twice: what waits for the first use is done now.

        Contexts are made at the first pass of a shape, graphs recorded at the second. A network
        of whole images is run at the shape that its engine is made for; that of another aspect
        ratio comes with the camera's first images.
        """
        _, _, height, width = self.best_shapes[-1]
        for batch in BATCHES:
            if batch <= self.max_batch:
                affines = np.stack([np.eye(2, 3)] * batch)
                views = structs.views_of(affines, frame.size, (width, height))
                for _ in range(2):
                    self._pass(frame, views, (width, height))

    def jit_cache(self) -> bytes:
        """Return what makes the next start quicker (`EngineContexts.jit_cache`)."""
        return self._contexts.jit_cache()

    def stage_times_ms(
        self, frame: FrameUpload, views: structs.Views, input_size: tuple[int, int]
    ) -> dict[str, float]:
        """
        Run the network as `run` does, without a graph, and tell where the time on the GPU goes.

        Returns
        -------
        dict
            Milliseconds of parameters, warp, network, decode and download.
        """
        bound = self._prepare(frame, views, input_size)
        events = {'': self._cuda.Event().record(self._stream)}

        def mark(stage: str) -> None:
            events[stage] = self._cuda.Event().record(self._stream)

        self._enqueue(bound, mark)
        self._stream.synchronize()
        moments = list(events.values())
        return {
            stage: float(before.time_till(after))
            for stage, before, after in zip(list(events)[1:], moments, moments[1:])
        }

    def _prepare(
        self, frame: FrameUpload, views: structs.Views, input_size: tuple[int, int]
    ) -> BoundContext:
        """Choose the context and write the parameters of a pass."""
        width, height = input_size
        spec = self.spec
        batch = min(n for n in (*BATCHES, self.max_batch) if n >= len(views))
        batch = min(batch, self.max_batch)
        bound = self._contexts.of((batch, 3, height, width))
        target = structs.target_record(
            spec, input_size, self._tensors.input_type == np.float16
        )
        decoder = np.zeros(1, structs.DECODER)
        if not self.decodes_on_host:
            is_half = np.float16 in self._tensors.types.values()
            decoder = structs.decoder_record(
                spec, input_size, self._max_people, self._min_center, is_half
            )
        self._buffers.write(frame.record, target, decoder, views.filled(batch))
        if frame.address != self._frame:  # graphs hold the address
            self._contexts.drop_graphs()
            self._frame = frame.address
        return bound

    def _launch(self, bound: BoundContext) -> None:
        """Enqueue one pass: by its graph, which is recorded at the second use of a shape."""
        if not self.uses_graphs:
            bound.drop_graph()
        elif bound.graph is None and bound.has_run and bound.allocator is None:
            try:
                self._check_capturable(bound)
                bound.graph = CudaGraph(self._stream.handle, lambda: self._enqueue(bound))
            except GraphError as error:
                self.uses_graphs = False
                _LOG.warning('%s runs without CUDA graphs: %s', self.spec.name, error)
        if bound.graph is not None:
            try:
                bound.graph.launch()
            except GraphError as error:
                raise BackendError(f'{self.spec.name}: {error}') from error
            return
        self._enqueue(bound)
        bound.has_run = True

    def _check_capturable(self, bound: BoundContext) -> None:
        """Ask TensorRT-RTX, the only one that can tell, whether the stream can be recorded."""
        ask = getattr(bound.context, 'is_stream_capturable', None)
        if ask is not None and not ask(self._stream.handle):
            raise GraphError('TensorRT-RTX says that it cannot be recorded')

    def _enqueue(
        self, bound: BoundContext, mark: Callable[[str], None] = lambda stage: None
    ) -> None:
        buffers = self._buffers
        batch, _, height, width = bound.shape
        buffers.upload(self._stream)
        mark('parameters')
        self._kernels.warp(
            (width, height), batch, self._frame, buffers.frame, buffers.target, buffers.views,
            buffers.tables, buffers.input,
        )
        mark('warp')
        self._infer(bound)
        mark('network')
        if self.decodes_on_host:
            mark('decode')
            for name, dtype in self._tensors.types.items():
                num_bytes = math.prod(bound.shape_of(name)) * np.dtype(dtype).itemsize
                buffers.download_map(name, num_bytes, self._stream)
        else:
            self._decode(batch)
            mark('decode')
            buffers.download(self._stream)
        mark('download')

    def _infer(self, bound: BoundContext) -> None:
        if not bound.context.execute_async_v3(self._stream.handle):
            said = ' | '.join(make_logger(self._trt).latest)
            raise BackendError(f'TensorRT cannot run {self.spec.name}: {said}')

    def _decode(self, batch: int) -> None:
        buffers, kernels, number = self._buffers, self._kernels, len(self.spec.keypoints)
        maps = {role: buffers.maps[name] for role, name in self.spec.read_outputs.items()}
        if self.spec.decoder == 'heatmaps':
            kernels.keypoints_of_heatmaps(
                batch, number, maps['heatmaps'], buffers.decoder, buffers.views, buffers.keypoints
            )
            return
        if self._max_people == 1:
            kernels.middle_person(
                batch, maps['centers'], buffers.decoder, buffers.count, buffers.cell,
                buffers.score,
            )
        else:
            kernels.peaks(
                batch, maps['centers'], buffers.decoder, buffers.scratch, buffers.count,
                buffers.cell, buffers.score,
            )
        kernels.keypoints(
            batch, self._max_people, number, maps, buffers.decoder, buffers.views, buffers.count,
            buffers.cell, buffers.keypoints,
        )

    def maps_of(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """
        Run the engine alone.

        Parameters
        ----------
        values : (B, 3, height, width) float32
            Normalised input.

        Returns
        -------
        dict of float32
            The outputs by role (`ModelSpec.output_shape`).
        """
        batch, channels, height, width = values.shape
        bound = self._contexts.of((batch, channels, height, width))
        self._buffers.set_input(
            np.ascontiguousarray(values.astype(self._tensors.input_type)), self._stream
        )
        self._infer(bound)
        maps = {}
        for role, name in self.spec.read_outputs.items():
            found = np.empty(bound.shape_of(name), self._tensors.types[name])
            self._buffers.get_map(name, found, self._stream)
            maps[role] = found.astype(np.float32)
        return maps

    def close(self) -> None:
        """Free everything; users of a thing before the thing."""
        self._contexts.close()
        self._engine = self._runtime = None
        self._buffers.close()
        self._kernels = self._stream = self._done = None
