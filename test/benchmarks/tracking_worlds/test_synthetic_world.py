# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.tracking_worlds import moving_camera
from benchmarks.tracking_worlds import synthetic_report as report
from benchmarks.tracking_worlds import synthetic_world as world
from benchmarks.tracking_worlds.compared_trackers import ByHand
from benchmarks.tracking_worlds.moving_camera import CAMERAS
from benchmarks.tracking_worlds.scores import delay_s, jitter_px, oks_to_truth
from pose_ros.core.body import body_height_px
from pose_ros.core.config import TrackerConfig
from pose_ros.core.geometry import apply_homography, box_iou
from pose_ros.core.tracking.tracker import PRESETS, Tracker

SCENES = world.scenes()


def frames_equal(a, b):
    return all(
        x.stamp_s == y.stamp_s and x.keypoints.xy.tobytes() == y.keypoints.xy.tobytes()
        for x, y in zip(a, b, strict=True)
    )


def test_one_seed_is_one_world():
    view = world.View()
    one, two, other = (list(world.frames(SCENES['group'], view, seed)) for seed in (1, 1, 2))
    assert frames_equal(one, two)
    assert not np.array_equal(one[5].keypoints.xy, other[5].keypoints.xy, equal_nan=True)


def test_people_are_people():
    t = np.linspace(0.5, 4.0, 50)
    xy, there = world.truth(SCENES['crossing'], t)
    assert xy.shape == (2, 50, 17, 2) and there.all()
    height = body_height_px(xy[0], np.ones((50, 17), bool))
    assert np.all((height > 0.75 * 260) & (height < 1.25 * 260))
    bones = np.hypot(*np.moveaxis(xy[0][:, [13, 15]] - xy[0][:, [11, 13]], -1, 0)) / 260
    assert np.allclose(bones.std(axis=0), 0, atol=1e-9)  # a side view: legs keep their lengths
    feet = xy[0, :, 15, 0] - xy[0, :, 11, 0]
    assert feet.max() > 20 and feet.min() < -20
    # The velocity given is the derivative of the place given.
    v = world.velocity(SCENES['crossing'], t)
    steps = (world.truth(SCENES['crossing'], t + 1e-3)[0] - xy) / 1e-3
    assert np.abs(v - steps).max() < 5


def test_noise_is_what_it_says_and_wrong_people_are_marked():
    walker = replace(SCENES['rest'].walkers[0], turn=0.0)
    scene = world.Scene('still', (walker,), 40.0)
    stack = np.stack([f.keypoints.xy[0] for f in world.frames(scene, world.PERFECT, 0)])
    score = np.stack([f.keypoints.score[0] for f in world.frames(scene, world.PERFECT, 0)])
    wanted = np.sqrt((world.noise_px(score, 240.0) ** 2).mean(axis=0))
    assert np.allclose(stack.std(axis=0).mean(axis=1), wanted, rtol=0.12)
    view = world.View(25.0, false_people=1.0)
    frames = list(world.frames(scene, view, 0))
    assert all(-1 in f.source for f in frames)
    assert all(len(f.source) == len(f.keypoints) for f in frames)


def test_who_stands_behind_is_hidden():
    scene = SCENES['hidden']
    seen = []
    for t in np.linspace(0.5, 5.5, 100):
        xy, there = (a[:, 0] for a in world.truth(scene, np.array(t)))
        seen.append(world.visible(scene, xy, there).sum(axis=1))
    seen = np.array(seen)
    assert (seen[:, 0] == 17).all()
    assert seen[0, 1] == 17 and seen[-1, 1] == 17
    # Hidden for about a second.
    assert 0.8 < (seen[:, 1] < 5).sum() * 5.0 / 100 < 1.4


def test_delay_and_jitter_measure_what_they_say():
    stamps = np.arange(0, 5, 1 / 30)

    def truth(t):
        return np.sin(2 * np.pi * t[:, None, None] * np.linspace(0.3, 1.0, 34).reshape(17, 2)) * 50

    for late in (0.0, 0.021, 0.15):
        assert delay_s([(truth, stamps, truth(stamps - late))]) == pytest.approx(late, abs=5e-4)
    noise = np.random.default_rng(0).normal(0, 1.7, (2000, 17, 2))
    assert jitter_px(noise + 100) == pytest.approx(1.7, rel=0.02)


def test_likeness_to_truth_and_overlap():
    xy = SCENES['crossing'].walkers[0].keypoints(np.array([1.0]))
    assert oks_to_truth(xy, np.array([260.0]), xy)[0, 0] == 1.0
    assert oks_to_truth(xy, np.array([260.0]), xy + 200)[0, 0] < 1e-6
    overlap = box_iou(np.array([[0, 0, 2, 2.0]])[:, None], np.array([[1, 0, 3, 2.0]]))
    assert overlap[0, 0] == pytest.approx(1 / 3)


