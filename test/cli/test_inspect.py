# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What `pose_ros inspect` reads out of graphs, on networks made here and the shipped ones."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('onnxruntime')
onnx = pytest.importorskip('onnx')

from foreign_networks import write_network  # noqa: E402

from pose_ros import cli  # noqa: E402
from pose_ros.backends.model_files import (  # noqa: E402
    external_data,
    find_model,
    model_digest,
    read_spec,
)
from pose_ros.backends.onnx import OnnxNetwork  # noqa: E402
from pose_ros.core.backend import BackendError  # noqa: E402
from pose_ros.core.joint_names import ORDERS  # noqa: E402
from pose_ros.media.sources import demo_paths, open_source  # noqa: E402
from pose_ros.model_import.onnx_cost import cost, load_graph  # noqa: E402
from pose_ros.model_import.spec_guess import guess_spec  # noqa: E402

helper = onnx.helper
IMAGENET = {'mean': (123.675, 116.28, 103.53), 'std': (58.395, 57.12, 57.375)}


def inspect(capsys, *arguments):
    status = cli.main(['inspect', *map(str, arguments)])
    output = capsys.readouterr()
    return status, output.out.splitlines(), output.err


@pytest.mark.parametrize(
    ('made', 'wanted'),
    [
        ({}, {'stride': 4, 'layout': 'nchw', 'output_layout': 'nchw', 'decoder': 'heatmaps'}),
        ({'layout': 'nhwc'}, {'layout': 'nhwc', 'output_layout': 'nhwc', 'stride': 4}),
        ({'stride': 8, 'size': (256, 320)}, {'stride': 8, 'input_size': (256, 320)}),
        ({'simcc_split': 2}, {'decoder': 'simcc', 'simcc_split': 2.0, 'stride': 0,
                              'outputs': {'simcc_x': 'along_x', 'simcc_y': 'along_y'}}),
        ({'simcc_split': 3, 'size': (128, 128)}, {'simcc_split': 3.0}),
        ({'joints': 18}, {'keypoints': ORDERS['openpose18']}),
        ({'joints': 14}, {'keypoints': ORDERS['crowdpose14']}),
        ({'input_type': onnx.TensorProto.UINT8, 'layout': 'nhwc'}, {'std': (1.0, 1.0, 1.0)}),
    ],
    ids=str,
)  # fmt: skip
def test_the_graph_tells_layout_size_decoder_and_number(tmp_path, made, wanted):
    path = tmp_path / 'net.onnx'
    write_network(path, **{'joints': 17, **made})
    guess = guess_spec(path)
    for name, value in wanted.items():
        assert getattr(guess.spec, name) == value, name
    assert any(sentence.startswith('order of the') for sentence in guess.unknown)
    # It runs as guessed.
    path.with_suffix('.json').write_text(guess.spec.to_json())
    assert OnnxNetwork(path, 1).spec == guess.spec


