# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the GPU is driven with: the device, PyCUDA and TensorRT, found in a safe order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pose_ros.backends import engine_build
from pose_ros.backends.cuda_driver import CudaDevice, probe
from pose_ros.core.backend import BackendError


@dataclass(frozen=True)
class GpuRuntime:
    """
    A GPU and the libraries that drive it.

    Attributes
    ----------
    device : CudaDevice
    cuda : module
        pycuda.driver.
    trt : module
        tensorrt or tensorrt_rtx.
    build : callable
        `engine_build.build_engine`.
    """

    device: CudaDevice
    cuda: Any
    trt: Any
    build: Callable[..., bytes] = engine_build.build_engine


def find_runtime() -> GpuRuntime:
    """
    Find the GPU and the libraries of this machine.

    Raises
    ------
    BackendError
        When there is no driver, GPU, PyCUDA or TensorRT; the message says what to install.
    """
    # The driver first: TensorRT without one may end the process.
    device = probe()
    return GpuRuntime(device, import_pycuda(), engine_build.import_tensorrt())


def import_pycuda() -> Any:
    """
    Import pycuda.driver, which needs the driver but takes no context.

    Raises
    ------
    BackendError
        When it is not installed or does not fit the driver.
    """
    try:
        return import_module('pycuda.driver')
    except ImportError as error:
        raise BackendError(f'PyCUDA cannot be used ({error}): pip install pycuda') from error
