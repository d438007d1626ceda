# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The networks on an NVIDIA GPU: TensorRT or TensorRT-RTX, driven through PyCUDA."""

from __future__ import annotations

from collections.abc import Callable
import logging
from pathlib import Path
import time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pose_ros.backends.host_backend import in_image, read_boxes, read_one_stage
from pose_ros.backends.model_files import check_passes, find_model, read_spec
from pose_ros.backends.tensorrt import engine_build, kernels
from pose_ros.backends.tensorrt.build_progress import Progress
from pose_ros.backends.tensorrt.cuda_worker import CudaWorker
from pose_ros.backends.tensorrt.device import Gpu, find_runtime
from pose_ros.backends.tensorrt.engine_cache import EngineCache, Key, default_folder
from pose_ros.backends.tensorrt.engine_check import check_engine
from pose_ros.backends.tensorrt.frame_upload import FrameUpload
from pose_ros.backends.tensorrt.kernels import structs
from pose_ros.backends.tensorrt.network import TensorrtNetwork
from pose_ros.backends.tensorrt.pass_buffers import check_finite, keypoints_of
from pose_ros.core import geometry
from pose_ros.core.backend import BackendError, ModelSpec, StageTimes
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.decode import movenet as decode
from pose_ros.core.keypoints import Keypoints

if TYPE_CHECKING:
    from pose_ros.backends.onnx import OnnxNetwork

T = TypeVar('T')
_LOG = logging.getLogger('pose_ros.tensorrt')
NON_BLOCKING = 1
"""cuda.h: CU_STREAM_NON_BLOCKING. A stream that does not wait for the legacy one: a copy on
another thread, of PyTorch for example, would spoil a graph that is being recorded."""


