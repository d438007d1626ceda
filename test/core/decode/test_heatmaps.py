# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Gaussians at known places below the pixel: how near each refinement comes."""

from dataclasses import replace

import numpy as np
import pytest

from pose_ros.core.decode.heatmaps import MAX_STEP_PX, decode_heatmaps
from pose_ros.core.model_spec import ModelSpec

SPEC = ModelSpec('net', 'image', (192, 256), 'heatmaps', 4, {'heatmaps': 'h'})
WIDTH, HEIGHT = 48, 64


def gaussians(xy, sigma=2.0):
    """Return (B, 17, 64, 48) maps with a summit of 1 at xy (B, 17, 2), map pixels."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    squared = (columns - xy[..., 0, None, None]) ** 2 + (rows - xy[..., 1, None, None]) ** 2
    return np.exp(-squared / (2 * sigma**2)).astype(np.float32)


def somewhere(seed, low=(4, 4), high=(WIDTH - 5, HEIGHT - 5), batch=4):
    return np.random.default_rng(seed).uniform(low, high, (batch, 17, 2))


def found(maps, refinement, **changes):
    """Return the keypoints in map pixels."""
    spec = replace(SPEC, refinement=refinement, **changes)
    xy = decode_heatmaps(maps, spec).xy
    if refinement == 'udp':
        return xy * np.float32([(WIDTH - 1) / 191, (HEIGHT - 1) / 255])
    return xy / 4


def error(maps, xy, refinement, **changes):
    return float(np.linalg.norm(found(maps, refinement, **changes) - xy, axis=-1).mean())


def test_each_refinement_is_nearer_than_the_one_before():
    xy = somewhere(0)
    argmax, quarter, taylor, udp = (
        error(gaussians(xy), xy, name) for name in ('argmax', 'quarter', 'taylor', 'udp')
    )
    # Of a uniform offset within the pixel: 0.38 px; with a quarter taken off each axis half.
    assert argmax == pytest.approx(0.383, abs=0.03)
    assert quarter == pytest.approx(argmax / 2, abs=0.03)
    assert max(taylor, udp) < 0.01


@pytest.mark.parametrize('sigma', [1.5, 2.0, 3.0])
def test_noisy_maps_keep_the_order(sigma):
    xy = somewhere(1, batch=20)
    noise = np.random.default_rng(2).normal(0, 0.04, (20, 17, HEIGHT, WIDTH))
    maps = (gaussians(xy, sigma) * 0.7 + noise).astype(np.float32)
    argmax, quarter, taylor, udp = (
        error(maps, xy, name, blur_sigma=sigma)
        for name in ('argmax', 'quarter', 'taylor', 'udp')
    )
    assert max(taylor, udp) < 0.8 * quarter < 0.9 * argmax


def test_smoothing_is_what_makes_taylor_good_on_noisy_maps():
    xy = somewhere(1, batch=20)
    noise = np.random.default_rng(2).normal(0, 0.04, (20, 17, HEIGHT, WIDTH))
    maps = (gaussians(xy) + noise).astype(np.float32)
    assert error(maps, xy, 'taylor') < 0.6 * error(maps, xy, 'taylor', blur_sigma=0.0)


def test_the_height_of_the_map_does_not_matter():
    maps = gaussians(somewhere(3))
    for name in ('quarter', 'taylor', 'udp'):
        np.testing.assert_allclose(found(maps * 0.01, name), found(maps, name), atol=2e-3)


@pytest.mark.parametrize('refinement', ['argmax', 'quarter', 'taylor', 'udp'])
@pytest.mark.parametrize('level', [0.0, -1.0, 0.5, 1e-30])
def test_flat_maps_give_finite_keypoints(refinement, level):
    maps = np.full((1, 17, HEIGHT, WIDTH), level, np.float32)
    people = decode_heatmaps(maps, replace(SPEC, refinement=refinement))
    assert np.isfinite(people.xy).all()
    assert (people.score == np.clip(np.float32(level), 0, 1)).all()


@pytest.mark.parametrize('refinement', ['argmax', 'quarter', 'taylor', 'udp'])
def test_summits_at_and_beyond_the_edge_stay_at_the_edge(refinement):
    corners = [(-1.5, -2), (0, 0), (0.4, 30), (WIDTH - 1, HEIGHT - 1), (WIDTH + 1, 20.3), (20, -3)]
    xy = np.resize(np.array(corners), (1, 17, 2))
    got = found(gaussians(xy), refinement)
    inside = np.clip(xy, 0, [WIDTH - 1, HEIGHT - 1])
    assert np.abs(got - inside).max() <= 0.51
    wild = np.random.default_rng(4).random((8, 17, HEIGHT, WIDTH)).astype(np.float32)
    step = found(wild, refinement, blur_sigma=0.0) - found(wild, 'argmax')
    assert np.abs(step).max() <= MAX_STEP_PX + 1e-3


def test_udp_aligns_the_corners_of_map_and_input():
    maps = gaussians(np.resize(np.array([(WIDTH - 1.0, HEIGHT - 1.0), (0.0, 0.0)]), (1, 17, 2)))
    xy = decode_heatmaps(maps, replace(SPEC, refinement='udp')).xy[0]
    np.testing.assert_allclose(xy[0], (191, 255), atol=1e-3)
    np.testing.assert_allclose(xy[1], (0, 0), atol=1e-3)
    xy = decode_heatmaps(maps, replace(SPEC, refinement='taylor', offset_px=1.5)).xy[0]
    np.testing.assert_allclose(xy[0], (47 * 4 + 1.5, 63 * 4 + 1.5), atol=1e-3)


def test_a_summit_that_is_slanted_is_found():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    x, y = columns - 20.3, rows - 31.4
    heat = np.exp(-(x**2 + y**2 + 1.2 * x * y) / 8).astype(np.float32)
    maps = np.tile(heat, (1, 17, 1, 1))
    for name in ('taylor', 'udp'):
        got = found(maps, name, blur_sigma=0.0)[0, 0]
        np.testing.assert_allclose(got, (20.3, 31.4), atol=1e-3)


@pytest.mark.parametrize('refinement', ['argmax', 'quarter', 'taylor', 'udp'])
@pytest.mark.parametrize('shape', [(1, 1), (1, 5), (5, 1)])
def test_a_map_of_one_pixel_is_read_all_the_same(refinement, shape):
    read = decode_heatmaps(np.ones((1, 17, *shape), np.float32), replace(
        SPEC, refinement=refinement))
    assert np.isfinite(read.xy).all() and (read.score == 1.0).all()


def test_maxima_of_another_scale_become_scores():
    maps = 4 * gaussians(somewhere(0))
    plain, scaled = (
        decode_heatmaps(maps, replace(SPEC, score_scale=scale)) for scale in (1.0, 0.125))
    assert (plain.score == 1).all() and (scaled.score < 0.51).all() and scaled.score.min() > 0.4
    np.testing.assert_array_equal(plain.xy, scaled.xy)
