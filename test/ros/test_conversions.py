# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Skeletons to messages and back, through the wire; stamps; the messages' constants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip('pose_ros.msg', reason='the messages are not built: ./run pytest does it')

from builtin_interfaces.msg import Time  # noqa: E402
from rclpy.serialization import deserialize_message, serialize_message  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from pose_ros.core import skeleton as core_skeleton  # noqa: E402
from pose_ros.core.estimator.appearance import SIZE  # noqa: E402
from pose_ros.core.keypoints import Keypoints  # noqa: E402
from pose_ros.core.pose3d.tracks3d import Tracks3D  # noqa: E402
from pose_ros.core.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS  # noqa: E402
from pose_ros.core.tracking.tracks import KeypointState, PositionSource, Tracks, TrackState  # noqa: E402
from pose_ros.msg import Skeleton, SkeletonArray  # noqa: E402
from pose_ros.ros.conversions import (  # noqa: E402
    joints_from_msg,
    keypoints_from_msg,
    keypoints_to_msg,
    stamp_from_ns,
    stamp_ns,
    stamp_seconds,
    tracks3d_from_msg,
    tracks_from_msg,
    tracks_to_msg,
)

HEADER = Header(stamp=Time(sec=1700000000, nanosec=123456789), frame_id='camera')


def over_the_wire(msg: SkeletonArray) -> SkeletonArray:
    return deserialize_message(serialize_message(msg), SkeletonArray)


def some_keypoints(people: int) -> Keypoints:
    random = np.random.default_rng(people)
    xy = random.uniform(-50, 4000, (people, NUM_KEYPOINTS, 2)).astype(np.float32)
    score = random.uniform(0.1, 1, (people, NUM_KEYPOINTS)).astype(np.float32)
    missing = random.random((people, NUM_KEYPOINTS)) < 0.3
    xy[missing], score[missing] = np.nan, 0
    return Keypoints(xy, score, random.uniform(0, 1, people).astype(np.float32))


def some_tracks(people: int) -> Tracks:
    random = np.random.default_rng(people)
    state = random.integers(0, 3, (people, NUM_KEYPOINTS)).astype(np.int8)
    missing, observed = state == KeypointState.MISSING, state == KeypointState.OBSERVED

    def floats(*shape: int) -> np.ndarray:
        values = random.uniform(-500, 500, (people, *shape)).astype(np.float32)
        if shape[:1] == (NUM_KEYPOINTS,):
            values[missing] = np.nan
        return values

    return Tracks(
        stamp_s=stamp_seconds(HEADER.stamp),
        id=np.arange(1, people + 1) * 1000,
        state=random.integers(1, 4, people).astype(np.int8),
        score=np.abs(floats()) / 500,
        age_s=np.abs(floats()).astype(float), since_seen_s=np.abs(floats()).astype(float),
        xy=floats(17, 2), velocity=floats(17, 2), covariance=floats(17, 2, 2),
        keypoint_state=state,
        keypoint_score=np.where(observed, 0.5, 0).astype(np.float32),
        detection=np.full(people, -1), exchanged=np.zeros((people, 17), bool),
    )


@pytest.mark.parametrize('people', [0, 1, 7, 200])
def test_keypoints_round_trip(people: int) -> None:
    keypoints = some_keypoints(people)
    msg = over_the_wire(keypoints_to_msg(keypoints, HEADER, (640, 480)))
    back = keypoints_from_msg(msg)
    for name in ('xy', 'score', 'person_score'):
        np.testing.assert_array_equal(getattr(back, name), getattr(keypoints, name), name)
        assert getattr(back, name).dtype == np.float32
    assert (msg.header, msg.image_width, msg.image_height) == (HEADER, 640, 480)
    for person, skeleton in enumerate(msg.skeletons):
        assert (skeleton.id, skeleton.track_state) == (0, Skeleton.UNTRACKED)
        assert np.isnan(skeleton.age_s) and skeleton.since_seen_s == 0
        np.testing.assert_array_equal(skeleton.box, keypoints.boxes_xyxy()[person])
        assert (np.isnan(skeleton.u) == (skeleton.keypoint_state == Skeleton.MISSING)).all()
        for name in ('du', 'dv', 'uv_covariance', 'x', 'y', 'z', 'dx', 'dy', 'dz',
                     'xyz_covariance'):
            assert np.isnan(getattr(skeleton, name)).all(), name
        assert (skeleton.position_source == Skeleton.POSITION_NONE).all()


@pytest.mark.parametrize('people', [0, 1, 7])
def test_tracks_round_trip(people: int) -> None:
    tracks = some_tracks(people)
    tracks.covariance[..., 1, 0] = tracks.covariance[..., 0, 1]
    back = tracks_from_msg(over_the_wire(tracks_to_msg(tracks, HEADER, (640, 480))))
    for name in vars(tracks):
        one, other = getattr(tracks, name), getattr(back, name)
        np.testing.assert_array_equal(other, one, name)
        if name != 'stamp_s':
            assert other.dtype == one.dtype, name


