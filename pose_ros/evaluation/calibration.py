# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Fit and judge the person score: the probability that a skeleton is right (OKS >= 0.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pose_ros.core.backend import Backend
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.person_score import PersonScorer, crop_evidence, term
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.oks import oks
from pose_ros.evaluation.annotation_file import DataError
from pose_ros.evaluation.scores import Photo, Truth

RIGHT_OKS = 0.5
# Fewer people, right or wrong, do not say how ten weights lie.
LEAST_PEOPLE = 30
# Weight decay (L2) of the standardised weights: keeps those of evidence that says nothing small.
DECAY = 1.0
BINS = 10


@dataclass
class Samples:
    """Evidence by name, and whether each person was right: (N,) each."""

    evidence: dict[str, np.ndarray]
    right: np.ndarray


class _Listener(PersonScorer):
    """Scores as usual and remembers the evidence by the score that it gave."""

    def __init__(self, scorer: PersonScorer, mode: str) -> None:
        self._scorer, self._mode = scorer, mode
        self.seen: list[tuple[np.ndarray, dict[str, np.ndarray]]] = []

    def score(self, mode: str, evidence: Mapping[str, np.ndarray]) -> np.ndarray:
        scores = self._scorer.score(mode, evidence)
        if mode == self._mode:
            self.seen.append((scores, dict(evidence)))
        return scores


def right_people(truth: Truth, people: Keypoints) -> np.ndarray:
    """
    Say which detections are right, as COCO counts at OKS 0.5: best score first, a label once.

    Parameters
    ----------
    truth : Truth
        Of the photo.
    people : Keypoints
        N found ones; every keypoint present.

    Returns
    -------
    (N,) bool
    """
    right = np.zeros(len(people), bool)
    alike = oks(truth.xy, truth.area, people.xy)
    for n in np.argsort(-people.person_score, kind='stable'):
        if len(truth) and alike[:, n].max() >= RIGHT_OKS:
            right[n] = True
            alike[alike[:, n].argmax()] = -1.0
    return right


def collect(backend: Backend, photos: list[Photo], mode: str) -> Samples:
    """
    Gather the evidence of every person found in labelled photos.

    Parameters
    ----------
    backend : Backend
        Runs the networks.
    photos : list of Photo
    mode : str
        One of `person_score.MODES`. For 'roi' each person found by both passes is looked at again,
        in a crop around the detection.

    Raises
    ------
    DataError
        When a photo cannot be read; the message names it.
    """
    whole = 'one-pass' if mode == 'one_pass' else 'two-pass'
    config = EstimatorConfig(mode=whole, min_keypoint_score=0.0, min_person_score=0.0,
                             max_people=100)  # fmt: skip
    if mode == 'boxes':
        config = replace(config, max_crops=100, nms_oks=1.0)
    estimator = TwoPassEstimator(backend, config)
    rows: list[dict[str, float]] = []
    right: list[bool] = []
    for photo in photos:
        listener = _Listener(PersonScorer(backend.detector, backend.refiner), mode)
        estimator.scorer = listener
        image = photo.read()
        people = estimator.estimate(image, boxes=photo.boxes_xyxy if mode == 'boxes' else None)
        if mode == 'roi':
            people = estimator.look_again(people)
            listener.seen = [(people.person_score, crop_evidence(people))]
        is_right = right_people(photo.truth, people)
        for n, score in enumerate(people.person_score):
            for scores, evidence in listener.seen:
                at = np.flatnonzero(scores == score)
                if len(at):
                    rows.append({k: float(v[at[0]]) for k, v in evidence.items()})
                    right.append(bool(is_right[n]))
                    break
    names = rows[0] if rows else {}
    return Samples({k: np.array([row[k] for row in rows]) for k in names}, np.array(right, bool))


def fit(samples: Samples) -> dict[str, float]:
    """
    Fit the weights: logistic regression, none below 0 but that of the size.

    Returns
    -------
    dict
        'bias' and a weight per piece of evidence that says something.

    Raises
    ------
    DataError
        When too few people were right, or too few wrong.
    """
    from scipy.optimize import minimize  # only a calibration needs SciPy

    right = samples.right
    least = min(int(right.sum()), int((~right).sum()))
    if least < LEAST_PEOPLE:
        raise DataError(
            f'a calibration needs {LEAST_PEOPLE} people found right and {LEAST_PEOPLE} found '
            f'wrong: here are {int(right.sum())} and {int((~right).sum())}: give more photos'
        )
    names = list(samples.evidence)
    terms = np.column_stack([term(name, samples.evidence[name]) for name in names])
    mean, spread = terms.mean(axis=0), terms.std(axis=0) + 1e-9
    scaled = np.column_stack([np.ones(len(terms)), (terms - mean) / spread])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total = scaled @ weights
        decay = DECAY * np.r_[0.0, weights[1:]]
        gradient = scaled.T @ (1.0 / (1.0 + np.exp(-total)) - right) + decay
        value = (np.logaddexp(0.0, total) - right * total).sum() + decay @ weights / 2
        return float(value), gradient

    free = [(None, None)] + [(None if n.endswith('log_size') else 0.0, None) for n in names]
    found = minimize(loss, np.zeros(len(names) + 1), jac=True, method='L-BFGS-B', bounds=free).x
    weights = found[1:] / spread
    fitted = {'bias': round(float(found[0] - weights @ mean), 4)}
    fitted.update({n: round(float(w), 4) for n, w in zip(names, weights) if abs(w) >= 5e-5})
    return fitted


def reliability(score: np.ndarray, right: np.ndarray) -> list[tuple[float, float, int]]:
    """
    Return mean score, share that is right and number, of each of ten bins that is not empty.

    Parameters
    ----------
    score : (N,) float
        In [0, 1].
    right : (N,) bool
    """
    index = np.minimum((score * BINS).astype(int), BINS - 1)
    return [
        (float(score[index == n].mean()), float(right[index == n].mean()), int(sum(index == n)))
        for n in range(BINS) if (index == n).any()
    ]  # fmt: skip


def expected_calibration_error(score: np.ndarray, right: np.ndarray) -> float:
    """Return the mean distance of score and share that is right (Guo et al., ICML 2017)."""
    bins = reliability(score, right)
    return sum(abs(p - share) * n for p, share, n in bins) / max(len(score), 1)
