# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros evaluate` on a folder made here, and on the evaluation data where it is."""

import errno
import json
import os
from pathlib import Path
import shutil

import cv2
import numpy as np
import pytest

pytest.importorskip('onnxruntime')
pytest.importorskip('pycocotools')

from pose_ros import cli  # noqa: E402
from pose_ros.backends import load_backend  # noqa: E402
from pose_ros.backends.model_files import (  # noqa: E402
    SHIPPED_DETECTOR,
    SHIPPED_REFINER,
    find_model,
)
from pose_ros.core.config import EstimatorConfig  # noqa: E402
from pose_ros.core.estimator.two_pass import TwoPassEstimator  # noqa: E402
from pose_ros.core.keypoints import Keypoints  # noqa: E402
from pose_ros.core.skeleton import KEYPOINT_NAMES  # noqa: E402
from pose_ros.evaluation import calibration  # noqa: E402
from pose_ros.evaluation.pose_errors import pair, pck, worst  # noqa: E402
from pose_ros.evaluation.scores import CocoFolder, DataError  # noqa: E402
from pose_ros.media.sources import SourceError, demo_paths, open_source  # noqa: E402

FRAMES = (34, 108, 120)  # of bikes.mp4, one person each


@pytest.fixture(scope='module')
def labelled(tmp_path_factory):
    """Write frames of the demo's footage, labelled with what the estimator sees in them."""
    try:
        source = open_source(str(demo_paths()[0]))
    except SourceError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp('labelled')
    (folder / 'images').mkdir()
    config = EstimatorConfig(backend='onnx', min_keypoint_score=0.0)
    estimator = TwoPassEstimator(load_backend(config), config)
    images, annotations = [], []
    with source:
        for frame in source:
            if frame.index not in FRAMES:
                continue
            name = f'{frame.index}.png'
            cv2.imwrite(str(folder / 'images' / name), frame.image)
            people = estimator.estimate(frame.image).select(slice(1))
            x0, y0, x1, y1 = (float(v) for v in people.boxes_xyxy()[0])
            images.append({'id': frame.index, 'file_name': name, 'width': 640, 'height': 272})
            keypoints = np.column_stack([people.xy[0], np.full(17, 2)]).astype(float)
            annotations.append({
                'id': frame.index, 'image_id': frame.index, 'category_id': 1, 'iscrowd': 0,
                'bbox': [x0, y0, x1 - x0, y1 - y0], 'area': (x1 - x0) * (y1 - y0) * 0.53,
                'keypoints': keypoints.ravel().tolist(), 'num_keypoints': 17,
            })
    data = {
        'images': images, 'annotations': annotations, 'categories': [{'id': 1, 'name': 'person'}]
    }
    (folder / 'annotations.json').write_text(json.dumps(data))
    return folder


def evaluate(capsys, *arguments):
    status = cli.main(['evaluate', '--set', 'backend=onnx', *map(str, arguments)])
    output = capsys.readouterr()
    return status, output.out.splitlines(), output.err


def test_its_own_answers_are_right(labelled, tmp_path, capsys):
    file, pictures = tmp_path / 'report.json', tmp_path / 'pictures'
    status, lines, _ = evaluate(
        capsys, '--data', labelled, '--json', file, '--pictures', pictures
    )
    report = json.loads(lines[-1])
    assert status == 0 and report == json.loads(file.read_text())
    assert report['AP'] == report['AR'] == 1.0
    assert (report['photos'], report['people'], report['mode']) == (3, 3, 'two-pass')
    assert report['parameters']['min_keypoint_score'] == 0
    assert len(list(pictures.iterdir())) == 3
    original = cv2.imread(str(labelled / 'images' / '120.png'))
    assert np.abs(cv2.imread(str(pictures / '120.jpg')).astype(int) - original).max() > 100


def test_other_modes_are_near_and_say_what_they_ran(labelled, capsys):
    _, lines, _ = evaluate(capsys, '--data', labelled, '--mode', 'one-pass')
    coarse = json.loads(lines[-1])
    assert coarse['models'] == ['pose_multipose'] and 0.3 < coarse['AP'] < 1
    _, lines, _ = evaluate(capsys, '--data', labelled, '--mode', 'boxes')
    boxes = json.loads(lines[-1])
    assert boxes['models'] == ['pose_thunder'] and boxes['found'] == 3
    assert boxes['AP'] > 0.8 and boxes['parameters']['box_padding'] == 1.1


