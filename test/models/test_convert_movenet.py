# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The converter, on a small graph with every operator, against TensorFlow's rules in NumPy."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import os
from pathlib import Path
import tarfile

import numpy as np
import pytest

from models.convert import convert_movenet
from models.convert.convert_movenet import PACKAGE, PACKAGE_VERSION, Network
from models.convert.graph import ConversionError, TfjsGraph
from pose_ros import cli
from pose_ros.core.backend import ModelSpec

onnx = pytest.importorskip('onnx', reason='the converter needs the package onnx')
ort = pytest.importorskip('onnxruntime')

MODELS = Path(__file__).resolve().parents[2] / 'models'
SCOPE = 'StatefulPartitionedCall/'
TINY = Network(
    name='tiny',
    file_stem='tiny',
    heads={
        'heatmaps': (SCOPE + 'Sigmoid', 4),
        'centers': (SCOPE + 'center', 1),
        'regress': (SCOPE + 'half', 4),
        'offsets': (SCOPE + 'add', 4),
    },
    weighting={'kind': 'reciprocal', 'value': 1.8},
    source='this test',
    crop_scale=1.1,
)


def attributes(**values: object) -> dict[str, object]:
    def encode(value: object) -> dict[str, object]:
        if isinstance(value, bool):
            return {'b': value}
        if isinstance(value, str):
            return {'s': base64.b64encode(value.encode()).decode()}
        if all(isinstance(item, str) for item in value):
            return {'list': {'s': [base64.b64encode(item.encode()).decode() for item in value]}}
        return {'list': {'i': [str(item) for item in value]}}

    return {key: encode(value) for key, value in values.items()}


def convolution(name: str, op: str, inputs: list[str], stride: int, padding: str, *fused: str):
    attr = attributes(
        strides=[1, stride, stride, 1],
        padding=padding,
        data_format='NHWC',
        dilations=[1, 1, 1, 1],
    )
    if fused:
        attr.update(attributes(fused_ops=list(fused)))
    return {'name': SCOPE + name, 'op': op, 'input': [SCOPE + i for i in inputs], 'attr': attr}


def tiny_weights() -> dict[str, np.ndarray]:
    shapes = {
        'w1': (3, 3, 3, 4),
        'b1': (4,),
        'w2': (3, 3, 4, 1),
        'b2': (4,),
        'w3': (3, 3, 4, 1),
        'w4': (1, 1, 4, 1),
        'b4': (1,),
    }
    random = np.random.RandomState(5)
    return {name: random.randn(*shape).astype(np.float16) for name, shape in shapes.items()}


def tiny_model() -> dict[str, object]:
    """Return the JSON of a graph in which every operator that the converter knows occurs."""
    resize = attributes(half_pixel_centers=True, align_corners=False)
    bias, depthwise = 'BiasAdd', 'DepthwiseConv2dNative'
    nodes = [
        {'name': SCOPE + 'sub_1', 'op': 'Sub', 'input': []},
        convolution('full', '_FusedConv2D', ['sub_1', 'w1', 'b1'], 2, 'SAME', bias, 'Relu6'),
        convolution('same', 'Fused' + depthwise, ['full', 'w2', 'b2'], 1, 'SAME', bias, 'Relu'),
        convolution('half', depthwise, ['same', 'w3'], 2, 'SAME'),
        {'name': SCOPE + 'up', 'op': 'ResizeBilinear', 'input': [SCOPE + 'half'], 'attr': resize},
        {'name': SCOPE + 'add', 'op': 'AddV2', 'input': [SCOPE + 'up', SCOPE + 'same']},
        {'name': SCOPE + 'Sigmoid', 'op': 'Sigmoid', 'input': [SCOPE + 'add']},
        convolution('center', '_FusedConv2D', ['add', 'w4', 'b4'], 1, 'VALID', bias),
    ]
    weights = [
        {
            'name': SCOPE + name,
            'shape': list(value.shape),
            'dtype': 'float32',
            'quantization': {'dtype': 'float16', 'original_dtype': 'float32'},
        }
        for name, value in tiny_weights().items()
    ]
    return {'modelTopology': {'node': nodes}, 'weightsManifest': [{'weights': weights}]}


def tiny_files(model: dict[str, object] | None = None) -> dict[str, bytes]:
    return {
        'tiny.json': json.dumps(model or tiny_model()).encode(),
        'tiny.bin': b''.join(value.tobytes() for value in tiny_weights().values()),
    }


