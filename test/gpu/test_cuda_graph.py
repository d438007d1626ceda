# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Recording what is enqueued, and what may go wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import gc
import threading
from typing import Any

from fake_driver import FakeDriver
import numpy as np
import pytest

from pose_ros.backends.tensorrt.backend import NON_BLOCKING
from pose_ros.backends.tensorrt.cuda_graph import CudaGraph, GraphError
from pose_ros.backends.tensorrt.cuda_worker import CudaWorker


class Copies:
    """Two copies on a stream, up and down, by pinned memory; used on the CUDA thread."""

    def __init__(self, cuda: Any, flags: int = NON_BLOCKING) -> None:
        self.cuda, self.stream = cuda, cuda.Stream(flags)
        self.memory = cuda.mem_alloc(4000)
        self.up, self.down = (cuda.pagelocked_empty(1000, np.int32) for _ in range(2))
        self.up[:] = self.down[:] = 0

    def enqueue(self) -> None:
        self.cuda.memcpy_htod_async(self.memory, self.up, self.stream)
        self.cuda.memcpy_dtoh_async(self.down, self.memory, self.stream)

    def record(self) -> CudaGraph:
        return CudaGraph(self.stream.handle, self.enqueue)


@pytest.fixture
def worker(cuda: Any) -> Iterator[CudaWorker]:
    found = CudaWorker(cuda)
    yield found
    found.close()


def on(worker: CudaWorker, cuda: Any, test: Callable[[Copies], None], flags: int = 1) -> None:
    """Run something with copies on the CUDA thread."""

    def run() -> None:
        test(Copies(cuda, flags))
        gc.collect()  # what pytest.raises holds in a circle is freed on this thread

    worker.call(run)


@pytest.mark.gpu
def test_recorded_once_launched_often(cuda: Any, worker: CudaWorker) -> None:
    def test(copies: Copies) -> None:
        copies.enqueue()
        copies.stream.synchronize()
        graph = copies.record()
        for value in (3, 4):
            copies.up[:] = value
            graph.launch()
            copies.stream.synchronize()
            assert (copies.down == value).all()
        graph.close()
        graph.close()

    on(worker, cuda, test)


def test_it_runs_when_it_is_waited_for(fake: FakeDriver, cuda: Any, worker: CudaWorker) -> None:
    """Else this driver would not show a buffer that is used too early."""

    def test(copies: Copies) -> None:
        copies.up[:] = 1
        copies.enqueue()
        assert (copies.down == 0).all()
        copies.up[:] = 2
        copies.stream.synchronize()
        assert (copies.down == 2).all()

    on(worker, cuda, test)


@pytest.mark.parametrize(
    ('call', 'what'),
    [('cuStreamBeginCapture', 'begin'), ('cuStreamEndCapture', 'end'),
     ('cuGraphInstantiate', 'instantiate')],
)  # fmt: skip
def test_recording_that_fails_leaves_nothing(
    fake: FakeDriver, cuda: Any, worker: CudaWorker, call: str, what: str
) -> None:
    def test(copies: Copies) -> None:
        fake.fail(call, 900)
        with pytest.raises(GraphError, match=f'{what} failed with error 900'):
            copies.record()
        assert 'graphs' not in fake.alive()
        copies.up[:] = 5  # and what cannot be recorded can be enqueued
        copies.enqueue()
        copies.stream.synchronize()
        assert (copies.down == 5).all()

    on(worker, cuda, test)


@pytest.mark.gpu
def test_what_cannot_be_enqueued_ends_the_recording(cuda: Any, worker: CudaWorker) -> None:
    def test(copies: Copies) -> None:
        def enqueue() -> None:
            copies.enqueue()
            raise ValueError('not while recording')

        with pytest.raises(GraphError, match='not while recording'):
            CudaGraph(copies.stream.handle, enqueue)
        copies.record().close()

    on(worker, cuda, test)


@pytest.mark.gpu
@pytest.mark.parametrize('call', ['allocates', 'waits', 'copies'])
def test_what_is_forbidden_while_recording(cuda: Any, worker: CudaWorker, call: str) -> None:
    def test(copies: Copies) -> None:
        # Copies without a stream are on the legacy one, which a blocking stream waits for.
        forbidden = {
            'allocates': lambda: cuda.pagelocked_empty(1000, np.uint8),
            'waits': copies.stream.synchronize,
            'copies': lambda: cuda.memcpy_htod(copies.memory, copies.up),
        }
        with pytest.raises(GraphError, match='cannot be recorded: cu'):
            CudaGraph(copies.stream.handle, forbidden[call])
        copies.record().close()

    on(worker, cuda, test, flags=0)


@pytest.mark.gpu
@pytest.mark.parametrize('flags', [0, NON_BLOCKING], ids=['blocking', 'non-blocking'])
def test_another_thread_copies_meanwhile(cuda: Any, worker: CudaWorker, flags: int) -> None:
    """As PyTorch does, by the legacy stream: a stream that blocks spoils both (error 906)."""
    failures: list[str] = []

    def copy_elsewhere(context: Any, memory: Any) -> None:
        context.push()
        try:
            cuda.memcpy_htod(memory, np.ones(1000, np.int32))
        except cuda.Error as error:
            failures.append(str(error))
        finally:
            cuda.Context.pop()

    def test(copies: Copies) -> None:
        context = cuda.Context.get_current()

        def enqueue() -> None:
            thread = threading.Thread(target=copy_elsewhere, args=(context, copies.memory))
            thread.start()
            thread.join()
            copies.enqueue()

        if flags == NON_BLOCKING:
            CudaGraph(copies.stream.handle, enqueue).close()
        else:
            with pytest.raises(GraphError):
                CudaGraph(copies.stream.handle, enqueue)

    on(worker, cuda, test, flags)
    assert bool(failures) == (flags != NON_BLOCKING)


def test_launch_that_fails(fake: FakeDriver, cuda: Any, worker: CudaWorker) -> None:
    def test(copies: Copies) -> None:
        graph = copies.record()
        fake.fail('cuGraphLaunch', 900)
        with pytest.raises(GraphError, match='launch failed with error 900'):
            graph.launch()
        graph.close()

    on(worker, cuda, test)
