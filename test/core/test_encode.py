# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Gaussian heatmaps, and that the decoder finds what was encoded."""

import numpy as np
import pytest

from pose_ros.core.encode import encode_heatmaps


def test_the_gaussian_is_where_and_as_wide_as_it_should_be():
    xy = np.array([[4 * 20 + 1.5, 4 * 9 + 1.5], [4 * 20.25 + 1.5, 1.5]])
    maps = encode_heatmaps(xy, (32, 24), 4, 1.5, sigma_px=2.0)
    assert maps.shape == (2, 24, 32) and maps.dtype == np.float32
    assert maps[0, 9, 20] == 1.0
    assert maps[0, 9, 22] == pytest.approx(np.exp(-0.5))
    assert maps[0, 12, 16] == pytest.approx(np.exp(-25 / 8))
    # Between pixels: not rounded to one of them.
    assert maps[1, 0, 20] == pytest.approx(np.exp(-0.25**2 / 8))
    assert maps[1, 0, 21] == pytest.approx(np.exp(-0.75**2 / 8))


def test_unknown_joints_have_an_empty_map_and_far_ones_nearly():
    xy = np.array([[np.nan, np.nan], [-4.0, 40.0], [9000.0, 0.0]])
    maps = encode_heatmaps(xy, (64, 64), 4, 0)
    assert (maps[0] == 0).all()
    assert maps[1].max() == maps[1, 10, 0] == pytest.approx(np.exp(-1 / 8))
    assert maps[2].max() == 0


def test_people_have_their_own_maps():
    xy = np.random.default_rng(0).uniform(0, 250, (3, 17, 2))
    maps = encode_heatmaps(xy, (64, 64), 4, 1.5)
    assert maps.shape == (3, 17, 64, 64)
    assert np.array_equal(maps[1, 4], encode_heatmaps(xy[1, 4], (64, 64), 4, 1.5))
