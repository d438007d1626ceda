# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
ONNX -> TensorRT engine: one code for TensorRT 10, 11 and TensorRT-RTX; the module `trt` is given.

The types of the network are those of the ONNX file ("strongly typed").
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
import logging
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from pose_ros.backends.model_files import model_digest, read_spec
from pose_ros.backends.tensorrt.build_progress import BuildProgress, Progress, make_monitor
from pose_ros.backends.tensorrt.half_precision import load_model, to_half
from pose_ros.core.backend import BackendError, ModelSpec

if TYPE_CHECKING:
    from pose_ros.backends.onnx import OnnxNetwork

PRECISIONS = ('fp16', 'fp32')
MAX_CROPS = 8
_SCHEMA = 2
_WORKSPACE_BYTES = 1 << 30
_LOG = logging.getLogger('pose_ros.tensorrt')


@dataclass(frozen=True)
class Profile:
    """Smallest, best and largest (batch, 3, height, width) that an engine takes."""

    low: tuple[int, int, int, int]
    best: tuple[int, int, int, int]
    high: tuple[int, int, int, int]


@dataclass(frozen=True)
class EngineRequest:
    """
    What an engine is built from.

    Attributes
    ----------
    name : str
        For people.
    input_name : str
        Of the network.
    onnx : bytes
        The model, of the types that are computed in.
    precision : 'fp16' or 'fp32'
        For people.
    profiles : tuple of Profile
        Shapes of the input.
    """

    name: str
    input_name: str
    onnx: bytes
    precision: str
    profiles: tuple[Profile, ...]


def import_tensorrt() -> ModuleType:
    """
    Import TensorRT, or TensorRT-RTX where there is no other.

    Raises
    ------
    BackendError
        When neither is installed.
    """
    reasons = []
    for name in ('tensorrt', 'tensorrt_rtx'):
        try:
            return import_module(name)
        except (ImportError, OSError) as error:  # OSError: a library of it is missing
            reasons.append(f'{name}: {error}')
    raise BackendError(
        'TensorRT is not installed (' + '; '.join(reasons) + '): it comes with JetPack, or '
        'pip install tensorrt; for GeForce and RTX cards pip install tensorrt-rtx'
    )


