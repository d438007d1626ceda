# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The shipped network in PyTorch: the same as in ONNX Runtime, and what it learns from."""

from dataclasses import replace
import hashlib
import shutil

import numpy as np
import onnxruntime
import pytest

onnx = pytest.importorskip('onnx')
torch = pytest.importorskip('torch', reason='PyTorch is not installed (TRAINING=no?)')

from benchmarks.torch_network import TorchNetwork  # noqa: E402
from pose_ros import cli  # noqa: E402
from pose_ros.backends.model_files import find_model, read_spec  # noqa: E402
from pose_ros.backends.onnx import OnnxBackend, OnnxNetwork  # noqa: E402
from pose_ros.core.decode.encode import encode_heatmaps  # noqa: E402
from pose_ros.core.decode.movenet import decode_person  # noqa: E402
from pose_ros.training.augment import Augmentation  # noqa: E402
from pose_ros.training.checkpoint import new_network  # noqa: E402
from pose_ros.training.data import read_labels  # noqa: E402
from pose_ros.training.heatmap_net import HeatmapNet  # noqa: E402
from pose_ros.training.loop import parameter_groups  # noqa: E402
from pose_ros.training.movenet import MoveNet, drawn_loss, original, read_loss  # noqa: E402
from pose_ros.training.network import normalised  # noqa: E402
from pose_ros.training.samples import Loader, SampleMaker  # noqa: E402
from pose_ros.training.settings import TrainingError, TrainingSettings  # noqa: E402

THUNDER = find_model('movenet_thunder')
SOFTENING = read_spec(THUNDER).weighting['value']
SIGMA = 1.2
FEW = ['--epochs', '1', '--passes', '1', '--batch', '2', '--warm-up-steps', '1', '--threads', '1',
       '--loader-threads', '1', '--precision', 'fp32', '--val-fraction', '0']  # fmt: skip


def run_onnx(model, images):
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {'image': images})))


@pytest.fixture(scope='module')
def noise():
    return np.random.default_rng(0).uniform(-1, 1, (2, 3, 128, 96)).astype(np.float32)


@pytest.mark.parametrize('model', ['movenet_thunder', 'movenet_multipose'])
def test_pytorch_and_onnx_runtime_see_the_same(noise, model):
    maps = TorchNetwork(find_model(model), 'cpu', is_half=False).run(noise)
    wanted = OnnxNetwork(find_model(model), 1).run(noise)
    assert set(maps) == set(wanted) == {'heatmaps', 'centers', 'regress', 'offsets'}
    for role, values in wanted.items():
        np.testing.assert_allclose(maps[role], values, atol=5e-4 if values.max() > 2 else 1e-5)


def test_what_has_learnt_nothing_is_written_as_it_was_read(noise, tmp_path):
    MoveNet(THUNDER).write_onnx(tmp_path / 'same.onnx')
    for role, values in run_onnx(str(tmp_path / 'same.onnx'), noise).items():
        np.testing.assert_array_equal(values, run_onnx(str(THUNDER), noise)[role])
    old, new = (onnx.load(str(p)).graph for p in (THUNDER, tmp_path / 'same.onnx'))
    assert [i.name for i in new.initializer] == [i.name for i in old.initializer]
    assert {i.data_type for i in new.initializer} == {i.data_type for i in old.initializer}
    assert [n.name for n in new.node] == [n.name for n in old.node]


def test_a_weight_that_float16_cannot_hold_is_not_written(tmp_path):
    network = MoveNet(THUNDER)
    next(p for p in network.parameters() if p.requires_grad).data[0] = 1e6
    with pytest.raises(TrainingError, match='learning-rate'):
        network.write_onnx(tmp_path / 'none.onnx')
    assert not (tmp_path / 'none.onnx').exists()


