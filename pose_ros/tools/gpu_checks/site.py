# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where checks run: the GPU and its libraries, the images, and how much is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import sys

import numpy as np

from pose_ros.backends.cuda_driver import probe
from pose_ros.backends.tensorrt.engine_build import import_tensorrt
from pose_ros.backends.tensorrt.device import GpuRuntime, import_pycuda
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER
from pose_ros.backends.tensorrt.backend import TensorrtBackend
from pose_ros.core.backend import BackendError
from pose_ros.core.config import EstimatorConfig


class CheckFailed(Exception):
    """Something is wrong; the message has the numbers."""


class CouldNotRun(Exception):
    """Something that a check needs is not there; the message says what."""


@dataclass(frozen=True, eq=False)
class Site:
    """
    Where checks run.

    Attributes
    ----------
    runtime : GpuRuntime
        The GPU, or the host in its place.
    folder : Path
        For engines and whatever is written; removed afterwards.
    images : list of (H, W, 3) uint8
        Real ones, BGR, with somebody in each.
    precision : 'fp16' or 'fp32'
        Of what is measured.
    repeat : int
        Frames per measurement.
    memory_frames : int
        Frames of the check of memory.
    is_dry : bool
        Whether the host stands in for the GPU: no figure means anything then.
    """

    runtime: GpuRuntime
    folder: Path
    images: list[np.ndarray]
    precision: str
    repeat: int
    memory_frames: int
    is_dry: bool

    @property
    def config(self) -> EstimatorConfig:
        """Parameters of the estimator: the default ones."""
        return EstimatorConfig(precision=self.precision)

    def want_tensorrt(self) -> None:
        """Raise CouldNotRun where there is none."""
        if self.runtime.trt is None:
            raise CouldNotRun('TensorRT is not installed: docs/gpu.md')

    def backend(self, precision: str = '', folder: str = 'engines') -> TensorrtBackend:
        """Load both networks; the first call builds their engines."""
        self.want_tensorrt()
        config = self.config
        return TensorrtBackend(
            SHIPPED_DETECTOR, SHIPPED_REFINER, precision or self.precision,
            max(config.detect_size_px, config.detect_second_size_px),
            folder=self.folder / folder, runtime=self.runtime,
        )


def require(condition: object, what: str) -> None:
    """Raise CheckFailed unless the condition holds."""
    if not condition:
        raise CheckFailed(what)


def gpu_runtime() -> GpuRuntime:
    """
    Find the GPU and its libraries; without TensorRT as well, since the kernels want none.

    Raises
    ------
    BackendError
        When there is no driver, GPU or PyCUDA.
    """
    device, cuda = probe(), import_pycuda()
    try:
        return GpuRuntime(device, cuda, import_tensorrt())
    except BackendError as error:
        print(f'what wants TensorRT cannot run: {error}', file=sys.stderr)
        return GpuRuntime(device, cuda, None)


def dry_runtime(folder: Path) -> GpuRuntime:
    """Compile the kernels for the host and put it in place of a GPU."""
    from pose_ros.backends.host_gpu.kernels import compile_kernels
    from pose_ros.backends.host_gpu.runtime import host_runtime

    return host_runtime(compile_kernels(folder))
