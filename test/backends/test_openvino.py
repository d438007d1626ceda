# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The OpenVINO backend against that of ONNX Runtime, on real footage."""

from __future__ import annotations

import json
from pathlib import Path
import shutil

import numpy as np
import pytest

openvino = pytest.importorskip(
    'openvino', reason='OpenVINO: pip install -r requirements/openvino.txt'
)

from pose_ros import backends  # noqa: E402
from pose_ros.backends import load_backend  # noqa: E402
from pose_ros.backends.model_files import find_model  # noqa: E402
from pose_ros.backends.onnx import OnnxBackend  # noqa: E402
from pose_ros.backends.openvino import OpenvinoBackend, OpenvinoNetwork  # noqa: E402
from pose_ros.core.backend import BackendError  # noqa: E402
from pose_ros.core.config import EstimatorConfig  # noqa: E402
from pose_ros.core.estimator.two_pass import TwoPassEstimator  # noqa: E402
from pose_ros.media.sources import SourceError, open_source  # noqa: E402

MODELS = ('movenet_multipose', 'movenet_thunder')
HAS_BF16 = 'BF16' in openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')


@pytest.fixture(scope='module')
def images() -> list[np.ndarray]:
    """Return two images of a cyclist, large."""
    try:
        with open_source('demo') as source:
            return [f.image.copy() for f in source if f.index in (120, 126)]
    except SourceError as error:
        pytest.skip(str(error))


def people(backend, images: list[np.ndarray]):
    estimator = TwoPassEstimator(backend, EstimatorConfig())
    return [estimator.estimate(image) for image in images]


# The bounds of bf16 are those of 8 bits: what it costs is measured in docs/benchmarks.md.
@pytest.mark.parametrize(('precision', 'median_px', 'max_px'), [
    ('fp32', 1e-3, 0.05),
    pytest.param('bf16', 1.5, 15.0, marks=pytest.mark.skipif(
        not HAS_BF16, reason='this processor has no bfloat16')),
])
def test_people_are_those_of_onnx_runtime(
    images: list[np.ndarray], precision: str, median_px: float, max_px: float
) -> None:
    backend = OpenvinoBackend(*MODELS, 2, precision)
    assert backend.name == f'openvino, {precision}'
    for found, expected in zip(people(backend, images), people(OnnxBackend(*MODELS, 2), images)):
        assert len(found) == len(expected) == 1
        sure = (found.score > 0.3) & (expected.score > 0.3)
        off_px = np.linalg.norm(found.xy - expected.xy, axis=2)[sure]
        assert sure.sum() >= 10
        assert np.median(off_px) < median_px and off_px.max() < max_px
        # bf16 is really used: float32 would agree to the last digits.
        assert (np.median(off_px) > 0.01) == (precision == 'bf16')


def test_several_views_and_two_runs_do_not_share_memory() -> None:
    network = OpenvinoNetwork(find_model('movenet_thunder'), 1, 'fp32')
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 3, 256, 256)).astype(np.float32)
    first = network.run(batch)
    kept = first['heatmaps'].copy()
    second = network.run(batch[::-1].copy())
    np.testing.assert_array_equal(first['heatmaps'], kept)
    np.testing.assert_allclose(second['heatmaps'][::-1], kept, atol=1e-4)


def test_precision_that_the_processor_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Core:
        available_devices = ('CPU',)

        def get_property(self, device: str, name: str) -> list[str]:
            return ['FP32', 'INT8']

        def compile_model(self, path: str, device: str, settings: dict[str, object]) -> None:
            raise RuntimeError(settings['INFERENCE_PRECISION_HINT'])

    monkeypatch.setattr(openvino, 'Core', Core)
    with pytest.raises(BackendError, match='no bfloat16'):
        OpenvinoBackend(*MODELS, 1, 'bf16')
    with pytest.raises(BackendError, match='cannot load .*: f32'):
        OpenvinoBackend(*MODELS, 1, 'auto')


def test_files_that_are_no_networks(tmp_path: Path) -> None:
    path = tmp_path / 'net.onnx'
    source = find_model('movenet_thunder')
    spec = json.loads(source.with_suffix('.json').read_text())
    for changes, content, reason in (
        ({'onnx_sha256': ''}, b'no network', 'OpenVINO cannot load'),
        ({'onnx_sha256': ''}, source.read_bytes()[:100_000], 'OpenVINO cannot load'),
        ({}, b'no network', 'damaged'),
    ):
        path.write_bytes(content)
        path.with_suffix('.json').write_text(json.dumps({**spec, **changes}))
        with pytest.raises(BackendError, match=reason):
            OpenvinoNetwork(path, 1)
    shutil.copyfile(source, path)
    path.with_suffix('.json').write_text(json.dumps({**spec, 'stride': 8}))
    with pytest.raises(BackendError, match=r'\(1, 17, 32, 32\)'):
        OpenvinoNetwork(path, 1)


@pytest.mark.parametrize(('flags', 'isa', 'chosen'), [
    ('flags : avx2 avx512_bf16', '', True), ('flags : amx_bf16', 'ALL', True),
    ('flags : avx2 avx512f', '', False), ('flags : avx512_bf16', 'AVX2', False),
])
def test_auto_takes_it_where_the_processor_has_bfloat16(
    monkeypatch: pytest.MonkeyPatch, flags: str, isa: str, chosen: bool
) -> None:
    monkeypatch.setattr(backends.Path, 'read_text', lambda path, **_: flags)
    monkeypatch.setenv('ONEDNN_MAX_CPU_ISA', isa or 'DEFAULT')
    assert backends._openvino_is_quicker() == chosen
    monkeypatch.undo()
    monkeypatch.setattr(backends, '_openvino_is_quicker', lambda: chosen)
    name = load_backend(EstimatorConfig(backend='auto')).name
    assert name.startswith('openvino, ') == chosen


def test_devices() -> None:
    there = openvino.Core().available_devices
    if 'NPU' not in there:
        with pytest.raises(BackendError, match='sees no NPU here, only .*set openvino_device'):
            OpenvinoBackend(*MODELS, 1, device='NPU')
    assert OpenvinoBackend(*MODELS, 1, device='AUTO').name == 'openvino, AUTO, auto'


def test_it_is_chosen_by_the_parameter() -> None:
    assert load_backend(EstimatorConfig(backend='openvino')).name.startswith('openvino, ')
    assert load_backend(EstimatorConfig(backend='openvino', precision='fp32')).name == (
        'openvino, fp32'
    )
    with pytest.raises(BackendError, match='not fp16'):
        load_backend(EstimatorConfig(backend='openvino', precision='fp16'))
