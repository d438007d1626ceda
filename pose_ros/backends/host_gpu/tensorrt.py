# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT on the host: as much of it as the package calls; ONNX Runtime computes."""

from __future__ import annotations

from collections.abc import Sequence
import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime

from pose_ros.backends.build_progress import Progress
from pose_ros.backends.engine_build import EngineRequest, Profile
from pose_ros.backends.precision import to_half

_INPUT = 'in'


class _Logger:
    INTERNAL_ERROR, ERROR, WARNING = range(3)


class HostTensorrt:
    """
    The module tensorrt, and `engine_build.build_engine` for it.

    Attributes
    ----------
    built : list of str
        Names of the networks that were built, in their order.
    fails : bool
        Whether engines fail to run.
    factor : float
        What every output is multiplied with: an engine that is wrong.
    contexts_per_profile : int
        One, as TensorRT 8.6 has it, or many.
    """

    __name__ = 'tensorrt'
    __version__ = '10.0'
    ILogger = _Logger
    TensorIOMode = SimpleNamespace(INPUT=_INPUT)
    NetworkDefinitionCreationFlag = SimpleNamespace(STRONGLY_TYPED=1)
    ExecutionContextAllocationStrategy = SimpleNamespace(USER_MANAGED=2)
    float32, float16 = 'tensor(float)', 'tensor(float16)'

    def __init__(self) -> None:
        self.built: list[str] = []
        self.fails = False
        self.factor = 1.0
        self.contexts_per_profile = 100
        # A plan is the model that was built, which knows nothing of profiles.
        self._profiles: dict[bytes, tuple[Profile, ...]] = {}

    def build(
        self, trt: Any, request: EngineRequest, capabilities: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> bytes:
        """Make a plan: the model itself."""
        self.built.append(request.name)
        if progress is not None:
            progress(request.name, 1.0)
        plan = to_half(request.onnx) if request.precision == 'fp16' else request.onnx
        self._profiles[plan] = request.profiles
        return plan

    def Runtime(self, logger: Any) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(deserialize_cuda_engine=self._deserialize)

    def _deserialize(self, plan: bytes) -> HostEngine | None:
        profiles = self._profiles.get(plan)
        return None if profiles is None else HostEngine(plan, self, profiles)


class HostEngine:
    """An ICudaEngine."""

    device_memory_size_v2 = 1000

    def __init__(self, plan: bytes, trt: HostTensorrt, profiles: tuple[Profile, ...]) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            plan, options, providers=['CPUExecutionProvider']
        )
        self.trt, self.profiles = trt, profiles
        self.input, *_ = self.session.get_inputs()
        self.tensors = {t.name: t for t in (self.input, *self.session.get_outputs())}
        self.num_io_tensors = len(self.tensors)
        self.num_optimization_profiles = len(profiles)
        self.contexts = [0] * len(profiles)

    def get_tensor_name(self, i: int) -> str:
        return list(self.tensors)[i]

    def get_tensor_mode(self, name: str) -> str:
        return _INPUT if name == self.input.name else 'out'

    def get_tensor_dtype(self, name: str) -> str:
        return str(self.tensors[name].type)

    def get_tensor_profile_shape(self, name: str, i: int) -> list[tuple[int, ...]]:
        profile = self.profiles[i]
        return [profile.low, profile.best, profile.high]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(n if isinstance(n, int) else -1 for n in self.tensors[name].shape)

    def create_execution_context(self, strategy: int = 0) -> HostExecutionContext:
        return HostExecutionContext(self, needs_memory=strategy == 2)


class HostExecutionContext:
    """An IExecutionContext."""

    def __init__(self, engine: HostEngine, needs_memory: bool) -> None:
        self._engine = engine
        self._needs_memory = needs_memory
        self._addresses: dict[str, int] = {}
        self._shape: tuple[int, ...] = ()
        self._profile: Profile | None = None

    def set_device_memory(self, address: int, num_bytes: int) -> None:
        self._needs_memory = not (address and num_bytes >= self._engine.device_memory_size_v2)

    def set_optimization_profile_async(self, profile: int, stream: int) -> bool:
        if self._engine.contexts[profile] >= self._engine.trt.contexts_per_profile:
            return False
        self._engine.contexts[profile] += 1
        self._profile = self._engine.profiles[profile]
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert self._profile is not None
        self._shape = shape
        low, high = self._profile.low, self._profile.high
        return all(a <= n <= b for a, n, b in zip(low, shape, high))

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return name in self._engine.tensors

    def infer_shapes(self) -> list[str]:
        return []

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        # What the model leaves open: its batch, and sides of maps of stride 4.
        known = (self._shape[0], 0, self._shape[2] // 4, self._shape[3] // 4)
        return tuple(
            n if n >= 0 else of_map
            for n, of_map in zip(self._engine.get_tensor_shape(name), known)
        )

    def execute_async_v3(self, stream_handle: int) -> bool:
        engine = self._engine
        if engine.trt.fails or self._needs_memory:
            return False
        dtype = np.float16 if '16' in engine.input.type else np.float32
        values = self._at(engine.input.name, self._shape, dtype)
        names = [name for name in engine.tensors if name != engine.input.name]
        for name, found in zip(names, engine.session.run(names, {engine.input.name: values})):
            self._at(name, found.shape, dtype)[:] = found * engine.trt.factor
        return True

    def _at(self, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        num_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = (ctypes.c_uint8 * num_bytes).from_address(self._addresses[name])
        return np.frombuffer(memory, dtype).reshape(shape)
