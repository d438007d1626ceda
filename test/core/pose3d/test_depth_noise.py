# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth images: what is missing, what fits, and the sensors' noise."""

import numpy as np
import pytest

from pose_ros.core.pose3d.depth_noise import DepthError, DepthNoise, check_depth, sample_m


def test_millimetres_and_metres():
    xy = np.array([[1.0, 0.0], [1.4, 0.4], [0.0, 0.0]])
    millimetres = np.array([[0, 1500], [2000, 2500]], np.uint16)
    metres = np.array([[0, 1.5], [2, 2.5]], np.float32)
    for depth in (millimetres, metres):
        values = sample_m(depth, xy)
        assert values[:2] == pytest.approx([1.5, 1.5])
        assert np.isnan(values[2])


def test_missing_and_outside_are_nan():
    depth = np.array([[np.nan, np.inf, -np.inf, -1.0, 0.05, 1e9]], np.float32)
    xy = np.array([[u, 0.0] for u in range(6)])
    assert np.isnan(sample_m(depth, xy)).all()
    full = np.full((4, 6), 1000, np.uint16)
    outside = np.array([[-0.6, 0], [5.6, 0], [0, 3.6], [0, -0.6], [np.nan, 0], [1e12, np.inf]])
    assert np.isnan(sample_m(full, outside)).all()
    assert np.isfinite(sample_m(full, np.array([[5.4, 3.4], [-0.4, -0.4]]))).all()


def test_what_does_not_fit_is_refused_with_both_sizes():
    check_depth(np.zeros((480, 640), np.uint16), (640, 480))
    with pytest.raises(DepthError, match='320x240, the image 640x480'):
        check_depth(np.zeros((240, 320), np.uint16), (640, 480))
    with pytest.raises(DepthError, match='uint8'):
        check_depth(np.zeros((480, 640), np.uint8), (640, 480))
    with pytest.raises(DepthError, match='uint16'):
        check_depth(np.zeros((480, 640, 3), np.uint16), (640, 480))


def test_noise_of_the_sensors():
    # A pixel of disparity at f b / d: the finite difference of z = f b / d.
    stereo = DepthNoise.stereo(640.0, 0.05, 0.1)
    d = 640.0 * 0.05 / 3.0
    assert stereo.sigma_m(np.array(3.0)) == pytest.approx(
        640.0 * 0.05 / (d - 0.05) - 640.0 * 0.05 / (d + 0.05), rel=1e-3
    )
    kinect = DepthNoise.structured_light()
    assert 0.03 < kinect.sigma_m(np.array(5.0)) < 0.05  # "up to about 4 cm at 5 m"
    assert 0.005 < DepthNoise.time_of_flight().sigma_m(np.array(2.0)) < 0.011
