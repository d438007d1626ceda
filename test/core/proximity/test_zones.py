# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Zones: distances, directions, and numbers that make none."""

import numpy as np
import pytest

from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.core.proximity.zones import BoxZone, camera_from_pose, make_zone

TURNED = Transform(  # by 90 degrees around z
    np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), np.array([1.0, 2.0, 3.0]))
BOX = make_zone('box', (0, 0, 0, 2, 1, 1), TURNED)


@pytest.mark.parametrize(
    'zone, point, distance, away',
    [
        (BoxZone.sphere([0, 0, 1], 0.5), [0, 0, 3], 1.5, [0, 0, 1]),
        (BoxZone.sphere([0, 0, 1], 0.5), [0.1, 0, 1], -0.4, [1, 0, 0]),
        (BoxZone.sphere([0, 0, 0]), [3, 4, 0], 5.0, [0.6, 0.8, 0]),
        # The box is 2 along its x, which is the camera's y, and 1 along the others.
        (BOX, [1, 4, 3], 1.0, [0, 1, 0]),
        (BOX, [2.5, 2, 3], 1.0, [1, 0, 0]),
        (BOX, [1, 3 + 3, 3.5 + 4], 5.0, [0, 0.6, 0.8]),
        (BOX, [1.4, 2, 3], -0.1, [1, 0, 0]),
        (BoxZone.capsule([0, 0, 0], [0, 0, 2], 0.3), [1, 0, 1], 0.7, [1, 0, 0]),
        (BoxZone.capsule([0, 0, 0], [0, 0, 2], 0.3), [0, 0, 3], 0.7, [0, 0, 1]),
        (BoxZone.capsule([0, 0, 0], [2, 2, 0], 0.1), [1, 1, 0.05], -0.05, [0, 0, 1]),
    ],
)
def test_distance_to_volumes(zone, point, distance, away):
    found, direction = zone.distance(np.array(point, float))
    assert found == pytest.approx(distance)
    assert direction == pytest.approx(away, abs=1e-9)


def test_the_direction_is_the_gradient():
    rng = np.random.default_rng(1)
    for zone in (BOX, BoxZone.capsule([0, 1, 2], [1, 1, 3], 0.2)):
        points = rng.uniform(-3, 5, (200, 3))
        _, away = zone.distance(points)
        steps = np.stack([
            zone.distance(points + step)[0] - zone.distance(points - step)[0]
            for step in np.eye(3) * 1e-5
        ], axis=1) / 2e-5
        assert np.percentile(np.abs(steps - away).max(axis=1), 99) < 1e-3


def test_planes_are_a_convex_volume():
    corner = make_zone('planes', (0, 0, 2, 2, -1, 0, 0, 0))
    points = np.array([[1.0, 0, 3], [1, 0, 0.5], [-2, 0, 0], [-2, 0, 1.5]])
    distance, away = corner.distance(points)
    assert distance == pytest.approx([2.0, -0.5, 2.0, 2.0])
    assert away == pytest.approx(np.array([[0, 0, 1], [0, 0, 1], [-1, 0, 0], [-1, 0, 0]]))


@pytest.mark.parametrize('shape, numbers', [
    ('sphere', (0.1, 0.2, 0.3, 0.4)), ('box', (0.1, 0.2, 0.3, 1.0, 2.0, 0.5)),
    ('capsule', (0.0, 0.1, 0.2, 1.0, 1.1, 1.2, 0.3)), ('planes', (0, 0, 1, 1.0, 0, 3, 4, 5)),
])
def test_a_zone_moves_with_its_frame(shape, numbers):
    moved = camera_from_pose((1.0, -2.0, 0.5, 0.1, 0.2, -0.3, 0.9))
    points = np.random.default_rng(1).normal(0, 2, (50, 3))
    still = make_zone(shape, numbers).distance(points)[0]
    there = points @ moved.rotation.T + moved.translation
    assert make_zone(shape, numbers, moved).distance(there)[0] == pytest.approx(still)


@pytest.mark.parametrize('shape, numbers, said', [
    ('sphere', (0, 0, 1), '3 numbers for a sphere'),
    ('box', (0, 0, 0, 1, 1), '5 numbers for a box'),
    ('capsule', (0,) * 8, '8 numbers for a capsule'),
    ('planes', (0, 0, 1), '3 numbers for a planes'),
    ('planes', (), '0 numbers'),
    ('sphere', (0, 0, 1, 0), 'above 0'),
    ('box', (0, 0, 0, 1, 0, 1), 'above 0'),
    ('capsule', (0, 0, 0, 1, 0, 0, -0.1), 'above 0'),
    ('planes', (0, 0, 0, 1), 'no length'),
    ('sphere', (0, 0, float('nan'), 1), 'finite'),
    ('cone', (1,), 'no shape'),
])
def test_numbers_that_make_no_zone_are_refused_in_words(shape, numbers, said):
    with pytest.raises(ValueError, match=said):
        make_zone(shape, numbers)


@pytest.mark.parametrize('pose', [(0,) * 6, (0,) * 7, (0, 0, float('inf'), 0, 0, 0, 1)])
def test_a_pose_that_is_none_is_refused(pose):
    with pytest.raises(ValueError):
        camera_from_pose(pose)
