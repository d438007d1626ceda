# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Fit and judge the scores: the probabilities that a skeleton and that a keypoint is right.

A skeleton is right at an OKS of at least 0.5, a keypoint within its OKS tolerance, which is where
its term of the OKS is at least 0.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from pose_ros.core.backend import Backend
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.person_score import Evidence, term
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.oks import keypoint_similarity, oks
from pose_ros.evaluation.annotation_file import DataError
from pose_ros.evaluation.scores import Photo, Truth

RIGHT_OKS = 0.5
# A found person less alike than this to a label is somebody else: his keypoints say nothing.
PAIRED_OKS = 0.1
# Fewer people, right or wrong, do not say how ten weights lie.
LEAST_PEOPLE = 30
# Weight decay (L2) of the standardised weights: keeps those of evidence that says nothing small.
DECAY = 1.0
BINS = 10


@dataclass
class Samples:
    """
    What was found in labelled photos, N people.

    Attributes
    ----------
    evidence : dict
        Name to (N,) float.
    right : (N,) bool
    peak : (N, 17) float
        Heights of the keypoints' peaks.
    right_keypoint : (N, 17) float
        By `right_keypoints`.
    """

    evidence: dict[str, np.ndarray]
    right: np.ndarray
    peak: np.ndarray
    right_keypoint: np.ndarray


def labels_of(truth: Truth, people: Keypoints, least_oks: float) -> np.ndarray:
    """
    Pair people with labels as COCO does: best score first, each label once.

    Returns the index (N,) of each person's label, of at least that OKS; -1 without.
    """
    label = np.full(len(people), -1)
    alike = oks(truth.xy, truth.area, people.xy)
    for n in np.argsort(-people.person_score, kind='stable'):
        if len(truth) and alike[:, n].max() >= least_oks:
            label[n] = alike[:, n].argmax()
            alike[label[n]] = -1.0
    return label


def right_people(truth: Truth, people: Keypoints) -> np.ndarray:
    """Say who is right, (N,) bool, as COCO counts it at OKS 0.5; parameters of `labels_of`."""
    return labels_of(truth, people, RIGHT_OKS) >= 0


def right_keypoints(truth: Truth, people: Keypoints) -> np.ndarray:
    """
    Return 1 for keypoints (N, 17) within their OKS tolerance, 0 for others and missing ones.

    NaN where it is not labelled, or the person is paired with no label.
    """
    label = labels_of(truth, people, PAIRED_OKS)
    paired = label >= 0
    xy = truth.xy[label[paired]]
    similarity = keypoint_similarity(xy - people.xy[paired], truth.area[label[paired]])
    right = np.full(people.score.shape, np.nan)
    right[paired] = np.where(np.isnan(xy).any(axis=2), np.nan, similarity >= RIGHT_OKS)
    return right


def collect(backend: Backend, photos: Iterable[Photo], mode: str) -> Samples:
    """
    Gather the evidence of every person found in labelled photos.

    Parameters
    ----------
    backend : Backend
        Runs the networks.
    photos : iterable of Photo
    mode : str
        One of `person_score.MODES`. For 'roi' each person found by both passes is looked at again,
        in a crop around the detection.

    Raises
    ------
    DataError
        When a photo cannot be read; the message names it.
    """
    whole = 'one-pass' if mode == 'one_pass' else 'two-pass'
    estimator = TwoPassEstimator(backend, EstimatorConfig(mode=whole))
    evidences: list[Evidence] = []
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for photo in photos:
        boxes = photo.boxes_xyxy if mode == 'boxes' else None
        people, evidence = estimator.evidence(photo.read(), mode, boxes)
        evidences.append(evidence)
        found.append((right_people(photo.truth, people), people.score,
                      right_keypoints(photo.truth, people)))
    if not found:
        return Samples({}, np.empty(0, bool), np.empty((0, 17)), np.empty((0, 17)))
    together = {k: np.concatenate([e[k] for e in evidences]) for k in evidences[0]}
    return Samples(together, *(np.concatenate(part) for part in zip(*found)))


def calibrate(samples: Samples) -> dict[str, dict[str, float]]:
    """
    Fit the scores of one mode.

    Returns
    -------
    dict
        'person' and 'keypoint': the weights, as `ModelSpec.calibration` has them.

    Raises
    ------
    DataError
        When too few people or keypoints were right, or too few wrong.
    """
    known = ~np.isnan(samples.right_keypoint)
    return {
        'person': fit(samples.evidence, samples.right),
        'keypoint': fit({'peak': samples.peak[known]}, samples.right_keypoint[known] > 0),
    }


def fit(evidence: Mapping[str, np.ndarray], right: np.ndarray) -> dict[str, float]:
    """
    Fit the weights: logistic regression, none below 0 but that of the size.

    Parameters
    ----------
    evidence : dict
        Name to (N,) float.
    right : (N,) bool

    Returns
    -------
    dict
        'bias' and a weight per piece of evidence that says something.

    Raises
    ------
    DataError
        When too few were right, or too few wrong.
    """
    from scipy.optimize import minimize  # only a calibration needs SciPy

    least = min(int(right.sum()), int((~right).sum()))
    if least < LEAST_PEOPLE:
        raise DataError(
            f'a calibration needs {LEAST_PEOPLE} people found right and {LEAST_PEOPLE} found '
            f'wrong: here are {int(right.sum())} and {int((~right).sum())}: give more photos'
        )
    names = list(evidence)
    terms = np.column_stack([term(name, evidence[name]) for name in names])
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


@dataclass(frozen=True, eq=False)
class Judged:
    """
    Scores and what became of them.

    Attributes
    ----------
    score : (N,) float
        Of the people found in all photos.
    right : (N,) bool
    keypoint_score : (K,) float
        Of the labelled keypoints of people who are paired with a label.
    right_keypoint : (K,) bool
    labelled : int
        Labelled people.
    """

    score: np.ndarray
    right: np.ndarray
    keypoint_score: np.ndarray
    right_keypoint: np.ndarray
    labelled: int

    def at(self, least: float) -> tuple[float, float]:
        """Return precision and recall of the people of at least a score; 0 where none is."""
        found = self.score >= least
        right = int(self.right[found].sum())
        return right / max(int(found.sum()), 1), right / max(self.labelled, 1)

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return precision and recall at each score, from the highest on, (N,) each."""
        right = np.cumsum(self.right[np.argsort(-self.score, kind='stable')])
        return right / np.arange(1, len(right) + 1), right / max(self.labelled, 1)


def judge(photos: Iterable[Photo], found: Mapping[int, Keypoints]) -> Judged:
    """
    Judge the scores of an evaluation.

    Parameters
    ----------
    photos : iterable of Photo
    found : dict
        Image id to the people found in it.
    """
    score, right, keypoint_score, right_keypoint = [], [], [], []
    labelled = 0
    for photo in photos:
        people = found[photo.image_id]
        keypoints = right_keypoints(photo.truth, people)
        known = ~np.isnan(keypoints)
        score.append(people.person_score)
        right.append(right_people(photo.truth, people))
        keypoint_score.append(people.score[known])
        right_keypoint.append(keypoints[known] > 0)
        labelled += len(photo.truth)
    return Judged(*(np.concatenate(part) if part else np.empty(0)
                    for part in (score, right, keypoint_score, right_keypoint)), labelled)


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
