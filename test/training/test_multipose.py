# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The first pass learns from whole photos: what it sees, its loss, and a training of it."""

import shutil

import numpy as np
import pytest

onnx = pytest.importorskip('onnx')
torch = pytest.importorskip('torch', reason='PyTorch is not installed (TRAINING=no?)')

from pose_ros import cli  # noqa: E402
from pose_ros.backends.model_files import find_model, read_spec  # noqa: E402
from pose_ros.backends.onnx import OnnxBackend  # noqa: E402
from pose_ros.core.decode.movenet import decode_people  # noqa: E402
from pose_ros.core.skeleton import FLIP_INDEX  # noqa: E402
from pose_ros.training import augment  # noqa: E402
from pose_ros.training.augment import Augmentation  # noqa: E402
from pose_ros.training.data import read_labels  # noqa: E402
from pose_ros.training.movenet import original  # noqa: E402
from pose_ros.training.multipose import people_loss  # noqa: E402
from pose_ros.training.samples import Loader, PhotoCache  # noqa: E402
from pose_ros.training.whole_photos import INPUT_SIZE, PhotoMaker  # noqa: E402

MULTIPOSE = find_model('movenet_multipose')
SPEC = read_spec(MULTIPOSE)
SIGMA = 1.2
CHANGED = Augmentation(1.1, 10.0, 0.03, 0.5, 0.0, 0.0, 0.0, 0.0)
MAP = 88, 112


@pytest.fixture
def people(stick_folder):
    return read_labels(stick_folder / 'annotations.json', stick_folder / 'images').people


@pytest.mark.parametrize('augmentation', [Augmentation.none(), CHANGED])
def test_joints_stay_where_they_are_drawn(people, augmentation):
    photos, seen = PhotoCache(), []
    maker = PhotoMaker(people, augmentation, 3, photos)
    assert len(maker) == len({p.path for p in people})
    for place in range(4 * len(maker)):
        sample = maker.sample(place % len(maker), 1, place)
        image_id, _ = maker.place_of(place % len(maker))
        group = [p for p in people if p.image_id == image_id]
        _, is_mirrored = augment.random_affine(
            augmentation, INPUT_SIZE, np.random.default_rng([3, 1, 1, place]))
        for person, xy, weight in zip(group, sample.xy, sample.weight):
            for k in np.flatnonzero(weight):
                px, py = np.rint(person.xy[FLIP_INDEX[k] if is_mirrored else k]).astype(int)
                x, y = np.rint(xy[k]).astype(int)
                near = sample.crop[max(0, y - 1):y + 2, max(0, x - 1):x + 2].reshape(-1, 3)
                there = photos.read(person)[py, px].astype(float)
                seen.append(np.abs(near - there).max(axis=1).min() < 40)
    assert len(seen) > 200 and np.mean(seen) > 0.9


def test_people_of_one_photo_are_one_sample_and_the_same_again(people):
    loader = Loader(PhotoMaker(people, CHANGED, 3), 3, 2)
    batch, again = (next(loader.epoch(1)) for _ in range(2))
    assert batch.crops.shape[1:] == (352, 448, 3)
    assert batch.xy.shape[:2] == batch.weight.shape[:2] == batch.area.shape
    assert (batch.weight[torch.isnan(batch.xy[..., 0])] == 0).all()
    for name in ('crops', 'weight', 'area'):
        assert torch.equal(getattr(batch, name), getattr(again, name))


@pytest.fixture
def two_people():
    """Two people in one photo, map pixels, and maps that are read without an error."""
    rng = np.random.default_rng(2)
    xy = np.stack([rng.uniform((x, 20), (x + 30, 70), (17, 2)) for x in (12, 66)])
    height, width = MAP
    rows, columns = np.mgrid[:height, :width]
    x, y = xy[..., 0, None, None], xy[..., 1, None, None]
    squared = (rows - y) ** 2 + (columns - x) ** 2
    towards = np.stack([y - rows, x - columns], axis=2)  # (2, 17, 2, H, W)
    is_first = columns < 53
    middles = np.rint(xy.mean(axis=1))
    centers = np.maximum(*(
        np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 1.3**2)) for x, y in middles))
    maps = {
        'heatmaps': np.exp(-squared / (2 * SIGMA**2)).max(axis=0),
        'centers': centers[None],
        'regress': np.where(is_first, *towards).reshape(34, height, width),
        'offsets': np.where(is_first, *towards).reshape(34, height, width),
    }
    maps = {role: torch.tensor(m, dtype=torch.float32)[None] for role, m in maps.items()}
    labels = torch.tensor(xy, dtype=torch.float32)[None]
    return maps, labels, torch.ones(1, 2, 17), torch.full((1, 2), 900.0)