def test_settings_change_what_runs(labelled, capsys):
    _, lines, _ = evaluate(capsys, '--data', labelled, '--detect-size', '64', '--mode', 'one-pass')
    report = json.loads(lines[-1])
    assert report['parameters']['detect_size_px'] == 64
    assert report['parameters']['detect_second_size_px'] == 0 and report['AP'] < 0.5


def test_degraded_photos_cost(labelled, capsys):
    status, lines, _ = evaluate(capsys, '--data', labelled, '--degrade', 'dark:0.02,blur:8')
    report = json.loads(lines[-1])
    assert status == 0 and report['AP'] < 0.9
    assert report['degraded'] == {'dark': 0.02, 'blur': 8}


def test_misplaced_keypoints_cost(labelled):
    data = CocoFolder(labelled)
    file = json.loads((labelled / 'annotations.json').read_text())

    def found(shift):
        truth = {
            a['image_id']: np.array(a['keypoints'], np.float32).reshape(1, 17, 3)[..., :2]
            for a in file['annotations']
        }
        ones = np.ones((1, 17), np.float32), np.ones(1, np.float32)
        return {i: Keypoints(xy + np.float32(shift), *ones) for i, xy in truth.items()}

    assert data.scores(found(0))['AP'] == pytest.approx(1)
    assert 0 < data.scores(found(6))['AP'] < 0.9
    assert data.scores(found(60))['AP'] == 0
    assert data.scores({i: Keypoints.empty() for i in found(0)})['AP'] == 0


def break_data(folder: Path, how: str) -> None:
    file = folder / 'annotations.json'
    data = json.loads(file.read_text())
    if how == 'no annotations':
        file.unlink()
    elif how == 'not JSON':
        file.write_text(file.read_text()[:100])
    elif how == 'no images listed':
        file.write_text(json.dumps({**data, 'images': [], 'annotations': []}))
    elif how == 'other category':
        names = [{'id': 1, 'name': 'cat'}, {'id': 2, 'name': 'dog'}]
        file.write_text(json.dumps({**data, 'categories': names}))
    elif how == 'nobody':
        file.write_text(json.dumps({**data, 'annotations': []}))
    elif how == 'short keypoints':
        data['annotations'][1]['keypoints'] = [1, 2, 2]
        file.write_text(json.dumps(data))
    elif how == 'NaN':
        data['annotations'][1]['bbox'][2] = float('nan')
        file.write_text(json.dumps(data))
    elif how == 'lost annotation':
        data['annotations'][1]['image_id'] = 99
        file.write_text(json.dumps(data))
    elif how == 'not COCO':
        file.write_text('{"images": [{"id": 1}], "annotations": []}')
    elif how == 'image missing':
        (folder / 'images' / '120.png').unlink()
    elif how == 'image damaged':
        (folder / 'images' / '34.png').write_bytes(b'no image')


@pytest.mark.parametrize(
    ('how', 'message'),
    [('no annotations', 'no annotations'), ('not JSON', 'not JSON: it ends in the middle'),
     ('other category', 'no category "person", only cat, dog'), ('nobody', 'no people'),
     ('short keypoints', 'annotation 108 has 3 numbers'), ('NaN', 'annotation 108 has numbers'),
     ('lost annotation', 'annotation 108 is of image 99'),
     ('no images listed', 'no images'), ('not COCO', 'COCO form'),
     ('image missing', '1 of 3 images are not in'), ('image damaged', '34.png')],
)  # fmt: skip
def test_bad_data_gets_one_clear_message(labelled, tmp_path, capsys, how, message):
    folder = tmp_path / 'data'
    (folder / 'images').mkdir(parents=True)
    for path in (labelled / 'images').iterdir():
        (folder / 'images' / path.name).write_bytes(path.read_bytes())
    (folder / 'annotations.json').write_bytes((labelled / 'annotations.json').read_bytes())
    break_data(folder, how)
    status, lines, errors = evaluate(capsys, '--data', folder)
    assert status == 1 and not lines
    assert message in errors.splitlines()[-1] and 'Traceback' not in errors


