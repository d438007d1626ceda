# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The committed networks against the original graphs, as TensorFlow.js ran them.

How the golden files came about: test/golden/make_movenet_golden.py.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from pose_ros.core.backend import ModelSpec
from pose_ros.core.decode.movenet import decode_people, decode_person
from pose_ros.core.skeleton import KEYPOINT_NAMES

ort = pytest.importorskip('onnxruntime')

ROOT = Path(__file__).resolve().parents[2]
_source = importlib.util.spec_from_file_location(
    'make_movenet_golden', ROOT / 'test/golden/make_movenet_golden.py'
)
make_movenet_golden = importlib.util.module_from_spec(_source)
_source.loader.exec_module(make_movenet_golden)

NETWORKS = ('movenet_thunder', 'movenet_multipose')
CASES = tuple(make_movenet_golden.CASES)
TOLERANCE = 2e-3

# The original multiplies by 1/127.5 in float16, which makes 255 come out as 0.99997. The exact
# 1/127.5 of our ModelSpec moves the regression heads by up to 4e-3 of a map pixel on noise.
ORIGINAL_SCALE = np.float32(np.float16(1 / 127.5))


@pytest.fixture(scope='module', params=NETWORKS)
def network(request):
    """Return (session, spec, golden) of a network."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    path = ROOT / 'models' / f'{request.param}.onnx'
    session = ort.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    spec = ModelSpec.from_json(path.with_suffix('.json').read_text())
    return session, spec, np.load(ROOT / 'test/golden' / f'{request.param}.npz')


def heads(session, normalised: np.ndarray) -> dict[str, np.ndarray]:
    """Run (B, H, W, 3) float32; return each head (B, C, H/4, W/4)."""
    names = [output.name for output in session.get_outputs()]
    outputs = session.run(names, {'image': normalised.transpose(0, 3, 1, 2)})
    return dict(zip(names, outputs, strict=True))


def image(golden, case: str) -> np.ndarray:
    return make_movenet_golden.case_image(case, golden['photo'])[None].astype(np.float32)


@pytest.mark.parametrize('case', CASES)
def test_heads_equal_tensorflow_js(network, case: str) -> None:
    session, spec, golden = network
    outputs = heads(session, image(golden, case) * ORIGINAL_SCALE - 1)
    assert set(outputs) == set(spec.outputs.values())
    for name, output in outputs.items():
        grid, stats = make_movenet_golden.sample(output[0])
        np.testing.assert_allclose(grid, golden[f'{case}/{name}'], 0, TOLERANCE, err_msg=name)
        np.testing.assert_allclose(
            stats, golden[f'{case}/{name}/stats'], 0, TOLERANCE, err_msg=name
        )


def test_spec_normalises_as_the_original(network) -> None:
    session, spec, golden = network
    pixels = image(golden, 'photo_256x256')
    normalised = (pixels - np.float32(spec.mean)) / np.float32(spec.std)

    def error(network_input: np.ndarray, head: str) -> float:
        grid, _ = make_movenet_golden.sample(heads(session, network_input)[head][0])
        return float(np.abs(grid - golden[f'photo_256x256/{head}']).max())

    for head in ('heatmaps', 'centers', 'regress', 'offsets'):
        assert error(normalised, head) < TOLERANCE
    # The silent mistakes: no normalisation, 0..1, and blue taken for red.
    for wrong in (pixels, pixels / 255, normalised[..., ::-1]):
        assert error(wrong, 'heatmaps') > 10 * TOLERANCE


def test_decoding_agrees_with_the_original(network) -> None:
    session, spec, golden = network
    maps = heads(session, image(golden, 'photo_256x256') * ORIGINAL_SCALE - 1)
    people = golden['photo_256x256/people']
    if spec.name == 'movenet_thunder':
        found = decode_person(maps, spec)
        original = people
        np.testing.assert_allclose(found.score[0], original[:, 2], 0, TOLERANCE)
    else:
        _, found = decode_people(maps, spec, max_people=6, min_center=0.3)
        assert len(found.xy) == 1
        # The original lowers the scores by the distance to the regressed point, and keeps to the
        # person's box: what it is sure of must be the same.
        original = people[people[:, 55].argmax(), :51].reshape(17, 3)
    sure = original[:, 2] > 0.3
    assert sure.sum() >= 8
    np.testing.assert_allclose(found.xy[0][sure], 256 * original[sure, 1::-1], 0, 0.01)


def test_batch_gives_what_single_images_give(network) -> None:
    session, _, golden = network
    pair = np.concatenate([image(golden, 'photo_160x256'), image(golden, 'noise_160x256')]) / 127.5
    together = heads(session, pair - 1)
    for b in range(2):
        alone = heads(session, pair[b : b + 1] - 1)
        for name, output in together.items():
            np.testing.assert_allclose(output[b], alone[name][0], atol=1e-3, err_msg=name)


def test_spec_describes_the_file(network) -> None:
    session, spec, _ = network
    path = ROOT / 'models' / f'{spec.name}.onnx'
    assert hashlib.sha256(path.read_bytes()).hexdigest() == spec.onnx_sha256
    assert [i.name for i in session.get_inputs()] == [spec.input_name]
    assert spec.keypoints == KEYPOINT_NAMES
    channels = {'heatmaps': 17, 'centers': 1, 'regress': 34, 'offsets': 34}
    channels |= {'box_scale': 2, 'box_offset': 2} if 'multipose' in spec.name else {}
    assert {o.name: o.shape[1] for o in session.get_outputs()} == channels


def test_file_suits_every_tensorrt(network) -> None:
    onnx = pytest.importorskip('onnx')
    _, spec, _ = network
    model = onnx.load(ROOT / 'models' / f'{spec.name}.onnx')
    assert model.ir_version <= 8 and model.opset_import[0].version <= 17
    operators = {node.op_type for node in model.graph.node}
    assert operators == {'Cast', 'Conv', 'Clip', 'Relu', 'Add', 'Resize', 'Sigmoid'}
    names = [node.name for node in model.graph.node]
    assert all(names) and len(set(names)) == len(names)
