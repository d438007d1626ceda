# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Person scores: with weights, and without."""

from dataclasses import replace

import numpy as np
import pytest

from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.core.estimator.person_score import (
    MODES,
    Scorer,
    crop_evidence,
    one_pass_evidence,
    term,
)
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.model_spec import ModelSpec, ModelSpecError

MULTIPOSE, POSE_THUNDER, THUNDER = (
    read_spec(find_model(name))
    for name in ('pose_multipose', 'pose_thunder', 'movenet_thunder')
)


def people(*scores):
    xy = np.random.default_rng(0).uniform(0, 100, (1, 17, 2)).astype(np.float32)
    score = np.array(scores, np.float32)
    return Keypoints(np.repeat(xy, len(score), 0), np.repeat(score[:, None], 17, 1), score)


def test_the_score_is_the_logistic_function_of_the_weighted_evidence():
    entry = {'person': {'bias': -0.5, 'center': 2.0, 'log_size': 0.25},
             'keypoint': {'bias': 1.0, 'peak': 2.0}}  # fmt: skip
    scorer = Scorer(replace(MULTIPOSE, calibration={'one_pass': entry}), THUNDER)
    evidence = {'center': np.array([0.8, 1.0]), 'log_size': np.log([20.0, 5000.0])}
    total = [-0.5 + 2 * np.log(0.8 / 0.2) + 0.25 * np.log(20), -0.5 + 2 * np.log(99)
             + 0.25 * np.log(50)]  # fmt: skip
    np.testing.assert_allclose(
        scorer.score('one_pass', evidence), 1 / (1 + np.exp(-np.array(total))), rtol=1e-5)
    scored = scorer.with_keypoints('one_pass', people(0.0, 0.2, 0.8))
    total = [1 + 2 * np.log(0.2 / 0.8), 1 + 2 * np.log(0.8 / 0.2)]
    np.testing.assert_allclose(
        scored.score[:, 3], [0, *(1 / (1 + np.exp(-np.array(total))))], rtol=1e-5)


def test_the_shipped_pair_is_calibrated_and_others_are_not():
    shipped = Scorer(MULTIPOSE, POSE_THUNDER)
    assert all(shipped.is_calibrated(mode) for mode in MODES)
    other = Scorer(replace(MULTIPOSE, name='other'), POSE_THUNDER)
    assert not other.is_calibrated('two_pass') and other.is_calibrated('roi')
    assert not Scorer(MULTIPOSE, THUNDER).is_calibrated('boxes')


@pytest.mark.parametrize('mode', ['one_pass', 'roi', 'boxes'])
@pytest.mark.parametrize('refiner', [POSE_THUNDER, THUNDER])
def test_more_evidence_never_lowers_the_score(mode, refiner):
    scores = Scorer(MULTIPOSE, refiner).score(
        mode, crop_evidence(people(0.0, 0.2, 0.5, 0.9, 1.0)))
    assert (np.diff(scores) >= 0).all() and scores[-1] > 0.8 > 0.3 > scores[0]
    assert ((scores >= 0) & (scores <= 1)).all()


def test_who_overlaps_a_better_one_is_less_sure():
    three = people(0.8, 0.8, 0.8)
    three.xy[2] += 500  # two at one place, best first, and one elsewhere
    evidence = one_pass_evidence(three)
    np.testing.assert_allclose(evidence['apart'], [1, 0, 1], atol=1e-6)
    scores = Scorer(MULTIPOSE, POSE_THUNDER).score('one_pass', evidence)
    assert scores[1] < 0.5 * scores[0] and scores[2] == scores[0]


def test_nobody_has_no_score():
    scorer = Scorer(MULTIPOSE, POSE_THUNDER)
    assert scorer.score('one_pass', one_pass_evidence(people())).shape == (0,)
    assert scorer.score('roi', crop_evidence(people())).shape == (0,)


def test_logits_stay_finite():
    assert np.isfinite(term('center', np.array([0.0, 1.0]))).all()


@pytest.mark.parametrize('bad', [
    [], {'roi': 3}, {'roi': {'bias': 1.0}}, {'roi': {'person': {'bias': 1.0}}},
    *({'roi': {'person': {'bias': 1.0}, 'keypoint': wrong}}
      for wrong in ({'peak': 1.0}, {'bias': None}, {'bias': 'x'})),
])
def test_a_senseless_calibration_is_refused(bad):
    with pytest.raises(ModelSpecError, match='calibration'):
        ModelSpec.from_json(replace(POSE_THUNDER, calibration=bad or [1]).to_json())


def test_a_higher_peak_never_lowers_the_score_of_a_keypoint():
    peaks = np.linspace(0.01, 1.0, 17, dtype=np.float32)[None]
    one = replace(people(0.5), score=peaks)
    for refiner in (POSE_THUNDER, THUNDER):
        for mode in MODES:
            score = Scorer(MULTIPOSE, refiner).with_keypoints(mode, one).score[0]
            assert (np.diff(score) >= 0).all() and score[0] < 0.3 and score[-1] > 0.95