@pytest.mark.parametrize('people', [0, 1, 7])
def test_positions_round_trip(people: int) -> None:
    random = np.random.default_rng(people)
    position, velocity = random.normal(0, 3, (2, people, NUM_KEYPOINTS, 3)).astype(np.float32)
    root = random.normal(0, 0.1, (people, NUM_KEYPOINTS, 3, 3)).astype(np.float32)
    covariance = root + root.swapaxes(2, 3)
    source = random.integers(1, 4, (people, NUM_KEYPOINTS)).astype(np.int8)
    gone = random.random((people, NUM_KEYPOINTS)) < 0.3
    position[gone, 1] = np.nan  # one coordinate is enough
    tracks = some_tracks(people)
    given = Tracks3D(tracks.stamp_s, tracks.id, position, velocity, covariance, source)
    msg = over_the_wire(tracks_to_msg(tracks, HEADER, (640, 480), given))
    back = tracks3d_from_msg(msg)
    for name in ('position', 'velocity', 'covariance'):
        wanted = getattr(given, name).astype(np.float64)
        wanted[gone] = np.nan
        np.testing.assert_array_equal(getattr(back, name), wanted, name)
    np.testing.assert_array_equal(back.source, np.where(gone, 0, source))
    for one, other in zip(joints_from_msg(msg), (back.position, back.covariance, back.source)):
        np.testing.assert_array_equal(one, other)


def test_half_a_point_is_missing() -> None:
    keypoints = some_keypoints(1)
    keypoints.xy[0, 3] = np.nan, 5
    keypoints.xy[0, 4] = 5, np.inf
    msg = keypoints_to_msg(keypoints, HEADER, (640, 480))
    for k in (3, 4):
        person = msg.skeletons[0]
        assert person.keypoint_state[k] == Skeleton.MISSING and person.keypoint_score[k] == 0
        assert np.isnan([person.u[k], person.v[k]]).all()
    assert np.isfinite(msg.skeletons[0].box).all()


def test_nonsense_from_the_wire_is_missing() -> None:
    msg = keypoints_to_msg(some_keypoints(1), HEADER, (640, 480))
    person = msg.skeletons[0]
    person.keypoint_state[:6], person.keypoint_state[6] = Skeleton.OBSERVED, Skeleton.PREDICTED
    person.keypoint_score[:7], person.u[:7], person.v[:7] = 0.5, 1.0, 1.0
    person.u[:3] = person.keypoint_score[3:6] = np.nan, np.inf, -np.inf
    back = keypoints_from_msg(over_the_wire(msg))
    assert np.isnan(back.xy[0, :7]).all() and not back.score[0, :7].any()


def test_appearance_goes_over_the_wire() -> None:
    keypoints = some_keypoints(3)
    assert keypoints_from_msg(keypoints_to_msg(keypoints, HEADER, (640, 480))).appearance is None
    appearance = np.random.default_rng(0).random((3, SIZE)).astype(np.float32)
    appearance[1] = 0.0
    described = replace(keypoints, appearance=appearance)
    msg = over_the_wire(keypoints_to_msg(described, HEADER, (640, 480)))
    assert not len(msg.skeletons[1].appearance)
    np.testing.assert_array_equal(keypoints_from_msg(msg).appearance, appearance)
    msg.skeletons[0].appearance = [0.5] * (SIZE - 1)
    back = keypoints_from_msg(over_the_wire(msg)).appearance
    assert np.isnan(back[0]).all() and not back[1].any() and (back[2] == appearance[2]).all()


def test_stamps_lose_nothing() -> None:
    for ns in (0, 1, 999_999_999, 1_700_000_000_123_456_789, (2**31 - 1) * 10**9 + 999_999_999):
        assert stamp_ns(stamp_from_ns(ns)) == ns
    one, other = stamp_from_ns(1_700_000_000_000_000_001), stamp_from_ns(1_700_000_000_000_000_002)
    assert stamp_ns(one) != stamp_ns(other)
    assert stamp_seconds(stamp_from_ns(1_500_000_000)) == 1.5


def test_constants_are_those_of_core() -> None:
    for index, name in enumerate(KEYPOINT_NAMES):
        assert getattr(Skeleton, name.upper()) == index == getattr(core_skeleton, name.upper())
    for state in TrackState:
        assert getattr(Skeleton, state.name) == state
    for source in PositionSource:
        assert getattr(Skeleton, f'POSITION_{source.name}') == source
    for keypoint_state in KeypointState:
        assert getattr(Skeleton, keypoint_state.name) == keypoint_state
    assert len(Skeleton().u) == NUM_KEYPOINTS



def printed(msg: Any) -> str:
    """
    Return what `ros2 topic echo --flow-style` prints.

    rosidl_runtime_py, which does it, is not among the wheels; without it the same by PyYAML:
    sequences in flow style, and mappings in it only inside of sequences.
    """
    try:
        from rosidl_runtime_py.convert import message_to_yaml
    except ModuleNotFoundError:
        return yaml.dump(_plain(msg), Dumper=_Dumper, width=10**6, default_flow_style=True)
    return message_to_yaml(msg, truncate_length=128, flow_style=True)


class _Dumper(yaml.Dumper):
    pass


_Dumper.add_representer(dict, lambda dumper, data: yaml.MappingNode(
    'tag:yaml.org,2002:map',
    [(dumper.represent_data(k), dumper.represent_data(v)) for k, v in data.items()]))


def _plain(value: Any) -> Any:
    if hasattr(value, 'SLOT_TYPES'):
        return {name: _plain(getattr(value, name)) for name in value.get_fields_and_field_types()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [_plain(v) for v in value] if isinstance(value, list) else value


def test_tracked_with_a_person_prints_in_25_lines() -> None:
    tracked = tracks_to_msg(some_tracks(1), HEADER, (640, 480))
    assert len(printed(tracked).splitlines()) <= 25
    person = printed(tracked.skeletons[0]).splitlines()
    assert len(person) <= 25 and person[8].startswith('u: [') and person[8].endswith(']')
