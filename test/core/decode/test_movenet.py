# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Decoding of maps made by hand, of which the right answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.core.decode import movenet as decode
from pose_ros.core.skeleton import KEYPOINT_NAMES, LEFT_WRIST, NOSE

THUNDER = read_spec(find_model('movenet_thunder'))
MULTIPOSE = read_spec(find_model('movenet_multipose'))
PLAIN = replace(THUNDER, decoder='heatmaps')


def empty_maps(batch=1, height=40, width=56):
    """Return maps of nobody."""
    channels = {'heatmaps': 17, 'centers': 1, 'regress': 34, 'offsets': 34}
    return {
        role: np.zeros((batch, n, height, width), np.float32) for role, n in channels.items()
    }


def put_person(maps, view, center, xy, center_score=0.9, score=0.8, guess_error=0.0):
    """Write a person into maps: keypoints xy (17, 2) in input pixels, centre in map pixels."""
    cx, cy = center
    maps['centers'][view, 0, cy, cx] = center_score
    for k, (x, y) in enumerate(np.asarray(xy) / 4.0):
        i, j = int(np.floor(y)), int(np.floor(x))
        maps['heatmaps'][view, k, i, j] = score
        maps['offsets'][view, 2 * k:2 * k + 2, i, j] = y - i, x - j
        maps['regress'][view, 2 * k:2 * k + 2, cy, cx] = y - cy + guess_error, x - cx - guess_error


def somebody(seed, low=(20, 20), high=(200, 140)):
    return np.random.default_rng(seed).uniform(low, high, (17, 2))


@pytest.mark.parametrize('spec', [THUNDER, MULTIPOSE], ids=['reciprocal', 'gaussian'])
def test_a_person_comes_back_to_the_fraction_of_a_pixel(spec):
    maps, xy = empty_maps(), somebody(0)
    put_person(maps, 0, (25, 20), xy, guess_error=1.3)
    view, people = decode.decode_people(maps, spec, 10, 0.1)
    assert view.tolist() == [0]
    np.testing.assert_allclose(people.xy[0], xy, atol=1e-3)
    np.testing.assert_allclose(people.score[0], 0.8)
    np.testing.assert_allclose(people.person_score, 0.9)
    one = decode.decode_person(maps, spec)
    np.testing.assert_array_equal(one.xy, people.xy)


def test_the_offset_of_the_model_is_added():
    maps, xy = empty_maps(), somebody(0)
    put_person(maps, 0, (25, 20), xy)
    people = decode.decode_person(maps, replace(THUNDER, offset_px=1.5))
    np.testing.assert_allclose(people.xy[0], xy + 1.5, atol=1e-3)


@pytest.mark.parametrize('spec', [THUNDER, MULTIPOSE], ids=['reciprocal', 'gaussian'])
def test_of_two_people_each_gets_his_own_keypoints(spec):
    maps = empty_maps()
    left, right = somebody(1, (8, 20), (80, 140)), somebody(2, (130, 20), (210, 140))
    put_person(maps, 0, (11, 20), left, 0.6)
    put_person(maps, 0, (42, 20), right, 0.9, score=0.7)
    _, people = decode.decode_people(maps, spec, 10, 0.1)
    np.testing.assert_allclose(people.person_score, [0.9, 0.6])  # best first
    np.testing.assert_allclose(people.xy[0], right, atol=1e-3)
    np.testing.assert_allclose(people.xy[1], left, atol=1e-3)


def test_views_of_a_batch_do_not_mix():
    maps = empty_maps(batch=3)
    put_person(maps, 0, (25, 20), somebody(1), 0.5)
    put_person(maps, 2, (30, 20), somebody(2), 0.9)
    put_person(maps, 2, (10, 30), somebody(3), 0.95)
    view, people = decode.decode_people(maps, MULTIPOSE, 10, 0.1)
    assert view.tolist() == [0, 2, 2]
    np.testing.assert_allclose(people.xy[0], somebody(1), atol=1e-3)
    np.testing.assert_allclose(people.person_score, [0.5, 0.95, 0.9])
    for b, n in ((0, 0), (2, 1)):
        one = decode.decode_people({r: m[b:b + 1] for r, m in maps.items()}, MULTIPOSE, 1, 0.1)[1]
        np.testing.assert_array_equal(one.xy[0], people.xy[n])


