# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The one thread that owns CUDA: everything of it is made, used and freed there.

A context belongs to threads, and several contexts on one GPU slow each other down: this thread
holds the device's primary context, which TensorRT uses as well. `pycuda.autoinit` would make
another one, on whatever thread imports it, and abort the process at its end.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from contextlib import suppress
import queue
import threading
import traceback
from typing import Any, Generic, TypeVar

from pose_ros.core.backend import BackendError, BackendLostError

T = TypeVar('T')
_JOIN_S = 30.0


class _Task(Generic[T]):
    """Something to do, and what came of it."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function: Callable[[], T] | None = function
        self._done = threading.Event()
        self._value: T
        self._error: BaseException | None = None

    def run(self) -> None:
        assert self._function is not None
        try:
            self._value = self._function()
        except BaseException as error:  # noqa: BLE001  raised again by result()
            # What its frames hold is to be freed here, not where the error is handled.
            traceback.clear_frames(error.__traceback__)
            self._error = error
        self._function = None
        self._done.set()

    def fail(self, error: BaseException) -> None:
        self._error = error
        self._done.set()

    def result(self) -> T:
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value


class CudaWorker:
    """
    A thread with the primary context of a GPU.

    Parameters
    ----------
    cuda : module
        pycuda.driver.
    index : int
        Which GPU.

    Raises
    ------
    BackendError
        When the context cannot be had.
    """

    def __init__(self, cuda: Any, index: int = 0) -> None:
        self._cuda = cuda
        self._index = index
        self._tasks: queue.SimpleQueue[_Task[Any] | None] = queue.SimpleQueue()
        self._closing: list[Callable[[], None]] = []
        self._broken = ''
        self._thread = threading.Thread(target=self._work, name='cuda', daemon=True)
        self._started: _Task[None] = _Task(lambda: None)
        self._thread.start()
        try:
            self._started.result()
        except cuda.Error as error:
            self._thread.join(_JOIN_S)
            raise BackendError(f'no CUDA context on GPU {index}: {error}') from error
        # A daemon thread ends with the process, in the middle of anything: end it before.
        atexit.register(self.close)

    def call(self, function: Callable[[], T]) -> T:
        """
        Run something on the thread and return its result.

        Raises
        ------
        BackendError
            When CUDA reports an error.
        BackendLostError
            After one that spoils the context, such as an address that a kernel must not touch:
            every call fails then, and a new worker in a new process works.
        """
        if self._broken:
            raise BackendLostError(f'the GPU cannot be used any more: {self._broken}')
        if not self._thread.is_alive():
            raise BackendError('the GPU is closed')
        task = _Task(function)
        self._tasks.put(task)
        try:
            return task.result()
        except self._cuda.MemoryError as error:
            raise BackendError(f'the memory of GPU {self._index} is full: {error}') from error
        except self._cuda.Error as error:
            if self._is_spoilt():
                raise BackendLostError(
                    f'CUDA: {error}; the context is lost, start again'
                ) from error
            raise BackendError(f'CUDA: {error}') from error

    def _is_spoilt(self) -> bool:
        """Look whether the context still works after an error."""
        task = _Task(lambda: self._cuda.Context.synchronize())
        self._tasks.put(task)
        try:
            task.result()
        except self._cuda.Error as error:
            self._broken = str(error)
            return True
        return False

    def at_close(self, free: Callable[[], None]) -> None:
        """Have something freed on the thread at the end; the latest is freed first."""
        self._closing.append(free)

    def close(self) -> None:
        """Free everything and end the thread; does nothing the second time."""
        atexit.unregister(self.close)
        if self._thread.is_alive():
            self._tasks.put(None)
            self._thread.join(_JOIN_S)

    def _work(self) -> None:
        context = None
        try:
            try:
                self._cuda.init()
                context = self._cuda.Device(self._index).retain_primary_context()
                context.push()
            except self._cuda.Error as error:
                self._started.fail(error)
                return
            self._started.run()
            while True:
                task = self._tasks.get()
                if task is None:
                    break
                task.run()
                # What the task held is freed here, in its own context, not when the next comes.
                del task
        finally:
            while self._closing:
                with suppress(self._cuda.Error):  # of a spoilt context
                    self._closing.pop()()
            if context is not None:
                with suppress(self._cuda.Error):
                    self._cuda.Context.pop()
                with suppress(self._cuda.Error):
                    context.detach()
