# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest

from pose_ros.core.keypoints import Keypoints, boxes_around


def people(n):
    rng = np.random.default_rng(n)
    return Keypoints(
        rng.uniform(0, 100, (n, 17, 2)).astype(np.float32),
        rng.uniform(0, 1, (n, 17)).astype(np.float32),
        rng.uniform(0, 1, n).astype(np.float32),
    )


@pytest.mark.parametrize(
    'shapes',
    [((2, 17, 3), (2, 17), (2,)), ((2, 17, 2), (1, 17), (2,)), ((2, 16, 2), (2, 16), (2,))],
)
def test_shapes_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match='17'):
        Keypoints(*(np.zeros(shape, np.float32) for shape in shapes))


def test_select_takes_masks_indices_and_slices():
    three = people(3)
    assert len(three.select(np.array([True, False, True]))) == 2
    np.testing.assert_array_equal(three.select(np.array([2, 0])).xy, three.xy[[2, 0]])
    assert len(three.select(slice(1))) == 1
    assert len(three.select(np.zeros(3, bool))) == 0


def test_concatenate_keeps_order():
    a, b = people(2), people(1)
    both = Keypoints.concatenate([a, Keypoints.empty(), b])
    np.testing.assert_array_equal(both.person_score, [*a.person_score, *b.person_score])
    np.testing.assert_array_equal(both.xy[2], b.xy[0])
    assert len(Keypoints.concatenate([])) == 0


def test_descriptors_go_with_their_people():
    described = replace(people(3), appearance=np.arange(6, dtype=np.float32).reshape(3, 2))
    np.testing.assert_array_equal(described.select(np.array([2, 0])).appearance, [[4, 5], [0, 1]])
    both = Keypoints.concatenate([described, described.select(slice(1))])
    np.testing.assert_array_equal(both.appearance[3], [0, 1])
    assert Keypoints.concatenate([described, people(1)]).appearance is None
    with pytest.raises(ValueError, match='2 descriptors of appearance for 3 people'):
        replace(described, appearance=described.appearance[:2])


def test_boxes_leave_missing_keypoints_out():
    xy = np.full((2, 17, 2), np.nan, np.float32)
    xy[0, 3], xy[0, 9], xy[0, 5] = (4, 8), (1, 20), (100, np.nan)
    boxes = boxes_around(xy)
    np.testing.assert_array_equal(boxes[0], [1, 8, 4, 20])
    assert np.isnan(boxes[1]).all()
    assert boxes.dtype == np.float32
    assert Keypoints.empty().boxes_xyxy().shape == (0, 4)
