# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The networks on ONNX Runtime: on the CPU, or on what its execution providers drive."""

from __future__ import annotations

from collections.abc import Sequence
import logging
import os
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

from pose_ros.backends.host_backend import HostBackend
from pose_ros.backends.host_network import HostNetwork
from pose_ros.backends.model_files import find_model
from pose_ros.core.backend import BackendError, ModelSpec

_LOG = logging.getLogger('pose_ros')
# ONNX Runtime's errors share no base class of its own, and which there are depends on its version.
RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    UnicodeDecodeError,  # a name inside the file
    *(
        error
        for error in vars(onnxruntime_pybind11_state).values()
        if isinstance(error, type) and issubclass(error, Exception)
    ),
)
_PROVIDERS = {
    'cpu': 'CPUExecutionProvider',
    'cuda': 'CUDAExecutionProvider',
    'openvino': 'OpenVINOExecutionProvider',
}
# The package of ONNX Runtime that brings it.
_PACKAGES = {'cuda': 'onnxruntime-gpu', 'openvino': 'onnxruntime-openvino'}


class OnnxNetwork(HostNetwork):
    """
    One network on ONNX Runtime.

    Parameters
    ----------
    path : Path
        NAME.onnx.
    num_threads : int
        Threads inside the network; 0 for all cores.
    provider : 'auto', 'cpu', 'cuda' or 'openvino'
        What computes. auto: CUDA where ONNX Runtime has it and it works, else the CPU.
    spec : ModelSpec, optional
        By default that of NAME.json beside it.

    Attributes
    ----------
    provider : 'cpu', 'cuda' or 'openvino'
        What computes.

    Raises
    ------
    BackendError
        When the file is missing or corrupt, or contradicts its spec, or the provider is not to be
        had.
    """

    def __init__(
        self, path: Path, num_threads: int, provider: str = 'cpu', spec: ModelSpec | None = None
    ) -> None:
        super().__init__(path, spec)
        self._session = open_session(path, num_threads, provider)
        used = self._session.get_providers()[0]
        self.provider = next(name for name, value in _PROVIDERS.items() if value == used)
        try:
            inputs = {i.name: (i.type, i.shape) for i in self._session.get_inputs()}
            outputs = [o.name for o in self._session.get_outputs()]
        except UnicodeDecodeError as error:
            raise BackendError(f'{path} has a name inside that is no text: {error}') from error
        self.check(inputs, outputs)

    def infer(self, batch: np.ndarray, outputs: Sequence[str]) -> list[np.ndarray]:
        """Run the network (`HostNetwork`)."""
        try:
            found: list[np.ndarray] = self._session.run(outputs, {self.spec.input_name: batch})
        except RUNTIME_ERRORS as error:
            raise BackendError(f'ONNX Runtime cannot run {self.path}: {error}') from error
        return found


def open_session(
    path: Path, num_threads: int, provider: str = 'cpu'
) -> onnxruntime.InferenceSession:
    """Load an ONNX file; parameters and errors of `OnnxNetwork`."""
    there = onnxruntime.get_available_providers()
    if provider == 'auto':
        provider = 'cpu'
        if _PROVIDERS['cuda'] in there:
            try:
                return open_session(path, num_threads, 'cuda')
            except BackendError as error:
                _LOG.warning('the CPU computes: %s', error)
    wanted = _PROVIDERS[provider]
    if wanted not in there:
        raise BackendError(
            f'this ONNX Runtime has no {wanted}, only {", ".join(there)}: '
            f'pip install {_PACKAGES[provider]} in the place of onnxruntime'
        )
    options = onnxruntime.SessionOptions()
    # With 0 ONNX Runtime would keep each thread on one core, which others may be using.
    options.intra_op_num_threads = num_threads or len(os.sched_getaffinity(0))
    # Spinning threads would burn the cores that the other nodes of the robot need.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    # Its errors are raised; what keeps a GPU from starting is only logged.
    options.log_severity_level = 4 if provider == 'cpu' else 3
    try:
        # Without its own second try, which prints on standard output.
        session = onnxruntime.InferenceSession(
            str(path), options, providers=[wanted], enable_fallback=0)
    except RUNTIME_ERRORS as error:
        what = 'is no ONNX file, or a damaged one' if 'Protobuf' in str(error) else 'cannot be run'
        raise BackendError(f'{path} {what}: ONNX Runtime cannot load it: {error}') from error
    # One that does not start is left out without an error.
    if session.get_providers()[0] != wanted:
        raise BackendError(
            f'ONNX Runtime has {wanted}, but it does not start: its log says which library or '
            'driver is missing'
        )
    return session


class OnnxBackend(HostBackend):
    """
    Runs both passes on ONNX Runtime (`core.backend.Backend`).

    Parameters
    ----------
    detector, refiner : str
        Name of a shipped model or path of an ONNX file.
    num_threads : int
        Threads inside a network; 0 for all cores.
    provider : 'auto', 'cpu', 'cuda' or 'openvino'
        What computes.

    Attributes
    ----------
    instead : str
        Why no better runtime is used; empty when this one was asked for.

    Raises
    ------
    BackendError
        When a model cannot be used, or the provider is not to be had.
    """

    def __init__(
        self, detector: str, refiner: str, num_threads: int = 0, provider: str = 'cpu'
    ) -> None:
        first, second = (
            OnnxNetwork(find_model(model), num_threads, provider) for model in (detector, refiner)
        )
        used = first.provider
        super().__init__('onnx' if used == 'cpu' else f'onnx, {used}', first, second)
        self.instead = ''
