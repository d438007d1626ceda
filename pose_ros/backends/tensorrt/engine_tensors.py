# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The inputs and outputs of an engine, checked by its ModelSpec; outputs of open shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from pose_ros.backends.tensorrt.engine_cache import EngineRefused
from pose_ros.core.backend import ModelSpec

HOST_DECODERS = ('simcc', 'boxes', 'one_stage')
"""Their outputs are small: they come down and are read as on the CPU. The others have kernels."""


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
        Also those that are not read: TensorRT wants memory for each.
    input_type : type of NumPy
        float32 or float16.
    types : dict
        Type of NumPy of each output that is read, by name.

    Raises
    ------
    EngineRefused
        When names or types are not those of the spec.
    """

    def __init__(self, trt: Any, engine: Any, spec: ModelSpec) -> None:
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        if inputs != [spec.input_name]:
            raise EngineRefused(f'it has the inputs {inputs}, not {spec.input_name!r}')
        self.outputs = [name for name in names if name not in inputs]
        read = list(spec.read_outputs.values())
        missing = sorted(set(read) - set(self.outputs))
        if missing:
            raise EngineRefused(f'it has no outputs {missing}')
        floats = {trt.float32: np.float32, trt.float16: np.float16}
        whole = {trt.int32: np.int32, trt.int64: np.int64}  # labels of boxes
        known: dict[Any, type[np.generic]] = (
            {**floats, **whole} if spec.decoder in HOST_DECODERS else {**floats}
        )
        self.types: dict[str, type[np.generic]] = {}
        for name in (spec.input_name, *read):
            dtype = engine.get_tensor_dtype(name)
            if dtype not in known:
                raise EngineRefused(f'its tensor {name!r} is {dtype}')
            self.types[name] = known[dtype]
        self.input_type = self.types.pop(spec.input_name)
        if spec.decoder not in HOST_DECODERS and len(set(self.types.values())) != 1:
            raise EngineRefused('its outputs are of several types')


def make_output_allocator(trt: Any, memory: dict[str, tuple[int, int]]) -> Any:
    """
    Return an IOutputAllocator: it gives each output its memory and notes its `shapes`.

    For outputs whose shape is known only after the network has run, such as boxes after NMS.

    Parameters
    ----------
    trt : module
        tensorrt or tensorrt_rtx.
    memory : dict
        Address and number of bytes of each output, by name.
    """

    class Allocator(trt.IOutputAllocator):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IOutputAllocator.__init__(self)
            self.shapes: dict[str, tuple[int, ...]] = {}

        def reallocate_output(self, name: str, current: int, num_bytes: int, align: int) -> int:
            address, room = memory[name]
            return address if num_bytes <= room else 0

        def reallocate_output_async(
            self, name: str, current: int, num_bytes: int, align: int, stream: int
        ) -> int:
            return self.reallocate_output(name, current, num_bytes, align)

        def notify_shape(self, name: str, shape: Any) -> None:
            self.shapes[name] = tuple(shape)

    return Allocator()
