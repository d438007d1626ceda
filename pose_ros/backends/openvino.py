# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The networks on OpenVINO: on Intel's graphics or NPU, or the CPU.

On a CPU in bfloat16 where the processor computes it (AVX-512, AMX).

bfloat16 has the range of float32 and 8 bits of it: keypoints move by a fraction of a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from pose_ros.backends.host_backend import HostBackend
from pose_ros.backends.host_network import HostNetwork
from pose_ros.backends.model_files import find_model
from pose_ros.core.backend import BackendError

PRECISIONS = {'fp32': 'f32', 'bf16': 'bf16', 'fp16': 'f16'}


class OpenvinoNetwork(HostNetwork):
    """
    One network on OpenVINO.

    Parameters
    ----------
    path : Path
        NAME.onnx, with its ModelSpec NAME.json beside it.
    num_threads : int
        Threads inside the network; 0 for all cores.
    precision : 'auto', 'fp32', 'bf16' or 'fp16'
        What it computes in; auto: bf16 where the CPU does, what OpenVINO takes on other devices.
    device : 'CPU', 'GPU', 'NPU' or 'AUTO'
        What computes, by OpenVINO's names.

    Raises
    ------
    BackendError
        When the file is missing or corrupt, or contradicts its spec, or the device is not there
        or does not compute in that precision.
    """

    def __init__(
        self, path: Path, num_threads: int, precision: str = 'auto', device: str = 'CPU'
    ) -> None:
        super().__init__(path)
        core = openvino.Core()
        there = core.available_devices
        if device != 'AUTO' and not any(name.split('.')[0] == device for name in there):
            raise BackendError(
                f'OpenVINO sees no {device} here, only {", ".join(there)}: set openvino_device, '
                "or install the device's driver"
            )
        settings: dict[str, Any] = {'PERFORMANCE_HINT': 'LATENCY'}
        if device == 'CPU':
            precision = _cpu_precision(core, precision)
            # By default each thread may run on one core only, those of every process on the same
            # ones: with anything else on that core the network waits, the others' cores idle.
            settings['ENABLE_CPU_PINNING'] = False
            if num_threads:
                settings['INFERENCE_NUM_THREADS'] = num_threads
        if precision != 'auto':
            settings['INFERENCE_PRECISION_HINT'] = PRECISIONS[precision]
        self.precision = precision
        try:
            model = core.compile_model(str(path), device, settings)
        except RuntimeError as error:
            raise BackendError(
                f'OpenVINO cannot load {path} on {device}: {_line(error)}'
            ) from error
        self._request = model.create_infer_request()
        self.check(
            {
                tensor.any_name: (
                    'tensor(float)' if tensor.element_type == openvino.Type.f32
                    else str(tensor.element_type),
                    [n.get_length() if n.is_static else None for n in tensor.partial_shape],
                )
                for tensor in model.inputs
            },
            [name for tensor in model.outputs for name in tensor.names],
        )

    def infer(self, batch: np.ndarray, outputs: Sequence[str]) -> list[np.ndarray]:
        """Run the network (`HostNetwork`)."""
        try:
            self._request.infer({self.spec.input_name: batch}, share_inputs=True)
        except RuntimeError as error:
            raise BackendError(f'OpenVINO cannot run {self.path}: {_line(error)}') from error
        # Copies: the next run overwrites the tensors.
        return [np.array(self._request.get_tensor(name).data) for name in outputs]


def _cpu_precision(core: openvino.Core, precision: str) -> str:
    """Return what the CPU computes in."""
    if precision == 'fp16':
        raise BackendError('OpenVINO computes bf16 or fp32 on a CPU, not fp16: set precision')
    has_bf16 = 'BF16' in core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
    if precision == 'bf16' and not has_bf16:
        raise BackendError('this processor has no bfloat16 (avx512_bf16 or amx_bf16)')
    if precision == 'auto':
        return 'bf16' if has_bf16 else 'fp32'
    return precision


def _line(error: Exception) -> str:
    return ' '.join(str(error).split())


class OpenvinoBackend(HostBackend):
    """
    Runs both passes on OpenVINO (`core.backend.Backend`).

    Parameters
    ----------
    detector, refiner : str
        Name of a shipped model or path of an ONNX file.
    num_threads : int
        Threads inside a network; 0 for all cores.
    precision : 'auto', 'fp32', 'bf16' or 'fp16'
        What the networks compute in.
    device : 'CPU', 'GPU', 'NPU' or 'AUTO'
        What computes.

    Raises
    ------
    BackendError
        When a model cannot be used, or the device is not there or lacks the precision.
    """

    def __init__(
        self, detector: str, refiner: str, num_threads: int = 0, precision: str = 'auto',
        device: str = 'CPU',
    ) -> None:
        first, second = (
            OpenvinoNetwork(find_model(model), num_threads, precision, device)
            for model in (detector, refiner)
        )
        where = first.precision if device == 'CPU' else f'{device}, {first.precision}'
        super().__init__(f'openvino, {where}', first, second)
