# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Gaussian heatmaps, and that the decoder finds what was encoded."""

import numpy as np
import pytest

from pose_ros.core.decode.encode import encode_heatmaps
from pose_ros.core.decode.heatmaps import decode_heatmaps
from pose_ros.core.model_spec import ModelSpec


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


@pytest.mark.parametrize('sigma', [2.0, 3.0])
@pytest.mark.parametrize(
    'refinement, largest_px', [('taylor', 0.05), ('quarter', 1.2), ('argmax', 2.01)]
)
def test_decoding_inverts_it(sigma, refinement, largest_px):
    """Away from the edge the summit of the Gaussian is found to a fiftieth of a map pixel."""
    spec = ModelSpec(
        name='n', input_name='i', input_size=(256, 256), decoder='heatmaps', stride=4,
        offset_px=1.5, outputs={'heatmaps': 'h'}, refinement=refinement, blur_sigma=sigma,
    )
    xy = np.random.default_rng(2).uniform(40, 215, (20, 17, 2))
    found = decode_heatmaps(encode_heatmaps(xy, (64, 64), 4, 1.5, sigma), spec)
    error = np.abs(found.xy - xy).max()
    assert error < largest_px
    assert (error > 0.2) == (refinement != 'taylor')
    assert (found.score > 0.9).all()