class TensorrtBackend:
    """
    Runs both passes on a GPU (`core.backend.Backend`).

    A frame goes up once, as the camera sent it; people come back. `times.network_s` is the time
    of a pass from its launch to its people, sampling and decoding included.

    Parameters
    ----------
    detector, refiner : str
        Name of a shipped model or path of an ONNX file.
    precision : 'fp16' or 'fp32'
        What the networks compute in.
    detect_size_px : int
        Largest long side of whole images, pixels.
    progress : callable, optional
        Is told how far the build of an engine is.
    folder : Path, optional
        Of the stored engines; by default the user's cache.
    gpu : int
        CUDA's number of the GPU.

    Raises
    ------
    BackendError
        When there is no driver, GPU, PyCUDA or TensorRT, or a model or engine cannot be used.
    """

    name = 'tensorrt'
    encodings = structs.ENCODINGS

    def __init__(
        self,
        detector: str,
        refiner: str,
        precision: str = 'fp16',
        detect_size_px: int = 256,
        progress: Progress | None = None,
        folder: Path | None = None,
        gpu: int = 0,
    ) -> None:
        self._runtime = find_runtime(gpu)
        self._precision = precision
        self._progress = progress
        self._cache = EngineCache(folder or default_folder())
        self._paths = paths = find_model(detector), find_model(refiner)
        self.detector, self.refiner = (read_spec(path) for path in paths)
        for path, spec in zip(paths, (self.detector, self.refiner)):
            _check_supported(path, spec)
        check_passes(paths[0], self.detector, paths[1], self.refiner)
        self.times = StageTimes()
        self._frame: FrameUpload | None = None
        self._stream: Any = None
        self._module: Any = None
        self._worker = CudaWorker(self._runtime.cuda, self._runtime.device.index)
        try:
            self._worker.call(self._start)
            self._detect = self._load(paths[0], detect_size_px)
            self._refine = self._load(paths[1], 0)
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        self._worker.at_close(self._free)
        # The driver wants text that ends with a zero.
        cuda = self._runtime.cuda
        self._module = cuda.module_from_buffer(kernels.PTX_FILE.read_bytes() + b'\0')
        self._stream = cuda.Stream(NON_BLOCKING)
        self._frame = FrameUpload(cuda, self._stream)

    def _load(self, path: Path, size_px: int) -> TensorrtNetwork:
        """Load the network of whole images of up to `size_px`, or of crops (0)."""
        spec = read_spec(path)
        trt, gpu = self._runtime.trt, self._runtime.device
        capabilities = engine_build.device_capabilities(trt, gpu.compute_capability)
        key = engine_build.engine_key(
            trt, path, self._precision, size_px, gpu.key(), capabilities
        )
        people = (decode.MAX_CANDIDATES, decode.MIN_CENTER) if size_px else (1, 0.0)

        def build() -> bytes:
            _LOG.info('building the engine of %s, once', spec.name)
            if self._progress is not None:
                self._progress(spec.name, 0.0)
            request = engine_build.request_for(path, self._precision, size_px)
            worker = self._worker
            return worker.call(lambda: engine_build.build_engine(
                trt, request, capabilities, self._progress, lambda: worker.is_closing
            ))

        def load(plan: bytes, is_checked: bool) -> TensorrtNetwork:
            # ONNX Runtime takes a second and 300 MB: only for what was never compared.
            reference = None if is_checked else engine_build.reference_network(path)
            return self._worker.call(
                lambda: self._network(plan, key, spec, reference, *people)
            )

        network = self._cache.get(key, build, load)
        self._cache.attach(key, self._worker.call(network.jit_cache))
        return network

    def _network(
        self, plan: bytes, key: Key, spec: ModelSpec, reference: OnnxNetwork | None,
        max_people: int, min_center: float,
    ) -> TensorrtNetwork:
        """Load an engine, compare it where there is something to compare with, and warm it up."""
        network = TensorrtNetwork(
            self._runtime.cuda, self._runtime.trt, self._module, self._stream, plan, spec,
            max_people, min_center, self._cache.attachment(key),
        )
        try:
            if reference is not None:
                check_engine(network, reference, self._precision)
            self._warm_up(network)
        except BaseException:
            network.close()
            raise
        self._worker.at_close(network.close)
        return network

    def _warm_up(self, network: TensorrtNetwork) -> None:
        """Make contexts and record graphs now, not when the first people come."""
        frame = self._frame
        assert frame is not None
        width, height = 640, 480
        record = structs.frame_record('bgr8', width, height, 3 * width, 3 * width * height)
        frame.upload(np.zeros(3 * width * height, np.uint8), record)
        network.warm_up(frame)
        frame.record = np.zeros(1, structs.FRAME)  # this was none: a pass wants one of a camera

    def load(self, frame: CameraImage) -> None:
        """Take a camera's frame as it comes (`core.backend.Backend`)."""
        record = structs.frame_record(
            frame.encoding, frame.width, frame.height, frame.step, frame.data.size
        )
        self.times = StageTimes()
        upload = self._frame
        if upload is None:
            raise BackendError('the GPU is closed')
        self._worker.call(lambda: upload.upload(frame.data, record))

    def detect(self, input_from_image: np.ndarray, input_size: tuple[int, int]) -> Keypoints:
        """Find everybody in views of the image, in image pixels (`core.backend.Backend`)."""
        start_s = time.perf_counter()
        people = []
        for views in _parts(self._detect, input_from_image):
            if self._detect.decodes_on_host:
                outputs = self._call(self._detect.outputs, views, input_size)
                people.append(read_one_stage(
                    outputs, self.detector, self._paths[0], views, input_size
                ))
            else:
                found = self._call(self._detect.run, views, input_size)
                people.append(keypoints_of(found, self.detector))
        self.times.detect_s += time.perf_counter() - start_s
        return Keypoints.concatenate(people)

    def detect_boxes(
        self, input_from_image: np.ndarray, input_size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the boxes of people in views of the image (`core.backend.Backend`)."""
        start_s = time.perf_counter()
        found = []
        for views in _parts(self._detect, input_from_image):
            outputs = self._call(self._detect.outputs, views, input_size)
            found.append(read_boxes(
                outputs, self.detector, self._paths[0], views, input_size
            ))
        self.times.detect_s += time.perf_counter() - start_s
        boxes, scores = zip(*found)
        return np.concatenate(boxes), np.concatenate(scores)

    def refine(self, input_from_image: np.ndarray) -> Keypoints:
        """Find the one person of each crop, in image pixels (`core.backend.Backend`)."""
        start_s = time.perf_counter()
        people, size = [], self.refiner.input_size
        for views in _parts(self._refine, input_from_image):
            if self._refine.decodes_on_host:
                outputs = self._call(self._refine.outputs, views, size)
                found = in_image(
                    decode.decode_person(outputs, self.refiner), geometry.invert(views)
                )
                check_finite(found.score, self.refiner)
                people.append(found)
            else:
                people.append(keypoints_of(
                    self._call(self._refine.run, views, size), self.refiner
                ))
        self.times.refine_s += time.perf_counter() - start_s
        return Keypoints.concatenate(people)

    def _call(
        self, function: Callable[..., T], input_from_image: np.ndarray, input_size: tuple[int, int]
    ) -> T:
        """Run a pass of these views on the CUDA thread."""
        frame = self._frame
        if frame is None or not frame.size[0]:
            raise BackendError('no image was loaded')
        views = structs.views_of(input_from_image, frame.size, input_size)
        start_s = time.perf_counter()
        found = self._worker.call(lambda: function(frame, views, input_size))
        self.times.network_s += time.perf_counter() - start_s
        return found

    @property
    def gpu(self) -> Gpu:
        """The GPU that it runs on."""
        return self._runtime.device

    @property
    def uses_graphs(self) -> bool:
        """Whether passes are launched as recorded graphs; set False by what cannot be recorded."""
        return self._detect.uses_graphs and self._refine.uses_graphs

    @uses_graphs.setter
    def uses_graphs(self, wanted: bool) -> None:
        self._detect.uses_graphs = self._refine.uses_graphs = wanted

    def stage_times_ms(
        self, views: np.ndarray, crops: np.ndarray, input_size: tuple[int, int]
    ) -> dict[str, dict[str, float]]:
        """
        Tell where the time on the GPU goes, without graphs.

        Parameters
        ----------
        views : (B, 2, 3) float64
            Of the first pass, `input_size` (width, height) large.
        crops : (N, 2, 3) float64
            Of the second.

        Returns
        -------
        dict
            For 'detect' and 'refine': milliseconds of parameters, warp, network, decode, download.
        """
        return {
            'detect': self._call(self._detect.stage_times_ms, views, input_size),
            'refine': self._call(self._refine.stage_times_ms, crops, self.refiner.input_size),
        }

    def synchronize(self) -> None:
        """Wait until nothing is under way on the GPU."""
        self._worker.call(lambda: self._stream.synchronize())

    def close(self) -> None:
        """Free all that is on the GPU; does nothing the second time."""
        self._worker.close()

    def _free(self) -> None:
        if self._frame is not None:
            self._frame.close()
        self._frame = self._stream = self._module = None


def _parts(network: TensorrtNetwork, views: np.ndarray) -> list[np.ndarray]:
    """Return as many views as one pass takes, and the next ones."""
    return [views[i:i + network.max_batch] for i in range(0, len(views), network.max_batch)]


def _check_supported(path: Path, spec: ModelSpec) -> None:
    """Raise BackendError for what cannot be run here."""
    if 'nhwc' in (spec.layout, spec.output_layout):
        raise BackendError(
            f'the TensorRT backend cannot run {path}: it does not read or write the layout nhwc. '
            'ONNX Runtime does: use the backend onnx'
        )
