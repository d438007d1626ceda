# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The fit of person scores, on made-up people whose probabilities are known."""

import numpy as np
import pytest
from replay_backend import ReplayBackend

from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.person_score import term
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import OKS_SIGMAS

pytest.importorskip('pycocotools')

from pose_ros.evaluation import calibration  # noqa: E402
from pose_ros.evaluation.annotation_file import DataError  # noqa: E402
from pose_ros.evaluation.cached_backend import CachedBackend  # noqa: E402
from pose_ros.evaluation.scores import Truth  # noqa: E402


def test_the_fit_finds_the_weights_that_made_the_data():
    rng = np.random.default_rng(0)
    evidence = {'center': rng.uniform(0.02, 0.98, 20000), 'keypoints': rng.uniform(0, 1, 20000)}
    total = 0.5 + 1.2 * term('center', evidence['center'])
    right = rng.uniform(size=20000) < 1 / (1 + np.exp(-total))
    weights = calibration.fit(evidence, right)
    assert weights['bias'] == pytest.approx(0.5, abs=0.08)
    assert weights['center'] == pytest.approx(1.2, abs=0.08)
    assert 0 <= weights.get('keypoints', 0.0) < 0.05


def test_too_few_people_are_refused_with_their_number():
    with pytest.raises(DataError, match='38 and 2'):
        calibration.fit({'center': np.ones(40)}, np.arange(40) < 38)


def test_the_calibration_error_is_the_mean_distance():
    score, right = np.full(10, 0.75), np.arange(10) < 5
    assert calibration.expected_calibration_error(score, right) == pytest.approx(0.25)
    assert calibration.reliability(score, right) == [(0.75, 0.5, 10)]
    assert calibration.expected_calibration_error(np.empty(0), np.empty(0, bool)) == 0


def test_each_label_makes_one_person_right_the_best_first():
    xy = np.random.default_rng(0).uniform(0, 100, (1, 17, 2))
    truth = Truth(xy, np.array([2500.0]), np.array([[0, 0, 100, 100]]), np.array([1]))
    found = Keypoints(
        np.concatenate([xy + 500, xy + 1, xy]).astype(np.float32), np.ones((3, 17), np.float32),
        np.array([0.9, 0.5, 0.8], np.float32),
    )  # fmt: skip
    assert calibration.right_people(truth, found).tolist() == [False, False, True]


def test_keypoints_are_right_within_their_tolerance():
    """One a little off, one far, one not labelled; the other person is nowhere near a label."""
    xy = np.random.default_rng(0).uniform(0, 100, (1, 17, 2))
    truth_xy = xy.copy()
    truth_xy[0, 3] = np.nan
    truth = Truth(truth_xy, np.array([2500.0]), np.array([[0, 0, 100, 100]]), np.array([1]))
    # The term of the OKS is 0.5 where d^2 = 2 ln 2 A (2 sigma)^2.
    tolerance_px = np.sqrt(2 * np.log(2) * 2500) * 2 * OKS_SIGMAS
    found = np.concatenate([xy, xy + 500])
    found[0, 5, 0] += 0.99 * tolerance_px[5]
    found[0, 6, 0] += 1.01 * tolerance_px[6]
    right = calibration.right_keypoints(truth, Keypoints(
        found.astype(np.float32), np.ones((2, 17), np.float32), np.array([0.5, 0.6], np.float32)))
    wanted = np.ones(17)
    wanted[[3, 6]] = np.nan, 0
    np.testing.assert_array_equal(right, [wanted, np.full(17, np.nan)])


def test_evidence_is_that_of_the_same_person():
    """Two people of equal scores: each keeps its own evidence, and doubles are left out."""
    xy = np.random.default_rng(0).uniform(0, 90, (1, 17, 2)) + [[[0, 0]], [[200, 0]], [[1, 0]]]
    people = Keypoints(
        xy.astype(np.float32), np.repeat([[0.9], [0.8], [0.7]], 17, 1).astype(np.float32),
        np.array([0.6, 0.9, 0.5], np.float32))  # fmt: skip
    estimator = TwoPassEstimator(ReplayBackend(people), EstimatorConfig(mode='one-pass'))
    found, evidence = estimator.evidence(np.zeros((100, 300, 3), np.uint8), 'one_pass')
    assert len(found) == 2
    for n, person in enumerate(found.xy):
        one = int(person[:, 0].mean() > 150)
        assert evidence['center'][n] == people.person_score[one]
        assert evidence['mean_keypoint'][n] == pytest.approx(people.score[one, 0])


class Counting:
    """A backend that counts how often it is asked."""

    name, encodings = 'counting', ('bgr8',)

    def __init__(self):
        xy = np.random.default_rng(0).uniform(0, 90, (1, 17, 2)).astype(np.float32)
        one = Keypoints(xy, np.ones((1, 17), np.float32), np.ones(1, np.float32))
        self.replay, self.asked = ReplayBackend(one), 0
        self.detector, self.refiner = self.replay.detector, self.replay.refiner

    def load(self, frame):
        self.replay.load(frame)

    def detect(self, affine, size):
        self.asked += 1
        return self.replay.detect(affine, size)


def test_views_are_looked_at_once_and_damaged_files_again(tmp_path):
    inner = Counting()
    view = np.array([[[1.0, 0, 0], [0, 1, 0]]])
    for asked, image in ((1, 0), (1, 0), (2, 1)):
        cached = CachedBackend(inner, tmp_path)
        cached.load(CameraImage.from_bgr(np.full((8, 8, 3), image, np.uint8)))
        found = cached.detect(view, (64, 64))
        assert inner.asked == asked and len(found) == 1
    for file in tmp_path.iterdir():
        file.write_bytes(b'PK cut')
    cached.detect(view, (64, 64))
    assert inner.asked == 3
