# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Engines of the shipped networks by the real TensorRT-RTX, which builds without a GPU."""

from __future__ import annotations

from dataclasses import replace
import hashlib
import json

import numpy as np
import pytest

from pose_ros.backends.tensorrt import engine_build
from pose_ros.backends.cuda_driver import CudaDevice
from pose_ros.backends.tensorrt.engine_build import EngineRequest, Profile
from pose_ros.backends.tensorrt.engine_cache import digest_of
from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.backends.tensorrt.half_precision import to_half
from pose_ros.core.backend import BackendError

onnx = pytest.importorskip('onnx')
MODELS = ('movenet_multipose', 'movenet_thunder')
DEVICE = CudaDevice('NVIDIA Test', (8, 6), 8 << 30, 46, (12, 6))
CAPABILITIES = ('SM75', 'SM80', 'SM86', 'SM89', 'SM120', 'SM121')


@pytest.fixture(scope='module')
def rtx():
    return pytest.importorskip(
        'tensorrt_rtx', reason='TensorRT-RTX: pip install -r requirements/gpu-build.txt'
    )


def request_of(model: str, precision: str = 'fp16') -> EngineRequest:
    path = find_model(model)
    spec = read_spec(path)
    profiles = (
        engine_build.detector_profiles(spec, 256)
        if model == 'movenet_multipose'
        else engine_build.refiner_profiles(spec)
    )
    return EngineRequest(model, spec.input_name, path.read_bytes(), precision, profiles)


@pytest.fixture(scope='module')
def built(rtx) -> dict[tuple[str, str], tuple[bytes, list[float]]]:
    """Build each network in each precision; return the engine and how far it was, as told."""
    engines = {}
    for model in MODELS:
        for precision in engine_build.PRECISIONS:
            told: list[float] = []
            plan = engine_build.build_engine(
                rtx, request_of(model, precision),
                progress=lambda what, part, told=told: told.append(part))
            engines[model, precision] = plan, told
    return engines


@pytest.mark.parametrize('model', MODELS)
@pytest.mark.parametrize('precision', engine_build.PRECISIONS)
def test_both_networks_build(built, model: str, precision: str) -> None:
    plan, told = built[model, precision]
    assert len(plan) > 5e6
    assert len(told) > 5 and told == sorted(told) and (told[0], told[-1]) == (0.0, 1.0)


def test_every_capability_that_it_lists_is_tested(rtx) -> None:
    listed = [n for n in rtx.ComputeCapability.__members__ if n.startswith('SM')]
    assert sorted(listed) == sorted(CAPABILITIES)


@pytest.mark.nightly('what a wheel of NVIDIA builds for each GPU changes with the wheel only')
@pytest.mark.parametrize('capability', CAPABILITIES)
@pytest.mark.parametrize('model', MODELS)
@pytest.mark.parametrize('precision', engine_build.PRECISIONS)
def test_builds_for(rtx, capability: str, model: str, precision: str) -> None:
    assert engine_build.build_engine(rtx, request_of(model, precision), (capability,))


@pytest.mark.parametrize('model', MODELS)
def test_half_engine_is_smaller(built, model: str) -> None:
    sizes = [len(built[model, precision][0]) for precision in engine_build.PRECISIONS]
    assert sizes[0] < 0.7 * sizes[1]


def test_capability_that_it_does_not_know(rtx) -> None:
    with pytest.raises(BackendError, match='does not know SM87, only SM75'):
        engine_build.build_engine(rtx, request_of('movenet_thunder'), ('SM87',))


def test_file_that_is_no_model(rtx) -> None:
    broken = replace(request_of('movenet_thunder', 'fp32'), onnx=b'not a model')
    with pytest.raises(BackendError, match='cannot read the model movenet_thunder'):
        engine_build.build_engine(rtx, broken)
    with pytest.raises(BackendError, match='not an ONNX model'):
        engine_build.build_engine(rtx, replace(broken, precision='fp16'))


def test_shapes_that_do_not_fit(rtx) -> None:
    shape = (1, 3, 256, 256)
    backwards = Profile((8, 3, 256, 256), shape, shape)
    with pytest.raises(BackendError, match='movenet_thunder'):
        engine_build.build_engine(
            rtx, replace(request_of('movenet_thunder'), profiles=(backwards,))
        )
    with pytest.raises(BackendError, match='cannot build movenet_thunder'):
        engine_build.build_engine(rtx, replace(request_of('movenet_thunder'), profiles=()))


class Module:
    """The names that a key asks TensorRT for; `STRONGLY_TYPED` as in 10 and newer."""

    __name__ = 'tensorrt'
    __version__ = '10.3.0'

    class NetworkDefinitionCreationFlag:
        STRONGLY_TYPED = 1


class Module86(Module):
    """The same of TensorRT 8.6."""

    __version__ = '8.6.1'

    class NetworkDefinitionCreationFlag:
        EXPLICIT_BATCH = 0


