# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Is there an NVIDIA GPU? Asked of the driver itself, by ctypes.

Before anything of TensorRT is touched: some of its versions end the process when they are used
without a driver.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from pose_ros.core.backend import BackendError

# cuda.h: CUdevice_attribute.
_MULTIPROCESSOR_COUNT = 16
_CAPABILITY_MAJOR = 75
_CAPABILITY_MINOR = 76


class CudaDriverError(BackendError):
    """There is no GPU that can be used; the message says why."""


@dataclass(frozen=True)
class CudaDevice:
    """
    One GPU.

    Attributes
    ----------
    name : str
        For example 'NVIDIA GeForce RTX 4090'.
    compute_capability : (major, minor)
        Of its instruction set.
    memory_bytes : int
        All of its memory.
    multiprocessors : int
        Number of its streaming multiprocessors.
    driver : (major, minor)
        Newest CUDA release that the driver supports.
    """

    name: str
    compute_capability: tuple[int, int]
    memory_bytes: int
    multiprocessors: int
    driver: tuple[int, int]


def probe(index: int = 0, library: str = 'libcuda.so.1') -> CudaDevice:
    """
    Describe a GPU.

    Parameters
    ----------
    index : int
        Which one.
    library : str
        The driver's.

    Raises
    ------
    CudaDriverError
        When there is no driver, it does not work, or there is no such GPU.
    """
    try:
        cuda = ctypes.CDLL(library)
    except OSError as error:
        raise CudaDriverError(f'there is no NVIDIA driver ({error})') from error
    _check(cuda, cuda.cuInit(0), 'the NVIDIA driver does not start')
    count = ctypes.c_int()
    _check(cuda, cuda.cuDeviceGetCount(ctypes.byref(count)), 'the GPUs cannot be counted')
    if not 0 <= index < count.value:
        raise CudaDriverError(f'there is no GPU number {index}: the driver sees {count.value}')
    device, version = ctypes.c_int(), ctypes.c_int()
    _check(cuda, cuda.cuDeviceGet(ctypes.byref(device), index), f'GPU {index} cannot be used')
    _check(cuda, cuda.cuDriverGetVersion(ctypes.byref(version)), 'the driver has no version')
    name, memory = ctypes.create_string_buffer(256), ctypes.c_size_t()
    _check(cuda, cuda.cuDeviceGetName(name, 256, device), f'GPU {index} has no name')
    _check(
        cuda, cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device),
        f'the memory of GPU {index} is unknown',
    )

    def attribute(number: int) -> int:
        value = ctypes.c_int()
        result = cuda.cuDeviceGetAttribute(ctypes.byref(value), number, device)
        _check(cuda, result, f'GPU {index} does not describe itself')
        return value.value

    return CudaDevice(
        name=name.value.decode(errors='replace'),
        compute_capability=(attribute(_CAPABILITY_MAJOR), attribute(_CAPABILITY_MINOR)),
        memory_bytes=memory.value,
        multiprocessors=attribute(_MULTIPROCESSOR_COUNT),
        driver=(version.value // 1000, version.value % 1000 // 10),
    )


def _check(cuda: ctypes.CDLL, result: int, what: str) -> None:
    if result == 0:
        return
    text = ctypes.c_char_p()
    cuda.cuGetErrorString(result, ctypes.byref(text))
    reason = text.value.decode(errors='replace') if text.value else 'unknown'
    raise CudaDriverError(f'{what}: CUDA error {result}, {reason}')
