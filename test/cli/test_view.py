# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bags into a Rerun recording by `pose_ros view`, read back; bags that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rerun_recording import LACKS_RERUN, Rrd
from seen_scenes import BEGIN_NS, of_footage, of_play, write_bag
from sensor_msgs.msg import CompressedImage

from pose_ros import cli
from pose_ros.core.skeleton import EDGES, KEYPOINT_NAMES, LEFT_WRIST
from pose_ros.core.tracking.tracks import TrackState
from pose_ros.media.palette import id_color
from pose_ros.media.sources import SourceError, open_source
from pose_ros.ros.conversions import joints_from_msg, stamp_ns, tracks_from_msg
from pose_ros.ros.recording.bag import BagError
from pose_ros.ros.viewing.bag_reader import BagReader

pytest.importorskip('rosbags')
IMAGES = 30


@pytest.fixture(scope='module')
def footage() -> list[dict[str, Any]]:
    """Return 30 images of the demo and what networks and tracker make of them."""
    try:
        open_source('demo').close()
    except SourceError as error:
        pytest.skip(str(error))
    return list(of_footage(IMAGES))


@pytest.fixture(scope='module')
def play() -> list[dict[str, Any]]:
    """Return two people in 3-D who cross each other."""
    return list(of_play('two', 1.5))


def save(bag: Path, file: Path, *more: str) -> Rrd:
    assert cli.main(['view', str(bag), '--save', str(file), *more]) == 0
    return Rrd(file)


def rgba(red: int, green: int, blue: int) -> int:
    return red << 24 | green << 16 | blue << 8 | 255


def test_a_real_run_is_read_back_as_it_was_sent(footage, tmp_path, capsys):
    pytest.importorskip('rerun', reason=LACKS_RERUN)
    bag = write_bag(tmp_path / 'bag', footage)
    rrd = save(bag, tmp_path / 'run.rrd', '--keypoint', 'left_wrist')
    assert '30 image, 30 observed, 30 predicted, 30 tracked' in capsys.readouterr().out
    assert len(rrd.rows['/camera/image']) == IMAGES
    stamps = [BEGIN_NS + i * 40_000_000 for i in range(IMAGES)]
    assert [t for t, _ in rrd.rows['/camera/image/tracked']] == stamps
    ids = set()
    for frame, (_, points) in zip(footage, rrd.rows['/camera/image/tracked']):
        tracks = tracks_from_msg(frame['pose/tracked'])
        person, k = np.nonzero(np.isfinite(tracks.xy).all(axis=2))
        xy = np.array(points.get('positions', []), np.float32).reshape(-1, 2)
        assert (xy == tracks.xy[person, k]).all()
        assert points.get('class_ids', []) == tracks.id[person].tolist()
        assert points.get('keypoint_ids', []) == k.tolist()
        ids |= set(tracks.id.tolist())
    assert ids, 'the footage has people'
    # The image is the image.
    blob = np.array(rrd.rows['/camera/image'][7][1]['blob'], np.uint8).ravel()
    seen = cv2.imdecode(blob, cv2.IMREAD_COLOR)
    sent = np.frombuffer(footage[7]['image'].data, np.uint8).reshape(seen.shape)
    assert np.abs(seen.astype(int) - sent).mean() < 4
    # One class for each id, with its colour, the 17 names and the bones.
    context, = rrd.static['/camera']['context']
    classes = {c['class_id']: c['class_description'] for c in context}
    assert set(classes) == ids
    for person, description in classes.items():
        blue, green, red = id_color(person)
        assert description['info']['color'] == rgba(red, green, blue)
        names = [a['keypoint']['label'] if 'keypoint' in a else a['label']
                 for a in description['keypoint_annotations']]
        assert names == list(KEYPOINT_NAMES)
        bones = [(e['keypoint0'], e['keypoint1']) for e in description['keypoint_connections']]
        assert bones == list(EDGES)


def test_the_series_are_those_of_the_messages(footage, tmp_path):
    pytest.importorskip('rerun', reason=LACKS_RERUN)
    rrd = save(write_bag(tmp_path / 'bag', footage), tmp_path / 'x.rrd', '--keypoint',
               'left_wrist')
    checked = 0
    for frame in footage:
        for topic, name in (('pose/tracked', 'filtered'), ('pose/predicted', 'predicted')):
            msg = frame[topic]
            t, tracks = stamp_ns(msg.header.stamp), tracks_from_msg(msg)
            for row, person in enumerate(tracks.id.tolist()):
                for d, axis in enumerate('uv'):
                    path = f'/keypoint/{axis}/person_{person}/{name}'
                    value = float(tracks.xy[row, LEFT_WRIST, d])
                    sigma = float(np.sqrt(tracks.covariance[row, LEFT_WRIST, d, d]))
                    assert rrd.scalars(path)[t] == pytest.approx([value], nan_ok=True)
                    assert rrd.scalars(f'{path}_band')[t] == pytest.approx(
                        [value - 1.96 * sigma, value + 1.96 * sigma], rel=1e-6, nan_ok=True)
                    checked += 1
                state = dict(rrd.rows[f'/state/person_{person}']).get(t)
                if topic == 'pose/tracked':
                    assert state == {'state': [TrackState(tracks.state[row]).name]}
    assert checked > 40
    raw = rrd.scalars('/keypoint/u/person_1/raw')
    seen = {stamp_ns(f['pose'].header.stamp): [s.u[LEFT_WRIST]
            for s in f['pose'].skeletons] for f in footage}
    assert raw and all(np.isnan(v[0]) or v[0] in seen[t] for t, v in raw.items())
    latency = rrd.scalars('/latency/detect')
    assert list(latency.values()) == [[f['pose/tracked'].detect_ms] for f in footage]
    assert list(rrd.scalars('/latency/age').values()) == [[50.0]] * IMAGES


