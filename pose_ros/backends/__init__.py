# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runtimes that run the networks: one file each, heavy imports inside."""

from __future__ import annotations

from collections.abc import Callable
import importlib.util
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER
from pose_ros.backends.tensorrt.build_progress import Progress
from pose_ros.core.backend import Backend, BackendError
from pose_ros.core.config import EstimatorConfig

if TYPE_CHECKING:
    from pose_ros.backends.onnx import OnnxBackend

_LOG = logging.getLogger('pose_ros')
_GPU_DEVICES = ('/dev/nvidia0', '/dev/nvhost-gpu', '/dev/nvgpu/igpu0')  # the last two: Jetson


def has_nvidia_gpu() -> bool:
    """Return whether the kernel shows an NVIDIA GPU, with or without what is needed to use it."""
    return any(Path(device).exists() for device in _GPU_DEVICES)


def load_backend(config: EstimatorConfig, progress: Progress | None = None) -> Backend:
    """
    Load the networks on the runtime that the parameters ask for.

    With 'auto' that is TensorRT where a GPU, its driver, TensorRT and PyCUDA are there and the
    engines are right; else OpenVINO where it is installed and the processor computes bfloat16;
    else ONNX Runtime. Why there is no TensorRT is said in the log: a warning where there is a GPU.

    Parameters
    ----------
    config : EstimatorConfig
        Reads backend, gpu, onnx_provider, openvino_device, detector_model, refiner_model,
        precision, num_threads and the sizes of the first pass.
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
        _LOG.log(logging.WARNING if has_nvidia_gpu() else logging.INFO,
                 'TensorRT is not used: %s', error)
        why_not = str(error)
    if config.precision != 'fp16' and _openvino_is_quicker():
        try:
            return _load_openvino(config, progress)
        except BackendError as error:
            _LOG.warning('OpenVINO is not used, ONNX Runtime is: %s', error)
    backend = _load_onnx(config, progress)
    backend.instead = f'TensorRT is not used: {why_not}'
    return backend


def _openvino_is_quicker() -> bool:
    """
    Return whether OpenVINO is installed and the processor computes bfloat16 (x86, Linux).

    oneDNN's variable ONEDNN_MAX_CPU_ISA holds as it does inside of OpenVINO: AVX2 keeps float32.
    """
    if importlib.util.find_spec('openvino') is None:
        return False
    most = os.environ.get('ONEDNN_MAX_CPU_ISA', 'DEFAULT').upper()
    if most not in ('DEFAULT', 'ALL') and 'BF16' not in most and 'AMX' not in most:
        return False
    try:
        flags = Path('/proc/cpuinfo').read_text(encoding='utf-8').split()
    except OSError:
        return False
    return 'avx512_bf16' in flags or 'amx_bf16' in flags


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
    try:
        from pose_ros.backends.openvino import OpenvinoBackend
    except ImportError as error:
        raise BackendError(f'OpenVINO is not installed ({error}): pip install openvino') from error
    return OpenvinoBackend(
        detector=config.detector_model or SHIPPED_DETECTOR,
        refiner=config.refiner_model or SHIPPED_REFINER,
        num_threads=config.num_threads,
        precision=config.precision,
        device=config.openvino_device,
    )


_LOADERS: dict[str, Callable[[EstimatorConfig, Progress | None], Backend]] = {
    'tensorrt': _load_tensorrt,
    'onnx': _load_onnx,
    'openvino': _load_openvino,
}
