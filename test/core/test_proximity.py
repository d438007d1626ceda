# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Distances to volumes, and their bounds against the truth of the synthetic world."""

import numpy as np
import pytest

from pose_ros.core.camera import CameraModel
from pose_ros.core.config import TrackerConfig
from pose_ros.core.depth import DepthNoise
from pose_ros.core.lifting import lift
from pose_ros.core.proximity import Volume, proximity
from pose_ros.core.space_filter import SpaceFilter
from pose_ros.core.track_sources import of_tracks
from pose_ros.core.tracker import Tracker
from pose_ros.tools.synthetic_rgbd import Figure, observe, render

TURNED = np.array([[0.0, -1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 2.0], [0.0, 0.0, 1.0, 3.0],
                   [0.0, 0.0, 0.0, 1.0]])  # by 90 degrees around z, at (1, 2, 3)


@pytest.mark.parametrize(
    'volume, point, distance, away',
    [
        (Volume.sphere([0, 0, 1], 0.5), [0, 0, 3], 1.5, [0, 0, 1]),
        (Volume.sphere([0, 0, 1], 0.5), [0.1, 0, 1], -0.4, [1, 0, 0]),
        (Volume.sphere([0, 0, 0]), [3, 4, 0], 5.0, [0.6, 0.8, 0]),
        # The box is 2 along its x, which is the camera's y, and 1 along the others.
        (Volume.box(TURNED, [2, 1, 1]), [1, 4, 3], 1.0, [0, 1, 0]),
        (Volume.box(TURNED, [2, 1, 1]), [2.5, 2, 3], 1.0, [1, 0, 0]),
        (Volume.box(TURNED, [2, 1, 1]), [1, 3 + 3, 3.5 + 4], 5.0, [0, 0.6, 0.8]),
        (Volume.box(TURNED, [2, 1, 1]), [1.4, 2, 3], -0.1, [1, 0, 0]),
        (Volume.capsule([0, 0, 0], [0, 0, 2], 0.3), [1, 0, 1], 0.7, [1, 0, 0]),
        (Volume.capsule([0, 0, 0], [0, 0, 2], 0.3), [0, 0, 3], 0.7, [0, 0, 1]),
        (Volume.capsule([0, 0, 0], [2, 2, 0], 0.1), [1, 1, 0.05], -0.05, [0, 0, 1]),
    ],
)
def test_distance_to_volumes(volume, point, distance, away):
    found, direction = volume.distance(np.array(point, float))
    assert found == pytest.approx(distance)
    assert direction == pytest.approx(away, abs=1e-9)


def test_the_direction_is_the_gradient():
    rng = np.random.default_rng(1)
    for volume in (Volume.box(TURNED, [2, 1, 0.5]), Volume.capsule([0, 1, 2], [1, 1, 3], 0.2)):
        points = rng.uniform(-3, 5, (200, 3))
        _, away = volume.distance(points)
        steps = np.stack([
            volume.distance(points + step)[0] - volume.distance(points - step)[0]
            for step in np.eye(3) * 1e-5
        ], axis=1) / 2e-5
        assert np.percentile(np.abs(steps - away).max(axis=1), 99) < 1e-3


