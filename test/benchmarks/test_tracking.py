# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
import json
import os
from pathlib import Path

import numpy as np
import pytest
from seen_people import person, seen

from benchmarks.tracking_worlds.compared_trackers import ByHand, all_compared
from benchmarks.tracking_worlds.gap_scores import across_gaps
from benchmarks.tracking_worlds.mot_sequence import SequenceError, full_body_boxes, read_sequence
from benchmarks.tracking_worlds.photo_motion import camera
from benchmarks.tracking_worlds.scores import Identities
from benchmarks.tracking_worlds.synthetic_world import PERFECT, frames, scenes
from pose_ros import cli

cv2 = pytest.importorskip('cv2')


def last_line(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_time_and_its_json(tmp_path, capsys):
    file = tmp_path / 'report.json'
    assert cli.run_module('benchmarks.tracking', ['--only', 'time', '--json', str(file)]) == 0
    report = last_line(capsys)
    assert report == json.loads(file.read_text())
    one, twenty = (report['time'][f'{n} people']['update_ms'] for n in (1, 20))
    assert 0 < one < twenty * 2


def test_a_sequence_in_mot_layout_is_measured(tmp_path, capsys, monkeypatch):
    pytest.importorskip('onnxruntime')
    monkeypatch.delenv('POSE_ROS_DATA', raising=False)  # its sequence has a test of its own
    images, truth = tmp_path / 'img1', tmp_path / 'gt'
    images.mkdir()
    truth.mkdir()
    for index in range(1, 4):
        cv2.imwrite(str(images / f'{index:06d}.jpg'), np.full((120, 160, 3), 90, np.uint8))
    (truth / 'gt.txt').write_text('1,1,10,20,30,80,1\n2,1,12,20,30,80,1\n2,5,60,20,30,80,1\n')
    (tmp_path / 'seqinfo.ini').write_text('[Sequence]\nframeRate=12\n')
    sequence = read_sequence(tmp_path)
    assert sequence.rate_hz == 12.0
    assert [ids.tolist() for ids in sequence.ids] == [[1], [1, 5], []]
    assert sequence.boxes[0].tolist() == [[10, 20, 40, 100]]
    assert cli.run_module('benchmarks.tracking', ['--only', 'mot', '--mot', str(tmp_path)]) == 0
    report = last_line(capsys)['mot'][tmp_path.name]
    assert 'left_out' in report or report['pose_ros']['mota'] <= 0.0


class Exchanging:
    """A tracker that gives the ids of two people the other way round after a gap."""

    def __init__(self, exchanges):
        self.exchanges, self.last_s, self.ids = exchanges, 0.0, np.array([1, 2])

    def update(self, stamp_s, keypoints, image_size, camera_motion=None):
        if self.exchanges and stamp_s - self.last_s > 1.0:
            self.ids = self.ids[::-1]
        self.last_s = stamp_s
        return self.ids, keypoints.xy.astype(float)


@pytest.mark.parametrize('exchanges', [False, True])
def test_who_keeps_their_id_over_a_gap(exchanges):
    people = seen(person(100), person(300))
    truth = np.array([7, 9]), full_body_boxes(people.xy.astype(float))
    nothing = np.empty(0, int), np.empty((0, 4))
    found = across_gaps(
        lambda: Exchanging(exchanges), [(people, None)] * 40,
        [truth if i in (3, 30, 39) else nothing for i in range(40)], 10.0, (640, 480), 2.0)
    assert found['people'] == 2 * 15  # the gap begins at image 5, 6, ... or 19
    assert found['kept_percent'] == (0.0 if exchanges else 100.0)
    assert found['other_percent'] == (100.0 if exchanges else 0.0)


def test_an_own_earlier_id_is_not_anothers():
    class TwoIds(Exchanging):
        def update(self, stamp_s, keypoints, image_size, camera_motion=None):
            return np.array([8 if 0.35 < stamp_s < 2.0 else 5]), keypoints.xy.astype(float)

    people = seen(person(100))
    truth = np.array([7]), full_body_boxes(people.xy.astype(float))
    found = across_gaps(
        lambda: TwoIds(False), [(people, None)] * 40, [truth] * 40, 10.0, (640, 480), 2.0)
    assert found['kept_percent'] < 100.0 and found['other_percent'] == 0.0


@pytest.mark.parametrize('missing', ['images', 'truth'])
def test_what_is_no_sequence_is_said_in_a_line(tmp_path, missing, capsys, monkeypatch):
    monkeypatch.delenv('POSE_ROS_DATA', raising=False)
    if missing == 'truth':
        (tmp_path / 'img').mkdir()
        cv2.imwrite(str(tmp_path / 'img' / '1.png'), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(SequenceError):
        read_sequence(tmp_path)
    assert cli.run_module('benchmarks.tracking', ['--only', 'mot', '--mot', str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_mot16_entries_to_ignore_are_ignored(tmp_path):
    (tmp_path / 'img1').mkdir()
    (tmp_path / 'gt').mkdir()
    cv2.imwrite(str(tmp_path / 'img1' / '000001.jpg'), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / 'gt' / 'gt.txt').write_text(
        '1,1,0,0,5,5,1,1,0.9\n1,2,0,0,5,5,0,1,0.9\n1,3,0,0,5,5,1,7,0.9\n'
    )
    assert read_sequence(tmp_path).ids[0].tolist() == [1]


def test_everybody_compared_follows_a_walk():
    scene = scenes()['crossing']
    for name, make in all_compared().items():
        tracker, known = make(), 0
        for frame in frames(scene, PERFECT, 0):
            ids, xy = tracker.update(frame.stamp_s, frame.keypoints, scene.image_size)
            assert xy.shape == (len(ids), 17, 2)
            known += len(ids)
        assert known > 150, name


def test_by_hand_is_one_euro_on_the_nearest():
    scene = scenes()['rest']
    first = next(iter(frames(scene, PERFECT, 0)))
    tracker = ByHand()
    ids, xy = tracker.update(0.0, first.keypoints, scene.image_size)
    assert sorted(ids) == [1, 2]
    again, same = tracker.update(0.1, first.keypoints, scene.image_size)
    assert sorted(again) == [1, 2] and np.allclose(np.nan_to_num(same), np.nan_to_num(xy))


def test_identity_scores_know_a_switch():
    pytest.importorskip('trackeval', reason='TrackEval is not here: requirements/peers.txt')
    right, wrong = Identities(), Identities()
    for frame in range(20):
        right.add([7, 9], [3, 4], np.eye(2))
        wrong.add([7, 9], [3, 4] if frame < 10 else [4, 3], np.eye(2))
    good, bad = right.scores(), wrong.scores()
    assert good == pytest.approx({'mota': 100, 'idf1': 100, 'hota': 100, 'switches': 0})
    assert bad['switches'] == 2 and bad['idf1'] == pytest.approx(50)


def test_the_camera_moves_as_it_says():
    affines = camera(np.array([0.0, 1.9, 3.0]), (640, 480))
    assert np.allclose(affines[:2], [[1, 0, 0], [0, 1, 0]])
    scale = np.sqrt(np.linalg.det(affines[2, :, :2]))
    assert scale == pytest.approx(1 + 0.05 * (1 - np.cos(2 * np.pi * 0.3)))


def test_boxes_reach_beyond_the_keypoints():
    xy = scenes()['rest'].walkers[0].keypoints(np.array([1.0]))
    box = full_body_boxes(xy)[0]
    assert box[1] < xy[0, :, 1].min() and box[3] > xy[0, :, 1].max()
    xy[:] = np.nan
    assert not np.isfinite(full_body_boxes(xy)).any()


@pytest.mark.nightly('a minute and more; tracking_worlds tests the tracker each time')
def test_real_sequences_are_tracked(capsys):
    data = os.environ.get('POSE_ROS_DATA')
    if not data or not (Path(data) / 'tud_campus').is_dir():
        pytest.skip('POSE_ROS_DATA/tud_campus is not here')
    pytest.importorskip('onnxruntime')
    pytest.importorskip('trackeval', reason='TrackEval is not here: requirements/peers.txt')
    assert cli.run_module('benchmarks.tracking', ['--only', 'mot']) == 0
    report = last_line(capsys)['mot']
    assert len(report) == 2
    scores = report['tud_campus']
    assert scores['pose_ros']['idf1'] > 60 and scores['pose_ros']['switches'] <= 2
    if 'norfair' in scores:
        assert scores['pose_ros']['idf1'] > scores['norfair']['idf1'] + 5
    described = scores['pose_ros, appearance']
    assert described['idf1'] >= scores['pose_ros']['idf1'] - 0.5
    assert described['hota'] >= scores['pose_ros']['hota'] - 0.5
    for name, sequence in report.items():
        gap = sequence['gap']['pose_ros, appearance']
        assert gap['kept_percent'] >= 80 and gap['other_percent'] <= 5, name


def test_minus_one_in_the_truth_means_not_given(tmp_path):
    (tmp_path / 'gt').mkdir()
    (tmp_path / 'img1').mkdir()
    (tmp_path / 'img1' / '000001.jpg').write_bytes(b'')
    truth = tmp_path / 'gt' / 'gt.txt'
    truth.write_text('1,3,10,20,30,80,1,-1,-1,-1\n1,4,90,20,30,80,-1,-1,-1,-1\n')
    assert read_sequence(tmp_path).ids[0].tolist() == [3, 4]
    # MOT15 with places on the ground.
    truth.write_text('1,3,10,20,30,80,1,-3.94,10.9,0\n1,4,90,20,30,80,0,1.5,2,0\n')
    assert read_sequence(tmp_path).ids[0].tolist() == [3]
    truth.write_text('1,3,10,20,30,80,0,1,1\n1,4,10,20,30,80,1,7,1\n')
    with pytest.raises(SequenceError, match='has no people'):
        read_sequence(tmp_path)
    truth.write_text('1,3,10,20,nan,80\n')
    with pytest.raises(SequenceError, match='rows are frame'):
        read_sequence(tmp_path)
