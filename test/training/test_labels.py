# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who is learnt from, who is left out and why, and what is wrong with a folder."""

from pathlib import Path
import shutil

import cv2
import numpy as np
import pytest

pytest.importorskip('torch', reason='PyTorch is not installed (TRAINING=no?)')

from pose_ros import cli  # noqa: E402
from pose_ros.core.skeleton import KEYPOINT_NAMES  # noqa: E402
from pose_ros.evaluation.annotation_file import DataError  # noqa: E402
from pose_ros.training.data import read_labels, split_by_photo  # noqa: E402
from pose_ros.training.settings import TrainingError  # noqa: E402


def labels_of(folder):
    return read_labels(folder / 'annotations.json', folder / 'images')


def test_everybody_is_read(stick_folder):
    labels = labels_of(stick_folder)
    assert len(labels.people) == labels.num_photos == 8 and labels.left_out == {}
    person = labels.people[0]
    assert person.path == stick_folder / 'images' / '1.png'
    assert np.isnan(person.xy).all(axis=1).sum() == 1  # the joint that is not labelled
    inside = person.xy[~np.isnan(person.xy[:, 0])]
    assert (inside >= person.box_xyxy[:2]).all() and (inside <= person.box_xyxy[2:]).all()


def test_who_cannot_be_learnt_from_is_left_out_and_counted(change_labels):
    def edit(data):
        people = data['annotations']
        people[0]['bbox'][2] = 0
        people[1]['bbox'] = [900, 900, 20, 20]
        people[2]['keypoints'] = [0] * 51
        people[3]['iscrowd'] = 1
        people[4]['keypoints'] = []

    labels = labels_of(change_labels(edit))
    assert len(labels.people) == 3
    assert labels.left_out == {
        'with a box without area': 1, 'with a box outside of the image': 1,
        'without visible joints': 1, 'a crowd': 1,
    }
    assert labels.notes[0].startswith('1 of 8 people have no keypoints or no box')


def test_a_box_is_cut_off_at_the_edge(change_labels):
    def edit(data):
        data['annotations'][0]['bbox'] = [-50, -50, 1000, 200]

    box = labels_of(change_labels(edit)).people[0].box_xyxy
    assert box.tolist() == [0, 0, 320, 150]


def test_missing_images_are_named_and_counted(change_labels):
    def edit(data):
        data['images'][2]['file_name'] = 'gone.png'

    with pytest.raises(TrainingError, match=r'1 of 8 images are not in .*, for example gone\.png'):
        labels_of(change_labels(edit))


@pytest.mark.parametrize('broken', [
    b'<html>404</html>', cv2.imencode('.jpg', np.eye(200) * 255)[1].tobytes()[:-300],
])
def test_a_broken_image_among_good_ones_is_named_before_anything_begins(
    stick_folder, tmp_path, capsys, broken
):
    folder = tmp_path / 'changed'
    shutil.copytree(stick_folder, folder)
    (folder / 'images' / '5.png').write_bytes(broken)
    run = tmp_path / 'run'
    assert cli.main(['train', '--data', str(folder), '--out', str(run)]) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and '1 of 8 images cannot be read' in error
    assert str(folder / 'images' / '5.png') in error and not run.exists()


def test_nobody_left_says_why(change_labels):
    def edit(data):
        for person in data['annotations']:
            person['bbox'][3] = 0

    with pytest.raises(TrainingError, match='nobody to learn from: 8 with a box without area'):
        labels_of(change_labels(edit))


@pytest.mark.parametrize('edit, reason', [
    (lambda data: data.pop('images'), 'COCO form'),
    (lambda data: data['annotations'][0]['bbox'].pop(), '3 of a box'),
    (lambda data: data['annotations'][0].update(keypoints=[1, 2, 3]), '3 numbers of keypoints'),
    (lambda data: data['annotations'][0].update(image_id=99), 'is of image 99'),
    (lambda data: data['categories'][0]['keypoints'].append('tail'), 'not the 17 of COCO'),
])
def test_what_is_not_in_coco_form_is_one_error(change_labels, edit, reason):
    with pytest.raises(DataError, match=reason):
        labels_of(change_labels(edit))


def test_what_labelling_tools_write_is_taken(change_labels):
    def edit(data):
        for image in data['images']:
            image['file_name'] = f'images/{image["file_name"]}'
            del image['width']
        data['categories'][0]['keypoints'] = [n.replace('_', ' ') for n in KEYPOINT_NAMES]

    labels = labels_of(change_labels(edit))
    assert len(labels.people) == 8 and labels.notes == ()


def test_no_file_and_no_json(tmp_path):
    with pytest.raises(TrainingError, match='no annotations.*--annotations'):
        labels_of(tmp_path)
    (tmp_path / 'annotations.json').write_text('{"images": [')
    with pytest.raises(DataError, match='is not JSON'):
        labels_of(tmp_path)


def test_a_photo_is_on_one_side_only(stick_folder):
    people = labels_of(stick_folder).people * 2  # two people in each photo
    training, validation = split_by_photo(people, 0.25, seed=3)
    assert len(training) == 12 and len(validation) == 4
    assert not {p.path for p in training} & {p.path for p in validation}
    assert split_by_photo(people, 0.25, seed=3)[1] == validation
    assert {p.path for p in split_by_photo(people, 0.25, seed=4)[1]} != {
        p.path for p in validation}


def test_one_photo_cannot_be_split(stick_folder):
    one = labels_of(stick_folder).people[:1]
    with pytest.raises(TrainingError, match='--val-fraction 0'):
        split_by_photo(one, 0.2, seed=0)
    assert split_by_photo(one, 0.0, seed=0) == (one, ())


def test_crowding_is_the_share_of_the_box_that_another_covers(change_labels):
    def edit(data):
        one, other = data['annotations'][:2]
        other['image_id'] = one['image_id']
        one['bbox'], other['bbox'] = [10, 10, 40, 40], [30, 10, 80, 80]

    people = labels_of(change_labels(edit)).people
    assert [person.crowding for person in people] == [0.5, 0.125] + 6 * [0.0]


def test_the_path_of_the_photos_may_be_another(stick_folder, tmp_path):
    file = tmp_path / 'person_keypoints.json'
    file.write_text((stick_folder / 'annotations.json').read_text())
    labels = read_labels(file, Path(stick_folder) / 'images', weight=0.5)
    assert len(labels.people) == 8 and labels.people[0].weight == 0.5
