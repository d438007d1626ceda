# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros run` with the real networks on real people."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_ros import cli
from pose_ros.media.sources import SourceError, demo_paths, open_source

pytest.importorskip('onnxruntime')


@pytest.fixture(scope='module')
def footage() -> str:
    """Return the path of the demo's first video."""
    try:
        return str(demo_paths()[0])
    except SourceError as error:
        pytest.skip(str(error))


@pytest.fixture(scope='module')
def cyclist(footage, tmp_path_factory) -> Path:
    """Write a frame of the footage with a man waiting on his bicycle, as a photo."""
    path = tmp_path_factory.mktemp('photos') / 'cyclist.png'
    for frame in open_source(footage):
        if frame.index == 120:
            cv2.imwrite(str(path), frame.image)
            return path
    raise AssertionError('the footage has no frame 120')


def last_line(capsys) -> dict:
    """Return the report on standard output."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_video_gives_video_sheet_skeletons_and_a_report(footage, tmp_path, capsys):
    out, report_file = tmp_path / 'out', tmp_path / 'report.json'
    arguments = ['run', footage, '--out', str(out), '--max-frames', '20', '--json']
    assert cli.main([*arguments, str(report_file)]) == 0
    report = last_line(capsys)
    assert report == json.loads(report_file.read_text())
    assert (report['frames'], report['mode']) == (20, 'two-pass')
    assert 0 < report['estimate_ms']['p50'] <= report['estimate_ms']['p95']
    assert sorted(p.name for p in out.iterdir()) == [
        'annotated.mp4', 'contact_sheet.png', 'skeletons.jsonl'
    ]  # fmt: skip
    with open_source(str(out / 'annotated.mp4')) as video:
        assert len(list(video)) == 20
    lines = [json.loads(line) for line in (out / 'skeletons.jsonl').read_text().splitlines()]
    assert [line['index'] for line in lines] == list(range(20))
    np.testing.assert_allclose([line['stamp_s'] for line in lines], np.arange(20) / 25)


def test_a_photo_gives_an_annotated_photo_and_untracked_people(cyclist, tmp_path, capsys):
    assert cli.main(['run', str(cyclist), '--out', str(tmp_path)]) == 0
    assert last_line(capsys)['people_seen'] >= 1
    drawn = cv2.imread(str(tmp_path / 'annotated' / 'cyclist.jpg'))
    plain = cv2.imread(str(cyclist))
    plain = cv2.resize(plain, drawn.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    difference = np.abs(drawn.astype(int) - plain).max(axis=2)
    assert (difference > 100).sum() > 500, 'something is drawn'
    (line,) = (tmp_path / 'skeletons.jsonl').read_text().splitlines()
    people = json.loads(line)['people']
    assert {person['state'] for person in people} == {'UNTRACKED'}
    assert {person['id'] for person in people} == {0}
    assert not (tmp_path / 'annotated.mp4').exists()


def test_several_photos_of_one_name_keep_apart(cyclist, tmp_path, capsys):
    other = tmp_path / 'other' / cyclist.name
    other.parent.mkdir()
    other.write_bytes(cyclist.read_bytes())
    assert cli.main(['run', str(cyclist), str(other), '--out', str(tmp_path / 'out')]) == 0
    assert len(list((tmp_path / 'out' / 'annotated').iterdir())) == 2


def test_a_folder_of_unrelated_photos_is_no_film(footage, tmp_path, capsys):
    """Nothing is tracked from one to the next, and everybody is drawn."""
    images = {f.index: f.image for f in open_source(footage)}
    album, film = tmp_path / 'album', tmp_path / 'film'
    for folder, chosen in ((album, (120, 10, 200, 60)), (film, range(118, 124))):
        folder.mkdir()
        for i, index in enumerate(chosen):
            cv2.imwrite(str(folder / f'{i}.jpg'), images[index])
    assert open_source(str(film)).is_sequence() and not open_source(str(album)).is_sequence()
    for folder, is_film in ((album, False), (film, True)):  # by night
        dark = tmp_path / f'dark_{folder.name}'
        dark.mkdir()
        for path in folder.iterdir():
            cv2.imwrite(str(dark / path.name), cv2.imread(str(path)) // 10)
        assert open_source(str(dark)).is_sequence() == is_film
    assert cli.main(['run', str(album), '--out', str(tmp_path / 'a')]) == 0
    out = capsys.readouterr().out
    assert 'album: photos' in out and '--sequence' in out
    assert sorted(p.name for p in (tmp_path / 'a' / 'annotated').iterdir()) == [
        f'{i}.jpg' for i in range(4)]
    assert cli.main(['run', str(film), '--out', str(tmp_path / 'b')]) == 0
    assert 'film: a film of 10 images per second (--photos' in capsys.readouterr().out
    assert (tmp_path / 'b' / 'annotated.mp4').is_file()
    for arguments, made in ((['--sequence', str(album)], 'annotated.mp4'),
                            (['--photos', str(film)], 'annotated')):
        out = tmp_path / made.replace('.', '_')
        assert cli.main(['run', *arguments, '--max-frames', '1', '--out', str(out)]) == 0
        assert (out / made).exists()


def test_a_damaged_photo_costs_the_others_nothing(cyclist, tmp_path, capsys):
    for name in ('a', 'b', 'c', 'd'):
        (tmp_path / f'{name}.jpg').write_bytes(cyclist.read_bytes())
    for name in ('a', 'c'):
        (tmp_path / f'{name}.jpg').write_bytes(cyclist.read_bytes()[:3000])
    out = tmp_path / 'out'
    assert cli.main(['run', '--photos', str(tmp_path), '--out', str(out)]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1])['frames'] == 2
    assert said.err.splitlines()[-1].startswith('pose_ros: 2 of 4 images are left out: ')
    assert 'a.jpg: not an image' in said.err
    assert sorted(path.name for path in (out / 'annotated').iterdir()) == ['b.jpg', 'd.jpg']


def test_images_of_different_sizes_are_photos(tmp_path):
    for i in range(6):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.full((48 + i % 2, 64, 3), 90, np.uint8))
    assert not open_source(str(tmp_path)).is_sequence()


def test_no_video_writes_none(cyclist, tmp_path, capsys):
    assert cli.main(['run', str(cyclist), '--no-video', '--out', str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ['contact_sheet.png', 'skeletons.jsonl']


def test_an_interrupt_leaves_readable_files(footage, tmp_path, capsys, monkeypatch):
    from pose_ros.cli import run

    calls = []

    def interrupt(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*arguments)

    original = run._look
    monkeypatch.setattr(run, '_look', interrupt)
    assert cli.main(['run', footage, '--out', str(tmp_path)]) == 130
    assert last_line(capsys)['frames'] == 3
    assert len(list(open_source(str(tmp_path / 'annotated.mp4')))) == 3


@pytest.mark.parametrize(
    'arguments, expected',
    [
        (['--set', 'nonsense=1'], '--set nonsense=1: NAME=VALUE'),
        (['--set', 'max_people'], '--set max_people: NAME=VALUE'),
        (['--set', 'max_people=many'], 'must be a whole number'),
        (['--set', 'min_persn_score=0.3'], 'is min_person_score meant?'),
        (['--set', 'max_people=0'], 'max_people = 0: must be an integer between 1 and'),
        (['--set', 'resolve_swaps=maybe'], 'true or false'),
        (['--set', 'detector_model=/absent.onnx'], '/absent.onnx'),
        (['--show'], '--show: there is no display'),
    ],
)
def test_what_cannot_be_is_one_line(footage, tmp_path, capsys, monkeypatch, arguments, expected):
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    assert cli.main(['run', footage, '--out', str(tmp_path / 'out'), *arguments]) == 1
    error = capsys.readouterr().err
    assert expected in error and error.count('\n') == 1
    assert not (tmp_path / 'out').exists()


def test_several_sources_must_be_images(footage, cyclist, capsys):
    assert cli.main(['run', str(cyclist), footage]) == 1
    assert 'bikes.mp4: several sources must all be image files' in capsys.readouterr().err
