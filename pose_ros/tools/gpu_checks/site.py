# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where checks run: the GPU and its libraries, the images, and how much is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose_ros.backends.gpu_runtime import GpuRuntime
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER
from pose_ros.backends.tensorrt import TensorrtBackend
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

    def backend(self, precision: str = '', folder: str = 'engines') -> TensorrtBackend:
        """Load both networks; the first call builds their engines."""
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


def dry_runtime(folder: Path) -> GpuRuntime:
    """Compile the kernels for the host and put it in place of a GPU."""
    from pose_ros.backends.host_gpu.kernels import compile_kernels
    from pose_ros.backends.host_gpu.runtime import host_runtime

    return host_runtime(compile_kernels(folder))
