# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The fit of person scores, on made-up people whose probabilities are known."""

import numpy as np
import pytest

from pose_ros.core.camera_image import CameraImage
from pose_ros.core.estimator.person_score import term
from pose_ros.core.keypoints import Keypoints
from pose_ros.evaluation import calibration
from pose_ros.evaluation.annotation_file import DataError
from pose_ros.evaluation.cached_backend import CachedBackend
from pose_ros.evaluation.scores import Truth


def test_the_fit_finds_the_weights_that_made_the_data():
    rng = np.random.default_rng(0)
    evidence = {'center': rng.uniform(0.02, 0.98, 20000), 'keypoints': rng.uniform(0, 1, 20000)}
    total = 0.5 + 1.2 * term('center', evidence['center'])
    right = rng.uniform(size=20000) < 1 / (1 + np.exp(-total))
    weights = calibration.fit(calibration.Samples(evidence, right))
    assert weights['bias'] == pytest.approx(0.5, abs=0.08)
    assert weights['center'] == pytest.approx(1.2, abs=0.08)
    assert 0 <= weights.get('keypoints', 0.0) < 0.05


def test_too_few_people_are_refused_with_their_number():
    samples = calibration.Samples({'center': np.ones(40)}, np.arange(40) < 38)
    with pytest.raises(DataError, match='38 and 2'):
        calibration.fit(samples)


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


class Counting:
    """A backend that counts how often it is asked."""

    name, encodings = 'counting', ('bgr8',)

    def __init__(self):
        from pose_ros.backends.replay import ReplayBackend

        xy = np.random.default_rng(0).uniform(0, 90, (1, 17, 2)).astype(np.float32)
        one = Keypoints(xy, np.ones((1, 17), np.float32), np.ones(1, np.float32))
        self.replay, self.asked = ReplayBackend(one), 0
        self.detector, self.refiner = self.replay.detector, self.replay.refiner

    def load_frame(self, frame):
        self.replay.load_frame(frame)

    def detect(self, affine, size):
        self.asked += 1
        return self.replay.detect(affine, size)


def test_views_are_looked_at_once_and_damaged_files_again(tmp_path):
    inner = Counting()
    view = np.array([[[1.0, 0, 0], [0, 1, 0]]])
    for asked, image in ((1, 0), (1, 0), (2, 1)):
        cached = CachedBackend(inner, tmp_path)
        cached.load_frame(CameraImage.from_bgr(np.full((8, 8, 3), image, np.uint8)))
        found = cached.detect(view, (64, 64))
        assert inner.asked == asked and len(found) == 1
    for file in tmp_path.iterdir():
        file.write_bytes(b'PK cut')
    cached.detect(view, (64, 64))
    assert inner.asked == 3
    assert not list(tmp_path.glob('*.part'))
