# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rays and projections against OpenCV, and what camera_info may contain."""

import cv2
import numpy as np
import pytest

from pose_ros.core.camera_model import CameraError, CameraModel

K = (525.0, 0.0, 320.5, 0.0, 520.0, 238.0, 0.0, 0.0, 1.0)
P = (500.0, 0.0, 310.0, 0.0, 0.0, 500.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0)
PINHOLE = {
    'plumb_bob': (-0.28, 0.07, 0.0012, -0.0008, 0.002),
    'rational_polynomial': (0.52, -2.6, 0.0004, -0.0003, 1.5, 0.4, -2.4, 1.45),  # Azure Kinect's
    # As ZED and OAK-D W send them: thin prism, and a tilted sensor.
    'rational_polynomial with a thin prism': (
        0.52, -2.6, 0.0004, -0.0003, 1.5, 0.4, -2.4, 1.45, 0.003, -0.001, -0.002, 0.0008),
    'rational_polynomial with a tilt': (
        8.2, 5.9, 0.0004, -0.0003, 0.26, 8.4, 8.6, 1.5, 0.003, -0.001, -0.002, 0.0008, 0.01,
        -0.02),
}
FISHEYE = (-0.02, 0.011, -0.008, 0.0015)


def grid() -> np.ndarray:
    u, v = np.meshgrid(np.linspace(0, 639, 33), np.linspace(0, 479, 25))
    return np.stack([u, v], axis=-1).reshape(-1, 2)


def camera(model: str, d: tuple, **kwargs) -> CameraModel:
    name = model.partition(' ')[0]
    made = CameraModel.from_camera_info(640, 480, name, d, K, p=P, **kwargs)
    assert made is not None
    return made


@pytest.mark.parametrize('model', PINHOLE)
def test_rays_are_opencvs(model):
    d = np.array(PINHOLE[model])
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 500, 1e-12)
    # OpenCV 5 has one for both.
    undistort = getattr(cv2, 'undistortPointsIter', cv2.undistortPoints)
    expected = undistort(
        grid()[:, None], np.reshape(K, (3, 3)), d, R=None, P=None, criteria=criteria)[:, 0]
    assert np.abs(camera(model, PINHOLE[model]).rays(grid()) - expected).max() < 1e-7


@pytest.mark.parametrize('model', PINHOLE)
def test_projection_is_opencvs(model):
    rng = np.random.default_rng(1)
    points = rng.uniform([-1, -0.8, 1.5], [1, 0.8, 4], (200, 3))
    expected = cv2.projectPoints(
        points, np.zeros(3), np.zeros(3), np.reshape(K, (3, 3)), np.array(PINHOLE[model])
    )[0][:, 0]
    assert np.abs(camera(model, PINHOLE[model]).project(points) - expected).max() < 1e-9


def test_fisheye_is_opencvs():
    model = camera('equidistant', FISHEYE)
    matrix = np.reshape(K, (3, 3))
    expected = cv2.fisheye.undistortPoints(grid()[:, None], matrix, np.array(FISHEYE))[:, 0]
    assert np.abs(model.rays(grid()) - expected).max() < 1e-6
    rng = np.random.default_rng(2)
    points = rng.uniform([-2, -2, 0.5], [2, 2, 3], (200, 3))
    expected = cv2.fisheye.projectPoints(
        points[:, None], np.zeros(3), np.zeros(3), matrix, np.array(FISHEYE)
    )[0][:, 0]
    assert np.abs(model.project(points) - expected).max() < 1e-9


@pytest.mark.parametrize(
    'model, d', [*PINHOLE.items(), ('equidistant', FISHEYE), ('equidistant', ()), ('', ())]
)
def test_there_and_back(model, d):
    made = camera(model, d)
    rays = made.rays(grid())
    assert np.isfinite(rays).all()
    back = made.project(made.points(grid(), np.full(len(grid()), 2.0)))
    assert np.abs(back - grid()).max() < 1e-5


