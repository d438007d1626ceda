# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""pycuda.driver on the host: as much of it as the package calls."""

from __future__ import annotations

import ctypes
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from pose_ros.backends import kernels


class HostMemory:
    """Memory of the host with an address, as PyCUDA's DeviceAllocation has one."""

    def __init__(self, cuda: HostCuda, num_bytes: int) -> None:
        self.array = np.full(num_bytes, 0xA5, np.uint8)
        self._cuda = cuda
        cuda.allocated_bytes += num_bytes

    def __int__(self) -> int:
        return int(self.array.ctypes.data)

    def __del__(self) -> None:
        self._cuda.allocated_bytes -= self.array.size


class HostStream:
    """A stream on which everything is done at once."""

    handle = 1

    def __init__(self, cuda: HostCuda) -> None:
        self._cuda = cuda

    def synchronize(self) -> None:
        self._cuda.synchronize()


class HostEvent:
    """A moment."""

    def __init__(self, cuda: HostCuda) -> None:
        self._cuda = cuda
        self._at_s = 0.0

    def record(self, stream: HostStream) -> HostEvent:
        self._cuda.note()
        self._at_s = time.perf_counter()
        return self

    def synchronize(self) -> HostEvent:
        self._cuda.synchronize()
        return self

    def time_till(self, other: HostEvent) -> float:
        """Return milliseconds."""
        return (other._at_s - self._at_s) * 1e3


class HostContext:
    """A primary context."""

    def __init__(self, cuda: HostCuda) -> None:
        self._cuda = cuda

    def push(self) -> None:
        self._cuda.note('push')

    def detach(self) -> None:
        self._cuda.note('detach')


class HostDevice:
    """The one device there is."""

    def __init__(self, cuda: HostCuda) -> None:
        self._cuda = cuda

    def retain_primary_context(self) -> HostContext:
        return HostContext(self._cuda)


class HostModule:
    """The kernels."""

    def __init__(self, cuda: HostCuda) -> None:
        self._cuda = cuda

    def get_function(self, name: str) -> HostFunction:
        return HostFunction(self._cuda, name)


class HostCuda:
    """
    pycuda.driver.

    Parameters
    ----------
    library : CDLL
        The kernels (`host_gpu.kernels`).

    Attributes
    ----------
    threads : set of str
        Names of the threads that used it.
    events : list of str
        push, pop and detach of the context, in their order.
    allocated_bytes : int
        What is not freed yet.
    fail_with : Exception or None
        What synchronizing raises: an error of a kernel.
    limit_bytes : int
        A larger allocation fails.
    """

    class Error(Exception):
        """As pycuda.driver.Error."""

    class MemoryError(Error):
        """As pycuda.driver.MemoryError."""

    event_flags = SimpleNamespace(BLOCKING_SYNC=1, DISABLE_TIMING=2)

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.threads: set[str] = set()
        self.events: list[str] = []
        self.allocated_bytes = 0
        self.fail_with: Exception | None = None
        self.limit_bytes = 1 << 40
        self.Context = self  # its static methods: pop, synchronize

    def note(self, event: str = '') -> None:
        self.threads.add(threading.current_thread().name)
        if event:
            self.events.append(event)

    def init(self) -> None:
        self.note()

    def pop(self) -> None:
        self.note('pop')

    def synchronize(self) -> None:
        self.note()
        if self.fail_with:
            raise self.fail_with

    def Device(self, index: int) -> HostDevice:  # noqa: N802
        self.note()
        return HostDevice(self)

    def Stream(self) -> HostStream:  # noqa: N802
        self.note()
        return HostStream(self)

    def Event(self, flags: int = 0) -> HostEvent:  # noqa: N802
        self.note()
        return HostEvent(self)

    def mem_alloc(self, num_bytes: int) -> HostMemory:
        self.note()
        if num_bytes > self.limit_bytes:
            raise self.MemoryError('cuMemAlloc failed: out of memory')
        return HostMemory(self, num_bytes)

    def mem_get_info(self) -> tuple[int, int]:
        self.note()
        return self.limit_bytes - self.allocated_bytes, self.limit_bytes

    def pagelocked_empty(self, shape: Any, dtype: Any) -> np.ndarray:
        self.note()
        return np.empty(shape, dtype)

    def memcpy_htod(self, target: HostMemory, source: np.ndarray) -> None:
        self.note()
        assert source.nbytes <= target.array.nbytes
        ctypes.memmove(int(target), source.ctypes.data, source.nbytes)

    def memcpy_dtoh(self, target: np.ndarray, source: HostMemory) -> None:
        self.note()
        assert target.nbytes <= source.array.nbytes
        ctypes.memmove(target.ctypes.data, int(source), target.nbytes)

    def memcpy_htod_async(
        self, target: HostMemory, source: np.ndarray, stream: HostStream
    ) -> None:
        self.memcpy_htod(target, source)

    def memcpy_dtoh_async(
        self, target: np.ndarray, source: HostMemory, stream: HostStream
    ) -> None:
        self.memcpy_dtoh(target, source)

    def module_from_buffer(self, ptx: bytes) -> HostModule:
        self.note()
        assert ptx == kernels.PTX_FILE.read_bytes() + b'\0'
        return HostModule(self)


class HostFunction:
    """A kernel, with PyCUDA's prepared calls."""

    def __init__(self, cuda: HostCuda, name: str) -> None:
        self._cuda = cuda
        self._name = name
        self._launch = getattr(cuda.library, f'host_{name}')
        self._launch.restype = ctypes.c_bool
        self._count = 0

    def prepare(self, arguments: str) -> None:
        assert set(arguments) == {'P'}
        self._count = len(arguments)

    def prepared_async_call(
        self, grid: tuple[int, int, int], block: tuple[int, int, int], stream: HostStream,
        *pointers: int,
    ) -> None:
        self._cuda.note()
        assert len(pointers) == self._count
        # Fewer threads are quicker here; the kernel without barriers takes a pixel per thread.
        threads = block[0] if self._name == 'warp_views' else 4
        assert self._launch(
            (ctypes.c_uint * 3)(*grid), ctypes.c_uint(threads), 0,
            (ctypes.c_void_p * len(pointers))(*pointers),
        )
