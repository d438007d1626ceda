# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The thread that owns CUDA: it starts, fails and ends well, also when nothing ends it."""

from __future__ import annotations

from collections.abc import Callable
import os
import subprocess
import sys
import threading
from typing import Any

from fake_driver import ILLEGAL_ADDRESS, FakeDriver
import pytest

from pose_ros.backends.tensorrt.cuda_worker import CudaWorker
from pose_ros.core.backend import BackendError, BackendLostError

# A process of its own: PyCUDA aborts one that ends with a context pushed.
PROCESS = """
import sys, threading
from pathlib import Path
import fake_driver
driver = fake_driver.FakeDriver(Path(sys.argv[2]), Path(sys.argv[3]))
driver.start()
import pycuda.driver as cuda
from pose_ros.backends.tensorrt.cuda_worker import CudaWorker

def note(what):
    print(what, 'on', threading.current_thread().name, flush=True)

class Buffer:
    def __init__(self):
        self.memory = cuda.mem_alloc(1000)
    def __del__(self):
        note('freed')

def fail():
    buffer = Buffer()
    raise ValueError('of the caller')

def raise_(error):
    raise error

held = []
worker = CudaWorker(cuda)
worker.at_close(held.clear)
worker.at_close(lambda: raise_(RuntimeError('while freeing')))
worker.at_close(lambda: note('first'))
worker.call(lambda: held.append(Buffer()))
try:
    worker.call(fail)
except ValueError as error:
    note(f'{error}')
if sys.argv[1] == 'raises':
    raise SystemExit(3)
"""


@pytest.mark.parametrize(('how', 'status'), [('ends', 0), ('raises', 3)])
def test_unclosed_worker_is_closed_when_the_process_ends(
    fake: FakeDriver, how: str, status: int
) -> None:
    """Also when something cannot be freed: PyCUDA aborted the process then (status 134)."""
    done = subprocess.run(
        [sys.executable, '-c', PROCESS, how, *map(str, fake.paths)],
        capture_output=True, text=True, timeout=60,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (
        status,
        [
            'freed on cuda',  # what a failed call held, on the thread that made it
            'of the caller on MainThread',
            'first on cuda',
            'freed on cuda',
        ],
        '',
    )


@pytest.mark.gpu
def test_calls_are_made_on_one_thread(cuda: Any, driver: FakeDriver | None) -> None:
    worker = CudaWorker(cuda)
    try:
        held = [worker.call(lambda: cuda.mem_alloc(1000))]
        names = {worker.call(lambda: threading.current_thread().name) for _ in range(3)}
        worker.at_close(held.clear)
    finally:
        worker.close()
    assert names == {'cuda'}
    assert driver is None or driver.threads() == 1


def test_no_context(fake: FakeDriver, cuda: Any) -> None:
    fake.start(devices=0)
    with pytest.raises(BackendError, match='no CUDA context on GPU 0: cuInit failed'):
        CudaWorker(cuda)


def test_an_error_while_starting_reaches_the_caller(fake: FakeDriver, cuda: Any) -> None:
    """Whatever it is: the caller waited for ever when it was none of CUDA's."""

    class Broken:
        Error, Context = cuda.Error, cuda.Context

        @staticmethod
        def init() -> None:
            raise OSError('a library is gone')

    done: list[Exception] = []

    def start() -> None:
        try:
            CudaWorker(Broken)
        except OSError as error:
            done.append(error)

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    thread.join(10)
    assert [str(error) for error in done] == ['a library is gone']


def test_a_context_that_cannot_be_pushed_is_given_back(fake: FakeDriver, cuda: Any) -> None:
    fake.fail('cuCtxPushCurrent', 999)
    with pytest.raises(BackendError, match='no CUDA context on GPU 0'):
        CudaWorker(cuda)
    assert not fake.alive()


def test_close_while_others_call(fake: FakeDriver, cuda: Any) -> None:
    """A call either runs or says that the GPU is closed: it never waits for what has ended."""
    for _ in range(20):
        worker = CudaWorker(cuda)
        ends: list[str] = []

        def work(worker: CudaWorker = worker, ends: list[str] = ends) -> None:
            try:
                while True:
                    worker.call(lambda: None)
            except BackendError as error:
                ends.append(str(error))

        threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        worker.close()
        for thread in threads:
            thread.join(10)
        assert ends == ['the GPU is closed'] * 3


def test_close_from_the_thread_itself(fake: FakeDriver, cuda: Any) -> None:
    worker = CudaWorker(cuda)
    worker.call(worker.close)
    with pytest.raises(BackendError, match='closed'):
        worker.call(lambda: None)
    worker._thread.join(10)


def test_memory_full(fake: FakeDriver, cuda: Any) -> None:
    fake.start(memory_bytes=500)
    worker = CudaWorker(cuda)
    with pytest.raises(BackendError, match='the memory of GPU 0 is full') as raised:
        worker.call(lambda: cuda.mem_alloc(1000))
    assert not isinstance(raised.value, BackendLostError)
    assert worker.call(lambda: 1) == 1
    worker.close()


@pytest.mark.parametrize('meets', ['PyCUDA', 'a library'])
def test_a_lost_context_is_said_whoever_meets_it(
    fake: FakeDriver, cuda: Any, meets: str
) -> None:
    worker = CudaWorker(cuda)
    fake.fail('cuMemGetInfo', ILLEGAL_ADDRESS, is_sticky=True)

    def by_pycuda() -> None:
        cuda.mem_get_info()

    def by_a_library() -> None:
        try:
            cuda.mem_get_info()
        except cuda.Error:
            raise RuntimeError('enqueue failed') from None

    calls: dict[str, Callable[[], None]] = {'PyCUDA': by_pycuda, 'a library': by_a_library}
    with pytest.raises(BackendLostError, match='illegal memory access.*the context is lost'):
        worker.call(calls[meets])
    with pytest.raises(BackendLostError, match='cannot be used any more'):
        worker.call(lambda: None)
    worker.close()
    worker = CudaWorker(cuda)
    assert worker.call(cuda.mem_get_info)
    worker.close()


def test_an_error_of_the_caller_stays_what_it_is(fake: FakeDriver, cuda: Any) -> None:
    worker = CudaWorker(cuda)
    with pytest.raises(ZeroDivisionError):
        worker.call(lambda: 1 // 0)
    worker.close()


def test_the_second_of_two_gpus(fake: FakeDriver, cuda: Any) -> None:
    fake.start(devices=2)
    worker = CudaWorker(cuda, 1)
    assert worker.call(lambda: cuda.Context.get_device().name()) == 'Fake GPU 1'
    worker.close()
    with pytest.raises(BackendError, match='no CUDA context on GPU 2'):
        CudaWorker(cuda, 2)