def someone(z_m: float, speed_m_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    position = np.full((1, 17, 3), np.nan)
    velocity = np.zeros((1, 17, 3))
    position[0, 9], position[0, 10] = [0, 0, z_m], [0, 0, z_m + 1]
    velocity[0, 9] = [0.3, 0, speed_m_s]
    covariance = np.broadcast_to(np.diag([1.0, 1.0, 0.01**2]), (1, 17, 3, 3))
    return position, velocity, covariance


def test_bounds_rate_and_contact():
    found = proximity(Volume.sphere([0, 0, 0], 0.5), *someone(2.5, -0.5), confidence=0.95)
    assert found.distance_m == pytest.approx([2.0])
    # Uncertain only along the distance counts: 1.96 sigma of 1 cm.
    assert (found.low_m, found.high_m) == (pytest.approx([1.9804]), pytest.approx([2.0196]))
    assert found.rate_m_s == pytest.approx([-0.5])
    assert found.contact_s == pytest.approx([1.9804 / 0.5])
    assert (found.joint.tolist(), found.joints.tolist()) == ([9], [2])


def test_going_away_never_touches_and_inside_touches_now():
    volume = Volume.sphere([0, 0, 0], 0.5)
    assert np.isinf(proximity(volume, *someone(2.5, 0.5)).contact_s).all()
    assert proximity(volume, *someone(0.4, 0.5)).contact_s == pytest.approx([0.0])
    # Higher confidence, wider bounds, earlier contact.
    narrow = proximity(volume, *someone(2.5, -0.5), confidence=0.5)
    wide = proximity(volume, *someone(2.5, -0.5), confidence=0.999)
    assert wide.low_m < narrow.low_m and wide.contact_s < narrow.contact_s


def test_nobody_in_metres_is_nan_and_not_far_away():
    nothing = np.full((2, 17, 3), np.nan)
    found = proximity(Volume.sphere([0, 0, 0]), nothing, nothing, np.full((2, 17, 3, 3), np.nan))
    for values in (found.distance_m, found.low_m, found.high_m, found.rate_m_s, found.contact_s):
        assert np.isnan(values).all()
    assert found.joint.tolist() == [-1, -1] and found.joints.tolist() == [0, 0]


@pytest.mark.parametrize('wrong', [
    {'rotation': np.eye(3) * 2}, {'half_m': np.array([-1.0, 0, 0])}, {'radius_m': float('nan')},
    {'centre': np.zeros(2)},
])
def test_what_is_no_volume_is_refused(wrong):
    good = {'rotation': np.eye(3), 'centre': np.zeros(3), 'half_m': np.zeros(3)}
    with pytest.raises(ValueError):
        Volume(**good | wrong)
    with pytest.raises(ValueError):
        proximity(Volume(**good), *someone(1, 0), confidence=1.0)


@pytest.fixture(scope='module')
def walk():
    """Somebody walks up to the robot, swinging his arms; lifted, tracked and filtered."""
    camera = CameraModel.from_camera_info(
        320, 240, '', (), (262.5, 0, 160, 0, 262.5, 120, 0, 0, 1)
    )
    noise = DepthNoise.structured_light()
    frames = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        tracker, space = Tracker(TrackerConfig()), SpaceFilter(camera)
        girth, height = rng.uniform(0.85, 1.15), rng.uniform(1.6, 1.9)
        bend = rng.normal(0, 0.1, (4, 3))
        for i in range(45):
            t_s = i / 15
            figure = Figure(
                -0.4 + 0.25 * t_s, 3.2 - 0.5 * t_s, 0.3 * np.sin(t_s + seed), height, girth,
                ('in_front', 'hanging') if seed % 2 else ('forward', 'aside'),
                0.3 * np.sin(5 * t_s), bend + 0.2 * np.sin(2 * t_s),
            )
            scene = render([figure], camera, rng, 4.5, noise, holes=4)
            keypoints = observe(scene, camera, rng)
            lifted = lift(scene.depth, camera, keypoints, noise)
            tracks = tracker.update(t_s, keypoints, (320, 240))
            joints = space.update(t_s, tracks, *of_tracks(tracks, keypoints, lifted.joints))
            if i >= 5 and len(tracks) == 1:
                frames.append((scene.joints[0], joints))
    return frames


VOLUMES = {
    'origin': Volume.sphere([0.3, 0.4, 0.5]),
    'capsule': Volume.capsule([0.6, 1.2, 1.2], [0.6, 0.2, 1.0], 0.08),
    'box': Volume(np.eye(3), np.array([-0.9, 0.8, 1.4]), np.array([0.25, 0.4, 0.25])),
}


@pytest.mark.parametrize('name', VOLUMES)
def test_the_true_distance_is_within_the_bounds(walk, name):
    volume, inside, covered = VOLUMES[name], [], []
    for true, joints in walk:
        found = proximity(volume, joints.position, joints.velocity, joints.covariance)
        known = np.isfinite(joints.position[0]).all(axis=1)
        distance = volume.distance(true)[0]
        inside.append(found.low_m[0] <= distance[known].min() <= found.high_m[0])
        covered.append(found.low_m[0] <= distance.min())
    assert len(inside) > 100
    assert np.mean(inside) >= 0.95
    assert np.mean(covered) >= 0.85  # hidden joints included, which nothing is promised of