def tf_conv(image, weight, stride, padding, bias=0.0, depthwise=False):
    """Convolve (H, W, C) as TensorFlow does (tensorflow.org/api_docs/python/tf/nn#padding)."""
    size = weight.shape[0]
    out_shape = [-(-n // stride) if padding == 'SAME' else n - size + 1 for n in image.shape[:2]]
    total = [
        max((o - 1) * stride + size - n, 0)
        for o, n in zip(out_shape, image.shape[:2], strict=True)
    ]
    image = np.pad(image, [(t // 2, t - t // 2) for t in total] + [(0, 0)])
    out = np.zeros((*out_shape, image.shape[2] if depthwise else weight.shape[3]))
    for i in range(out_shape[0]):
        for j in range(out_shape[1]):
            patch = image[i * stride : i * stride + size, j * stride : j * stride + size]
            rule = 'hwc,hwc->c' if depthwise else 'hwc,hwco->o'
            out[i, j] = np.einsum(rule, patch, weight[..., 0] if depthwise else weight)
    return out + bias


def tf_double(image: np.ndarray) -> np.ndarray:
    """Double (H, W, C) as ResizeBilinear with half_pixel_centers does: edges are clamped."""
    for axis in (0, 1):
        n = image.shape[axis]
        position = (np.arange(2 * n) + 0.5) / 2 - 0.5
        low, share = np.floor(position).astype(int), position - np.floor(position)
        share = np.expand_dims(share, tuple(a for a in range(3) if a != axis))
        image = (1 - share) * image.take(np.clip(low, 0, n - 1), axis) + share * image.take(
            np.clip(low + 1, 0, n - 1), axis
        )
    return image


def tf_tiny(image: np.ndarray) -> dict[str, np.ndarray]:
    w = {name: value.astype(np.float64) for name, value in tiny_weights().items()}
    full = np.clip(tf_conv(image, w['w1'], 2, 'SAME', w['b1']), 0, 6)
    same = np.maximum(tf_conv(full, w['w2'], 1, 'SAME', w['b2'], depthwise=True), 0)
    half = tf_conv(same, w['w3'], 2, 'SAME', depthwise=True)
    add = tf_double(half) + same
    return {
        'heatmaps': 1 / (1 + np.exp(-add)),
        'centers': tf_conv(add, w['w4'], 1, 'VALID', w['b4']),
        'regress': half,
        'offsets': add,
    }


@pytest.mark.parametrize('size', [(16, 16), (8, 24)])
def test_equals_tensorflow(size: tuple[int, int]) -> None:
    onnx_bytes, _ = convert_movenet.convert_network(TINY, tiny_files())
    session = ort.InferenceSession(onnx_bytes, providers=['CPUExecutionProvider'])
    images = np.random.RandomState(1).rand(2, *size, 3).astype(np.float32) * 2 - 1
    outputs = session.run(list(TINY.heads), {'image': images.transpose(0, 3, 1, 2)})
    for b, image in enumerate(images):
        expected = tf_tiny(image)
        for name, output in zip(TINY.heads, outputs, strict=True):
            np.testing.assert_allclose(
                output[b].transpose(1, 2, 0), expected[name], atol=2e-5, err_msg=name
            )


def test_weights_stay_float16_and_names_are_unique() -> None:
    onnx_bytes, _ = convert_movenet.convert_network(TINY, tiny_files())
    graph = onnx.load_from_string(onnx_bytes).graph
    stored = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    assert {len(value.shape) for name, value in stored.items() if name.startswith('relu6')} == {0}
    weights = [v for name, v in stored.items() if not name.startswith(('relu6', 'resize'))]
    assert len(weights) == len(tiny_weights()) and {v.dtype for v in weights} == {np.dtype('f2')}
    names = [node.name for node in graph.node]
    assert all(names) and len(set(names)) == len(names)


def attributes_of(model, node: int):
    return model['modelTopology']['node'][node]['attr']


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda m: m['modelTopology']['node'][5].update(op='MatMul'), "unknown operator 'MatMul'"),
        (lambda m: attributes_of(m, 1).update(attributes(fused_ops=['BiasAdd', 'Elu'])),
         'unknown fused operators'),
        (lambda m: attributes_of(m, 1).update(attributes(dilations=[1, 2, 2, 1])), 'no dilation'),
        (lambda m: attributes_of(m, 4).update(attributes(half_pixel_centers=False)), 'half-pixel'),
        (lambda m: m['modelTopology']['node'].pop(6), 'no node .*Sigmoid'),
        (lambda m: m['modelTopology']['node'][1]['input'].__setitem__(1, 'elsewhere'),
         "'elsewhere' is not a float16 constant"),
        (lambda m: m.pop('weightsManifest'), 'not a TensorFlow.js graph model'),
    ],
)  # fmt: skip
def test_foreign_graph_is_refused(damage, message: str) -> None:
    model = tiny_model()
    damage(model)
    with pytest.raises(ConversionError, match=message):
        convert_movenet.convert_network(TINY, tiny_files(model))


@pytest.mark.parametrize(
    ('cut', 'message'), [(slice(0, -5), 'truncated'), (slice(None), 'different models')]
)
def test_weights_of_wrong_length_are_refused(cut: slice, message: str) -> None:
    files = tiny_files()
    extra = b'' if cut.stop else b'\0\0'
    with pytest.raises(ConversionError, match=message):
        TfjsGraph(files['tiny.json'], files['tiny.bin'][cut] + extra)


def write_archive(path: Path, files: dict[str, bytes], **package: str) -> Path:
    package = {'name': PACKAGE, 'version': PACKAGE_VERSION, **package}
    with tarfile.open(path, 'w:gz') as tar:
        for name, data in {
            **{f'models/{name}': data for name, data in files.items()},
            'package.json': json.dumps(package).encode(),
        }.items():
            info = tarfile.TarInfo(f'package/{name}')
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def run(*arguments: object) -> int:
    return cli.run_module('models.convert.convert_movenet', [str(word) for word in arguments])


@pytest.fixture()
def tiny_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert_movenet, 'NETWORKS', (TINY,))


@pytest.mark.usefixtures('tiny_only')
def test_verb_writes_the_same_each_time(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / 'a.tgz', tiny_files())
    for name in ('one', 'two'):
        assert run(archive, '--out', tmp_path / name) == 0
    for name in ('tiny.onnx', 'tiny.json'):
        assert (tmp_path / 'one' / name).read_bytes() == (tmp_path / 'two' / name).read_bytes()
    made = ModelSpec.from_json((tmp_path / 'one' / 'tiny.json').read_text())
    thunder = ModelSpec.from_json((MODELS / 'movenet_thunder.json').read_text())
    of_the_network = ('name', 'onnx_sha256', 'source')
    for field in dataclasses.fields(ModelSpec):
        if field.name not in of_the_network:
            assert getattr(made, field.name) == getattr(thunder, field.name), field.name


@pytest.mark.usefixtures('tiny_only')
def test_verb_says_what_is_wrong_with_an_archive(tmp_path: Path, capsys) -> None:
    good = write_archive(tmp_path / 'good.tgz', tiny_files())
    other = write_archive(tmp_path / 'other.tgz', tiny_files(), name='@tensorflow/tfjs')
    lacking = write_archive(tmp_path / 'lacking.tgz', {'tiny.json': tiny_files()['tiny.json']})
    cut = tmp_path / 'cut.tgz'
    cut.write_bytes(good.read_bytes()[:-60])
    text = tmp_path / 'text.tgz'
    text.write_text('<html>not found</html>')
    for path, message in (
        (tmp_path / 'absent.tgz', 'No such file'),
        (other, 'wrong package: @tensorflow/tfjs@3.0.4'),
        (lacking, 'lacks tiny.bin'),
        (cut, 'not a complete npm archive'),
        (text, 'not a complete npm archive'),
    ):
        assert run(path, '--out', tmp_path / 'out') == 1
        error = capsys.readouterr().err
        assert message in error and path.name in error and error.count('\n') == 1
    assert not (tmp_path / 'out').exists()


@pytest.mark.nightly('wants the archive of npm, which others may change')
def test_committed_networks_are_what_the_archive_gives(tmp_path: Path) -> None:
    archive = os.environ.get('POSE_ROS_MOVENET_ARCHIVE')
    if not archive:
        pytest.skip('POSE_ROS_MOVENET_ARCHIVE does not name the npm archive of the networks')
    assert run(archive, '--out', tmp_path) == 0
    for network in convert_movenet.NETWORKS:
        for suffix in ('.onnx', '.json'):
            made, committed = (p / (network.name + suffix) for p in (tmp_path, MODELS))
            assert made.read_bytes() == committed.read_bytes(), made.name
