# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runtimes that run the networks: one file each, heavy imports inside."""

from __future__ import annotations

from collections.abc import Callable
import logging
from typing import TYPE_CHECKING

from pose_ros.backends.tensorrt.build_progress import Progress
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER
from pose_ros.core.backend import Backend, BackendError
from pose_ros.core.config import EstimatorConfig

if TYPE_CHECKING:
    from pose_ros.backends.onnx import OnnxBackend

_LOG = logging.getLogger('pose_ros')


def load_backend(config: EstimatorConfig, progress: Progress | None = None) -> Backend:
    """
    Load the networks on the runtime that the parameters ask for.

    With 'auto' that is TensorRT where a GPU, its driver, TensorRT and PyCUDA are there and the
    engines are right; else ONNX Runtime, with a warning that says why.

    Parameters
    ----------
    config : EstimatorConfig
        Reads backend, gpu, onnx_provider, detector_model, refiner_model, precision, num_threads and
        the sizes of the first pass.
    progress : callable, optional
        Is told how far the build of an engine is, where one has to be built; on any thread.

    Raises
    ------
    BackendError
        When the runtime is missing or a model cannot be used; the message says what to do.
    """
    if config.backend != 'auto':
        return _LOADERS[config.backend](config, progress)
    try:
        return _load_tensorrt(config, progress)
    except BackendError as error:
        _LOG.warning('TensorRT is not used, ONNX Runtime is: %s', error)
        why_not = str(error)
    backend = _load_onnx(config, progress)
    backend.instead = f'TensorRT is not used: {why_not}'
    return backend


def _load_tensorrt(config: EstimatorConfig, progress: Progress | None) -> Backend:
    from pose_ros.backends.tensorrt.backend import TensorrtBackend

    if config.precision == 'bf16':
        raise BackendError('TensorRT computes fp16 or fp32 here, not bf16: set precision')
    return TensorrtBackend(
        detector=config.detector_model or SHIPPED_DETECTOR,
        refiner=config.refiner_model or SHIPPED_REFINER,
        precision='fp32' if config.precision == 'fp32' else 'fp16',
        detect_size_px=max(config.detect_size_px, config.detect_second_size_px),
        progress=progress,
        gpu=config.gpu,
    )


def _load_onnx(config: EstimatorConfig, progress: Progress | None) -> OnnxBackend:
    try:
        # Inside the function: importing ONNX Runtime takes a while and is not always needed.
        from pose_ros.backends.onnx import OnnxBackend
    except ImportError as error:
        raise BackendError(
            f'ONNX Runtime is not installed ({error}): pip install onnxruntime'
        ) from error
    return OnnxBackend(
        detector=config.detector_model or SHIPPED_DETECTOR,
        refiner=config.refiner_model or SHIPPED_REFINER,
        num_threads=config.num_threads,
        provider=config.onnx_provider,
    )


def _load_openvino(config: EstimatorConfig, progress: Progress | None) -> Backend:
    if config.precision == 'fp16':
        raise BackendError('OpenVINO computes bf16 or fp32 on a CPU, not fp16: set precision')
    try:
        from pose_ros.backends.openvino import OpenvinoBackend
    except ImportError as error:
        raise BackendError(f'OpenVINO is not installed ({error}): pip install openvino') from error
    return OpenvinoBackend(
        detector=config.detector_model or SHIPPED_DETECTOR,
        refiner=config.refiner_model or SHIPPED_REFINER,
        num_threads=config.num_threads,
        precision=config.precision,
    )


_LOADERS: dict[str, Callable[[EstimatorConfig, Progress | None], Backend]] = {
    'tensorrt': _load_tensorrt,
    'onnx': _load_onnx,
    'openvino': _load_openvino,
}
