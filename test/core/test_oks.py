# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from pose_ros.core import oks
from pose_ros.core.keypoints import Keypoints


def skeletons(n, seed=0):
    return np.random.default_rng(seed).uniform(0, 200, (n, 17, 2)).astype(np.float32)


def test_equals_pycocotools():
    cocoeval = pytest.importorskip('pycocotools.cocoeval')
    evaluation = cocoeval.COCOeval(iouType='keypoints')
    truth, area = skeletons(3), np.array([900.0, 4000.0, 20000.0])
    found = truth + np.random.default_rng(1).normal(0, 8, truth.shape)
    truth[0, 4] = truth[1, 10:] = np.nan
    # cocoeval leaves out unlabelled keypoints (v = 0) of the truth.
    labelled = np.where(np.isnan(truth[..., 0]), 0, 2)
    evaluation._gts[1, 1] = [
        {'keypoints': np.column_stack([np.nan_to_num(truth[n]), labelled[n]]).ravel().tolist(),
         'area': area[n], 'bbox': [0, 0, 1, 1], 'id': n} for n in range(3)
    ]  # fmt: skip
    evaluation._dts[1, 1] = [
        {'keypoints': np.column_stack([found[m], np.ones(17)]).ravel().tolist(), 'score': -m}
        for m in range(3)
    ]
    evaluation.params.maxDets = [20]
    np.testing.assert_allclose(
        oks.oks(truth, area, found), evaluation.computeOks(1, 1).T, rtol=1e-5
    )


def test_same_skeletons_are_alike_and_others_are_not():
    a = skeletons(3)
    alike = oks.symmetric_oks(a, a)
    np.testing.assert_allclose(np.diagonal(alike), 1)
    assert alike[~np.eye(3, dtype=bool)].max() < 0.3


def test_symmetric_oks_is_symmetric_for_people_of_different_size():
    a, b = skeletons(2), skeletons(3, 1) * 0.5
    np.testing.assert_allclose(oks.symmetric_oks(a, b), oks.symmetric_oks(b, a).T)


def test_pairs_are_the_diagonal():
    a, b = skeletons(4), skeletons(4, 1)
    b[1] += 300
    a[2, 5:], b[2, 3], b[3] = np.nan, np.nan, np.nan
    np.testing.assert_array_equal(oks.paired_oks(a, b), oks.symmetric_oks(a, b).diagonal())


def test_missing_keypoints_do_not_count():
    a = skeletons(1)
    b = a.copy()
    b[0, :8] = np.nan
    alike = oks.symmetric_oks(a, b)[0, 0]
    assert alike == pytest.approx(1)
    assert oks.symmetric_oks(a, np.full_like(a, np.nan))[0, 0] == 0
    nothing = np.empty((0, 17, 2), np.float32)
    assert oks.symmetric_oks(nothing, a).shape == (0, 1)


def test_a_partial_double_is_one_person_and_somebody_behind_is_not():
    """The double has the well seen joints of a person and guesses for the others."""
    person = skeletons(1)
    double, behind = person.copy(), person.copy()
    double[0, 9:] += np.random.default_rng(2).uniform(40, 80, (8, 2))
    behind[0] += [25, 0]  # another, whose hidden legs are taken for those of the one in front
    behind[0, 11:] = person[0, 11:]
    score = np.full((3, 17), 0.9, np.float32)
    score[1, 9:] = score[2, 11:] = 0.03
    people = Keypoints(
        np.concatenate([person, double, behind]).astype(np.float32), score,
        np.array([0.9, 0.6, 0.7], np.float32))  # fmt: skip
    assert oks.symmetric_oks(person, double)[0, 0] < 0.6
    np.testing.assert_array_equal(oks.distinct(people, 0.6), [0, 2])


def test_suppression_keeps_the_best_of_each_person():
    xy = skeletons(3)
    xy = np.concatenate([xy, xy + 1.0])
    score = np.array([0.3, 0.9, 0.5, 0.4, 0.8, 0.5], np.float32)
    found = Keypoints(xy, np.ones((6, 17), np.float32), score)
    np.testing.assert_array_equal(oks.distinct(found, 0.7), [1, 2, 3])
    np.testing.assert_array_equal(oks.distinct(found, 1.0), [1, 4, 2, 5, 3, 0])
    assert oks.distinct(Keypoints.empty(), 0.7).tolist() == []