def test_boxes_without_area_and_crowds_are_left_out(labelled, tmp_path):
    data = json.loads((labelled / 'annotations.json').read_text())
    first = data['annotations'][0]
    data['annotations'] += [
        {**first, 'id': 1001, 'bbox': [5, 5, 0, 10]}, {**first, 'id': 1002, 'iscrowd': 1}
    ]
    (tmp_path / 'annotations.json').write_text(json.dumps(data))
    (tmp_path / 'images').symlink_to(labelled / 'images')
    photos = {p.image_id: p for p in CocoFolder(tmp_path).photos}
    assert len(photos[first['image_id']].boxes_xyxy) == 1


def test_what_is_odd_is_named_and_left_out(labelled, tmp_path, capsys):
    data = json.loads((labelled / 'annotations.json').read_text())
    first = data['annotations'][0]
    data['categories'].append({'id': 7, 'name': 'cat'})
    data['annotations'] += [
        {**first, 'id': 1001, 'bbox': [5, 5, 0, 10]},
        {**first, 'id': 1002, 'bbox': [700, 5, 20, 10]},
        {**first, 'id': 1003, 'keypoints': [0] * 51},
        {**first, 'id': 1004, 'category_id': 7},
    ]
    for annotation in data['annotations']:
        del annotation['area'], annotation['iscrowd'], annotation['num_keypoints']
    (tmp_path / 'annotations.json').write_text(json.dumps(data))
    (tmp_path / 'images').symlink_to(labelled / 'images')
    status, lines, errors = evaluate(capsys, '--data', tmp_path, '--mode', 'boxes')
    report = json.loads(lines[-1])
    assert status == 0 and report['people'] == 6 and report['found'] == 4
    for words in (
        '1 of 6 people have a box without area and are no crop: the first is annotation 1001 of '
        '34.png', 'outside of their image and are no crop: the first is annotation 1002',
        'no labelled joint and count for nothing: the first is annotation 1003',
        '1 annotations are of other categories (cat, ...)',
    ):
        assert words in errors and any(words in note for note in report['notes'])


def test_pck_counts_labelled_joints_near_enough(labelled):
    data = CocoFolder(labelled)
    photo = data.photos[0]
    truth = photo.truth
    xy = truth.xy.astype(np.float32)
    length = (truth.boxes_xyxy[0, 2:] - truth.boxes_xyxy[0, :2]).max()
    xy[0, 9] += (0.19 * length, 0)
    xy[0, 10] += (0.21 * length, 0)
    xy[0, 11] = np.nan
    far = Keypoints(xy + 900, np.ones((1, 17), np.float32), np.ones(1, np.float32))
    near = Keypoints(xy, np.ones((1, 17), np.float32), np.ones(1, np.float32))
    errors = pair(photo, Keypoints.concatenate([far, near]))
    assert [e.found for e in errors] == [1] and 0.7 < errors[0].oks < 0.95
    box = pck(errors)['box']
    wrong = {name for name, share in box.items() if share == 0}
    assert wrong == {'right_wrist', 'left_hip'} and box['all'] == pytest.approx(15 / 17, abs=1e-4)
    assert pck(errors)['torso']['nose'] == 1 and pck(errors)['torso']['left_wrist'] == 0
    missed = pair(photo, far)
    assert missed[0].found == -1 and pck(missed)['box']['all'] == 0
    assert worst(errors + missed, 1) == missed


def test_the_report_shows_figures_and_the_worst_cases(labelled, tmp_path, capsys):
    folder = tmp_path / 'out'
    status, lines, _ = evaluate(
        capsys, '--data', labelled, '--mode', 'one-pass', '--report', folder, '--worst', 2
    )
    report = json.loads(lines[-1])
    text = (folder / 'report.md').read_text()
    assert status == 0 and f'| AP | {report["AP"]:.3f} |' in text
    assert f'| all | {report["pck"]["box"]["all"]:.3f} |' in text
    assert sorted(p.name for p in folder.iterdir()) == [
        'curves.png', 'report.md', 'worst_01.jpg', 'worst_02.jpg'
    ]
    picture = cv2.imread(str(folder / 'worst_01.jpg'))
    middle = picture.shape[1] // 2
    left, right = picture[60:, :middle - 4], picture[60:, middle + 4:]
    # The same view twice, with different skeletons.
    assert left.shape == right.shape and 0.5 < np.abs(left.astype(int) - right).mean() < 60


