# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The inputs and outputs of an engine: their names, types and largest sizes, by its ModelSpec."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pose_ros.backends.tensorrt.engine_cache import EngineRefused
from pose_ros.core.backend import BackendError, ModelSpec


class EngineTensors:
    """
    What an engine reads and writes, checked by the spec.

    Parameters
    ----------
    trt : module
        tensorrt or tensorrt_rtx.
    engine : ICudaEngine
        Deserialised.
    spec : ModelSpec
        Of the network.

    Attributes
    ----------
    outputs : list of str
        Also those that nobody reads: TensorRT wants memory for each.
    input_is_half, output_is_half : bool
        Whether the input is float16, and the outputs; else float32.

    Raises
    ------
    EngineRefused
        When names or types are not those of the spec.
    """

    def __init__(self, trt: Any, engine: Any, spec: ModelSpec) -> None:
        self._spec = spec
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        if inputs != [spec.input_name]:
            raise EngineRefused(f'it has the inputs {inputs}, not {spec.input_name!r}')
        self.outputs = [name for name in names if name not in inputs]
        # Not the engine itself, which is to be freed while the context is there.
        self._shapes = {name: tuple(engine.get_tensor_shape(name)) for name in self.outputs}
        missing = sorted(set(spec.read_outputs.values()) - set(self.outputs))
        if missing:
            raise EngineRefused(f'it has no outputs {missing}')
        is_half = {}
        for name in names:
            dtype = engine.get_tensor_dtype(name)
            if dtype not in (trt.float32, trt.float16):
                raise EngineRefused(f'its tensor {name!r} is {dtype}')
            is_half[name] = dtype == trt.float16
        if len({is_half[name] for name in self.outputs}) != 1:
            raise EngineRefused('its outputs are of several types')
        self.input_is_half = is_half[spec.input_name]
        self.output_is_half = is_half[self.outputs[0]]

    @property
    def input_type(self) -> type[np.generic]:
        """The input's type: float16 or float32."""
        return np.float16 if self.input_is_half else np.float32

    @property
    def output_type(self) -> type[np.generic]:
        """The outputs' type: float16 or float32."""
        return np.float16 if self.output_is_half else np.float32

    def output_bytes(self, batch: int, input_size: tuple[int, int]) -> dict[str, int]:
        """
        Return the size of each output, by name.

        Parameters
        ----------
        batch : int
            Views of the largest pass.
        input_size : (width, height)
            Of its input, pixels.

        Raises
        ------
        BackendError
            When an output that is not read does not tell how large it becomes.
        """
        each = np.dtype(self.output_type).itemsize
        roles = {name: role for role, name in self._spec.read_outputs.items()}
        return {
            name: each * math.prod(
                self._spec.output_shape(roles[name], batch, input_size)
                if name in roles
                else self._unread_shape(name, batch, input_size)
            )
            for name in self.outputs
        }

    def _unread_shape(
        self, name: str, batch: int, input_size: tuple[int, int]
    ) -> tuple[int, ...]:
        """Return the largest shape of an output that the spec says nothing about."""
        found = self._shapes[name]
        stride = max(self._spec.stride, 1)
        # What the engine leaves open: the batch, and the sides of maps like the others.
        known = (batch, -1, input_size[1] // stride, input_size[0] // stride)
        shape = tuple(n if n >= 0 else of_map for n, of_map in zip(found, known))
        if len(found) > len(known) or min(shape, default=1) < 0:
            raise BackendError(
                f'the output {name!r} of {self._spec.name} is not read, and its shape '
                f'{list(found)} does not tell how large it becomes: remove it from the ONNX file'
            )
        return shape
