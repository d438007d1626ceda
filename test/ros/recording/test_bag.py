# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bags open in readers that know nothing of pose_ros, and hold the very bytes that came."""

import json
import math
from pathlib import Path

import pytest
from rclpy.serialization import serialize_message

from pose_ros.msg import Skeleton, SkeletonArray
from pose_ros.ros.recording.bag import TYPE, BagError, SkeletonBag, skeleton_types
from pose_ros.ros.shipped_files import shipped_file

pytest.importorskip('rosbags')


def message(number: int) -> SkeletonArray:
    """Make a message with one person whose nose is at (number, NaN)."""
    msg = SkeletonArray(image_width=640, image_height=480, model='a+b')
    msg.header.stamp.sec, msg.header.frame_id = number, 'camera_optical_frame'
    skeleton = Skeleton(id=number, track_state=Skeleton.CONFIRMED)
    nose = Skeleton.NOSE
    skeleton.u[nose], skeleton.v[nose] = float(number), math.nan
    skeleton.keypoint_state[nose] = Skeleton.OBSERVED
    msg.skeletons = [skeleton]
    return msg


@pytest.fixture
def wire() -> list[bytes]:
    """Return messages as they come over the wire."""
    return [bytes(serialize_message(message(i))) for i in (1, 2, 3)]


@pytest.fixture
def bag(tmp_path, wire) -> Path:
    """Write three messages on two topics."""
    bag = SkeletonBag(tmp_path / 'bag', ['/pose', '/pose/tracked'])
    bag.write('/pose', 1_000_000_001, wire[0])
    bag.write('/pose', 1_000_000_002, wire[1])
    bag.write('/pose/tracked', 1_000_000_005, wire[2])
    bag.close()
    return tmp_path / 'bag'


def test_rosbags_reads_back_the_same_bytes(bag, wire):
    from rosbags.highlevel import AnyReader

    with AnyReader([bag]) as reader:  # types come from the bag alone
        assert {c.topic: c.msgtype for c in reader.connections} == {
            '/pose': TYPE, '/pose/tracked': TYPE
        }  # fmt: skip
        found = [(c.topic, time, bytes(data)) for c, time, data in reader.messages()]
        first = reader.deserialize(found[0][2], TYPE)
    assert [(topic, time) for topic, time, _ in found] == [
        ('/pose', 1_000_000_001), ('/pose', 1_000_000_002), ('/pose/tracked', 1_000_000_005)
    ]  # fmt: skip
    assert [data for _, _, data in found] == wire
    assert (first.image_width, first.model) == (640, 'a+b')
    person = first.skeletons[0]
    assert len(person.u) == 17 and person.u[0] == 1.0 and math.isnan(person.v[0])


def test_mcap_ros2_support_reads_it_by_the_definitions_inside(bag):
    reader_module = pytest.importorskip('mcap_ros2.reader')
    found = list(reader_module.read_ros2_messages(bag / 'bag.mcap'))
    assert [(m.channel.topic, m.ros_msg.header.stamp.sec) for m in found] == [
        ('/pose', 1), ('/pose', 2), ('/pose/tracked', 3)
    ]  # fmt: skip
    assert found[1].ros_msg.skeletons[0].u[0] == 2.0


def test_the_type_hash_is_that_of_the_messages_that_were_built():
    description = shipped_file('msg', 'SkeletonArray.msg').with_suffix('.json')
    if not description.is_file():
        import os

        prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
        paths = [Path(p, 'share/pose_ros/msg/SkeletonArray.json') for p in prefixes]
        description = next((p for p in paths if p.is_file()), None)
    if description is None:
        pytest.skip('this ROS 2 writes no type descriptions (Humble)')
    hashes = json.loads(description.read_text())['type_hashes']
    built = {h['type_name']: h['hash_string'] for h in hashes}
    assert skeleton_types().hash_rihs01(TYPE) == built[TYPE]


def test_an_old_bag_is_replaced(bag):
    SkeletonBag(bag, ['/pose']).close()
    from rosbags.highlevel import AnyReader

    with AnyReader([bag]) as reader:
        assert list(reader.messages()) == []


def test_a_folder_that_is_no_bag_is_left_alone(tmp_path):
    (tmp_path / 'thesis.tex').write_text('years of work')
    with pytest.raises(BagError, match='not a bag'):
        SkeletonBag(tmp_path, ['/pose'])
    assert (tmp_path / 'thesis.tex').exists()


def test_without_rosbags_it_says_what_to_do(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, 'rosbags.rosbag2', None)
    with pytest.raises(BagError, match='pip install rosbags'):
        SkeletonBag(tmp_path / 'bag', ['/pose'])