def perfect_maps(xy, height=64, width=64):
    """Draw what the decoder reads the keypoints (B, 17, 2) from without an error."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x, y = xy[..., 0, None, None], xy[..., 1, None, None]
    towards = np.stack([y - rows, x - columns], axis=2)
    heatmaps = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 8)
    centers = np.exp(-((rows - 30) ** 2 + (columns - 32) ** 2) / 8)[None, None]
    offsets = towards.reshape(len(xy), 34, height, width)
    # At the right there is somebody else.
    regress = np.where(columns < 44, offsets, offsets + 20)
    maps = {
        'heatmaps': heatmaps, 'centers': np.repeat(centers, len(xy), 0),
        'regress': regress, 'offsets': offsets,
    }
    return {role: torch.tensor(values, dtype=torch.float32) for role, values in maps.items()}


@pytest.fixture
def labels():
    xy = np.random.default_rng(1).uniform(12, 52, (2, 17, 2)).astype(np.float32)
    return torch.from_numpy(xy), torch.ones(2, 17)


def loss_of(maps, labels, kept=None, crowding=0.0):
    xy, weight = labels
    targets = np.stack([
        encode_heatmaps(person * 4, (64, 64), 4, 0.0, SIGMA) for person in xy.numpy()])
    drawn = drawn_loss(
        maps | original(kept or maps), torch.from_numpy(targets), weight,
        torch.full((2,), crowding), SIGMA)
    return drawn + read_loss(maps, xy, weight, SOFTENING)


def test_the_loss_is_about_what_the_decoder_reads(labels):
    maps = perfect_maps(labels[0].numpy())
    found = decode_person({k: m.numpy() for k, m in maps.items()}, read_spec(THUNDER))
    np.testing.assert_allclose(found.xy, labels[0] * 4, atol=1e-3)
    best = loss_of(maps, labels)
    for role in maps:
        worse = dict(maps)
        worse[role] = torch.roll(maps[role], 16, dims=3)
        assert loss_of(worse, labels, worse) > best + 0.01, role
    # Maps that read as well, but are not those of the original, cost only for that.
    assert loss_of(maps, labels, {k: m * 0.9 for k, m in maps.items()}) > best
    # A second hill far away, of a neighbour, is read nowhere and costs all the same.
    two = maps | {'heatmaps': maps['heatmaps'] + torch.roll(maps['heatmaps'], 20, dims=2)}
    assert loss_of(two, labels, two) > best + 0.01


def test_every_head_learns_from_labels(labels):
    maps = {role: m + 0.01 for role, m in perfect_maps(labels[0].numpy()).items()}
    kept = {role: m.clone() for role, m in maps.items()}
    for values in maps.values():
        values.requires_grad_(True)
    # Nothing differs from the original: what is left is the labels.
    loss_of(maps, labels, kept).backward()
    for role, values in maps.items():
        assert values.grad.abs().sum() > 1e-3, role


def test_what_is_not_labelled_teaches_nothing_and_holds_on_to_the_original(labels):
    xy, weight = labels
    maps = perfect_maps(xy.numpy())
    for values in maps.values():
        values.requires_grad_(True)
    nobody = torch.full_like(xy, torch.nan), torch.zeros_like(weight)
    kept = {k: m.detach() for k, m in maps.items()}
    assert loss_of(maps, nobody, kept).item() == pytest.approx(0.0, abs=1e-6)
    loss = loss_of(maps, nobody, {k: m * 0.5 for k, m in kept.items()})
    loss.backward()
    assert loss.item() > 0 and maps['heatmaps'].grad.abs().sum() > 0
    assert maps['regress'].grad is None or not maps['regress'].grad.any()
    # One keypoint without a label: where it is drawn does not matter.
    half = weight.clone()
    half[:, 3] = 0
    moved = xy.clone()
    moved[:, 3] = torch.nan
    one, other = (loss_of(maps, (points, half), kept).item() for points in (xy, moved))
    assert one == other


def test_a_crowded_crop_keeps_less_of_the_original(labels):
    maps = perfect_maps(labels[0].numpy())
    other = {role: m * 0.5 for role, m in maps.items()}
    alone, some, crowded, same = (
        loss_of(maps, labels, kept, crowding).item()
        for kept, crowding in ((other, 0.0), (other, 0.1), (other, 0.9), (maps, 0.0))
    )
    assert alone > some > crowded > same  # the centres are kept in any case


def test_training_changes_the_heads_and_keeps_the_trunk(change_labels, tmp_path):
    few = change_labels(lambda data: data.update(annotations=data['annotations'][:3]))
    source = tmp_path / 'thunder.onnx'
    for suffix in ('.onnx', '.json'):
        shutil.copy(THUNDER.with_suffix(suffix), source.with_suffix(suffix))
    arguments = ['train', '--from', source, '--data', few, '--out', tmp_path / 'run']
    arguments += ['--learn-from', 'block_15']
    assert cli.main([str(a) for a in [*arguments, *FEW]]) == 0
    out = tmp_path / 'model'
    assert cli.main(['export', str(tmp_path / 'run'), '--out', str(out), '--name', 'tuned']) == 0
    old, new = (
        {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(str(path)).graph.initializer}
        for path in (THUNDER, out / 'tuned.onnx')
    )
    assert set(new) == set(old)
    changed = {name for name in old if not np.array_equal(old[name], new[name])}
    assert any('kpt_regress_0' in name for name in changed)
    assert any('block_16_' in name for name in changed)
    assert not any('Conv1' in name or 'block_14_' in name for name in changed)
    spec = read_spec(out / 'tuned.onnx')
    assert spec.onnx_sha256 == hashlib.sha256((out / 'tuned.onnx').read_bytes()).hexdigest()
    assert (spec.name, spec.decoder, spec.multiple_of) == ('tuned', 'centers', 32)
    # A training may go on from that one.
    settings = TrainingSettings(
        data=('',), start_from=str(tmp_path / 'run'), learn_from='block_16')
    again = new_network(settings)
    learning = [name for name, p in again.named_parameters() if p.requires_grad]
    assert any('block_16_' in name for name in learning)
    assert not any('block_15_' in name for name in learning)
    name = next(name for name in changed if 'kpt_regress_0' in name)
    weight = again.get_parameter(name.removesuffix('_f16')).detach().half().numpy()
    np.testing.assert_array_equal(weight, new[name])
    backend = OnnxBackend('movenet_multipose', str(out / 'tuned.onnx'), 1)
    assert backend.refiner.name == 'tuned'
    backend.close()


def test_the_first_steps_make_it_better(stick_folder):
    """Layers of very different weights learn alike: with one rate for all the loss grows first."""
    torch.manual_seed(1)
    network = MoveNet(THUNDER, 'block_13').train()
    people = read_labels(stick_folder / 'annotations.json', stick_folder / 'images').people[:4]
    maker = SampleMaker(people, network.spec, Augmentation.none(), 0, SIGMA)
    batch = next(Loader(maker, 4, 1).once())
    groups = parameter_groups(network, 0.0)
    optimizer = torch.optim.AdamW([
        {'params': group['params'], 'lr': 5e-4 * group['share']} for group in groups])
    losses = []
    for _ in range(4):
        loss = network.loss(network(normalised(batch.crops, network.spec)), batch, SIGMA)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.9 * losses[0]


def test_a_network_that_is_no_movenet_is_refused(tmp_path, capsys, stick_folder):
    shutil.copy(THUNDER, tmp_path / 'hills.onnx')
    (tmp_path / 'hills.json').write_text(replace(HeatmapNet.spec, name='hills').to_json())
    with pytest.raises(TrainingError, match='not that of a MoveNet'):
        new_network(TrainingSettings(data=('',), start_from=str(tmp_path / 'hills.onnx')))
    with pytest.raises(TrainingError, match='missing'):
        shutil.copy(THUNDER, tmp_path / 'alone.onnx')
        MoveNet(tmp_path / 'alone.onnx')
    model = onnx.load(str(THUNDER))
    next(n for n in model.graph.node if n.op_type == 'Clip').op_type = 'Softplus'
    onnx.save(model, str(tmp_path / 'other.onnx'))
    text = THUNDER.with_suffix('.json').read_text()
    (tmp_path / 'other.json').write_text(text)
    with pytest.raises(TrainingError, match='Softplus'):
        MoveNet(tmp_path / 'other.onnx')
    (tmp_path / 'other.onnx').write_bytes(b'nothing')
    arguments = ['train', '--from', tmp_path / 'other.onnx', '--data', stick_folder, '--out',
                 tmp_path / 'run']  # fmt: skip
    assert cli.main([str(a) for a in arguments]) != 0
    assert 'other.onnx' in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()
