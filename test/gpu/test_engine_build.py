# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Engines of the shipped networks by the real TensorRT-RTX, which builds without a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose_ros.backends.model_files import find_model, model_digest, read_spec
from pose_ros.backends.tensorrt import engine_build
from pose_ros.backends.tensorrt.device import Gpu
from pose_ros.backends.tensorrt.engine_build import EngineRequest, Profile
from pose_ros.backends.tensorrt.engine_cache import digest_of
from pose_ros.backends.tensorrt.half_precision import load_model, to_half
from pose_ros.core.backend import BackendError

onnx = pytest.importorskip('onnx')
MODELS = ('movenet_multipose', 'movenet_thunder')
GPU = Gpu(0, 'NVIDIA Test', (8, 6), 46, (12, 6))
OF_THE_WHEEL = pytest.mark.nightly('what a wheel of NVIDIA builds changes with the wheel only')
CAPABILITIES = ('SM75', 'SM80', 'SM86', 'SM89', 'SM120', 'SM121')


@pytest.fixture(scope='module')
def rtx():
    return pytest.importorskip(
        'tensorrt_rtx', reason='TensorRT-RTX: pip install -r requirements/gpu-build.txt'
    )


def request_of(model: str, precision: str = 'fp16') -> EngineRequest:
    size_px = 256 if model == 'movenet_multipose' else 0
    return engine_build.request_for(find_model(model), precision, size_px)


@pytest.fixture(scope='module')
def build(rtx) -> Callable[[str, str], tuple[bytes, list[float]]]:
    """Return what builds a network once; it returns the engine and how far it was, as told."""

    @cache
    def build_(model: str, precision: str) -> tuple[bytes, list[float]]:
        told: list[float] = []
        request = request_of(model, precision)
        plan = engine_build.build_engine(
            rtx, request, progress=lambda what, part: told.append(part))
        return plan, told

    return build_


@pytest.mark.parametrize('model', MODELS)
@pytest.mark.parametrize('precision', ['fp16', pytest.param('fp32', marks=OF_THE_WHEEL)])
def test_both_networks_build(build, model: str, precision: str) -> None:
    plan, told = build(model, precision)
    assert len(plan) > 5e6
    assert len(told) > 5 and told == sorted(told) and (told[0], told[-1]) == (0.0, 1.0)


def test_every_capability_that_it_lists_is_tested(rtx) -> None:
    listed = [n for n in rtx.ComputeCapability.__members__ if n.startswith('SM')]
    assert sorted(listed) == sorted(CAPABILITIES)


@OF_THE_WHEEL
@pytest.mark.parametrize('capability', CAPABILITIES)
@pytest.mark.parametrize('model', MODELS)
@pytest.mark.parametrize('precision', engine_build.PRECISIONS)
def test_builds_for(rtx, capability: str, model: str, precision: str) -> None:
    assert engine_build.build_engine(rtx, request_of(model, precision), (capability,))


@OF_THE_WHEEL
@pytest.mark.parametrize('model', MODELS)
def test_half_engine_is_smaller(build, model: str) -> None:
    sizes = [len(build(model, precision)[0]) for precision in engine_build.PRECISIONS]
    assert sizes[0] < 0.7 * sizes[1]


def test_capability_that_it_does_not_know(rtx) -> None:
    with pytest.raises(BackendError, match='does not know SM87, only SM75'):
        engine_build.build_engine(rtx, request_of('movenet_thunder'), ('SM87',))


def test_file_that_is_no_model(rtx) -> None:
    broken = replace(request_of('movenet_thunder', 'fp32'), onnx=b'not a model')
    with pytest.raises(BackendError, match='cannot read the model movenet_thunder'):
        engine_build.build_engine(rtx, broken)


def test_file_that_onnx_does_not_read(tmp_path: Path) -> None:
    (tmp_path / 'net.onnx').write_bytes(b'not a model')
    with pytest.raises(BackendError, match='net.onnx is not an ONNX model'):
        load_model(tmp_path / 'net.onnx')


def test_weights_in_a_file_beside_the_model(tmp_path: Path) -> None:
    model = onnx.load(find_model('movenet_thunder'))
    path = tmp_path / 'net.onnx'
    onnx.save(model, path, save_as_external_data=True, location='net.onnx.data')
    assert path.stat().st_size < 1e6
    assert len(load_model(path).SerializeToString()) > 1e7


def test_a_build_is_cancelled(rtx) -> None:
    """The real monitor: TensorRT-RTX ends when it is told so."""
    asked: list[int] = []

    def is_cancelled() -> bool:
        asked.append(1)
        return len(asked) > 1

    with pytest.raises(BackendError, match='the build of movenet_thunder was cancelled'):
        engine_build.build_engine(
            rtx, request_of('movenet_thunder'), is_cancelled=is_cancelled
        )


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


def test_key_changes_with_all_that_matters(tmp_path: Path) -> None:
    class Newer(Module):
        __version__ = '10.3.1'

    thunder, multipose = (find_model(model) for model in reversed(MODELS))

    def key(
        trt: Any = Module, path: Path = thunder, precision: str = 'fp16', size_px: int = 0,
        gpu: Gpu | None = GPU, capabilities: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        of_gpu = gpu.key() if gpu else None
        return engine_build.engine_key(trt, path, precision, size_px, of_gpu, capabilities)

    keys = [
        key(), key(trt=Newer), key(precision='fp32'), key(path=multipose), key(size_px=256),
        key(capabilities=('SM86',)), key(gpu=None, capabilities=('SM86',)),
        *(
            key(gpu=replace(GPU, **change))
            for change in (
                {'name': 'NVIDIA Other'}, {'compute_capability': (8, 9)}, {'driver': (12, 7)},
                {'multiprocessors': 45},
            )
        ),
    ]
    assert len({digest_of(key) for key in keys}) == len(keys)
    assert key(gpu=replace(GPU, index=1)) == keys[0], 'the same kind of GPU'
    assert keys[0]['onnx_sha256'] == model_digest(thunder)
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
    half = to_half(load_model(path))
    half_bytes = half.SerializeToString()
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


def graph_of(*nodes, constants=()) -> onnx.ModelProto:
    make = onnx.helper
    value = make.make_tensor_value_info('x', onnx.TensorProto.FLOAT, [1])
    out = make.make_tensor_value_info('y', onnx.TensorProto.FLOAT, [1])
    graph = make.make_graph(list(nodes), 'graph', [value], [out], list(constants))
    return make.make_model(graph)


def test_models_that_float16_cannot_hold_are_refused() -> None:
    large = onnx.numpy_helper.from_array(np.array([1e6], np.float32), 'weight')
    add = onnx.helper.make_node('Add', ['x', 'weight'], ['y'])
    with pytest.raises(BackendError, match='weight has values beyond float16'):
        to_half(graph_of(add, constants=[large]))
    constant = onnx.helper.make_node('Constant', [], ['weight'], value=large)
    with pytest.raises(BackendError, match='beyond float16'):
        to_half(graph_of(constant, add))


def test_no_tensorrt(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f'No module named {name!r}')

    monkeypatch.setattr(engine_build, 'import_module', missing)
    with pytest.raises(BackendError, match='TensorRT is not installed.*tensorrt_rtx'):
        engine_build.import_tensorrt()