def test_3d_and_proximity(play, tmp_path):
    pytest.importorskip('rerun', reason=LACKS_RERUN)
    rrd = save(write_bag(tmp_path / 'bag', play, '/front'), tmp_path / 'x.rrd')
    matrix = np.array(rrd.static['/camera/image']['image_from_camera']).reshape(3, 3).T
    assert matrix == pytest.approx(np.array(play[0]['camera_info'].k).reshape(3, 3))
    checked = 0
    joints = dict(rrd.rows['/camera/joints'])
    spheres = dict(rrd.rows['/camera/covariance'])
    for frame in play:
        t = stamp_ns(frame['pose/tracked'].header.stamp)
        position, covariance, _ = joints_from_msg(frame['pose/tracked'])
        known = np.isfinite(position).all(axis=2)
        if not known.any():
            continue
        assert np.array(joints[t]['positions']) == pytest.approx(position[known], abs=1e-6)
        half = np.array(spheres[t]['half_sizes'])
        volume = np.sqrt(np.maximum(np.linalg.det(covariance[known]), 0))
        assert half.prod(axis=1) == pytest.approx(volume * 7.8147**1.5, rel=1e-3)
        checked += 1
    assert checked > 15
    for name in ('distance', 'bound', 'rate'):
        found = rrd.scalars('/proximity_rate/robot/person_1' if name == 'rate' else
                            f'/proximity/robot/person_1/{name}')
        field = f'{name}_m' + ('_s' if name == 'rate' else '')
        sent = {stamp_ns(f['pose/proximity'].header.stamp): getattr(p, field)
                for f in play for p in f['pose/proximity'].people if p.id == 1}
        assert {t: v[0] for t, v in found.items()} == pytest.approx(sent, nan_ok=True)


def test_sqlite_namespaces_and_compressed_images(play, tmp_path):
    few = play[:4]
    for frame in few[:3]:
        image = np.frombuffer(frame['image'].data, np.uint8).reshape(480, 640, 3)
        jpeg = CompressedImage(header=frame['image'].header, format='jpeg')
        jpeg.data = cv2.imencode('.jpg', image)[1].tobytes()
        frame['image/compressed'] = jpeg
    with_jpeg = [{k: v for k, v in f.items() if k != 'image'} for f in few[:3]]
    bag = write_bag(tmp_path / 'one', with_jpeg, '/front', sqlite=True)
    reader = BagReader(bag)
    kinds = [kind for kind, _ in reader]
    reader.close()
    assert {k: kinds.count(k) for k in set(kinds)} == dict.fromkeys(
        ('image', 'observed', 'tracked', 'proximity', 'camera_info'), 3)
    both = write_bag(tmp_path / 'both', [
        {**{f'front/{k}': v for k, v in f.items()}, **{f'rear/{k}': v for k, v in f.items()}}
        for f in with_jpeg])
    with pytest.raises(BagError, match='/front, /rear: choose one with --namespace'):
        BagReader(both)
    with pytest.raises(BagError, match='--namespace'):
        BagReader(both, 'side')
    reader = BagReader(both, 'rear')
    assert reader.count == 15
    reader.close()
    with pytest.raises(BagError, match='no image topic /x'):
        BagReader(bag, image='/x')


def test_bags_that_are_none(play, tmp_path):
    with pytest.raises(BagError, match='no bag at'):
        BagReader(tmp_path / 'nowhere')
    (tmp_path / 'folder').mkdir()
    with pytest.raises(BagError, match='is no bag'):
        BagReader(tmp_path / 'folder')
    with pytest.raises(BagError, match='the bag is empty'):
        BagReader(write_bag(tmp_path / 'empty', []))
    with pytest.raises(BagError, match='no skeletons in this bag.*it has /image'):
        BagReader(write_bag(tmp_path / 'foreign', [{'image': play[0]['image']}]))
    whole = write_bag(tmp_path / 'whole', play)
    file, = whole.glob('*.mcap')
    data = file.read_bytes()
    file.write_bytes(data[:len(data) // 2])
    for path in (whole, file):
        with pytest.raises(BagError, match='cannot be read as a bag.*mcap recover'):
            BagReader(path)
    file.write_bytes(b'no MCAP at all')
    with pytest.raises(BagError, match='cannot be read as a bag'):
        BagReader(whole)


def test_a_bag_with_a_hole_in_it_ends_in_one_line(play, tmp_path):
    bag = write_bag(tmp_path / 'bag', play)
    file, = bag.glob('*.mcap')
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle:middle + 4000] = bytes(4000)
    file.write_bytes(bytes(data))
    try:
        reader = BagReader(bag)
    except BagError:
        return
    try:
        for kind, _ in reader:
            assert kind
    except BagError as error:
        assert 'damaged' in str(error)
    finally:
        reader.close()


def test_images_that_cannot_be_shown_are_said(play, tmp_path, capsys):
    pytest.importorskip('rerun', reason=LACKS_RERUN)
    frame = dict(play[0])
    bad = type(frame['image'])(header=frame['image'].header, width=4, height=4, encoding='8UC9',
                               step=36)
    frame['image'] = bad
    rrd = save(write_bag(tmp_path / 'bag', [frame]), tmp_path / 'x.rrd')
    assert '1 not shown, image: unknown encoding' in capsys.readouterr().err
    assert '/camera/image/tracked' in rrd.rows