def make_graph(path, output_shape, input_shape=(1, 3, 64, 64)):
    """Write a network that gives ones of a shape, whatever it sees."""
    nodes = [
        helper.make_node('ReduceMean', ['x'], ['m'], keepdims=0),
        helper.make_node('Mul', ['m', 'zero'], ['z']),
        helper.make_node('Add', ['ones', 'z'], ['y']),
    ]
    constant = onnx.numpy_helper.from_array
    graph = helper.make_graph(
        nodes, 'ones', [helper.make_tensor_value_info('x', 1, input_shape)],
        [helper.make_tensor_value_info('y', 1, output_shape)],
        [constant(np.ones(output_shape, np.float32), 'ones'), constant(np.float32(0), 'zero')],
    )  # fmt: skip
    opset = [helper.make_opsetid('', 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return path


def test_wholebody_and_unknown_numbers_of_joints(tmp_path):
    spec = guess_spec(make_graph(tmp_path / 'a.onnx', (1, 133, 16, 16))).spec
    assert spec.keypoints == ORDERS['wholebody133']
    unknown = make_graph(tmp_path / 'b.onnx', (1, 20, 16, 16))
    with pytest.raises(BackendError, match=r'a map of 20 channels.*y \[1, 20.*--keypoints'):
        guess_spec(unknown)
    names = ('nose', *(f'tail_{n}' for n in range(19)))
    assert guess_spec(unknown, keypoints=names).spec.keypoints == names


def make_outputs(path, **shapes):
    """Write a network with several outputs, 256x256 in."""
    nodes = [helper.make_node('ReduceMean', ['x'], ['m'], keepdims=0)]
    constants = []
    for name, shape in shapes.items():
        constants.append(onnx.numpy_helper.from_array(np.ones(shape, np.float32), f'{name}_1'))
        nodes.append(helper.make_node('Mul', ['m', f'{name}_1'], [name]))
    graph = helper.make_graph(
        nodes, 'several', [helper.make_tensor_value_info('x', 1, (1, 3, 256, 256))],
        [helper.make_tensor_value_info(n, 1, s) for n, s in shapes.items()], constants,
    )  # fmt: skip
    opset = [helper.make_opsetid('', 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return path


BLAZEPOSE = {
    'ld_3d': (1, 195), 'output_segmentation': (1, 256, 256, 1), 'output_heatmap': (1, 64, 64, 39),
}
SEVERAL = [
    ({'heatmaps': (1, 17, 64, 64), 'mask': (1, 1, 64, 64)}, 'heatmaps'),
    ({'a': (1, 17, 64, 64), 'b': (1, 1, 64, 64)}, 'a'),
    ({'paf': (1, 38, 32, 32), 'heat': (1, 19, 32, 32)}, 'heat'),
    ({'heat': (1, 19, 32, 32), 'paf': (1, 38, 32, 32)}, 'heat'),
    ({'stage_1': (1, 16, 64, 64), 'stage_2': (1, 16, 64, 64)}, 'stage_2'),
    ({'heatmap': (1, 17, 64, 64), 'offsets': (1, 26, 64, 64)}, 'heatmap'),
]


@pytest.mark.parametrize(('outputs', 'chosen'), SEVERAL)
def test_of_several_maps_that_with_the_joints_is_taken(tmp_path, outputs, chosen):
    guess = guess_spec(make_outputs(tmp_path / 'net.onnx', **outputs))
    assert guess.spec.outputs == {'heatmaps': chosen}
    assert len(guess.spec.keypoints) == outputs[chosen][1]
    assert any('--output chooses' in sentence for sentence in guess.unknown)


@pytest.mark.parametrize(
    ('outputs', 'message'),
    [
        (BLAZEPOSE, r'39 joints, and no known order has so many.*--keypoints'),
        ({'y': (1, 64, 64, 39)}, r'a map of 39 channels.*y \[1, 64, 64, 39\].*--output'),
        ({'a': (1, 17, 64, 64), 'b': (1, 26, 64, 64)}, r'17, 26 channels.*a \[1, 17.*--output'),
        ({'a': (1, 5, 64, 64), 'b': (1, 2, 64, 64)}, r'5, 2 channels.*--output'),
    ],
)
def test_maps_that_do_not_tell_are_refused_with_what_chooses(tmp_path, capsys, outputs, message):
    import re
    path = make_outputs(tmp_path / 'net.onnx', **outputs)
    status, lines, errors = inspect(capsys, path)
    assert status == 1 and not lines and re.search(message, errors), errors
    assert 'Traceback' not in errors and errors.strip().count('\n') == 0


def test_output_and_keypoints_choose(tmp_path, capsys):
    path = make_outputs(tmp_path / 'net.onnx', a=(1, 17, 64, 64), b=(1, 26, 64, 64))
    assert guess_spec(path, 'a').spec.outputs == {'heatmaps': 'a'}
    assert guess_spec(path, keypoints=ORDERS['halpe26']).spec.outputs == {'heatmaps': 'b'}
    names = ','.join(['nose', *(f'blaze_{n}' for n in range(38))])
    blaze = make_outputs(tmp_path / 'blaze.onnx', **BLAZEPOSE)
    assert inspect(capsys, blaze, '--keypoints', names, '--write')[0] == 0
    spec = read_spec(blaze)
    assert (spec.outputs, spec.output_layout) == ({'heatmaps': 'output_heatmap'}, 'nhwc')
    assert OnnxNetwork(blaze, 1).spec == spec
    for wrong in ('c', 'ld_3d'):
        status, _, errors = inspect(capsys, blaze, '--force', '--output', wrong)
        assert status == 1 and f"'{wrong}'" in errors and 'output_heatmap [1, 64' in errors


def with_external_data(path, name=''):
    """Move the weights of a network into NAME.onnx.data, as torch.onnx.export does."""
    model = onnx.load(str(path))
    onnx.save(model, str(path), save_as_external_data=True, size_threshold=50,
              location=name or f'{path.name}.data', convert_attribute=False)  # fmt: skip
    return path.with_name(name or f'{path.name}.data')


def test_weights_beside_the_file_are_part_of_it(tmp_path, capsys):
    path = tmp_path / 'net.onnx'
    write_network(path, 17)
    inside = model_digest(path)
    data = with_external_data(path)
    assert data.is_file() and external_data(path) == [data]
    assert inspect(capsys, path, '--write')[0] == 0
    digest = read_spec(path).onnx_sha256
    assert digest == model_digest(path) != inside
    OnnxNetwork(path, 1)
    good = data.read_bytes()
    changed = bytearray(good)
    changed[0] ^= 1
    data.write_bytes(changed)
    with pytest.raises(BackendError, match='external data, is') as caught:
        OnnxNetwork(path, 1)
    assert '\n' not in str(caught.value)
    data.unlink()
    for refused in (lambda: OnnxNetwork(path, 1), lambda: guess_spec(path)):
        with pytest.raises(BackendError, match='net.onnx.data, which is missing') as caught:
            refused()
        assert '\n' not in str(caught.value)
    status, _, errors = inspect(capsys, path)
    assert status == 1 and 'net.onnx.data, which is missing' in errors
    data.write_bytes(good)
    OnnxNetwork(path, 1)
    long = with_external_data(path, 200 * 'x')
    assert external_data(path) == [long]


def test_maxima_above_one_are_said_and_scaled(tmp_path, capsys):
    """A network whose answers are five times as high: without a scale no joint is MISSING."""
    path = tmp_path / 'net.onnx'
    (tmp_path / 'net.onnx').write_bytes(find_model('movenet_thunder').read_bytes())
    model = onnx.load(str(path))
    model.graph.node.append(helper.make_node('Mul', ['heatmaps', 'five'], ['high']))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32([5]), 'five'))
    model.graph.output.append(helper.make_tensor_value_info('high', 1, None))
    onnx.save(model, str(path))
    known = json.loads(find_model('movenet_thunder').with_suffix('.json').read_text())
    spec = {k: known[k] for k in ('name', 'input', 'stride', 'keypoints') if k in known}
    spec.update(decoder='heatmaps', outputs={'heatmaps': 'high'})
    spec['input'].pop('multiple_of', None)
    path.with_suffix('.json').write_text(json.dumps(spec))
    picture = tmp_path / 'cyclist.png'
    with open_source(str(demo_paths()[0])) as source:
        cv2.imwrite(str(picture), next(f.image for f in source if f.index == 120))
    status, lines, _ = inspect(capsys, path, '--try', '--picture', picture)
    said = next(line for line in lines if 'maxima exceed 1' in line)
    report = json.loads(lines[-1])
    best = report['trials'][0]
    assert status == 0 and best['peak'] > 2 and 'score_scale 0.' in said
    assert 0.3 < best['score'] < 0.95


@pytest.mark.parametrize(
    ('output', 'seen', 'message'),
    [((1, 17, 3), (1, 3, 64, 64), r'y \[1, 17, 3\].*nor like boxes'),
     ((1, 17, 15, 16), (1, 3, 64, 64), 'no output of'),
     ((1, 17, 16, 16), (1, 1, 64, 64), 'no picture of three colours'),
     ((1, 17, 16, 16), (1, 3, 64), 'no picture of three colours')],
)  # fmt: skip
def test_what_is_no_pose_network_is_refused(tmp_path, capsys, output, seen, message):
    path = make_graph(tmp_path / 'net.onnx', output, seen)
    status, lines, errors = inspect(capsys, path)
    assert status == 1 and not lines and 'Traceback' not in errors
    import re
    assert re.search(message, errors)
    (tmp_path / 'text.onnx').write_text('no network')
    status, _, errors = inspect(capsys, tmp_path / 'text.onnx')
    assert status == 1 and 'text.onnx' in errors and 'cannot load' in errors


def test_macs_are_counted_as_by_hand(tmp_path):
    weight = onnx.numpy_helper.from_array
    nodes = [
        helper.make_node('Conv', ['x', 'a'], ['c'], kernel_shape=[3, 3], pads=[1, 1, 1, 1],
                         strides=[2, 2]),
        helper.make_node('Conv', ['c', 'b'], ['d'], kernel_shape=[3, 3], group=8,
                         pads=[1, 1, 1, 1]),
        helper.make_node('ConvTranspose', ['d', 't'], ['e'], kernel_shape=[4, 4], strides=[2, 2],
                         pads=[1, 1, 1, 1]),
        helper.make_node('Flatten', ['e'], ['f']),
        helper.make_node('Gemm', ['f', 'g'], ['y'], transB=1),
    ]  # fmt: skip
    ones = lambda *shape: np.ones(shape, np.float32)  # noqa: E731
    weights = {'a': ones(8, 3, 3, 3), 'b': ones(8, 1, 3, 3), 't': ones(8, 5, 4, 4),
               'g': ones(7, 5 * 32 * 32)}  # fmt: skip
    graph = helper.make_graph(
        nodes, 'g', [helper.make_tensor_value_info('x', 1, ['n', 3, 'h', 'w'])],
        [helper.make_tensor_value_info('y', 1, ['n', 7])],
        [weight(v, n) for n, v in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    got = cost(model, (1, 3, 32, 32))
    by_hand = 16 * 16 * 8 * 27 + 16 * 16 * 8 * 9 + 16 * 16 * 8 * 5 * 16 + 7 * 5 * 32 * 32
    assert got.macs == by_hand
    assert got.parameters == sum(v.size for v in weights.values())


def test_the_shipped_networks_cost_what_is_known_of_them(capsys):
    model = load_graph(find_model('movenet_thunder'))
    got = cost(model, (1, 3, 256, 256))
    assert got.macs == pytest.approx(1.22e9, rel=0.01)
    assert got.parameters == pytest.approx(6.2e6, rel=0.01)
    assert cost(model, (1, 3, 512, 256)).macs == pytest.approx(2 * got.macs, rel=0.001)
    status, lines, _ = inspect(capsys, 'movenet_thunder')
    assert status == 0 and lines[0].startswith('movenet_thunder.onnx: 1.22 GMAC (2.44 GFLOP)')
    assert 'the graph agrees' in lines[1]


def test_a_description_is_written_and_not_overwritten(tmp_path, capsys):
    path = tmp_path / 'net.onnx'
    write_network(path, 16)
    status, lines, _ = inspect(capsys, path, '--write', '--keypoints', 'mpii16')
    assert status == 0 and json.loads(lines[-1])['spec']
    spec = read_spec(path)
    assert spec.keypoints == ORDERS['mpii16'] and len(spec.onnx_sha256) == 64
    status, _, errors = inspect(capsys, path, '--write')
    assert status == 1 and '--force --write replaces it' in errors
    names = ','.join(['nose', *(f'tail_{n}' for n in range(15))])
    assert inspect(capsys, path, '--write', '--force', '--keypoints', names)[0] == 0
    assert read_spec(path).keypoints[0] == 'nose'
    status, _, errors = inspect(capsys, path, '--force', '--keypoints', 'nose,r_wrist')
    assert status == 1 and "'right_wrist'" in errors
    assert sorted(p.name for p in tmp_path.iterdir()) == ['net.json', 'net.onnx']


def test_a_description_that_contradicts_is_said(tmp_path, capsys):
    path = tmp_path / 'net.onnx'
    write_network(path, 17)
    assert inspect(capsys, path, '--write')[0] == 0
    write_network(path, 17, stride=8)
    data = json.loads(path.with_suffix('.json').read_text())
    del data['onnx_sha256']
    path.with_suffix('.json').write_text(json.dumps(data))
    status, _, errors = inspect(capsys, path)
    assert status == 1 and '(1, 17, 32, 24), its description says (1, 17, 64, 48)' in errors


@pytest.mark.data
@pytest.mark.slow
def test_the_normalisation_of_a_network_of_others_is_found(tmp_path, capsys):
    data = os.environ.get('POSE_ROS_DATA')
    if not data or not (Path(data) / 'models/simplepose_256x192.onnx').is_file():
        pytest.skip('POSE_ROS_DATA does not name the evaluation data')
    (tmp_path / 'net.onnx').symlink_to(Path(data) / 'models/simplepose_256x192.onnx')
    status, lines, _ = inspect(capsys, tmp_path / 'net.onnx', '--try', '--write')
    report = json.loads(lines[-1])
    assert status == 0 and report['trials'][0]['what'] == 'ImageNet, rgb'
    assert report['trials'][0]['similarity'] > 0.8
    assert read_spec(tmp_path / 'net.onnx').mean == pytest.approx(IMAGENET['mean'])