@pytest.mark.parametrize(
    'arguments', [('--worst', '-1'), ('--box-padding', '0.01'), ('--degrade', 'rain:3')]
)
def test_senseless_arguments_get_one_line(labelled, capsys, arguments):
    status, lines, errors = evaluate(capsys, '--data', labelled, *arguments)
    assert status == 1 and not lines and arguments[0] in errors


def test_a_calibration_from_a_few_photos_is_refused(labelled, tmp_path, capsys, monkeypatch):
    """In one line, and nothing is written."""
    written = []
    monkeypatch.setattr(Path, 'write_text', lambda path, *_, **__: written.append(path))
    status = cli.main(['evaluate', '--data', str(labelled), '--calibrate', '--backend', 'onnx'])
    lines = capsys.readouterr().err.strip().splitlines()
    assert status != 0 and not written
    assert 'a calibration needs 30 people found right and 30 found wrong' in lines[-1]


def test_a_full_disk_leaves_both_descriptions(labelled, tmp_path, capsys, monkeypatch):
    """The second of the two files does not fit: the first one stays as it was, too."""
    models = [shutil.copy(find_model(name).with_suffix(ending), tmp_path)
              for name in (SHIPPED_DETECTOR, SHIPPED_REFINER) for ending in ('.json', '.onnx')]
    before = {path: Path(path).read_bytes() for path in models}
    weights = {'person': {'bias': 0.0}, 'keypoint': {'bias': 0.0}}
    monkeypatch.setattr(calibration, 'calibrate', lambda samples: weights)
    write = Path.write_text

    def on_a_full_disk(path, text, **how):
        write(path, text[:100], **how)
        if path.name == f'{SHIPPED_REFINER}.json.part':
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, 'write_text', on_a_full_disk)
    settings = [f'--set={which}_model={tmp_path / name}.onnx' for which, name in (
        ('detector', SHIPPED_DETECTOR), ('refiner', SHIPPED_REFINER))]
    assert cli.main(['evaluate', '--data', str(labelled), '--calibrate', *settings,
                     '--backend', 'onnx']) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert f'{SHIPPED_REFINER}.json: No space left on device' in error
    assert {path: Path(path).read_bytes() for path in models} == before
    assert len(list(tmp_path.iterdir())) == len(models)


def test_other_keypoints_are_refused(labelled, tmp_path):
    data = json.loads((labelled / 'annotations.json').read_text())
    data['categories'][0]['keypoints'] = ['head', 'tail']
    (tmp_path / 'annotations.json').write_text(json.dumps(data))
    with pytest.raises(DataError, match='head, tail'):
        CocoFolder(tmp_path)


# The best set-up of models/MODEL_CARD.md.
BEST = tuple(
    word
    for setting in (
        'detect_size_px=512', 'detect_second_size_px=256', 'min_candidate_score=0.03',
        'max_crops=20', 'min_person_score=0.001', 'flip_test=true',
    )
    for word in ('--set', setting)
)


@pytest.mark.data
@pytest.mark.slow
def test_accuracy_on_half_of_the_coco_photos(capsys, half_of_coco_dev):
    _, lines, _ = evaluate(capsys, '--data', half_of_coco_dev, '--mode', 'two-pass')
    report = json.loads(lines[-1])
    assert report['AP'] >= 0.42 and report['recall_of_photos'] > 0.5


@pytest.mark.data
@pytest.mark.nightly('all photos again and again, minutes')
@pytest.mark.parametrize(
    ('mode', 'least', 'more'),
    [
        ('two-pass', 0.405, ()), ('boxes', 0.465, ()), ('one-pass', 0.28, ()),
        ('boxes', 0.475, ('--set', 'flip_test=true')), ('two-pass', 0.42, BEST),
    ],
)
def test_accuracy_on_coco_photos(capsys, mode, least, more):
    data = os.environ.get('POSE_ROS_DATA')
    if not data or not (Path(data) / 'coco_dev').is_dir():
        pytest.skip('POSE_ROS_DATA does not name the evaluation data')
    _, lines, _ = evaluate(capsys, '--data', Path(data) / 'coco_dev', '--mode', mode, *more)
    assert json.loads(lines[-1])['AP'] >= least