def loss_of(maps, xy, weight, area, kept=None):
    return people_loss(
        maps | original(kept or maps), xy, weight, area, float(SPEC.weighting['value']), SIGMA)


def test_the_loss_is_about_what_the_decoder_reads(two_people):
    maps, xy, weight, area = two_people
    view, found = decode_people({k: m.numpy() for k, m in maps.items()}, SPEC, 9, 0.5)
    assert view.tolist() == [0, 0]
    order = found.xy[:, :, 0].mean(axis=1).argsort()
    np.testing.assert_allclose(found.xy[order], xy[0] * 4, atol=1e-2)
    best = loss_of(maps, xy, weight, area)
    for role in maps:
        worse = maps | {role: torch.roll(maps[role], 30, dims=3)}
        assert loss_of(worse, xy, weight, area, worse) > best + 0.01, role


def test_a_person_who_is_not_seen_costs_and_teaches_every_head(two_people):
    maps, xy, weight, area = two_people
    best = loss_of(maps, xy, weight, area)
    unseen = {role: m * 0.3 if role in ('heatmaps', 'centers') else m for role, m in maps.items()}
    unseen = {role: m.clone().requires_grad_(True) for role, m in unseen.items()}
    kept = {role: m.detach().clone() for role, m in unseen.items()}
    loss = loss_of(unseen, xy, weight, area, kept)
    assert loss > best + 0.2
    loss.backward()
    # A step against the gradient makes both centres higher.
    step = -unseen['centers'].grad[0, 0]
    for middle in np.rint(xy[0].numpy().mean(axis=1)).astype(int):
        assert step[middle[1], middle[0]] > 0
    for role, values in unseen.items():
        assert values.grad.abs().sum() > 1e-3, role


def test_outside_of_the_labelled_the_original_is_kept(two_people):
    maps, xy, weight, area = two_people
    only_first = weight.clone()
    only_first[:, 1] = 0
    best = loss_of(maps, xy, only_first, area)
    # The second person has no label: other maps there than the original's cost, drawn or not.
    for role in ('heatmaps', 'centers'):
        other = maps | {role: maps[role].clone()}
        other[role][..., 60:] *= 0.5
        assert loss_of(other, xy, only_first, area, maps) > best + 1e-3
        assert loss_of(other, xy, only_first, area, other) == pytest.approx(best.item(), abs=1e-5)
    nobody = loss_of(maps, xy, torch.zeros_like(weight), area)
    assert nobody.item() == pytest.approx(0.0, abs=1e-6)


def test_a_training_of_the_first_pass(stick_folder, tmp_path, capsys):
    source = tmp_path / 'movenet_multipose.onnx'
    for suffix in ('.onnx', '.json'):
        shutil.copy(MULTIPOSE.with_suffix(suffix), source.with_suffix(suffix))
    assert read_spec(source).calibration
    run, out = tmp_path / 'run', tmp_path / 'model'
    arguments = [
        'train', '--from', source, '--data', stick_folder, '--out', run,
        '--learn-from', 'block_16', '--epochs', '1', '--passes', '1', '--batch', '2',
        '--warm-up-steps', '1', '--threads', '1', '--loader-threads', '1', '--precision', 'fp32',
    ]
    assert cli.main([str(a) for a in arguments]) == 0
    assert 'val_ap' in capsys.readouterr().out
    assert (run / 'samples.png').is_file()
    assert cli.main(['export', str(run), '--out', str(out), '--name', 'tuned']) == 0
    old, new = (
        {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(str(path)).graph.initializer}
        for path in (MULTIPOSE, out / 'tuned.onnx')
    )
    changed = {name for name in old if not np.array_equal(old[name], new[name])}
    for head in ('kpt_heatmap_0', 'center_0', 'kpt_regress_0', 'kpt_offset_0', 'block_16_'):
        assert any(head in name for name in changed), head
    assert not any('block_15_' in name or 'box_scale' in name for name in changed)
    card = (out / 'tuned.md').read_text()
    assert 'of everybody in an image' in card and 'crop is about' not in card
    # What its scores mean has to be measured anew.
    assert not read_spec(out / 'tuned.onnx').calibration
    backend = OnnxBackend(str(out / 'tuned.onnx'), 'pose_thunder', 1)
    assert backend.detector.name == 'tuned'
    backend.close()
