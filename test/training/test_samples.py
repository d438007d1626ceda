# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Crops: what is labelled stays on the joint that is drawn there, whatever is changed."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed (TRAINING=no?)')

from pose_ros.core.estimator import preprocess  # noqa: E402
from pose_ros.core.skeleton import FLIP_INDEX  # noqa: E402
from pose_ros.evaluation.scores import DataError  # noqa: E402
from pose_ros.training import augment  # noqa: E402
from pose_ros.training.augment import Augmentation  # noqa: E402
from pose_ros.training.data import read_labels  # noqa: E402
from pose_ros.training.heatmap_net import HeatmapNet  # noqa: E402
from pose_ros.training.samples import Loader, PhotoCache, SampleMaker  # noqa: E402

SPEC = HeatmapNet.spec
GEOMETRY = Augmentation(
    scale=1.3, rotation_deg=30.0, shift=0.05, flip=0.5, color=0.0, occlusion=0.0
)
TORSO = (5, 6, 11, 12)
"""Joints that no other joint's disc covers."""


@pytest.fixture(scope='module')
def people(stick_folder):
    return read_labels(stick_folder / 'annotations.json', stick_folder / 'images').people


def color_at(crop, xy):
    x, y = np.rint(xy).astype(int)
    return crop[y - 1:y + 2, x - 1:x + 2].reshape(-1, 3).mean(axis=0)


@pytest.mark.parametrize('augmentation', [Augmentation.none(), GEOMETRY])
def test_joints_stay_where_they_are_drawn(people, augmentation):
    """A mirrored person's left shoulder is drawn in the colour of the right one."""
    photos = PhotoCache()
    maker = SampleMaker(people, SPEC, augmentation, seed=5)
    seen = {True: 0, False: 0}
    for place in range(24):
        index = place % len(people)
        person = people[index]
        sample = maker.sample(index, epoch=1, place=place)
        photo = photos.read(person)
        _, is_mirrored = augment.random_affine(
            augmentation, SPEC.input_size, np.random.default_rng([5, 1, 1, place])
        )
        for k in TORSO:
            if sample.weight[k] == 0:
                continue
            drawn = FLIP_INDEX[k] if is_mirrored else k
            x, y = np.rint(person.xy[drawn]).astype(int)
            wanted = photo[y, x].astype(float)
            assert np.abs(color_at(sample.crop, sample.xy[k]) - wanted).max() < 25, (place, k)
            seen[is_mirrored] += 1
    assert seen[False] > 20
    assert (seen[True] > 20) == (augmentation is GEOMETRY)


def test_targets_lie_on_the_joints(people):
    sample = SampleMaker(people, SPEC, GEOMETRY, seed=1).sample(0, place=2)
    for k in np.flatnonzero(sample.weight):
        i, j = np.unravel_index(sample.heatmaps[k].argmax(), sample.heatmaps[k].shape)
        at = np.array([j, i]) * SPEC.stride + SPEC.offset_px
        assert np.abs(at - sample.xy[k]).max() <= SPEC.stride / 2 + 1e-3
    unknown = np.isnan(sample.xy[:, 0])
    assert unknown.sum() == 1
    assert (sample.weight[unknown] == 0).all() and (sample.heatmaps[unknown] == 0).all()


def test_a_joint_outside_of_the_crop_is_masked(people):
    far = Augmentation(scale=1.0, rotation_deg=0, shift=0.5, flip=0, color=0, occlusion=0)
    sample = SampleMaker(people, SPEC, far, seed=2).sample(0, place=1)
    with np.errstate(invalid='ignore'):
        outside = (sample.xy < -0.5).any(axis=1) | (sample.xy > 255.5).any(axis=1)
    assert 0 < outside.sum() < 17
    assert (sample.weight[outside] == 0).all()


def test_a_sample_is_a_function_of_its_place(people):
    maker, other = (SampleMaker(people, SPEC, Augmentation(), seed=3) for _ in range(2))
    first, again = maker.sample(1, 4, 7), other.sample(1, 4, 7)
    assert np.array_equal(first.crop, again.crop)
    assert np.array_equal(first.heatmaps, again.heatmaps)
    for changed in (maker.sample(1, 5, 7), maker.sample(1, 4, 8)):
        assert not np.array_equal(first.crop, changed.crop)


def test_color_and_occlusion_leave_the_labels_alone(people):
    looks = Augmentation(scale=1, rotation_deg=0, shift=0, flip=0, color=0.5, occlusion=1.0)
    still = SampleMaker(people, SPEC, Augmentation.none()).sample(3)
    changed = SampleMaker(people, SPEC, looks, seed=9).sample(3)
    assert np.array_equal(still.xy, changed.xy, equal_nan=True)
    assert (still.crop != changed.crop).mean() > 0.1


