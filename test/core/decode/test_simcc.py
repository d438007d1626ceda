# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Vectors per axis, of which the right answer is known."""

import numpy as np
import pytest

from pose_ros.core.decode import movenet as decode
from pose_ros.core.decode.simcc import decode_simcc
from pose_ros.core.model_spec import ModelSpec
from pose_ros.core.skeleton import NUM_KEYPOINTS


def spec(split=2.0, **changes):
    return ModelSpec(
        'net', 'image', (192, 256), 'simcc', 0, {'simcc_x': 'x', 'simcc_y': 'y'},
        simcc_split=split, **changes,
    )  # fmt: skip


def vectors(xy, split, height=1.0):
    """Return x (B, 17, 192 split) and y (B, 17, 256 split) with Gaussian summits at xy."""
    return tuple(
        (height * np.exp(-((np.arange(round(side * split)) / split - at[..., None]) ** 2) / 18))
        .astype(np.float32)
        for side, at in ((192, xy[..., 0]), (256, xy[..., 1]))
    )  # fmt: skip


@pytest.mark.parametrize('split', [1.0, 2.0, 3.0])
def test_keypoints_come_back_to_half_a_bin(split):
    xy = np.random.default_rng(0).uniform((0, 0), (191, 255), (3, NUM_KEYPOINTS, 2))
    people = decode.decode_person(
        dict(zip(('simcc_x', 'simcc_y'), vectors(xy, split))), spec(split)
    )
    off = np.abs(people.xy - xy)
    assert off.max() <= 0.5 / split + 1e-4 and off.mean() > 0.15 / split
    np.testing.assert_allclose(
        decode_simcc(*vectors(xy, split), spec(split, offset_px=-0.5)).xy, people.xy - 0.5
    )


def test_the_score_is_that_of_the_less_sure_axis():
    x, _ = vectors(np.full((1, NUM_KEYPOINTS, 2), 60.0), 2.0, 0.9)
    _, y = vectors(np.full((1, NUM_KEYPOINTS, 2), 60.0), 2.0, 0.4)
    people = decode_simcc(x, y, spec())
    np.testing.assert_allclose(people.score, 0.4)
    np.testing.assert_allclose(people.person_score, 0.4)
    assert decode_simcc(x * 9, y * 9, spec()).score.max() == 1
    flat = decode_simcc(x * 0 - 1, y * 0 - 1, spec())
    assert not flat.score.any() and np.isfinite(flat.xy).all()


def test_maxima_of_another_scale_become_scores():
    """RTMW gives 5.3 for a joint that is seen and 1.1 for one that is not."""
    xy = np.full((1, NUM_KEYPOINTS, 2), 60.0)
    seen, unseen = vectors(xy, 2.0, 5.3), vectors(xy, 2.0, 1.1)
    for maxima in (seen, unseen):
        assert (decode_simcc(*maxima, spec()).score == 1).all()
    scaled = spec(score_scale=1 / 5.3)
    np.testing.assert_allclose(decode_simcc(*seen, scaled).score, 1.0, atol=1e-6)
    np.testing.assert_allclose(decode_simcc(*unseen, scaled).score, 1.1 / 5.3, rtol=1e-5)
    np.testing.assert_array_equal(
        decode_simcc(*unseen, scaled).xy, decode_simcc(*unseen, spec()).xy)