def test_only_the_highest_of_neighbours_is_a_centre():
    maps = np.zeros((1, 30, 30), np.float32)
    maps[0, 10, 10], maps[0, 12, 12], maps[0, 10, 13] = 0.9, 0.8, 0.7
    maps[0, 0, 29], maps[0, 29, 0] = 0.3, 0.05
    view, cy, cx, score = decode.center_peaks(maps, 10, 0.1)
    # (12, 12) is within 2 of (10, 10); (10, 13) is within 2 of (12, 12); (29, 0) is too low.
    assert list(zip(cy, cx)) == [(10, 10), (0, 29)]
    np.testing.assert_allclose(score, [0.9, 0.3])


def test_no_more_people_than_asked_for_per_view():
    maps = np.random.default_rng(0).random((2, 40, 40)).astype(np.float32)
    view, _, _, score = decode.center_peaks(maps, 3, 0.0)
    assert view.tolist() == [0, 0, 0, 1, 1, 1]
    assert (np.diff(score[:3]) <= 0).all() and score[0] == maps[0].max()


@pytest.mark.parametrize('shape', [(1, 24, 30), (3, 9, 7), (2, 1, 1), (1, 2, 40)])
def test_peaks_are_those_of_every_window(shape):
    """Up to the edges, with equal neighbours, and not beyond the map or into the next one."""
    random = np.random.default_rng(sum(shape))
    centers = (random.integers(0, 12, shape) / 12).astype(np.float32)
    wanted = []
    for view, y, x in np.ndindex(shape):
        window = centers[view, max(y - 2, 0):y + 3, max(x - 2, 0):x + 3]
        if centers[view, y, x] >= max(window.max(), np.float32(0.25)):
            wanted.append((view, -centers[view, y, x], y, x))
    *places, score = decode.center_peaks(centers, 1000, 0.25)
    view, cy, cx = (n.tolist() for n in places)
    assert list(zip(view, (-score).tolist(), cy, cx)) == sorted(wanted)


def test_nobody_gives_nobody():
    view, people = decode.decode_people(empty_maps(), MULTIPOSE, 10, 0.01)
    assert len(view) == len(people) == 0 and people.xy.shape == (0, 17, 2)


def test_in_a_crop_the_person_in_the_middle_counts():
    maps = empty_maps(1, 64, 64)
    put_person(maps, 0, (5, 5), somebody(1), 0.95)
    put_person(maps, 0, (33, 31), somebody(2), 0.6)
    np.testing.assert_allclose(decode.decode_person(maps, THUNDER).person_score, 0.6)


@pytest.mark.parametrize('spec', [THUNDER, MULTIPOSE], ids=['reciprocal', 'gaussian'])
def test_a_keypoint_expected_outside_of_the_map_is_looked_for_at_its_edge(spec):
    maps = empty_maps()
    put_person(maps, 0, (50, 20), np.full((17, 2), 100.0))
    maps['regress'][0, 1::2, 20, 50] = 300.0  # far to the right
    maps['regress'][0, 0::2, 20, 50] = -500.0
    people = decode.decode_person(maps, spec)
    assert np.isfinite(people.xy).all()


def test_gaussian_agrees_with_the_whole_map():
    rng = np.random.default_rng(3)
    heatmaps = rng.random((2, 17, 40, 56)).astype(np.float32) ** 4
    view = np.array([0, 1, 1])
    y, x = (rng.uniform(0, n, (3, 17)).astype(np.float32) for n in (40, 56))
    cell = decode._argmax_gaussian(heatmaps, view, np.stack([y, x], axis=-1), 3.1)
    rows, columns = np.mgrid[:40, :56]
    for n, k in np.ndindex(3, 17):
        weight = np.exp(-((rows - y[n, k]) ** 2 + (columns - x[n, k]) ** 2) / (2 * 3.1**2))
        assert cell[n, k] == (heatmaps[view[n], k] * weight).argmax()


def test_keypoints_are_mapped_by_name():
    names = ('left_wrist', 'neck', 'nose')
    heat = np.zeros((1, 3, 8, 8), np.float32)
    heat[0, 0, 2, 3], heat[0, 1, 1, 1], heat[0, 2, 5, 6] = 0.9, 0.8, 0.7
    people = decode.decode_person({'heatmaps': heat}, replace(PLAIN, keypoints=names))
    np.testing.assert_array_equal(people.xy[0, LEFT_WRIST], [12, 8])
    np.testing.assert_array_equal(people.xy[0, NOSE], [24, 20])
    rest = [k for k, name in enumerate(KEYPOINT_NAMES) if name not in names]
    assert np.isnan(people.xy[0, rest]).all() and not people.score[0, rest].any()
