# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tracks in 3-D: filtering, people who come and go, depth that comes and goes."""

import numpy as np
import pytest

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.core.pose3d.bone_lengths import BONES, lengths
from pose_ros.core.pose3d.depth_lifting import LATERAL_M
from pose_ros.core.pose3d.monocular import lift_monocular
from pose_ros.core.pose3d.tracker3d import Tracker3D
from pose_ros.core.pose3d.tracks3d import Tracks3D
from pose_ros.core.skeleton import LEFT_ELBOW, LEFT_SHOULDER, RIGHT_SHOULDER
from pose_ros.core.tracking.tracks import KeypointState, PositionSource, Tracks, TrackState

K = (525.0, 0.0, 320.0, 0.0, 525.0, 240.0, 0.0, 0.0, 1.0)
CAMERA = CameraModel.from_camera_info(640, 480, '', (), K)
DT_S = 1 / 30
DEPTH_SIGMA_M = 0.02


def truth(t_s: float) -> np.ndarray:
    """Return a person who walks sideways and towards the camera, arms and legs swinging."""
    return joints(Figure(
        -0.4 + 0.5 * t_s, 3.0 - 0.5 * t_s, 0.3 * np.sin(t_s),
        swing=0.4 * np.sin(2 * np.pi * t_s), bend=np.full((4, 3), 0.2 * np.sin(3 * t_s)),
    ))


def tracks(t_s: float, ids: list[int], xy: np.ndarray) -> Tracks:
    n = len(ids)
    return Tracks(
        t_s, np.array(ids, np.int64), np.full(n, TrackState.CONFIRMED, np.int8),
        np.ones(n, np.float32), np.ones(n), np.zeros(n), xy.astype(np.float32),
        np.zeros((n, 17, 2), np.float32),
        np.broadcast_to(4.0 * np.eye(2), (n, 17, 2, 2)).astype(np.float32),
        np.full((n, 17), KeypointState.OBSERVED, np.int8), np.ones((n, 17), np.float32),
        np.arange(n), np.zeros((n, 17), bool),
    )


