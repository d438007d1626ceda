# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros export`: from a training of a few steps to the estimator, nothing else to do."""

import hashlib
import json

import cv2
import numpy as np
import pytest

onnx = pytest.importorskip('onnx')
torch = pytest.importorskip('torch', reason='PyTorch is not installed (TRAINING=no?)')

from pose_ros import cli  # noqa: E402
from pose_ros.backends import load_backend  # noqa: E402
from pose_ros.backends.model_files import read_spec  # noqa: E402
from pose_ros.core import geometry  # noqa: E402
from pose_ros.core.camera_image import CameraImage  # noqa: E402
from pose_ros.core.config import EstimatorConfig  # noqa: E402
from pose_ros.training.checkpoint import load_checkpoint, trained_network  # noqa: E402
from pose_ros.training.export import export_network  # noqa: E402
from pose_ros.training.heatmap_net import HeatmapNet  # noqa: E402
from pose_ros.training.network import normalised  # noqa: E402
from pose_ros.training.settings import TrainingError  # noqa: E402

NO_CROPS = torch.zeros(0, 256, 256, 3, dtype=torch.uint8)


@pytest.fixture(scope='module')
def run(stick_folder, tmp_path_factory):
    """Train for one epoch of a few steps."""
    folder = tmp_path_factory.mktemp('runs') / 'my run'
    threads = torch.get_num_threads()
    arguments = ['--epochs', 1, '--passes', 1, '--batch', 2, '--threads', 1, '--sigma', 2.5]
    assert cli.main(
        ['train', '--data', str(stick_folder), '--out', str(folder), *map(str, arguments)]
    ) == 0
    torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope='module')
def exported(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp('models')
    assert cli.main(['export', str(run), '--out', str(folder)]) == 0
    assert {path.name for path in folder.iterdir()} == {'my_run.onnx', 'my_run.json', 'my_run.md'}
    return folder / 'my_run.onnx'


def test_the_description_is_that_of_the_file(exported):
    spec = read_spec(exported)
    assert spec.name == 'my_run' and spec.input_size == (256, 256)
    assert spec.onnx_sha256 == hashlib.sha256(exported.read_bytes()).hexdigest()
    assert (spec.refinement, spec.blur_sigma, spec.offset_px) == ('taylor', 2.5, 1.5)
    assert spec.std == (255, 255, 255)


def test_the_graph_has_a_free_batch_and_named_nodes(exported):
    model = onnx.load(str(exported))
    assert model.opset_import[0].version >= 13
    names = [node.name for node in model.graph.node]
    assert all(names) and len(set(names)) == len(names)
    for tensor in (model.graph.input[0], model.graph.output[0]):
        sizes = tensor.type.tensor_type.shape.dim
        assert sizes[0].dim_param == 'batch' and all(size.dim_value for size in sizes[1:])
    assert not {node.op_type for node in model.graph.node} & {'BatchNormalization'}


def test_the_card_names_the_data_and_warns(exported):
    card = exported.with_suffix('.md').read_text()
    assert '8 people in 8 photos' in card and '`sticks`' in card
    assert '8 photos do not make a general model' in card


def test_the_backend_sees_what_pytorch_sees(run, exported, stick_folder):
    network = trained_network(run).network.eval()
    config = EstimatorConfig(backend='onnx', refiner_model=str(exported))
    backend = load_backend(config)
    image = cv2.imread(str(stick_folder / 'images' / '3.png'))
    labels = json.loads((stick_folder / 'annotations.json').read_text())
    x, y, width, height = labels['annotations'][2]['bbox']
    crop = geometry.crop(np.array([[x, y, x + width, y + height]]), (256, 256), 1.25)
    backend.load(CameraImage.from_bgr(image))
    found = backend.refine(crop)
    backend.close()

    from pose_ros.core.decode.movenet import decode_person
    from pose_ros.core.estimator import preprocess

    view = torch.from_numpy(preprocess.warp(image, crop[0], (256, 256)))[None]
    with torch.no_grad():
        maps = {'heatmaps': network(normalised(view, network.spec))['heatmaps'].numpy()}
    expected = decode_person(maps, network.spec)
    in_image = geometry.apply(geometry.invert(crop), expected.xy)
    assert np.abs(found.xy - in_image).max() < 0.2
    assert np.abs(found.score - expected.score).max() < 0.01


def test_it_is_evaluated_with_nothing_else_to_do(exported, stick_folder, capsys):
    status = cli.main([
        'evaluate', '--data', str(stick_folder), '--mode', 'boxes', '--model', str(exported),
        '--set', 'backend=onnx',
    ])
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert status == 0 and report['models'] == ['my_run'] and report['found'] == 8


def test_a_difference_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    """Here the file has other weights than the network that it is compared with."""
    network = HeatmapNet()
    monkeypatch.setattr(network, 'write_onnx', HeatmapNet().write_onnx)
    torch.nn.init.normal_(network.head.weight, std=0.1)
    with pytest.raises(TrainingError, match='differ by .* not exported'):
        export_network(network, tmp_path, 'name', NO_CROPS, 'card')
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    network = HeatmapNet()
    with torch.no_grad():
        network.head.bias[3] = float('nan')
    with pytest.raises(TrainingError, match='1 weights are not finite numbers.*head.bias'):
        export_network(network, tmp_path / 'out', 'name', NO_CROPS, 'card')
    assert not (tmp_path / 'out').exists()


def test_a_full_disk_leaves_the_old_files(exported, tmp_path):
    import resource

    network = HeatmapNet()
    export_network(network, tmp_path, 'name', NO_CROPS, 'card')
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(TrainingError, match='cannot export to'):
            export_network(network, tmp_path, 'name', NO_CROPS, 'card')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize('arguments, text', [
    (['absent', '--out', 'x'], 'absent holds no training'),
    (['run', '--out', 'x', '--name', '../up'], '--name ../up'),
])
def test_mistakes_are_one_line(run, tmp_path, monkeypatch, capsys, arguments, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'run').symlink_to(run)
    assert cli.main(['export', *arguments]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith('pose_ros: ') and errors.count('\n') == 1 and text in errors
    assert not (tmp_path / 'x').exists()


def test_a_training_whose_photos_are_gone_is_exported_all_the_same(run, tmp_path, capsys):
    folder = tmp_path / 'moved'
    folder.mkdir()
    config = json.loads((run / 'config.json').read_text())
    (folder / 'config.json').write_text(json.dumps({**config, 'data': [str(tmp_path / 'gone')]}))
    (folder / 'best.pt').write_bytes((run / 'best.pt').read_bytes())
    assert cli.main(['export', str(folder), '--out', str(tmp_path / 'out')]) == 0
    assert 'on noise and 0 crops' in capsys.readouterr().out
    assert load_checkpoint(folder / 'best.pt')['photos'] == 8
