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
from concurrent.futures import Future
import logging
import queue
import threading
import traceback
from typing import Any, TypeVar

from pose_ros.core.backend import BackendError, BackendLostError

T = TypeVar('T')
_Task = tuple[Callable[[], Any], 'Future[Any]']
_JOIN_S = 30.0
_LOG = logging.getLogger('pose_ros.tensorrt')


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
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        # Held while a task is put: none comes after the one that ends the thread.
        self._lock = threading.Lock()
        self._free_at_close: list[Callable[[], None]] = []
        self._is_closing = False
        self._broken = ''
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._work, name='cuda', daemon=True)
        self._thread.start()
        try:
            self._started.result()
        except cuda.Error as error:
            raise BackendError(f'no CUDA context on GPU {index}: {error}') from error
        # A daemon thread ends with the process, in the middle of anything: end it before.
        atexit.register(self.close)

    @property
    def is_closing(self) -> bool:
        """Whether `close` was called: what takes long is to stop."""
        return self._is_closing

    def call(self, function: Callable[[], T]) -> T:
        """
        Run something on the thread and return its result.

        Raises
        ------
        BackendError
            When CUDA reports an error.
        BackendLostError
            After one that spoils the context, such as an address that a kernel must not touch,
            whichever call met it first: every call fails then; a new worker in a new process
            works.
        """
        if self._broken:
            raise BackendLostError(f'the GPU cannot be used any more: {self._broken}')
        try:
            return self._put(function).result()
        except Exception as error:
            if self._is_lost():
                raise BackendLostError(
                    f'CUDA: {self._broken}; the context is lost, start again ({error})'
                ) from error
            if isinstance(error, self._cuda.MemoryError):
                raise BackendError(
                    f'the memory of GPU {self._index} is full: {error}'
                ) from error
            if isinstance(error, self._cuda.Error):
                raise BackendError(f'CUDA: {error}') from error
            raise

    def _put(self, function: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            if self._is_closing:
                raise BackendError('the GPU is closed')
            self._tasks.put((function, future))
        return future

    def _is_lost(self) -> bool:
        """Ask the driver whether the context still works."""
        try:
            self._put(lambda: self._cuda.Context.synchronize()).result()
        except self._cuda.Error as error:
            self._broken = str(error)
        except BackendError:
            pass  # it is closed
        return bool(self._broken)

    def at_close(self, free: Callable[[], None]) -> None:
        """Have something freed on the thread at the end; the latest is freed first."""
        self._free_at_close.append(free)

    def close(self) -> None:
        """Free everything and end the thread; does nothing the second time."""
        atexit.unregister(self.close)
        with self._lock:
            if not self._is_closing:
                self._is_closing = True
                self._tasks.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def _work(self) -> None:
        context = None
        is_pushed = False
        try:
            self._cuda.init()
            context = self._cuda.Device(self._index).retain_primary_context()
            context.push()
            is_pushed = True
            self._started.set_result(None)
            while (task := self._tasks.get()) is not None:
                _run(*task)
                # What the task held is freed here, in its own context, not when the next comes.
                del task
        except BaseException as error:  # noqa: BLE001  while starting: raised by __init__
            self._started.set_exception(error)
        finally:
            with self._lock:
                self._is_closing = True
            # PyCUDA ends the process when a context is left pushed: nothing may prevent the pop.
            while self._free_at_close:
                _quietly(self._free_at_close.pop())
            if is_pushed:
                _quietly(self._cuda.Context.pop)
            if context is not None:
                _quietly(context.detach)


def _run(function: Callable[[], T], future: Future[T]) -> None:
    """Do something and hand on what came of it."""
    try:
        future.set_result(function())
    except BaseException as error:  # noqa: BLE001  raised again by result()
        # What its frames hold is to be freed here, not where the error is handled.
        traceback.clear_frames(error.__traceback__)
        future.set_exception(error)
    finally:
        del function, future  # a traceback holds this frame


def _quietly(free: Callable[[], None]) -> None:
    """Free something; of a lost context that fails."""
    try:
        free()
    except Exception as error:  # noqa: BLE001  the rest is to be freed all the same
        _LOG.debug('while freeing: %s', error)
