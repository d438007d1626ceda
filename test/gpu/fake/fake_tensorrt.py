# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The module tensorrt for the driver of this folder: as much of it as the package calls.

ONNX Runtime computes, on the stream, when what was enqueued before is done: inputs and outputs are
where `set_tensor_address` says. A plan is the model and its profiles. What raises in the bindings
raises here (NVIDIA/TensorRT, python/src/infer), and what returns False does.
"""

from __future__ import annotations

from collections.abc import Callable
import ctypes
import pickle
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime

_INPUT = 'in'
_HostFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Logger:
    INTERNAL_ERROR, ERROR, WARNING = range(3)


class FakeTensorrt:
    """
    The module.

    Attributes
    ----------
    built : list of int
        The number of profiles of each network that was built.
    contexts : list of FakeExecutionContext
        All that were made.
    spoil : callable
        What is made of every output: an engine that is wrong.
    while_running : callable
        Is called where an engine is enqueued; its False is that of execute_async_v3.
    while_building : callable
        Is called between two steps of a build.
    """

    __name__ = 'tensorrt'
    __version__ = '10.3.0'
    ILogger = _Logger
    IProgressMonitor = type('IProgressMonitor', (), {})
    IOutputAllocator = type('IOutputAllocator', (), {})
    TensorIOMode = SimpleNamespace(INPUT=_INPUT)
    NetworkDefinitionCreationFlag = SimpleNamespace(STRONGLY_TYPED=1)
    ExecutionContextAllocationStrategy = SimpleNamespace(USER_MANAGED=2)
    MemoryPoolType = SimpleNamespace(WORKSPACE=0)
    BuilderFlag = SimpleNamespace(TF32=7)
    float32, float16 = 'tensor(float)', 'tensor(float16)'
    int32, int64 = 'tensor(int32)', 'tensor(int64)'

    def __init__(self) -> None:
        self.built: list[int] = []
        self.spoil: Callable[[np.ndarray], np.ndarray] = lambda values: values
        self.while_running: Callable[[], bool] = lambda: True
        self.while_building: Callable[[], None] = lambda: None
        self.driver = ctypes.CDLL('libcuda.so.1')
        self.contexts: list[FakeExecutionContext] = []

    def Builder(self, logger: Any) -> FakeBuilder:  # noqa: N802
        return FakeBuilder(self)

    def OnnxParser(self, network: SimpleNamespace, logger: Any) -> SimpleNamespace:  # noqa: N802
        def parse(onnx: bytes) -> bool:
            network.onnx = onnx
            return True

        return SimpleNamespace(parse=parse)

    def Runtime(self, logger: Any) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(deserialize_cuda_engine=self._deserialize)

    def _deserialize(self, plan: bytes) -> FakeEngine | None:
        try:
            return FakeEngine(self, *pickle.loads(plan))  # one of this process
        except (pickle.UnpicklingError, EOFError, ValueError):
            return None


class FakeRtx(FakeTensorrt):
    """
    The module tensorrt_rtx: what it has more.

    Attributes
    ----------
    is_capturable : bool
        What it says of a stream.
    configs : list of FakeRuntimeConfig
        All that were made.
    """

    __name__ = 'tensorrt_rtx'
    __version__ = '1.7.1'
    IRuntimeCache = object
    DynamicShapesKernelSpecializationStrategy = SimpleNamespace(LAZY=0, EAGER=1)

    class ComputeCapability:
        """Of the GPUs that it knows."""

        SM86, SM89, SM120 = 86, 89, 120
        __members__ = {'NONE': 0, 'CURRENT': 1, 'SM86': 86, 'SM89': 89, 'SM120': 120}

    def __init__(self) -> None:
        super().__init__()
        self.is_capturable = True
        self.configs: list[FakeRuntimeConfig] = []


class FakeBuilder:
    """An IBuilder, with its IBuilderConfig."""

    def __init__(self, trt: FakeTensorrt) -> None:
        self._trt = trt
        self._profiles: list[tuple[tuple[int, ...], ...]] = []
        self.progress_monitor: Any = None
        self.num_compute_capabilities = 0

    def create_network(self, flags: int) -> SimpleNamespace:
        assert flags == 1 << 1
        return SimpleNamespace()

    def create_builder_config(self) -> FakeBuilder:
        return self

    def set_memory_pool_limit(self, pool: int, num_bytes: int) -> None:
        pass

    def clear_flag(self, flag: int) -> None:
        assert flag == self._trt.BuilderFlag.TF32

    def set_compute_capability(self, capability: int, i: int) -> bool:
        return i < self.num_compute_capabilities

    def create_optimization_profile(self) -> SimpleNamespace:
        profile = SimpleNamespace()
        profile.set_shape = lambda name, *shapes: setattr(profile, 'shapes', shapes)
        return profile

    def add_optimization_profile(self, profile: SimpleNamespace) -> int:
        self._profiles.append(profile.shapes)
        return len(self._profiles) - 1

    def build_serialized_network(
        self, network: SimpleNamespace, config: FakeBuilder
    ) -> bytes | None:
        monitor = config.progress_monitor
        monitor.phase_start('Building', None, 4)
        for step in range(4):
            self._trt.while_building()
            if not monitor.step_complete('Building', step):
                return None
        monitor.phase_finish('Building')
        self._trt.built.append(len(self._profiles))
        return pickle.dumps((network.onnx, self._profiles))


class FakeEngine:
    """An ICudaEngine."""

    device_memory_size_v2 = 1000

    def __init__(
        self, trt: FakeTensorrt, onnx: bytes, profiles: list[tuple[tuple[int, ...], ...]]
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            onnx, options, providers=['CPUExecutionProvider']
        )
        self.trt, self.profiles = trt, profiles
        self.input, *_ = self.session.get_inputs()
        self.tensors = {t.name: t for t in (self.input, *self.session.get_outputs())}
        self.num_io_tensors = len(self.tensors)
        self.num_optimization_profiles = len(profiles)

    def get_tensor_name(self, i: int) -> str:
        return list(self.tensors)[i]

    def get_tensor_mode(self, name: str) -> str:
        return _INPUT if name == self.input.name else 'out'

    def get_tensor_dtype(self, name: str) -> str:
        return str(self.tensors[name].type)

    def dtype_of(self, name: str) -> np.dtype:
        names = {'float': 'float32', 'float16': 'float16', 'int64': 'int64', 'int32': 'int32'}
        return np.dtype(names[str(self.tensors[name].type)[7:-1]])

    def get_tensor_profile_shape(self, name: str, i: int) -> list[tuple[int, ...]]:
        return list(self.profiles[i])

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(n if isinstance(n, int) else -1 for n in self.tensors[name].shape)

    def create_runtime_config(self) -> FakeRuntimeConfig:
        config = FakeRuntimeConfig()
        self.trt.configs.append(config)
        return config

    def create_execution_context(self, how: Any = 0) -> FakeExecutionContext:
        strategy = how.strategy if isinstance(how, FakeRuntimeConfig) else how
        context = FakeExecutionContext(self, needs_memory=strategy == 2)
        self.trt.contexts.append(context)
        if isinstance(how, FakeRuntimeConfig) and how.cache is not None:
            how.cache.kernels.add('compiled')
        return context


class FakeRuntimeConfig:
    """An IRuntimeConfig of TensorRT-RTX."""

    def __init__(self) -> None:
        self.strategy = 0
        self.dynamic_shapes_kernel_specialization_strategy = 0
        self.cache: FakeRuntimeCache | None = None

    def set_execution_context_allocation_strategy(self, strategy: int) -> None:
        self.strategy = strategy

    def create_runtime_cache(self) -> FakeRuntimeCache:
        return FakeRuntimeCache()

    def set_runtime_cache(self, cache: FakeRuntimeCache) -> bool:
        self.cache = cache
        return True


class FakeRuntimeCache:
    """An IRuntimeCache: names of kernels."""

    def __init__(self) -> None:
        self.kernels: set[str] = set()
        self.was_given = b''

    def deserialize(self, data: bytes) -> bool:
        self.was_given = bytes(data)
        return True

    def serialize(self) -> bytes:
        return ' '.join(sorted(self.kernels)).encode()


class FakeExecutionContext:
    """An IExecutionContext."""

    def __init__(self, engine: FakeEngine, needs_memory: bool) -> None:
        self._engine = engine
        self._needs_memory = needs_memory
        self._addresses: dict[str, int] = {}
        self._found: dict[str, tuple[int, ...]] = {}
        self._allocators: dict[str, Any] = {}
        self._shape: tuple[int, ...] = ()
        self._profile: tuple[tuple[int, ...], ...] = ()
        # Kept: graphs call it as long as they are launched.
        self._run = _HostFunction(lambda data: self._compute())
        if isinstance(engine.trt, FakeRtx):
            self.is_stream_capturable = lambda stream: engine.trt.is_capturable

    def set_device_memory(self, address: int, num_bytes: int) -> None:
        self._needs_memory = not (address and num_bytes >= self._engine.device_memory_size_v2)

    def set_optimization_profile_async(self, profile: int, stream: int) -> bool:
        # pyCore.cpp: PY_ASSERT_RUNTIME_ERROR of what C++ returns; never False.
        if not 0 <= profile < len(self._engine.profiles):
            raise RuntimeError('Error in set optimization profile async.')
        self._profile = self._engine.profiles[profile]
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        low, _, high = self._profile
        self._shape = shape
        return all(a <= n <= b for a, n, b in zip(low, shape, high))

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return name in self._engine.tensors

    def set_output_allocator(self, name: str, allocator: Any) -> bool:
        self._allocators[name] = allocator
        return True

    def get_max_output_size(self, name: str) -> int:
        # Nothing here has more rows than this, where the model leaves them open.
        shape = [n if n >= 0 else 200 for n in self.get_tensor_shape(name)]
        return int(np.prod(shape)) * self._engine.dtype_of(name).itemsize

    def infer_shapes(self) -> list[str]:
        return []

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        # What the model leaves open: its batch, and sides of maps of stride 4. Nothing knows the
        # rows of boxes after NMS before they are there.
        shape = self._engine.get_tensor_shape(name)
        known = (self._shape[0], -1, self._shape[2] // 4, self._shape[3] // 4)
        if len(shape) < 4:
            known = (self._shape[0], -1, -1)
        return tuple(n if n >= 0 else of_map for n, of_map in zip(shape, known))

    def execute_async_v3(self, stream_handle: int) -> bool:
        trt = self._engine.trt
        if self._needs_memory or not trt.while_running():
            return False
        if self._allocators:
            return self._execute_and_wait(stream_handle)
        stream = ctypes.c_void_p(stream_handle)
        return trt.driver.cuLaunchHostFunc(stream, self._run, None) == 0

    def _execute_and_wait(self, stream_handle: int) -> bool:
        """Do as TensorRT does with shapes that it learns on the way: it waits for the stream."""
        driver, stream = self._engine.trt.driver, ctypes.c_void_p(stream_handle)
        if driver.cuLaunchHostFunc(stream, self._run, None) or driver.cuStreamSynchronize(stream):
            return False
        for name, allocator in self._allocators.items():
            allocator.notify_shape(name, self._found[name])
        return True

    def _compute(self) -> None:
        engine = self._engine
        dtype = engine.dtype_of(engine.input.name)
        values = self._at(engine.input.name, self._shape, dtype)
        names = [name for name in engine.tensors if name != engine.input.name]
        for name, found in zip(names, engine.session.run(names, {engine.input.name: values})):
            self._found[name] = found.shape
            if name in self._allocators:
                given = self._allocators[name].reallocate_output_async(
                    name, self._addresses[name], found.nbytes, 1, 0
                )
                assert given == self._addresses[name]
            if found.size:
                self._at(name, found.shape, found.dtype)[:] = engine.trt.spoil(found)

    def _at(self, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        num_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = (ctypes.c_uint8 * num_bytes).from_address(self._addresses[name])
        return np.frombuffer(memory, dtype).reshape(shape)
