# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The GPU and the libraries that drive it: PyCUDA and TensorRT, found in a safe order."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pose_ros.backends.tensorrt import engine_build
from pose_ros.core.backend import BackendError


class NoGpuError(BackendError):
    """There is no NVIDIA GPU that can be used; the message says why."""


@dataclass(frozen=True)
class Gpu:
    """
    One GPU.

    Attributes
    ----------
    index : int
        CUDA's number of it.
    name : str
        For example 'NVIDIA GeForce RTX 4090'.
    compute_capability : (major, minor)
        Of its instruction set.
    multiprocessors : int
        Number of its streaming multiprocessors.
    driver : (major, minor)
        Newest CUDA release that the driver supports.
    """

    index: int
    name: str
    compute_capability: tuple[int, int]
    multiprocessors: int
    driver: tuple[int, int]

    def key(self) -> dict[str, Any]:
        """
        Return what an engine depends on, of JSON's types.

        Not the memory: on a Jetson its size changes from one boot to the next.
        """
        return {
            'name': self.name,
            'compute_capability': list(self.compute_capability),
            'multiprocessors': self.multiprocessors,
            'driver': list(self.driver),
        }


@dataclass(frozen=True)
class GpuRuntime:
    """
    A GPU and the libraries that drive it.

    Attributes
    ----------
    device : Gpu
    cuda : module
        pycuda.driver.
    trt : module
        tensorrt or tensorrt_rtx.
    """

    device: Gpu
    cuda: Any
    trt: Any


def find_runtime(index: int = 0) -> GpuRuntime:
    """
    Find a GPU and the libraries of this machine.

    Raises
    ------
    NoGpuError
        When there is no driver, or no such GPU.
    BackendError
        When PyCUDA or TensorRT is missing or does not suit the GPU; says what to install.
    """
    # The driver first: some versions of TensorRT end the process when they are used without one.
    cuda, device = find_gpu(index)
    trt = engine_build.import_tensorrt()
    engine_build.check_tensorrt(trt, device.name, device.compute_capability)
    return GpuRuntime(device, cuda, trt)


def find_gpu(index: int = 0) -> tuple[Any, Gpu]:
    """
    Import PyCUDA and describe a GPU; takes no context.

    Returns
    -------
    module, Gpu
        pycuda.driver.

    Raises
    ------
    NoGpuError
        When there is no driver, or no such GPU.
    BackendError
        When PyCUDA is not installed or does not fit the driver.
    """
    try:
        ctypes.CDLL('libcuda.so.1')
    except OSError as error:
        raise NoGpuError('there is no NVIDIA driver on this machine') from error
    try:
        cuda: Any = import_module('pycuda.driver')
    except ImportError as error:
        raise BackendError(f'PyCUDA cannot be used ({error}): see docs/gpu.md') from error
    try:
        cuda.init()
        count = cuda.Device.count()
        if not 0 <= index < count:
            raise NoGpuError(f'there is no GPU number {index}: the driver sees {count}')
        found = cuda.Device(index)
        version = cuda.get_driver_version()
        of = cuda.device_attribute
        return cuda, Gpu(
            index=index,
            name=found.name(),
            compute_capability=(
                found.get_attribute(of.COMPUTE_CAPABILITY_MAJOR),
                found.get_attribute(of.COMPUTE_CAPABILITY_MINOR),
            ),
            multiprocessors=found.get_attribute(of.MULTIPROCESSOR_COUNT),
            driver=(version // 1000, version % 1000 // 10),
        )
    except cuda.Error as error:
        raise NoGpuError(f'the NVIDIA driver shows no GPU: {error}') from error
