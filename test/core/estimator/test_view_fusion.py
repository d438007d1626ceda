# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Two looks at the same people -> one; the mirror image of a crop."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_ros.core import geometry, oks
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.estimator.view_fusion import (
    NEAR,
    SECOND_LOOK_WEIGHT,
    fused_xy,
    look_at_crops,
    united,
)
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import LEFT_SHOULDER, LEFT_WRIST, NOSE, RIGHT_SHOULDER

PORTRAIT = Path(__file__).resolve().parents[3] / 'docs/picture.jpg'


def people(xy, score):
    xy = np.asarray(xy, np.float32).reshape(-1, 17, 2)
    return Keypoints(
        xy, np.full(xy.shape[:2], score, np.float32), np.ones(len(xy), np.float32)
    )


@pytest.fixture
def somebody():
    return np.random.default_rng(4).uniform(100, 300, (1, 17, 2)).astype(np.float32)


def test_where_two_looks_agree_the_place_is_their_weighted_mean(somebody):
    xy = fused_xy(people(somebody, 0.6), people(somebody + 4, 0.9), 0.5)
    np.testing.assert_allclose(xy, somebody + 4 * 0.45 / 1.05, atol=1e-3)


def test_where_they_disagree_the_surer_counts(somebody):
    a, b = people(somebody, 0.4), people(somebody, 0.4)
    far = 2 * NEAR * np.sqrt(oks.areas(somebody)[0])
    b.xy[0, LEFT_WRIST, 0] += far
    b.score[0, LEFT_WRIST] = 0.5
    assert fused_xy(a, b)[0, LEFT_WRIST, 0] == b.xy[0, LEFT_WRIST, 0]
    assert fused_xy(a, b, 0.5)[0, LEFT_WRIST, 0] == a.xy[0, LEFT_WRIST, 0]


def test_what_one_look_does_not_know_is_taken_from_the_first(somebody):
    a, b = people(somebody, 0.5), people(somebody + 1, 0.5)
    a.xy[0, NOSE], b.xy[0, LEFT_WRIST] = np.nan, np.nan
    xy = fused_xy(a, b)
    assert np.isnan(xy[0, NOSE]).all()
    np.testing.assert_array_equal(xy[0, LEFT_WRIST], a.xy[0, LEFT_WRIST])
    assert np.isfinite(np.delete(xy, NOSE, axis=1)).all()


def test_two_looks_without_any_score_have_a_mean(somebody):
    xy = fused_xy(people(somebody, 0.0), people(somebody + 2, 0.0))
    assert np.isfinite(xy).all()
    assert fused_xy(Keypoints.empty(), Keypoints.empty()).shape == (0, 17, 2)


def test_who_is_in_two_looks_is_one_with_the_better_scores(somebody):
    others = np.concatenate([somebody + 400, somebody + 3, somebody + 800])
    a, b = people(np.concatenate([somebody + 800, somebody]), 0.6), people(others, 0.9)
    b.person_score[:] = [0.3, 1.5, 0.2]
    both = united(a, b)
    share = SECOND_LOOK_WEIGHT * 0.9 / (SECOND_LOOK_WEIGHT * 0.9 + 0.6)
    expected = [somebody[0] + 800, somebody[0] + 3 * share, somebody[0] + 400]
    np.testing.assert_allclose(both.xy, expected, atol=1e-3)
    np.testing.assert_allclose(both.score, np.full((3, 17), 0.9))
    np.testing.assert_allclose(both.person_score, [1.0, 1.5, 0.3])
    assert a.score.max() < 0.7  # what was given stays


def test_nobody_is_united_with_two(somebody):
    doubles = np.concatenate([somebody, somebody + 2])
    assert len(united(people(somebody, 0.5), people(doubles, 0.5))) == 2
    assert len(united(people(doubles, 0.5), people(somebody, 0.5))) == 2
    nobody = Keypoints.empty()
    assert len(united(people(somebody, 0.5), nobody)) == 1
    assert len(united(nobody, people(somebody, 0.5))) == 1
    assert len(united(nobody, nobody)) == 0
    missing = people(np.full((1, 17, 2), np.nan), 0.0)
    assert len(united(missing, people(somebody, 0.5))) == 2


@pytest.fixture(scope='module')
def portrait(backend):
    image = cv2.imread(str(PORTRAIT))
    backend.load(CameraImage.from_bgr(image))
    whole = np.array([[0.0, 0.0, image.shape[1], image.shape[0]]])
    crops = geometry.crop(whole, backend.refiner.input_size)
    return backend, image, crops


def test_a_mirrored_crop_is_the_crop_of_the_mirrored_image(portrait):
    backend, image, crops = portrait
    width = image.shape[1]
    swap = np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])
    turned = geometry.mirrored(crops, 256)
    here = backend.refine(turned)
    backend.load(CameraImage.from_bgr(image[:, ::-1]))
    there = backend.refine(geometry.compose(turned, swap))
    backend.load(CameraImage.from_bgr(image))
    there_xy = there.xy * [-1, 1] + [width - 1, 0]
    sure = here.score[0] > 0.3
    assert sure.sum() >= 6
    # The same picture reaches the network, but for the rounding of samples; a pixel of the
    # input is two of the image.
    np.testing.assert_allclose(there_xy[0, sure], here.xy[0, sure], atol=0.7)


def test_looking_twice_keeps_left_and_right(portrait):
    backend, _, crops = portrait
    once = look_at_crops(backend, crops, False)
    twice = look_at_crops(backend, crops, True)
    assert twice.xy[0, LEFT_SHOULDER, 0] > twice.xy[0, RIGHT_SHOULDER, 0] + 100
    above = slice(RIGHT_SHOULDER + 1)  # the picture ends at the hips
    assert (once.score[0, above] > 0.5).all()
    np.testing.assert_allclose(twice.xy[0, above], once.xy[0, above], atol=10.0)
    assert (twice.xy != once.xy).any()
    assert len(look_at_crops(backend, crops[:0], True)) == 0