def measure(place: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return noisy joints and covariances whose long axis is along the ray."""
    line = place / place[..., 2:]
    noisy = place + rng.normal(0, DEPTH_SIGMA_M, place.shape[:-1])[..., None] * line
    noisy[..., :2] += rng.normal(0, 1, (*place.shape[:-1], 2)) * LATERAL_M[:, None]
    covariance = DEPTH_SIGMA_M**2 * line[..., :, None] * line[..., None, :]
    covariance = covariance + (LATERAL_M**2)[:, None, None] * np.diag([1.0, 1.0, 0.0])
    return noisy, covariance


def run(space, rng, frames, with_depth=lambda i: np.ones(17, bool), start=0):
    out = []
    for i in range(start, start + frames):
        place = truth(i * DT_S)[None]
        z, R = measure(place, rng)
        xy = CAMERA.project(z)
        z[:, ~with_depth(i)] = np.nan
        out.append((place[0], z[0], space.update(i * DT_S, tracks(i * DT_S, [7], xy), z, R)))
    return out


def test_filtered_is_better_than_measured_and_knows_velocity():
    rng = np.random.default_rng(1)
    out = run(Tracker3D(CAMERA), rng, 90)[15:]
    raw = np.concatenate([z - place for place, z, _ in out])
    error = np.concatenate([s.position[0] - place for place, _, s in out])
    assert np.sqrt((error**2).mean()) < 0.85 * np.sqrt((raw**2).mean())
    speeds = []
    for i, (_, _, s) in enumerate(out, start=15):
        true = (truth((i + 0.5) * DT_S) - truth((i - 0.5) * DT_S)) / DT_S
        speeds.append(s.velocity[0] - true)
    assert np.sqrt(np.mean(np.square(speeds)[:, [5, 6, 11, 12]])) < 0.3  # the trunk, m/s
    assert np.isfinite(error).all()


def test_covariance_holds_what_it_promises():
    rng = np.random.default_rng(2)
    squared = []
    for place, _, s in run(Tracker3D(CAMERA), rng, 90)[10:]:
        error = s.position[0] - place
        squared.append(np.einsum('ki,kij,kj->k', error, np.linalg.inv(s.covariance[0]), error))
    assert np.mean(np.array(squared) < 7.815) > 0.93


def test_depth_gone_for_good_ends_3d_and_returns_by_itself():
    rng = np.random.default_rng(5)
    space = Tracker3D(CAMERA)
    run(space, rng, 30)
    gone = run(space, rng, 60, lambda i: np.zeros(17, bool), start=30)
    assert np.isnan(gone[-1][2].position).all()
    assert np.isnan(gone[-1][2].covariance).all()
    back = run(space, rng, 5, start=90)
    assert np.isfinite(back[-1][2].position).all()


def test_one_wild_measurement_is_not_believed_and_a_lasting_one_is():
    rng = np.random.default_rng(6)
    space = Tracker3D(CAMERA, hold_lengths=False)
    run(space, rng, 30)
    place = truth(1.0)[None]
    for i in range(30, 45):
        z, R = measure(place, rng)
        z[0, 0] += [0.0, 0.0, 1.5]
        s = space.update(i * DT_S, tracks(i * DT_S, [7], CAMERA.project(place)), z, R)
        if i == 30:
            assert abs(s.position[0, 0, 2] - place[0, 0, 2]) < 0.2
    assert s.position[0, 0, 2] == pytest.approx(place[0, 0, 2] + 1.5, abs=0.1)


def test_bones_hold_their_length():
    """Depth noise of 6 cm along the ray: lengths come from the image where it can tell."""
    spread = {}
    for hold in (False, True):
        rng = np.random.default_rng(7)
        space = Tracker3D(CAMERA, hold_lengths=hold)
        arms = []
        for i in range(90):
            place = truth(i * DT_S)[None]
            z, R = measure(place, rng)
            extra = rng.normal(0, 0.06, (1, 17, 1)) * place / place[..., 2:]
            line = place / place[..., 2:]
            R = R + 0.06**2 * line[..., :, None] * line[..., None, :]
            s = space.update(
                i * DT_S, tracks(i * DT_S, [1], CAMERA.project(z)), z + extra, R
            )
            arms.append(lengths(s.position, s.covariance)[0][0])
        bone = [i for i, b in enumerate(BONES) if {b[0], b[1]} == {LEFT_ELBOW, LEFT_SHOULDER}][0]
        spread[hold] = np.std(np.array(arms)[30:, bone]) / np.mean(np.array(arms)[30:, bone])
    assert spread[True] < 0.6 * spread[False]
    assert spread[True] < 0.06


def test_a_shoulder_that_goes_behind_the_other_keeps_its_distance():
    """Turning until side-on; the far shoulder has no depth from 45 degrees on."""
    rng = np.random.default_rng(12)
    space = Tracker3D(CAMERA)
    widths = []
    for i in range(75):
        yaw = min(max(i - 30, 0) * np.pi / 80, np.pi / 2)
        place = joints(Figure(0.0, 2.0, yaw))[None]
        z, R = measure(place, rng)
        xy = CAMERA.project(z)
        if yaw > np.pi / 4:
            z[0, LEFT_SHOULDER] = np.nan
        s = space.update(i * DT_S, tracks(i * DT_S, [7], xy), z, R)
        widths.append(np.linalg.norm(s.position[0, LEFT_SHOULDER] - s.position[0, RIGHT_SHOULDER]))
    true = np.linalg.norm(place[0, LEFT_SHOULDER] - place[0, RIGHT_SHOULDER])
    known = np.array(widths)[np.isfinite(widths)]
    assert len(known) > 60
    assert np.abs(known - true).max() < 0.15 * true


def test_people_are_told_apart_by_id():
    rng = np.random.default_rng(8)
    space = Tracker3D(CAMERA)
    a, b = joints(Figure(-0.5, 2.0)), joints(Figure(0.5, 3.0))
    both = np.stack([a, b])
    z, R = measure(both, rng)
    space.update(0.0, tracks(0.0, [1, 2], CAMERA.project(both)), z, R)
    swapped = both[::-1]
    z, R = measure(swapped, rng)
    s = space.update(0.1, tracks(0.1, [2, 1], CAMERA.project(swapped)), z, R)
    assert np.linalg.norm(s.position - swapped, axis=2).max() < 0.12
    s = space.update(0.2, tracks(0.2, [1], CAMERA.project(a[None])), *measure(a[None], rng))
    assert s.id.tolist() == [1]
    assert np.linalg.norm(s.position - a, axis=2).max() < 0.12
    s = space.update(0.3, Tracks.empty(0.3), np.empty((0, 17, 3)), np.empty((0, 17, 3, 3)))
    assert s.position.shape == (0, 17, 3)


def test_looking_ahead_changes_nothing_and_grows_the_covariance():
    rng = np.random.default_rng(9)
    space = Tracker3D(CAMERA)
    now = run(space, rng, 30)[-1][2]
    later = space.predict(now.stamp_s + 0.2)
    assert later.position == pytest.approx(now.position + 0.2 * now.velocity)
    assert (np.trace(later.covariance, axis1=2, axis2=3)
            > np.trace(now.covariance, axis1=2, axis2=3)).all()
    assert not later.measured.any()
    assert space.predict(now.stamp_s).position == pytest.approx(now.position)


def test_time_that_goes_back_begins_anew_and_a_repeated_stamp_is_dropped():
    rng = np.random.default_rng(10)
    space = Tracker3D(CAMERA, hold_lengths=False)
    now = run(space, rng, 10)[-1][2]
    z, R = measure(truth(9.9)[None], rng)
    same = space.update(now.stamp_s, tracks(now.stamp_s, [7], CAMERA.project(z)), z, R)
    assert same.position == pytest.approx(now.position)
    z, R = measure(truth(0.0)[None], rng)
    again = space.update(0.0, tracks(0.0, [7], CAMERA.project(z)), z, R)
    assert again.position == pytest.approx(z)
    assert (again.velocity == 0).all()


def test_the_covariance_stays_sound_for_ever():
    """Rounding must not make it asymmetric: that grows, and after 80 images it was indefinite."""
    rng = np.random.default_rng(11)
    space = Tracker3D(CAMERA)
    place = truth(0.0)[None]
    for i in range(300):
        z, R = measure(place, rng)
        s = space.update(i * DT_S, tracks(i * DT_S, [7], CAMERA.project(place)), z, R)
    assert np.linalg.eigvalsh(s.covariance).min() > 1e-7
    assert np.linalg.norm(s.position - place, axis=2).max() < 0.1
    assert np.isfinite(s.velocity).all()


def velocity_of_a_person_who_stands(speed_m_s, known=True):
    """Return the joints' (17, 3), m/s, along the axes at the beginning, before a camera drives."""

    def odom_from_optical(t_s):
        c, s = np.cos(0.4 * speed_m_s * t_s), np.sin(0.4 * speed_m_s * t_s)
        return Transform(
            np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]),
            np.array([speed_m_s * t_s, 0.0, 0.0]))

    space, rng = Tracker3D(CAMERA), np.random.default_rng(0)
    for i in range(60):
        now = odom_from_optical(i * DT_S)
        back = now.inverse()
        z = (joints(Figure(0.0, 2.6)) + rng.normal(0, 0.01, (17, 3)))[None]
        z = z @ back.rotation.T + back.translation
        moved = back @ odom_from_optical((i - 1) * DT_S) if i and known else None
        got = space.update(
            i * DT_S, tracks(i * DT_S, [7], CAMERA.project(z)), z,
            np.broadcast_to(1e-4 * np.eye(3), (1, 17, 3, 3)), camera_motion=moved)
    return got.velocity[0] @ now.rotation.T


