# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The bytes written without objects are read as the message that rclpy would have made."""

from __future__ import annotations

from builtin_interfaces.msg import Time
import numpy as np
import pytest

pytest.importorskip('pose_ros.msg', reason='the messages are not built: ./run pytest does it')

from rclpy.serialization import deserialize_message, serialize_message  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from pose_ros.core.keypoints import Keypoints  # noqa: E402
from pose_ros.core.skeleton import NUM_KEYPOINTS  # noqa: E402
from pose_ros.msg import SkeletonArray  # noqa: E402
from pose_ros.ros import skeleton_bytes  # noqa: E402
from pose_ros.ros.conversions import keypoints_to_msg  # noqa: E402
from pose_ros.ros.skeleton_bytes import SkeletonBytes, same_as_rclpy  # noqa: E402


def some_people(count: int, seed: int = 0) -> Keypoints:
    random = np.random.default_rng([count, seed])
    xy = random.uniform(-50, 4000, (count, NUM_KEYPOINTS, 2)).astype(np.float32)
    score = random.uniform(0.1, 1, (count, NUM_KEYPOINTS)).astype(np.float32)
    missing = random.random((count, NUM_KEYPOINTS)) < 0.3
    xy[missing], score[missing] = np.nan, 0
    if count:
        xy[0, 5, 0] = np.nan  # half a point is none, whatever its score
    return Keypoints(xy, score, random.uniform(0, 1, count).astype(np.float32))


def objects(people: Keypoints, frame_id: str, model: str, seed: int = 0) -> SkeletonArray:
    """Return the message as objects, no two of its values alike."""
    stamp = Time(sec=1_700_000_000 + seed, nanosec=123_456_789)
    pose = keypoints_to_msg(people, Header(stamp=stamp, frame_id=frame_id), (640, 480 + seed))
    pose.received, pose.published = Time(sec=-3, nanosec=4), Time(sec=5, nanosec=4_294_967_295)
    pose.stale_s, pose.convert_ms, pose.detect_ms, pose.refine_ms = 0.5, 1.5, 2.5, 3.5
    pose.network_ms, pose.track_ms, pose.model = 4.5, 5.5, model
    return pose


def written(writer: SkeletonBytes, wanted: SkeletonArray, people: Keypoints) -> bytes:
    """Write a message with the values of another."""
    pose = writer.begin(wanted.header, (wanted.image_width, wanted.image_height))
    for name in ('received', 'published', 'stale_s', 'convert_ms', 'detect_ms', 'refine_ms',
                 'network_ms', 'track_ms', 'model'):  # fmt: skip
        setattr(pose, name, getattr(wanted, name))
    return writer.write(people)


@pytest.mark.parametrize('count', [0, 1, 2, 5])
def test_the_bytes_are_read_as_the_message(count):
    """With strings of every length, which decides where the values behind them stand."""
    writer = SkeletonBytes()
    for seed in range(2):
        people = some_people(count, seed)
        for length in range(9):
            for frame_id, model in (('f' * length, 'net'), ('cámera\0b', 'm' * length)):
                wanted = objects(people, frame_id, model, seed)
                data = written(writer, wanted, people)
                plain = serialize_message(wanted)
                assert len(data) == len(plain) and data[:4] == plain[:4]
                read = deserialize_message(data, SkeletonArray)
                assert repr(read) == repr(deserialize_message(plain, SkeletonArray))


def test_every_byte_but_the_gaps_is_rclpys():
    """Gaps hold whatever was in rclpy's memory; what differs elsewhere changes the message."""
    people, writer = some_people(1), SkeletonBytes()
    wanted = objects(people, 'camera', 'net')
    ours = np.frombuffer(written(writer, wanted, people), np.uint8)
    theirs = np.frombuffer(serialize_message(wanted), np.uint8)
    same = repr(deserialize_message(theirs.tobytes(), SkeletonArray))
    for at in np.flatnonzero(ours != theirs):
        changed = ours.copy()
        changed[at] ^= 0xFF
        read = deserialize_message(changed.tobytes(), SkeletonArray)
        assert repr(read) == same, at


def test_one_image_leaves_nothing_to_the_next():
    writer = SkeletonBytes()
    first, second = some_people(2, 1), some_people(2, 2)
    written(writer, objects(first, 'camera', 'net'), first)
    wanted = objects(second, 'camera', 'net')
    read = deserialize_message(written(writer, wanted, second), SkeletonArray)
    assert repr(read) == repr(deserialize_message(serialize_message(wanted), SkeletonArray))


def test_templates_do_not_pile_up():
    writer, nobody = SkeletonBytes(), Keypoints.empty()
    for i in range(200):
        written(writer, objects(nobody, f'camera_{i}', 'net'), nobody)
    assert len(writer._templates) <= 64


def test_another_layout_is_noticed(monkeypatch):
    assert same_as_rclpy()
    with monkeypatch.context() as changed:  # as if values stood anywhere
        changed.setattr(skeleton_bytes, '_up', lambda at, step: at)
        assert not same_as_rclpy()
    with monkeypatch.context() as changed:  # as if another field were read there
        changed.setattr(skeleton_bytes, 'boxes_around', lambda xy: xy[:, 0].repeat(2, axis=1))
        assert not same_as_rclpy()