def detector_profiles(spec: ModelSpec, size_px: int) -> tuple[Profile, ...]:
    """Return the shapes of whole images whose long side is `size_px`, best for 4:3."""
    width, height = spec.input_size
    if not spec.multiple_of:
        shape = (1, 3, height, width)
        return (Profile(shape, shape, shape),)
    step = spec.multiple_of
    size = -(-size_px // step) * step
    short = -(-size * 3 // (4 * step)) * step
    return (Profile((1, 3, step, step), (1, 3, short, size), (1, 3, size, size)),)


def refiner_profiles(spec: ModelSpec, max_batch: int = MAX_CROPS) -> tuple[Profile, ...]:
    """
    Return the shapes of crops: one at a time as fast as can be, or up to MAX_CROPS.

    `max_batch` is 1 for a model whose graph takes no more (`HostNetwork.max_batch`).
    """
    width, height = spec.input_size
    one, many, most = ((n, 3, height, width) for n in (1, 4, MAX_CROPS))
    if max_batch == 1:
        return (Profile(one, one, one),)
    return (Profile(one, one, one), Profile(one, many, most))


def reference_network(path: Path) -> OnnxNetwork:
    """
    Load a network by ONNX Runtime, which checks its file and what new engines compute.

    Raises
    ------
    BackendError
        When the file is no network that TensorRT can run here, or ONNX Runtime is missing.
    """
    try:
        from pose_ros.backends.onnx import OnnxNetwork
    except ImportError as error:
        raise BackendError(
            f'ONNX Runtime checks new engines and is not installed ({error}): '
            'pip install onnxruntime'
        ) from error
    network = OnnxNetwork(path, 0)
    if network.dtype not in (np.float32, np.float16):
        raise BackendError(
            f'the TensorRT backend cannot run {path}: its input is {network.dtype.__name__}, not '
            'float32 or float16. ONNX Runtime does: use the backend onnx'
        )
    return network


def request_for(path: Path, precision: str, size_px: int) -> EngineRequest:
    """
    Return what the engine of a file is built from.

    Parameters
    ----------
    path : Path
        ONNX file, its description beside it.
    precision : 'fp16' or 'fp32'
        What it is to compute in.
    size_px : int
        Largest long side of whole images; 0 for a network of crops.

    Raises
    ------
    BackendError
        As `reference_network`.
    """
    reference = reference_network(path)
    spec = reference.spec
    profiles = (
        detector_profiles(spec, size_px) if size_px
        else refiner_profiles(spec, reference.max_batch)
    )
    onnx = load_model(path)
    if precision == 'fp16':
        onnx = to_half(onnx)
    return EngineRequest(spec.name, spec.input_name, onnx.SerializeToString(), precision, profiles)


def engine_key(
    trt: Any, path: Path, precision: str, size_px: int, gpu: dict[str, Any] | None,
    capabilities: Sequence[str] = (),
) -> dict[str, Any]:
    """
    Return everything that an engine depends on, of JSON's types.

    Parameters
    ----------
    trt : module
        TensorRT; its version is asked at run time.
    path : Path
        ONNX file, its description beside it.
    precision, size_px
        As of `request_for`.
    gpu : dict or None
        Of the GPU it is built for (`Gpu.key`); None for `capabilities` only.
    capabilities : sequence of str
        For TensorRT-RTX: names of ComputeCapability, for example 'SM86'.
    """
    return {
        'schema': _SCHEMA,
        'name': read_spec(path).name,
        'runtime': trt.__name__,
        'runtime_version': trt.__version__,
        'onnx_sha256': model_digest(path),
        'precision': precision,
        'size_px': size_px,
        'workspace_bytes': _WORKSPACE_BYTES,
        'tf32': False,
        'gpu': gpu,
        'capabilities': list(capabilities),
    }


def check_tensorrt(trt: Any, gpu: str, compute_capability: tuple[int, int]) -> None:
    """
    Check that a TensorRT is new enough, and that TensorRT-RTX knows the GPU.

    Raises
    ------
    BackendError
        Says what to install. Before anything is built: TensorRT-RTX builds an engine for a GPU
        that it does not know, and refuses it afterwards.
    """
    if not hasattr(trt.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED'):
        raise BackendError(
            f'TensorRT {trt.__version__} is too old: 10 or newer is needed (JetPack 6.1 has 10.3)'
        )
    known = getattr(trt, 'ComputeCapability', None)
    if known is not None and not device_capabilities(trt, compute_capability):
        names = ', '.join(f'{n[2:-1]}.{n[-1]}' for n in known.__members__ if n.startswith('SM'))
        major, minor = compute_capability
        raise BackendError(
            f'TensorRT-RTX does not run on {gpu} (compute capability {major}.{minor}), only on '
            f'{names}: install TensorRT (pip install tensorrt-cu12 or tensorrt-cu13)'
        )


def device_capabilities(trt: Any, compute_capability: tuple[int, int]) -> tuple[str, ...]:
    """Return TensorRT-RTX's name of a compute capability; nothing where it has none."""
    name = 'SM{}{}'.format(*compute_capability)
    return (name,) if hasattr(getattr(trt, 'ComputeCapability', None), name) else ()


def build_engine(
    trt: Any,
    request: EngineRequest,
    capabilities: Sequence[str] = (),
    progress: Progress | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> bytes:
    """
    Build an engine.

    Parameters
    ----------
    trt : module
        tensorrt or tensorrt_rtx.
    request : EngineRequest
        From what.
    capabilities : sequence of str
        For TensorRT-RTX: names of ComputeCapability; empty for its default.
    progress : callable, optional
        Is told how far the build is.
    is_cancelled : callable
        Is asked now and then; True ends the build.

    Returns
    -------
    bytes
        The serialised engine.

    Raises
    ------
    BackendError
        With TensorRT's own words.
    """
    logger = make_logger(trt)
    logger.latest.clear()
    try:
        builder = trt.Builder(logger)
    except TypeError as error:  # its factory returned nothing: no driver, or no GPU
        raise _failed(trt, logger, 'does not start') from error
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(request.onnx):
        errors = '; '.join(parser.get_error(i).desc() for i in range(parser.num_errors))
        raise _failed(trt, logger, f'cannot read the model {request.name}: {errors}')
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE_BYTES)
    # FP32 is to be FP32: the reference that FP16 is compared with.
    config.clear_flag(trt.BuilderFlag.TF32)
    for profile in request.profiles:
        shapes = builder.create_optimization_profile()
        shapes.set_shape(request.input_name, profile.low, profile.best, profile.high)
        if config.add_optimization_profile(shapes) < 0:
            raise _failed(trt, logger, f'refuses the input shapes {profile} of {request.name}')
    if capabilities:
        _set_capabilities(trt, logger, config, capabilities)
    tell = progress if progress is not None else lambda what, part: None
    # Kept until the build is done: the binding does not hold it.
    monitor = make_monitor(trt, BuildProgress(request.name, tell), is_cancelled)
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if is_cancelled():
        raise BackendError(f'the build of {request.name} was cancelled')
    if plan is None:
        raise _failed(trt, logger, f'cannot build {request.name} in {request.precision}')
    return bytes(plan)


def _set_capabilities(trt: Any, logger: Any, config: Any, capabilities: Sequence[str]) -> None:
    known = getattr(trt, 'ComputeCapability', None)
    if known is None:
        raise BackendError(f'{trt.__name__} builds for the GPU of the machine only')
    unknown = [name for name in capabilities if not hasattr(known, name)]
    if unknown:
        names = [n for n in known.__members__ if n.startswith('SM')]
        raise BackendError(
            f'{trt.__name__} {trt.__version__} does not know {", ".join(unknown)}, '
            f'only {", ".join(names)}'
        )
    config.num_compute_capabilities = len(capabilities)
    for i, name in enumerate(capabilities):
        if not config.set_compute_capability(getattr(known, name), i):
            raise _failed(trt, logger, f'refuses the compute capability {name}')


def _failed(trt: Any, logger: Any, what: str) -> BackendError:
    said = ' | '.join(logger.latest)
    return BackendError(f'{trt.__name__} {trt.__version__} {what}' + (f': {said}' if said else ''))


@cache
def make_logger(trt: Any) -> Any:
    """
    Return the one logger of this process for TensorRT, which takes no second one.

    Its `latest` are the last errors; everything also goes to Python's logging, as
    'pose_ros.tensorrt'. TensorRT calls it from several threads: both may be used from any.
    """
    levels = {
        int(trt.ILogger.INTERNAL_ERROR): logging.CRITICAL,
        int(trt.ILogger.ERROR): logging.ERROR,
        int(trt.ILogger.WARNING): logging.WARNING,
    }

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.latest: deque[str] = deque(maxlen=5)

        def log(self, severity: Any, text: str) -> None:
            level = levels.get(int(severity), logging.DEBUG)
            if level >= logging.ERROR:
                self.latest.append(text)
            _LOG.log(level, '%s', text)

    return Logger()