@pytest.mark.parametrize(
    'name, like',
    [
        ('Plumb_Bob', 'plumb_bob'), ('radtan', 'plumb_bob'), ('', 'plumb_bob'),
        ('Brown Conrady', 'plumb_bob'), ('RATIONAL_POLYNOMIAL', 'plumb_bob'),
        ('kannala_brandt4', 'equidistant'), ('Kannala Brandt4', 'equidistant'),
        ('fisheye', 'equidistant'), ('KANNALA_BRANDT', 'equidistant'),
    ],
)  # fmt: skip
def test_names_that_drivers_use(name, like):
    d = FISHEYE if like == 'equidistant' else PINHOLE['plumb_bob']
    made = CameraModel.from_camera_info(640, 480, name, d, K)
    assert made.rays(grid()) == pytest.approx(camera(like, d).rays(grid()), abs=0)


def test_eight_numbers_are_rational_whatever_the_name():
    d = PINHOLE['rational_polynomial']
    expected = camera('rational_polynomial', d).rays(grid())
    for name in ('plumb_bob', ''):
        assert CameraModel.from_camera_info(640, 480, name, d, K).rays(grid()) == pytest.approx(
            expected, abs=0)


def test_equidistant_without_coefficients_is_no_pinhole():
    ray = camera('equidistant', (0.0, 0.0, 0.0, 0.0)).rays(np.array([320.5 + 525.0, 238.0]))
    assert ray == pytest.approx([np.tan(1.0), 0.0])


def test_distortion_that_cannot_be_undone_is_nan():
    # r (1 - 0.5 r^2) has its largest value, 0.544, at r = 0.816: nothing is seen beyond.
    made = camera('plumb_bob', (-0.5, 0.0, 0.0, 0.0, 0.0))
    rays = made.rays(np.array([[320.5 + 0.5 * 525, 238.0], [320.5 + 0.6 * 525, 238.0]]))
    assert rays[0, 0] == pytest.approx(0.618034, abs=1e-6)  # the golden ratio's smaller part
    assert np.isnan(rays[1]).all()


def test_nan_in_nan_out_and_the_rest_stays():
    xy = np.array([[np.nan, np.nan], [100.0, 50.0]])
    rays = camera('plumb_bob', PINHOLE['plumb_bob']).rays(xy)
    assert np.isnan(rays[0]).all() and np.isfinite(rays[1]).all()
    assert np.isnan(camera('', ()).project(np.array([0.0, 0.0, -1.0]))).all()


def test_roi_shifts_and_binning_scales():
    whole = camera('plumb_bob', PINHOLE['plumb_bob'])
    part = camera('plumb_bob', PINHOLE['plumb_bob'], binning=(2, 2), roi=(100, 40, 400, 300))
    assert part.image_size == (200, 150)
    assert part.matrix[0] == pytest.approx([262.5, 0, (320.5 - 100) / 2])
    xy = np.array([[30.0, 20.0], [150.0, 100.0]])
    assert part.rays(xy) == pytest.approx(whole.rays(xy * 2 + [100, 40]))


def test_rectified_image_has_p_and_no_distortion():
    made = camera('plumb_bob', PINHOLE['plumb_bob'], rectified=True)
    assert made.rays(np.array([810.0, 240.0])) == pytest.approx([1.0, 0.0])


def test_uncalibrated_is_none():
    assert CameraModel.from_camera_info(640, 480, '', (), [0.0] * 9) is None


@pytest.mark.parametrize(
    'change, reason',
    [
        ({'k': (float('nan'),) * 9}, 'finite'),
        ({'k': (1.0,) * 8}, '8 numbers'),
        ({'k': (-5.0, *K[1:])}, 'focal'),
        ({'distortion_model': 'omnidirectional', 'd': (0.1,)}, 'omnidirectional'),
        ({'distortion_model': 'plumb_bob', 'd': (0.1,) * 15}, 'more than 14'),
        ({'distortion_model': 'equidistant', 'd': (0.1,) * 5}, 'more than 4'),
        ({'distortion_model': 'ftheta', 'd': (0.1,)}, "'ftheta'.*equidistant"),
        ({'roi': (400, 0, 400, 300)}, 'region'),
        ({'width': 0}, 'region'),
    ],
)
def test_bad_fields_are_refused_with_a_reason(change, reason):
    fields = {'width': 640, 'height': 480, 'distortion_model': '', 'd': (), 'k': K} | change
    with pytest.raises(CameraError, match=reason):
        CameraModel.from_camera_info(**fields)