@pytest.mark.parametrize('preset', PRESETS)
def test_the_covariance_is_honest(preset):
    """Normalised errors squared stand within the 95 % ellipse as often as they should."""
    got = report.honesty(TrackerConfig(preset=preset), world.PERFECT, 2)
    assert 0.7 < got['nees'] < 1.4
    assert 0.93 < got['inside_95'] < 0.98


def test_the_covariance_of_what_is_predicted_is_honest():
    got = report.honesty(TrackerConfig(), world.PERFECT, 1, 0.1)
    assert 0.6 < got['nees'] < 1.5
    assert 0.90 < got['inside_95'] < 0.99


def test_innovations_are_as_large_as_expected():
    """Their mean over a run is 2 per keypoint, the mean of chi-square with 2 degrees."""
    nis = []
    for name in (*report.MOVING, 'rest'):
        tracker = Tracker()
        for frame in world.frames(report.single(name), world.PERFECT, 3):
            tracker.update(frame.stamp_s, frame.keypoints, (1280, 720))
            if frame.stamp_s > 1.0:
                nis.append(tracker._filter.nis.ravel())
    nis = np.concatenate(nis)
    assert np.nanmean(nis) == pytest.approx(2.0, rel=0.2)
    assert 0.92 < np.mean(nis[np.isfinite(nis)] < report.CHI2_95) < 0.98


@pytest.mark.parametrize('noise', [0.25, 2.0])
def test_other_noise_than_expected_is_adapted_to(noise):
    got = report.honesty(TrackerConfig(), replace(world.PERFECT, noise=noise), 1)
    assert 0.4 < got['nees'] < 1.6
    assert got['inside_95'] > 0.92


def test_calm_and_not_late():
    """Less jitter than a third of the detections', without the delay of a low-pass."""
    ours = report.motion(Tracker, world.PERFECT, 1)
    raw = report.motion(lambda: None, world.PERFECT, 1)
    assert ours['jitter_px'] < raw['jitter_px'] / 3
    assert ours['position_px'] < 0.75 * raw['position_px']
    assert ours['delay_ms'] < 4
    euro = report.motion(lambda: ByHand(0.74, 3.0), world.PERFECT, 1)
    assert euro['jitter_px'] > 0.9 * ours['jitter_px']
    assert ours['delay_ms'] < 0.7 * euro['delay_ms']


def test_predicted_to_now_beats_late_detections():
    got = report.ahead_errors(TrackerConfig(), world.PERFECT, 1, 0.1)
    assert got['predicted_px'] < 0.6 * got['raw_px']


MOVING = [
    pytest.param(name, camera, rate_hz, marks=[
        pytest.mark.nightly('six times the images of 10 Hz')] if rate_hz > 10.0 else [])
    for name in ('crossing', 'group') for camera in CAMERAS for rate_hz in (10.0, 60.0)
    if camera != 'stands'
]


@pytest.mark.parametrize(('name', 'camera', 'rate_hz'), [
    *((name, 'stands', rate_hz) for name in report.CROSSINGS for rate_hz in (10.0, 25.0)), *MOVING,
])
def test_everybody_keeps_one_id(name, camera, rate_hz):
    scene = replace(SCENES[name], camera=CAMERAS[camera])
    for seed in range(2):
        assert not report.id_faults(scene, world.View(rate_hz), seed)


@pytest.mark.parametrize(('camera', 'worse'), [
    ('pan', 1.2), *(pytest.param(name, 1.2, marks=pytest.mark.nightly('as the pan'))
                    for name in ('tilt', 'roll'))])
def test_prediction_holds_before_a_camera_that_turns(camera, worse):
    """As before one that stands still, about; not known, it is far worse."""
    still, moving, unknown = (
        report.prediction_px(CAMERAS[name], 30.0, 1, 0.1, knows)
        for name, knows in (('stands', True), (camera, True), (camera, False)))
    assert moving < worse * still
    assert camera == 'roll' or unknown > 1.5 * still


def test_the_camera_sees_what_it_should():
    """A point of the world where a pinhole camera would see it."""
    size, camera = (1280, 720), moving_camera.Camera(
        pan=((0.1, 0.3),), aside=((0.2, 0.3),), ahead=((0.1, 0.3),))
    t = np.array([1.1])
    share = 1.0 - np.cos(2.0 * np.pi * 0.3 * t[0])
    x, z = 1.0 - 0.2 * share, 4.0 - 0.1 * share
    c, s = np.cos(0.1 * share), np.sin(0.1 * share)
    x, z = c * x - s * z, s * x + c * z
    world_px = np.array([[640.0 + 1024.0 * 1.0 / 4.0, 360.0]])
    seen = apply_homography(camera.image_from_world(t, size)[0], world_px)
    assert seen[0] == pytest.approx([640.0 + 1024.0 * x / z, 360.0], abs=1e-6)
