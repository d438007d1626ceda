# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Execution contexts of one engine: one for each shape of the input, so that its graph stays right.

A recorded graph holds a context as it was: another shape set on it would make the graph invalid,
and the number of people changes all the time. The contexts share their scratch memory, since one
stream runs them one after the other; the memory is ours, which recording asks for.
"""

from __future__ import annotations

from typing import Any

from pose_ros.backends.tensorrt.cuda_graph import CudaGraph
from pose_ros.backends.tensorrt.engine_cache import EngineRefused
from pose_ros.backends.tensorrt.engine_tensors import make_output_allocator
from pose_ros.core.backend import BackendError, ModelSpec

Shape = tuple[int, int, int, int]
"""(batch, 3, height, width) of a network's input."""
MAX_SHAPES = 12
"""So many shapes are kept ready; the one that was used longest ago makes room."""


class BoundContext:
    """
    A context with a shape and addresses, and what was recorded of it.

    Attributes
    ----------
    context : IExecutionContext
    profile : int
        Of the engine.
    shape : (batch, 3, height, width)
        Of the input.
    graph : CudaGraph or None
        Of a whole pass.
    has_run : bool
        Whether a pass was enqueued: nothing is left to be loaded, which recording does not allow.
    allocator : IOutputAllocator or None
        Where TensorRT tells shapes of outputs only after a pass.
    """

    def __init__(self, context: Any, profile: int, shape: Shape) -> None:
        self.context = context
        self.profile = profile
        self.shape = shape
        self.graph: CudaGraph | None = None
        self.has_run = False
        self.allocator: Any = None  # the context does not keep it

    def shape_of(self, output: str) -> tuple[int, ...]:
        """Return the shape of an output."""
        if self.allocator is not None and output in self.allocator.shapes:
            return tuple(self.allocator.shapes[output])
        return tuple(self.context.get_tensor_shape(output))

    def drop_graph(self) -> None:
        """Free what was recorded."""
        if self.graph is not None:
            self.graph.close()
        self.graph = None


