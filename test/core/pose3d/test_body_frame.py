# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Frames: quaternions and matrices, joints in another frame, the frame of a body."""

import numpy as np
import pytest

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints
from pose_ros.core.pose3d.body_frame import Transform, body_frame, moved
from pose_ros.core.pose3d.tracks3d import Tracks3D
from pose_ros.core.skeleton import LEFT_HIP, LEFT_SHOULDER, LEFT_WRIST, RIGHT_SHOULDER
from pose_ros.core.tracking.tracks import PositionSource

OPTICAL = (-0.5, 0.5, -0.5, 0.5)
"""Camera body (x forwards, z up) from optical frame, as every camera driver publishes it."""


def some_transform(seed: int) -> Transform:
    rng = np.random.default_rng(seed)
    return Transform.from_quaternion(tuple(rng.normal(size=4)), tuple(rng.normal(size=3)))


def some_joints(seed: int, n: int = 3) -> Tracks3D:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, 17, 3, 3))
    return Tracks3D(
        0.0, np.arange(n), rng.normal(size=(n, 17, 3)), rng.normal(size=(n, 17, 3)),
        root @ np.swapaxes(root, 2, 3), np.full((n, 17), PositionSource.DEPTH, np.int8),
    )


def test_the_optical_frame_becomes_the_robots():
    rotation = Transform.from_quaternion(OPTICAL, (0.0, 0.0, 1.2)).rotation
    assert rotation @ [0.0, 0.0, 1.0] == pytest.approx([1.0, 0.0, 0.0])  # ahead
    assert rotation @ [1.0, 0.0, 0.0] == pytest.approx([0.0, -1.0, 0.0])  # right
    assert rotation @ [0.0, 1.0, 0.0] == pytest.approx([0.0, 0.0, -1.0])  # down


@pytest.mark.parametrize('seed', range(10))
def test_quaternions_there_and_back(seed):
    transform = some_transform(seed)
    R = transform.rotation
    assert R @ R.T == pytest.approx(np.eye(3)) and np.linalg.det(R) == pytest.approx(1.0)
    back = Transform.from_quaternion(transform.quaternion(), (0.0, 0.0, 0.0))
    assert back.rotation == pytest.approx(R)
    assert np.linalg.norm(transform.quaternion()) == pytest.approx(1.0)


@pytest.mark.parametrize('xyzw', [
    (0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0.6, 0.8, 0, 0), OPTICAL,
])
def test_half_turns_too(xyzw):
    transform = Transform.from_quaternion(xyzw, (0, 0, 0))
    assert abs(np.dot(transform.quaternion(), xyzw)) == pytest.approx(1.0)


@pytest.mark.parametrize('xyzw, xyz', [
    ((0, 0, 0, 0), (0, 0, 0)), ((0, 0, 0, np.nan), (0, 0, 0)), ((0, 0, 0, 1), (np.inf, 0, 0)),
])
def test_what_is_no_transform_is_refused(xyzw, xyz):
    with pytest.raises(ValueError, match='no transform'):
        Transform.from_quaternion(xyzw, xyz)


def test_positions_move_velocities_turn_covariances_turn():
    transform, before = some_transform(1), some_joints(2)
    after = moved(before, transform)
    for i, k in ((0, 0), (2, 16)):
        R, t = transform
        assert after.position[i, k] == pytest.approx(R @ before.position[i, k] + t)
        assert after.velocity[i, k] == pytest.approx(R @ before.velocity[i, k])
        assert after.covariance[i, k] == pytest.approx(R @ before.covariance[i, k] @ R.T)
    assert (after.id == before.id).all() and (after.source == before.source).all()
    inverse = Transform(transform.rotation.T, -transform.rotation.T @ transform.translation)
    back = moved(after, inverse)
    assert back.position == pytest.approx(before.position)
    assert back.covariance == pytest.approx(before.covariance)


def test_unknown_stays_unknown():
    before = some_joints(6)
    before.position[1, 3] = before.velocity[1, 3] = before.covariance[1, 3] = np.nan
    after = moved(before, some_transform(7))
    unknown = np.isnan(after.position).any(axis=2)
    assert unknown.sum() == 1 and unknown[1, 3]
    assert np.isnan(after.covariance[1, 3]).all() and np.isfinite(after.covariance[1, 4]).all()


@pytest.mark.parametrize('yaw', [0.0, 0.7, np.pi / 2, np.pi, -2.0])
def test_the_frame_of_a_body(yaw):
    place = joints(Figure(0.3, 2.5, yaw))
    rotation, origin = body_frame(place)
    assert origin == pytest.approx(place[[11, 12]].mean(axis=0))
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert rotation[:, 2] == pytest.approx([0.0, -1.0, 0.0], abs=1e-6)  # up
    assert rotation[:, 0] == pytest.approx([np.sin(yaw), 0.0, -np.cos(yaw)], abs=1e-6)
    # The left wrist is to the left, the nose before the ears.
    assert (rotation.T @ (place[LEFT_WRIST] - origin))[1] > 0
    assert (rotation.T @ (place[0] - place[3]))[0] > 0


@pytest.mark.parametrize('missing', [LEFT_SHOULDER, RIGHT_SHOULDER])
def test_one_shoulder_will_do(missing):
    place = joints(Figure(0.0, 2.0, 0.5))
    whole = body_frame(place)
    place[missing] = np.nan
    part = body_frame(place)
    assert part.rotation[:, 0] == pytest.approx(whole.rotation[:, 0], abs=0.05)
    assert part.translation == pytest.approx(whole.translation)


def test_too_little_of_a_body_has_no_frame():
    place = joints(Figure())
    for missing in ([LEFT_HIP], [LEFT_SHOULDER, RIGHT_SHOULDER]):
        part = place.copy()
        part[missing] = np.nan
        assert body_frame(part) is None
    assert body_frame(np.zeros((17, 3))) is None
