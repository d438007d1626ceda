# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""People stand where their 3-D say, else where their pixels are seen."""

from dataclasses import replace

import numpy as np
import pytest

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.pose3d.display_points import display_points
from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState

CAMERA = CameraModel.from_camera_info(
    640, 480, 'plumb_bob', [-0.3, 0.1, 0.001, 0.002, 0.0],
    [525.0, 0, 320, 0, 520.0, 240, 0, 0, 1])


@pytest.fixture
def tracks():
    """Return two people somewhere in the image, moving."""
    rng = np.random.default_rng(1)
    xy = rng.uniform([60, 60], [580, 420], (2, 17, 2)).astype(np.float32)
    return replace(
        Tracks.empty(), id=np.arange(2), state=np.full(2, TrackState.CONFIRMED, np.int8),
        score=np.ones(2), age_s=np.ones(2), since_seen_s=np.zeros(2), xy=xy,
        velocity=np.full_like(xy, 20.0),
        covariance=np.tile(np.float32([[9, 2], [2, 4]]), (2, 17, 1, 1)),
        keypoint_state=np.full((2, 17), KeypointState.OBSERVED, np.int8),
        keypoint_score=np.ones((2, 17)),
    )


def nothing(n=2):
    return np.full((n, 17, 3), np.nan), np.full((n, 17, 3, 3), np.nan), np.full((n, 17, 3), np.nan)


def test_without_3d_everybody_is_on_the_plane(tracks):
    placed = display_points(tracks, *nothing(), CAMERA, 3.0)
    np.testing.assert_allclose(placed.points[..., 2], 3.0)
    np.testing.assert_allclose(CAMERA.project(placed.points), tracks.xy, atol=1e-3)
    assert placed.flat.all()
    # Velocity and covariance are those of the pixels, seen through the lens.
    step_s = 0.01
    later = CAMERA.project(placed.points + step_s * placed.velocity)
    np.testing.assert_allclose((later - tracks.xy) / step_s, tracks.velocity, atol=0.3)
    rng = np.random.default_rng(2)
    samples = rng.multivariate_normal(tracks.xy[0, 0], tracks.covariance[0, 0], 20_000)
    spread = np.cov(CAMERA.points(samples, np.full(20_000, 3.0)).T)
    np.testing.assert_allclose(placed.covariance[0, 0], spread, rtol=0.06, atol=1e-6)


def test_3d_are_used_where_they_are(tracks):
    position, covariance, velocity = nothing()
    position[1, :9] = CAMERA.points(tracks.xy[1, :9], np.linspace(1.0, 1.8, 9))
    velocity[1, :9], covariance[1, :9] = 0.5, np.eye(3) * 1e-4
    placed = display_points(tracks, position, covariance, velocity, CAMERA, 3.0)
    np.testing.assert_array_equal(placed.points[1, :9], position[1, :9])
    np.testing.assert_array_equal(placed.velocity[1, :9], velocity[1, :9])
    np.testing.assert_array_equal(placed.covariance[1, :9], covariance[1, :9])
    # The others of this person: on their rays, as far away as the person.
    np.testing.assert_allclose(placed.points[1, 9:, 2], 1.4)
    np.testing.assert_allclose(CAMERA.project(placed.points[1]), tracks.xy[1], atol=1e-3)
    np.testing.assert_array_equal(placed.flat, [[True] * 17, [False] * 9 + [True] * 8])
    np.testing.assert_allclose(placed.points[0, :, 2], 3.0)


def test_positions_in_another_frame_are_not_mixed_with_rays(tracks):
    position, covariance, velocity = nothing()
    position[1, :9] = [4.0, 5.0, -1.0]
    placed = display_points(tracks, position, covariance, velocity, CAMERA, 3.0, same_frame=False)
    np.testing.assert_array_equal(placed.points[1, :9], position[1, :9])
    assert np.isnan(placed.points[1, 9:]).all() and not placed.flat[1].any()
    np.testing.assert_allclose(placed.points[0, :, 2], 3.0)


def test_what_is_missing_is_nowhere(tracks):
    tracks.keypoint_state[0, 3:] = KeypointState.MISSING
    position, covariance, velocity = nothing()
    position[0] = 1.0
    placed = display_points(tracks, position, covariance, velocity, CAMERA, 3.0)
    assert np.isfinite(placed.points[0, :3]).all() and np.isnan(placed.points[0, 3:]).all()
    assert np.isnan(placed.covariance[0, 3:]).all() and not placed.flat[0].any()
    position[1, 0] = [0.0, 0.0, -2.0]
    behind = display_points(tracks, position, covariance, velocity, CAMERA, 3.0)
    assert np.isnan(behind.points[1, 1:]).all()
    assert display_points(Tracks.empty(), *nothing(0), CAMERA, 3.0).points.shape == (0, 17, 3)
