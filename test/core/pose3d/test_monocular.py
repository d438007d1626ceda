# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Joints from an assumed stature: people of all sizes and postures, and what the error is."""

import numpy as np
import pytest

from benchmarks.depth_worlds import monocular_scores
from benchmarks.depth_worlds.monocular_scores import (
    DISTANCES_M,
    MEAN_M,
    SIGMA_M,
    errors,
    random_person,
)
from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.joints3d import Joints3D
from pose_ros.core.pose3d.monocular import JITTER, common_variance, lift_monocular
from pose_ros.core.pose3d.tracker3d import Tracker3D
from pose_ros.core.skeleton import LEFT_HIP
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import PositionSource

K = (525.0, 0.0, 320.0, 0.0, 525.0, 240.0, 0.0, 0.0, 1.0)
CAMERA = CameraModel.from_camera_info(640, 480, '', (), K)
TRUNK = [5, 6, 11, 12]
KINDS = tuple(DISTANCES_M)


def see(truth: np.ndarray, rng: np.random.Generator) -> Keypoints:
    return monocular_scores.see(truth, CAMERA, rng)


@pytest.mark.parametrize('kind', KINDS)
def test_the_error_is_as_large_as_stated(kind):
    sigmas, squares, relative = errors(kind, 120, CAMERA)
    assert 0.90 <= np.mean(np.abs(sigmas) < 1.96) <= 0.99
    assert 0.90 <= np.mean(squares < 7.815) <= 0.995  # 95 % of chi-square with 3 degrees
    assert len(relative) > 110
    assert abs(relative.mean()) < 0.07
    assert relative.std() < 0.12  # of it the stature alone makes 0.06


def test_tall_people_seem_near_and_no_other_error_is_large():
    """All of the mean stature and build: what is left is the posture and the network's noise."""
    rng = np.random.default_rng(2)
    off = []
    for _ in range(100):
        figure, _ = random_person(rng, 'standing')
        figure.height_m, figure.build = MEAN_M, (1.0, 1.0, 1.0, 1.0)
        truth = joints(figure)
        found = lift_monocular(CAMERA, see(truth, rng), MEAN_M, SIGMA_M)
        off.append(np.nanmedian(found.position[0, :, 2] / truth[:, 2]) - 1)
    assert np.std(off) < 0.05
    truth = joints(Figure(height_m=1.9))
    tall = lift_monocular(CAMERA, see(truth, rng), MEAN_M, SIGMA_M)
    assert np.nanmedian(tall.position[0, :, 2] / truth[:, 2]) == pytest.approx(1.7 / 1.9, abs=0.06)


def test_the_assumed_stature_scales_everything():
    rng = np.random.default_rng(3)
    people = see(joints(Figure()), rng)
    one, two = (lift_monocular(CAMERA, people, stature, 0.1) for stature in (1.5, 1.8))
    assert two.position == pytest.approx(1.2 * one.position, rel=1e-2, nan_ok=True)
    sure, unsure = (lift_monocular(CAMERA, people, 1.7, sigma) for sigma in (0.01, 0.2))
    grown = unsure.covariance[0, :, 2, 2] - sure.covariance[0, :, 2, 2]
    z = sure.position[0, :, 2]
    assert grown == pytest.approx(z**2 * (0.2**2 - 0.01**2) / 1.7**2, nan_ok=True)


def test_positions_are_on_their_rays():
    people = see(joints(Figure(0.5, 3.0)), np.random.default_rng(4))
    back = CAMERA.project(lift_monocular(CAMERA, people).position)
    assert np.abs(back - people.xy).max() < 1e-3


def test_too_little_to_tell_is_unknown():
    people = see(joints(Figure(z_m=3.0)), np.random.default_rng(5))
    few = np.full_like(people.xy, np.nan)
    few[0, [0, 9]] = people.xy[0, [0, 9]]  # nose and wrist are no bone
    few = np.concatenate([few, people.xy])
    ones = np.ones((2, 17), np.float32)
    found = lift_monocular(CAMERA, Keypoints(few, ones, ones[:, 0]))
    assert np.isnan(found.position[0]).all() and (found.source[0] == PositionSource.NONE).all()
    assert np.isfinite(found.position[1]).all()
    assert lift_monocular(CAMERA, Keypoints.empty()).position.shape == (0, 17, 3)
    same = Keypoints(np.full((1, 17, 2), 50.0, np.float32), np.ones((1, 17), np.float32),
                     np.ones(1, np.float32))
    assert np.isnan(lift_monocular(CAMERA, same).position).all()


def track(frames: int, truth: np.ndarray, rng: np.random.Generator) -> list[Joints3D]:
    """Return what the tracker says in 3-D about somebody who stands still, image by image."""
    tracker, space, out = Tracker(), Tracker3D(CAMERA), []
    for i in range(frames):
        people = see(truth, rng)
        tracks = tracker.update(i / 30, people, CAMERA.image_size)
        found = lift_monocular(CAMERA, people, MEAN_M, SIGMA_M)
        now = space.update(i / 30, tracks, *found.of(tracks)).of(tracks)
        out.append(Joints3D(now.position, now.covariance, now.source))
    return out


def test_the_tracker_does_not_average_the_common_error_away():
    rng = np.random.default_rng(6)
    inside, first, last = [], [], []
    for i in range(16):
        _, truth = random_person(rng, KINDS[i % len(KINDS)])
        out = track(30, truth, rng)
        position, covariance, source = (array[0] for array in out[-1])
        there = source == PositionSource.MONOCULAR
        error = (position[there] - truth[there])[:, 2]
        sigma = np.sqrt(covariance[there, 2, 2])
        inside += (np.abs(error) < 1.96 * sigma).tolist()
        first.append(np.nanmean(np.sqrt(out[2].covariance[0, TRUNK, 2, 2])))
        last.append(np.nanmean(np.sqrt(covariance[TRUNK, 2, 2])))
    assert len(inside) > 16 * 10
    assert 0.90 <= np.mean(inside) <= 0.99
    assert np.mean(last) > 0.85 * np.mean(first)


def test_the_tracker_averages_the_rest():
    rng = np.random.default_rng(7)
    truth = joints(Figure())
    out = track(60, truth, rng)
    z = np.array([joints_.position[0, TRUNK, 2] for joints_ in out[20:]])
    raw = [lift_monocular(CAMERA, see(truth, rng)).position[0, TRUNK, 2] for _ in range(40)]
    assert z.std(axis=0).mean() < 0.6 * np.std(raw, axis=0).mean()


def test_what_is_common_and_what_differs_make_the_whole():
    found = lift_monocular(CAMERA, see(joints(Figure()), np.random.default_rng(8)))
    common = common_variance(found.position, found.covariance)[0, LEFT_HIP]
    z, whole = found.position[0, LEFT_HIP, 2], found.covariance[0, LEFT_HIP, 2, 2]
    assert common + (JITTER * z) ** 2 == pytest.approx(whole)
    assert common > 0.7 * whole
