# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth that comes and goes, joint by joint and as a whole: no jump beyond what is stated."""

import numpy as np
import pytest

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.depth_lifting import LATERAL_M
from pose_ros.core.pose3d.monocular import lift_monocular
from pose_ros.core.pose3d.tracker3d import Tracker3D
from pose_ros.core.pose3d.tracks3d import Tracks3D
from pose_ros.core.tracking.tracks import KeypointState, PositionSource, Tracks, TrackState

K = (525.0, 0.0, 320.0, 0.0, 525.0, 240.0, 0.0, 0.0, 1.0)
CAMERA = CameraModel.from_camera_info(640, 480, '', (), K)
DT_S, SIGMA_M = 1 / 30, 0.015
FRAMES = 150
_RANDOM = np.random.default_rng(99).random((FRAMES, 17)) < 0.5
PATTERNS = {
    'half the rate': lambda i: np.full(17, i % 2 == 0),
    'a third of the rate': lambda i: np.full(17, i % 3 == 0),
    'five on, five off': lambda i: np.full(17, i // 5 % 2 == 0),
    'joint by joint': lambda i: _RANDOM[i],
    'ten on, ten off, of one arm': lambda i: ~(np.isin(np.arange(17), [7, 9]) & (i // 10 % 2 > 0)),
}


def truth(t_s: float) -> np.ndarray:
    return joints(Figure(
        -0.4 + 0.3 * t_s, 3.0 - 0.3 * t_s, 0.3 * np.sin(t_s),
        swing=0.3 * np.sin(np.pi * t_s), bend=np.full((4, 3), 0.2 * np.sin(2 * t_s)),
    ))


def tracks(t_s: float, xy: np.ndarray) -> Tracks:
    return Tracks(
        t_s, np.array([1]), np.array([TrackState.CONFIRMED], np.int8), np.ones(1, np.float32),
        np.ones(1), np.zeros(1), xy.astype(np.float32), np.zeros((1, 17, 2), np.float32),
        np.broadcast_to(4.0 * np.eye(2), (1, 17, 2, 2)).astype(np.float32),
        np.full((1, 17), KeypointState.OBSERVED, np.int8), np.ones((1, 17), np.float32),
        np.zeros(1, np.int64), np.zeros((1, 17), bool),
    )


def follow(with_depth, monocular: bool = False) -> list[tuple[np.ndarray, Tracks3D]]:
    """Return the truth and what the filter says of it, image by image."""
    rng, space, out = np.random.default_rng(1), Tracker3D(CAMERA), []
    for i in range(FRAMES):
        place_m = truth(i * DT_S)[None]
        line = place_m / place_m[..., 2:]
        z = place_m + rng.normal(0, SIGMA_M, (1, 17))[..., None] * line
        z[..., :2] += rng.normal(0, 0.5, (1, 17, 2)) * LATERAL_M[:, None]
        R = SIGMA_M**2 * line[..., :, None] * line[..., None, :]
        R = R + 0.25 * (LATERAL_M**2)[:, None, None] * np.diag([1.0, 1.0, 0.0])
        xy = CAMERA.project(z)
        on = with_depth(i)
        source = np.full((1, 17), PositionSource.DEPTH, np.int8)
        z[:, ~on] = np.nan
        source[:, ~on] = PositionSource.NONE
        if monocular and not on.any():
            z, R, source = lift_monocular(CAMERA, Keypoints(
                xy.astype(np.float32), np.ones((1, 17), np.float32), np.ones(1, np.float32)))
        now = space.update(i * DT_S, tracks(i * DT_S, xy), z, R, source)
        out.append((place_m[0], now))
    return out


@pytest.mark.parametrize('pattern', PATTERNS)
def test_no_jump_beyond_the_sigma(pattern):
    out = follow(PATTERNS[pattern])[20:]
    off = np.array([now.position[0] - place_m for place_m, now in out])
    known = np.isfinite(off).all(axis=2)
    assert known.mean() > 0.98  # wrists are given up after a quarter of a second
    # The step of the error from image to image, against the covariance stated before it.
    jump = np.diff(off, axis=0)
    inverse = np.linalg.inv(np.array([now.covariance[0] for _, now in out[:-1]]))
    squared = np.einsum('tki,tkij,tkj->tk', jump, inverse, jump)[known[1:] & known[:-1]]
    assert np.mean(squared < 7.815) > 0.94  # 95 % of chi-square with 3 degrees
    assert squared.max() < 30.0
    assert np.nanmean(np.linalg.norm(off, axis=2)) < 0.04


def test_sources_follow_the_depth():
    out = follow(PATTERNS['half the rate'])
    for i, (_, now) in enumerate(out[20:], start=20):
        wanted = PositionSource.DEPTH if i % 2 == 0 else PositionSource.PREDICTED
        assert (now.source == wanted).mean() > 0.9


def test_covariance_grows_without_depth_and_shrinks_with_it():
    out = follow(PATTERNS['five on, five off'])
    z = np.array([now.covariance[0, :, 2, 2].mean() for _, now in out])
    assert all(z[i + 4] > 1.5 * z[i - 1] for i in range(25, 140, 10))
    assert all(z[i + 4] < 0.6 * z[i - 1] for i in range(30, 140, 10))


@pytest.mark.parametrize('z_m', [1.5, 3.0, 4.5])
def test_covariance_grows_with_distance_as_the_sensors_does(z_m):
    """What the filter states of a person at rest is in proportion to what the sensor has."""
    from pose_ros.core.pose3d.depth_noise import DepthNoise

    line = joints(Figure(z_m=z_m))[None]
    line = line / line[..., 2:]
    stated = {}
    for name, noise in (
        ('stereo', DepthNoise.stereo(640.0, 0.05)), ('tof', DepthNoise.time_of_flight()),
    ):
        for depth_m in (z_m, 2 * z_m):
            place_m = line * depth_m
            R = noise.sigma_m(np.array(depth_m)) ** 2 * line[..., :, None] * line[..., None, :]
            R = R + 1e-4 * np.diag([1.0, 1.0, 0.0])
            space = Tracker3D(CAMERA, hold_lengths=False)
            for i in range(2):
                now = space.update(
                    i * DT_S, tracks(i * DT_S, CAMERA.project(place_m)), place_m, R)
            bias = 0.02**2  # of the elbow below its skin
            stated[name, depth_m] = np.sqrt(now.covariance[0, 7, 2, 2] - bias)
        ratio = stated[name, 2 * z_m] / stated[name, z_m]
        sensors = noise.sigma_m(np.array(2 * z_m)) / noise.sigma_m(np.array(z_m))
        assert ratio == pytest.approx(sensors, rel=0.35)
        assert (ratio > 2.5) == (name == 'stereo')


def test_depth_to_assumed_size_and_back():
    """Depth stops for 2 s: held, then known by an assumed size, then by depth at once."""
    out = follow(lambda i: np.full(17, not 40 <= i < 110), monocular=True)
    kinds = [set(now.source.ravel().tolist()) for _, now in out]
    assert kinds[39] == {PositionSource.DEPTH} and kinds[42] == {PositionSource.PREDICTED}
    assert kinds[105] == {PositionSource.MONOCULAR} and kinds[115] == {PositionSource.DEPTH}
    # Nobody is known by both.
    assert not any({PositionSource.DEPTH, PositionSource.MONOCULAR} <= kind for kind in kinds)
    begin = next(i for i, kind in enumerate(kinds) if PositionSource.MONOCULAR in kind)
    for i in (begin, 110):
        (_, before), (_, after) = out[i - 1], out[i]
        jump = (after.position - before.position)[0]
        P = before.covariance[0] + after.covariance[0]
        known = np.isfinite(jump).all(axis=1)
        squared = np.einsum('ki,kij,kj->k', jump[known], np.linalg.inv(P[known]), jump[known])
        assert (squared < 16.27).all()
    error = np.array([now.position[0] - place_m for place_m, now in out[112:]])
    assert np.linalg.norm(error, axis=2).mean() < 0.05


def test_pixels_tell_nothing_along_the_ray():
    """Seen or not, the variance along the ray grows alike; across it, only unseen."""
    along, across = {}, {}
    for camera in (CAMERA, None):
        rng, space = np.random.default_rng(1), Tracker3D(camera, hold_lengths=False)
        for i in range(26):
            place_m = truth(i * DT_S)[None]
            line = place_m / place_m[..., 2:]
            z = place_m + rng.normal(0, 0.04, (1, 17))[..., None] * line
            R = 0.04**2 * line[..., :, None] * line[..., None, :] + 1e-6 * np.eye(3)
            if i >= 20:
                z[:] = np.nan
            xy = CAMERA.project(place_m) + rng.normal(0, 3, (1, 17, 2))
            now = space.update(i * DT_S, tracks(i * DT_S, xy), z, R)
        unit = (line / np.linalg.norm(line, axis=2, keepdims=True))[0]
        side = np.cross(unit, [0.0, 1.0, 0.0])
        P = now.covariance[0]
        along[camera is None] = np.einsum('ki,kij,kj->k', unit, P, unit)
        across[camera is None] = np.einsum('ki,kij,kj->k', side, P, side)
    known = np.isfinite(along[True]) & np.isfinite(along[False])
    assert known.sum() > 10
    assert (along[False] > 0.97 * along[True])[known].all()
    assert (across[False] < 0.5 * across[True])[known].all()