def test_key_changes_with_all_that_matters() -> None:
    request = request_of('movenet_thunder')

    class Newer(Module):
        __version__ = '10.3.1'

    keys = [
        engine_build.engine_key(Module, request, DEVICE),
        engine_build.engine_key(Newer, request, DEVICE),
        engine_build.engine_key(Module86, request, DEVICE),
        engine_build.engine_key(Module, replace(request, precision='fp32'), DEVICE),
        engine_build.engine_key(Module, replace(request, onnx=request.onnx + b' '), DEVICE),
        engine_build.engine_key(Module, replace(request, profiles=()), DEVICE),
        engine_build.engine_key(Module, request, DEVICE, ('SM86',)),
        engine_build.engine_key(Module, request, None, ('SM86',)),
        *(
            engine_build.engine_key(Module, request, replace(DEVICE, **change))
            for change in (
                {'name': 'NVIDIA Other'}, {'compute_capability': (8, 9)}, {'driver': (12, 7)},
                {'memory_bytes': 16 << 30}, {'multiprocessors': 45},
            )
        ),
    ]
    assert len({digest_of(key) for key in keys}) == len(keys)
    assert keys[0]['onnx_sha256'] == hashlib.sha256(request.onnx).hexdigest()
    # What comes back from the sidecar must be equal to what went in.
    assert json.loads(json.dumps(keys[0])) == keys[0]


def test_profiles() -> None:
    multipose, thunder = (read_spec(find_model(model)) for model in MODELS)
    (whole,) = engine_build.detector_profiles(multipose, 256)
    assert whole == Profile((1, 3, 32, 32), (1, 3, 192, 256), (1, 3, 256, 256))
    fixed = replace(multipose, multiple_of=0, input_size=(192, 256))
    assert engine_build.detector_profiles(fixed, 512)[0].low == (1, 3, 256, 192)
    one, many = engine_build.refiner_profiles(thunder)
    assert one.low == one.high == (1, 3, 256, 256)
    assert (many.low[0], many.high[0]) == (1, 8)


@pytest.mark.parametrize('model', MODELS)
def test_half_model_gives_nearly_the_same_maps(model: str) -> None:
    """ONNX Runtime computes it in float32: this shows that the graph is right, not float16."""
    import onnxruntime

    path = find_model(model)
    half_bytes = to_half(path.read_bytes())
    half = onnx.load_from_string(half_bytes)
    onnx.checker.check_model(half, full_check=True)
    types = {v.type.tensor_type.elem_type for v in (*half.graph.input, *half.graph.output)}
    assert types == {onnx.TensorProto.FLOAT16}
    names = [node.name for node in half.graph.node]
    assert len(set(names)) == len(names) and all(names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    values = np.random.default_rng(0).uniform(-1, 1, (1, 3, 128, 96)).astype(np.float16)
    roles = ['heatmaps', 'centers', 'regress', 'offsets']
    found = [
        onnxruntime.InferenceSession(m, options, providers=['CPUExecutionProvider']).run(
            roles, {'image': x}
        )
        for m, x in ((path.read_bytes(), values.astype(np.float32)), (half_bytes, values))
    ]
    for exact, rounded, tolerance in zip(*found, (0.01, 0.01, 0.1, 0.02)):
        assert rounded.dtype == np.float16
        np.testing.assert_allclose(rounded, exact, rtol=0.02, atol=tolerance)


def graph_of(*nodes, constants=()) -> bytes:
    make = onnx.helper
    value = make.make_tensor_value_info('x', onnx.TensorProto.FLOAT, [1])
    out = make.make_tensor_value_info('y', onnx.TensorProto.FLOAT, [1])
    graph = make.make_graph(list(nodes), 'graph', [value], [out], list(constants))
    return make.make_model(graph).SerializeToString()


def test_models_that_float16_cannot_hold_are_refused() -> None:
    large = onnx.numpy_helper.from_array(np.array([1e6], np.float32), 'weight')
    add = onnx.helper.make_node('Add', ['x', 'weight'], ['y'])
    with pytest.raises(BackendError, match='weight has values beyond float16'):
        to_half(graph_of(add, constants=[large]))
    constant = onnx.helper.make_node('Constant', [], ['weight'], value=large)
    with pytest.raises(BackendError, match='beyond float16'):
        to_half(graph_of(constant, add))
    loop = onnx.helper.make_node('Loop', ['x'], ['y'])
    with pytest.raises(BackendError, match='with Loop'):
        to_half(graph_of(loop))


def test_no_tensorrt(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f'No module named {name!r}')

    monkeypatch.setattr(engine_build, 'import_module', missing)
    with pytest.raises(BackendError, match='TensorRT is not installed.*tensorrt_rtx'):
        engine_build.import_tensorrt()