def test_a_camera_that_drives_and_is_known_is_as_one_that_stands():
    """The same noise gives the same velocities, the camera's own not in them."""
    at_rest = velocity_of_a_person_who_stands(0.0)
    assert np.linalg.norm(at_rest.mean(axis=0)) < 0.15
    assert velocity_of_a_person_who_stands(0.5) == pytest.approx(at_rest, abs=0.01)
    unknown = velocity_of_a_person_who_stands(0.5, known=False)
    assert np.linalg.norm(unknown.mean(axis=0)) > 0.4


# Depth that comes and goes, joint by joint and as a whole: no jump beyond what is stated.
SIGMA_M = 0.015
FRAMES = 150
_RANDOM = np.random.default_rng(99).random((FRAMES, 17)) < 0.5
PATTERNS = {
    'half the rate': lambda i: np.full(17, i % 2 == 0),
    'a third of the rate': lambda i: np.full(17, i % 3 == 0),
    'five on, five off': lambda i: np.full(17, i // 5 % 2 == 0),
    'joint by joint': lambda i: _RANDOM[i],
    'ten on, ten off, of one arm': lambda i: ~(np.isin(np.arange(17), [7, 9]) & (i // 10 % 2 > 0)),
}


def slow_walk(t_s: float) -> np.ndarray:
    return joints(Figure(
        -0.4 + 0.3 * t_s, 3.0 - 0.3 * t_s, 0.3 * np.sin(t_s),
        swing=0.3 * np.sin(np.pi * t_s), bend=np.full((4, 3), 0.2 * np.sin(2 * t_s)),
    ))


def follow(with_depth, monocular: bool = False) -> list[tuple[np.ndarray, Tracks3D]]:
    """Return the truth and what the filter says of it, image by image."""
    rng, space, out = np.random.default_rng(1), Tracker3D(CAMERA), []
    for i in range(FRAMES):
        place_m = slow_walk(i * DT_S)[None]
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
        now = space.update(i * DT_S, tracks(i * DT_S, [1], xy), z, R, source)
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
            place_m = slow_walk(i * DT_S)[None]
            line = place_m / place_m[..., 2:]
            z = place_m + rng.normal(0, 0.04, (1, 17))[..., None] * line
            R = 0.04**2 * line[..., :, None] * line[..., None, :] + 1e-6 * np.eye(3)
            if i >= 20:
                z[:] = np.nan
            xy = CAMERA.project(place_m) + rng.normal(0, 3, (1, 17, 2))
            now = space.update(i * DT_S, tracks(i * DT_S, [1], xy), z, R)
        unit = (line / np.linalg.norm(line, axis=2, keepdims=True))[0]
        side = np.cross(unit, [0.0, 1.0, 0.0])
        P = now.covariance[0]
        along[camera is None] = np.einsum('ki,kij,kj->k', unit, P, unit)
        across[camera is None] = np.einsum('ki,kij,kj->k', side, P, side)
    known = np.isfinite(along[True]) & np.isfinite(along[False])
    assert known.sum() > 10
    assert (along[False] > 0.97 * along[True])[known].all()
    assert (across[False] < 0.5 * across[True])[known].all()