class EngineContexts:
    """
    The contexts of an engine.

    Parameters
    ----------
    cuda, trt : module
        pycuda.driver; tensorrt or tensorrt_rtx.
    engine : ICudaEngine
        Deserialised.
    stream : pycuda.driver.Stream
        Where everything is enqueued.
    spec : ModelSpec
        Of the network.
    jit_cache : bytes
        What `jit_cache` returned at an earlier start; empty for none. TensorRT-RTX compiles its
        kernels when a context is made, other versions when they build.

    Attributes
    ----------
    memory : dict
        Address and number of bytes of each tensor, by name; to be set before the first `of`.
    """

    def __init__(
        self, cuda: Any, trt: Any, engine: Any, stream: Any, spec: ModelSpec,
        jit_cache: bytes = b'',
    ) -> None:
        self._trt, self._engine, self._stream, self._spec = trt, engine, stream, spec
        self.memory: dict[str, tuple[int, int]] = {}
        self._profiles = profiles_of(engine, spec)
        self._bound: dict[Shape, BoundContext] = {}
        # Memory of ours: what allocates by itself cannot be recorded.
        self._kind = strategy = trt.ExecutionContextAllocationStrategy.USER_MANAGED
        self._jit_cache: Any = None
        if hasattr(trt, 'IRuntimeCache'):
            self._kind = config = engine.create_runtime_config()
            config.set_execution_context_allocation_strategy(strategy)
            # Lazy: shapes run on general kernels at first, and a graph would keep those.
            eager = trt.DynamicShapesKernelSpecializationStrategy.EAGER
            config.dynamic_shapes_kernel_specialization_strategy = eager
            self._jit_cache = config.create_runtime_cache()
            if jit_cache:
                self._jit_cache.deserialize(jit_cache)  # one of another driver is left out
            config.set_runtime_cache(self._jit_cache)
        self._scratch: Any = None
        self._scratch_bytes = int(engine.device_memory_size_v2)
        if self._scratch_bytes:
            self._scratch = cuda.mem_alloc(self._scratch_bytes)

    def of(self, shape: Shape) -> BoundContext:
        """
        Return the context of a shape, made at its first use.

        Raises
        ------
        BackendError
            When no profile of the engine takes the shape, or TensorRT refuses it.
        """
        found = self._bound.pop(shape, None)
        if found is None:
            if len(self._bound) >= MAX_SHAPES:
                self._bound.pop(next(iter(self._bound))).drop_graph()
            profile = self._profile_of(shape)
            found = BoundContext(self._context_for(profile), profile, shape)
            self._bind(found)
        self._bound[shape] = found  # the latest is the last
        return found

    def most_output_bytes(self, outputs: list[str]) -> dict[str, int]:
        """
        Ask how large outputs become, by name.

        Raises
        ------
        BackendError
            When TensorRT does not say.
        """
        last = len(self._profiles) - 1  # has the largest shapes
        context = self._context_for(last)
        context.set_input_shape(self._spec.input_name, self._profiles[last][2])
        found = {name: int(context.get_max_output_size(name)) for name in outputs}
        unknown = sorted(name for name, size in found.items() if size < 0)
        if unknown:
            raise BackendError(
                f'TensorRT does not tell how large the outputs {unknown} of {self._spec.name} '
                'become: use the backend onnx'
            )
        return found

    def drop_graphs(self) -> None:
        """Free all that was recorded."""
        for bound in self._bound.values():
            bound.drop_graph()

    def jit_cache(self) -> bytes:
        """Return the kernels that TensorRT-RTX compiled, for the next start; else nothing."""
        return bytes(self._jit_cache.serialize()) if self._jit_cache is not None else b''

    def close(self) -> None:
        """Free the contexts, then their memory."""
        self.drop_graphs()
        self._bound.clear()
        self._kind = self._jit_cache = None
        self._engine = self._scratch = self._stream = None

    def _profile_of(self, shape: Shape) -> int:
        for i, (low, _, high) in enumerate(self._profiles):
            if all(a <= n <= b for a, n, b in zip(low, shape, high)):
                return i
        _, _, height, width = self._profiles[-1][2]
        raise BackendError(
            f'the engine of {self._spec.name} does not take inputs of {shape}, only up to '
            f'{width}x{height}: configure again for another size'
        )

    def _context_for(self, profile: int) -> Any:
        context = self._engine.create_execution_context(self._kind)
        if context is None:
            raise BackendError('TensorRT gives no execution context: the GPU memory may be full')
        if self._scratch is not None:
            context.set_device_memory(int(self._scratch), self._scratch_bytes)
        try:
            context.set_optimization_profile_async(profile, self._stream.handle)
        except RuntimeError as error:  # the bindings raise where the C++ call returns false
            raise EngineRefused(f'its profile {profile} cannot be chosen: {error}') from error
        self._stream.synchronize()
        return context

    def _bind(self, found: BoundContext) -> None:
        spec, context, shape = self._spec, found.context, found.shape
        bound = context.set_input_shape(spec.input_name, shape)
        for name, (address, _) in self.memory.items():
            bound = bound and context.set_tensor_address(name, address)
        if not bound or context.infer_shapes():
            raise BackendError(f'TensorRT does not take the shape {shape} of {spec.name}')
        self._bind_open_outputs(found)
        for role, output in spec.read_outputs.items():
            has = tuple(context.get_tensor_shape(output))
            wanted = spec.output_shape(role, shape[0], (shape[3], shape[2]))
            fits = len(has) == len(wanted) and all(
                a == b or -1 in (a, b) for a, b in zip(has, wanted)
            )
            if not fits:
                raise BackendError(
                    f'the output {output!r} of {spec.name} is {has}, its description says '
                    f'{wanted}'
                )

    def _bind_open_outputs(self, found: BoundContext) -> None:
        """Have TensorRT tell the shapes that it does not know before it has run."""
        outputs = [name for name in self.memory if name != self._spec.input_name]
        is_open = [n for n in outputs if min(found.context.get_tensor_shape(n), default=0) < 0]
        if not is_open:
            return
        found.allocator = make_output_allocator(self._trt, self.memory)
        for name in is_open:
            if not found.context.set_output_allocator(name, found.allocator):
                raise BackendError(f'TensorRT refuses the memory of {name!r} of {self._spec.name}')


def profiles_of(engine: Any, spec: ModelSpec) -> list[tuple[Shape, Shape, Shape]]:
    """Return the smallest, best and largest input shape of each profile of an engine."""
    fixed = tuple(engine.get_tensor_shape(spec.input_name))
    if min(fixed) > 0:  # then a profile has nothing to say
        return [(fixed, fixed, fixed)]
    found = []
    for i in range(engine.num_optimization_profiles):
        low, best, high = engine.get_tensor_profile_shape(spec.input_name, i)
        found.append((tuple(low), tuple(best), tuple(high)))
    return found
