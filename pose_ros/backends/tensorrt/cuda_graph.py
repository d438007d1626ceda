# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
CUDA graphs by ctypes: PyCUDA has none.

What is enqueued on a stream is recorded once and then launched as a whole, instead of some
eighty launches of a few microseconds each.
"""

from __future__ import annotations

from collections.abc import Callable
import ctypes

# cuda.h: CUstreamCaptureMode. Other threads may go on with whatever they do.
_THREAD_LOCAL = 1


class GraphError(RuntimeError):
    """Something cannot be recorded; it can still be enqueued as it is."""


class CudaGraph:
    """
    A recording, ready to be launched.

    Parameters
    ----------
    stream : int
        Handle of a stream that is not the default one, with nothing under way.
    enqueue : callable
        Enqueues on the stream; it must have run there before, and must neither allocate nor wait.

    Raises
    ------
    GraphError
        When it cannot be recorded; whatever `enqueue` raises becomes one.
    """

    def __init__(self, stream: int, enqueue: Callable[[], None]) -> None:
        self._cuda = ctypes.CDLL('libcuda.so.1')  # loaded already, by PyCUDA
        self._stream = ctypes.c_void_p(stream)
        self._executable = ctypes.c_void_p()
        graph = ctypes.c_void_p()
        self._check(
            self._cuda.cuStreamBeginCapture_v2(self._stream, _THREAD_LOCAL), 'begin'
        )
        failure: Exception | None = None
        try:
            enqueue()
        except Exception as error:  # noqa: BLE001  capturing must be ended whatever happened
            failure = error
        ended = self._cuda.cuStreamEndCapture(self._stream, ctypes.byref(graph))
        try:
            if failure is not None:
                raise GraphError(f'cannot be recorded: {failure}') from failure
            self._check(ended, 'end')
            self._cuda.cuGraphInstantiateWithFlags.argtypes = [
                ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulonglong,
            ]
            self._check(
                self._cuda.cuGraphInstantiateWithFlags(ctypes.byref(self._executable), graph, 0),
                'instantiate',
            )
        finally:
            failure = None  # its traceback holds this frame, and so all that is recorded
            if graph:
                self._cuda.cuGraphDestroy(graph)

    def launch(self) -> None:
        """
        Enqueue the recording on its stream.

        Raises
        ------
        GraphError
            When it cannot be launched.
        """
        self._check(self._cuda.cuGraphLaunch(self._executable, self._stream), 'launch')

    def close(self) -> None:
        """Free it."""
        if self._executable:
            self._cuda.cuGraphExecDestroy(self._executable)
            self._executable = ctypes.c_void_p()

    def _check(self, result: int, what: str) -> None:
        if result != 0:
            raise GraphError(f'CUDA graph: {what} failed with error {result}')
