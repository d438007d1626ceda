# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The thread that owns CUDA ends well, also when nobody ends it; PyCUDA is replaced by notes."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROCESS = """
import sys, threading
from types import SimpleNamespace
from pose_ros.backends.tensorrt.cuda_worker import CudaWorker

def note(what):
    print(what, 'on', threading.current_thread().name, flush=True)

class Cuda:
    class Error(Exception):
        pass
    class MemoryError(Error):
        pass
    class Context:
        pop = staticmethod(lambda: note('pop'))
        synchronize = staticmethod(lambda: None)
    @staticmethod
    def init():
        if sys.argv[1] == 'no-gpu':
            raise Cuda.Error('cuInit failed')
    @staticmethod
    def Device(index):
        context = SimpleNamespace(push=lambda: note('push'), detach=lambda: note('detach'))
        return SimpleNamespace(retain_primary_context=lambda: context)

class Buffer:
    def __del__(self):
        note('freed')

def fail():
    buffer = Buffer()
    raise ValueError('of the caller')

worker = CudaWorker(Cuda)
worker.at_close(lambda: note('second'))
worker.at_close(lambda: note('first'))
try:
    worker.call(fail)
except ValueError as error:
    note(f'{error}')
if sys.argv[1] == 'raises':
    raise SystemExit(3)
"""


def run(how: str) -> tuple[int, list[str], str]:
    done = subprocess.run(
        [sys.executable, '-c', PROCESS, how], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize(('how', 'status'), [('ends', 0), ('raises', 3)])
def test_unclosed_worker_is_closed_when_the_process_ends(how: str, status: int) -> None:
    assert run(how) == (
        status,
        [
            'push on cuda',
            'freed on cuda',  # what a failed call held, on the thread that made it
            'of the caller on MainThread',
            'first on cuda', 'second on cuda', 'pop on cuda', 'detach on cuda',
        ],
        '',
    )


def test_no_context() -> None:
    status, said, error = run('no-gpu')
    assert status == 1 and said == []
    assert 'BackendError: no CUDA context on GPU 0: cuInit failed' in error