@pytest.mark.data
@pytest.mark.nightly('all photos twice, with a network that is not ours')
def test_a_network_of_others_is_as_accurate_as_it_is_known_to_be(tmp_path, capsys):
    data = os.environ.get('POSE_ROS_DATA')
    model = Path(data or '') / 'models' / 'simplepose_256x192.onnx'
    if not data or not model.is_file():
        pytest.skip('POSE_ROS_DATA does not name the evaluation data')
    (tmp_path / 'net.onnx').symlink_to(model)
    spec = Path(__file__).parents[1] / 'backends' / 'simplepose_256x192.json'
    (tmp_path / 'net.json').write_text(spec.read_text())
    arguments = ('--data', Path(data) / 'coco_dev', '--model', tmp_path / 'net.onnx', '--mode')
    _, lines, _ = evaluate(capsys, *arguments, 'boxes')
    assert json.loads(lines[-1])['AP'] >= 0.486
    _, lines, _ = evaluate(capsys, *arguments, 'two-pass')
    # Below Thunder's 0.414 on the same people of the first pass: docs/models.md says why.
    assert json.loads(lines[-1])['AP'] >= 0.39


def changed(labelled, folder, change):
    """Copy the labelled folder with other annotations."""
    shutil.copytree(labelled, folder)
    data = json.loads((folder / 'annotations.json').read_text())
    change(data)
    (folder / 'annotations.json').write_text(json.dumps(data))
    return folder


def scores_of(folder):
    """Score the labels themselves as results."""
    data = CocoFolder(folder)
    found = {
        p.image_id: Keypoints(
            p.truth.xy.astype(np.float32), np.ones((len(p.truth), 17), np.float32),
            np.ones(len(p.truth), np.float32),
        ) for p in data.photos
    }  # fmt: skip
    return data, data.scores(found)


def numbered_from_zero(data):
    for n, person in enumerate(data['annotations']):
        person['id'] = n


def without_area(data):
    for person in data['annotations']:
        person['area'] = 0


def with_people_without_labels(data):
    person = data['annotations'][0]
    data['annotations'] += [
        {**person, 'id': 1001, 'keypoints': []}, {**person, 'id': 1002, 'bbox': None},
        {k: v for k, v in person.items() if k != 'keypoints'} | {'id': 1003},
    ]  # fmt: skip


def with_names_of_cvat(data):
    data['categories'][0]['keypoints'] = [n.replace('_', ' ') for n in KEYPOINT_NAMES]


def named_from_above(data):
    for image in data['images']:
        image['file_name'] = f'images/{image["file_name"]}'


def named_on_windows(data):
    for image in data['images']:
        image['file_name'] = f'C:\\album\\{image["file_name"]}'


def bare(data):
    for person in data['annotations']:
        del person['id']
        person['iscrowd'] = None


@pytest.mark.parametrize('change', [
    numbered_from_zero, without_area, with_people_without_labels, with_names_of_cvat,
    named_from_above, named_on_windows, bare,
])
def test_what_labelling_tools_write_is_taken(labelled, tmp_path, change):
    data, scores = scores_of(changed(labelled, tmp_path / 'data', change))
    assert scores['AP'] == 1.0 and data.num_people == 3
    assert len(data.notes) == (change is with_people_without_labels)


def test_a_file_of_people_without_labels_is_refused(labelled, tmp_path):
    def strip(data):
        for person in data['annotations']:
            del person['keypoints']

    with pytest.raises(DataError, match='none of its 3 people has keypoints'):
        CocoFolder(changed(labelled, tmp_path / 'data', strip))


def test_a_photo_is_turned_as_it_was_labelled(labelled, tmp_path):
    folder = changed(labelled, tmp_path / 'data', lambda data: None)
    photo = CocoFolder(folder).photos[0]
    plain = photo.read()
    jpeg = cv2.imencode('.jpg', plain)[1].tobytes()
    # An EXIF segment with orientation 6: to be turned by 90 degrees for viewing.
    exif = (b'Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0')
    segment = b'\xff\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif
    photo.path.write_bytes(jpeg[:2] + segment + jpeg[2:])
    assert cv2.imread(str(photo.path)).shape[:2] == plain.shape[1::-1]
    assert photo.read().shape == plain.shape
    cv2.imwrite(str(photo.path), plain[::2, ::2])
    with pytest.raises(DataError, match='320x136 .* 640x272'):
        photo.read()