def test_an_occlusion_is_one_rectangle():
    crop = np.zeros((256, 256, 3), np.uint8)
    augment.occlude(
        crop, lambda: np.full((256, 256, 3), 200, np.uint8), Augmentation(occlusion=1.0),
        np.random.default_rng(1),
    )
    rows, columns = np.nonzero(crop.any(axis=2))
    covered = crop[rows.min():rows.max() + 1, columns.min():columns.max() + 1]
    assert covered.any(axis=2).all() and 600 < rows.size < 8200
    assert rows.size == covered.shape[0] * covered.shape[1]


def test_a_photo_that_is_not_the_labelled_one_is_named(tmp_path, people):
    small = np.zeros((20, 30, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), small)
    person = replace(people[0], path=tmp_path / 'a.png')
    with pytest.raises(DataError, match=r'a\.png has 30x20 pixels, its labels are for 320x260'):
        PhotoCache().read(person)
    (tmp_path / 'a.png').write_bytes((tmp_path / 'a.png').read_bytes()[:20])
    with pytest.raises(DataError, match=r'a\.png cannot be read'):
        PhotoCache().read(person)


def test_the_cache_has_an_end(people):
    photos = PhotoCache(capacity_bytes=2 * 260 * 320 * 3)
    read = [photos.read(person) for person in people]
    again = [photos.read(person) for person in people]
    assert sum(a is b for a, b in zip(read, again)) == 2
    assert all(np.array_equal(a, b) for a, b in zip(read, again))


def test_threads_change_nothing(people):
    maker = SampleMaker(people, SPEC, Augmentation(), seed=1)
    one, three = (list(Loader(maker, 3, threads).epoch(2, passes=2)) for threads in (1, 3))
    assert [len(batch.crops) for batch in one] == [3, 3, 3, 3, 3, 1]
    assert len(one) == Loader(maker, 3).num_batches(passes=2)
    for a, b in zip(one, three):
        assert torch.equal(a.crops, b.crops) and torch.equal(a.heatmaps, b.heatmaps)


def test_each_pass_sees_everybody(people):
    order = Loader(SampleMaker(people, SPEC, Augmentation()), 1).order(epoch=1, passes=3)
    assert np.array_equal(np.sort(order.reshape(3, -1), axis=1), np.tile(np.arange(8), (3, 1)))
    assert len({tuple(part) for part in order.reshape(3, -1)}) == 3


def test_half_of_a_body_is_upper_or_lower():
    y = np.concatenate([np.linspace(10, 90, 11), np.linspace(130, 180, 6)])
    xy = np.column_stack([np.linspace(40, 60, 17), y]).astype(np.float32)
    always = Augmentation(half_body=1.0)
    kinds = set()
    for seed in range(20):
        box = augment.half_body_box(xy, always, np.random.default_rng(seed))
        inside = (xy[:, 1] >= box[1]) & (xy[:, 1] <= box[3])
        kinds.add(tuple(np.flatnonzero(inside)))
        # A fifth larger than what it is around.
        assert box[3] - box[1] == pytest.approx(1.2 * np.ptp(xy[inside, 1]), rel=0.01)
    assert kinds == {tuple(range(11)), tuple(range(11, 17))}
    few = xy.copy()
    few[7:] = np.nan
    for augmentation, points in ((always, few), (Augmentation(), xy)):
        rng = np.random.default_rng(0)
        assert augment.half_body_box(points, augmentation, rng) is None


@pytest.mark.parametrize('enlarged', [0.5, 3.0])
def test_crops_are_degraded_as_the_photo_would_have_been(monkeypatch, enlarged):
    """The part that the crop shows is degraded, in the photo's own pixels, and stays in place."""
    rng = np.random.default_rng(0)
    photo = cv2.resize(rng.integers(0, 256, (96, 128, 3), np.uint8), (512, 384))
    size = 96, 128
    affine = np.array([[enlarged, 0.0, -200 * enlarged], [0.0, enlarged, -40 * enlarged]])
    always = Augmentation(degrade=1.0)
    seen = []

    def unchanged(part, chosen, rng):
        seen.append((part.shape, [kind for kind, _ in chosen]))
        return part.copy()

    assert augment.degraded_part(photo, affine, size, Augmentation.none(), rng)[0] is photo
    monkeypatch.setattr(augment.degrade, 'degrade', unchanged)
    part, crop_from_part = augment.degraded_part(photo, affine, size, always, rng)
    assert seen == [(part.shape, ['blur', 'dark', 'noise', 'jpeg'])]
    assert part.size < photo.size / 2
    whole, cut = preprocess.warp(photo, affine, size), preprocess.warp(part, crop_from_part, size)
    np.testing.assert_array_equal(whole, cut)


def test_jpeg_is_twice_as_frequent(monkeypatch):
    kinds = []
    monkeypatch.setattr(
        augment.degrade, 'degrade',
        lambda part, chosen, rng: kinds.extend(kind for kind, _ in chosen) or part)
    photo, rng = np.zeros((64, 64, 3), np.uint8), np.random.default_rng(1)
    for _ in range(400):
        augment.degraded_part(photo, np.eye(2, 3), (64, 64), Augmentation(degrade=0.25), rng)
    assert 170 < kinds.count('jpeg') < 230 and 70 < kinds.count('noise') < 130
