# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Scores: the probabilities that a skeleton is right (OKS of at least 0.5), and each keypoint.

A keypoint is right when it is within its OKS tolerance: its term of the OKS is at least 0.5.

Two logistic regressions: of the person on what the passes give anyway (heights of the centres and
of the keypoints' peaks, OKS between the passes, overlap, size), of the keypoint on the height of
its peak (Platt scaling). Their weights are never negative except that of the size, so that more
evidence never means a lower score. They stand in the ModelSpec of the network that was looked at
last (`calibration`), per mode; `pose_ros evaluate --calibrate` fits them. Without them the score
of a person is a product of the evidence, and that of a keypoint is by the shipped networks'
weights: they order people and keypoints, and are no probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pose_ros.core import oks
from pose_ros.core.geometry import box_iou
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.model_spec import ModelSpec

MODES = ('two_pass', 'one_pass', 'roi', 'boxes')
"""Both passes; the first alone; a crop around where a person was; a crop around a given box."""

# So many of the best keypoints speak for a person: someone half hidden is a person as well. On
# COCO photos 5, 8, 10 and 12 order people equally well (AP within 0.002), all 17 worse in one
# pass (AP 0.297 instead of 0.303, and 0.335 instead of 0.342 at another input size).
BEST_KEYPOINTS = 8
# People of whom the second pass sees no keypoint, seldom right but too few for the fit to learn it
# from a straight line: of three keypoints as high as this more says nothing. On 300 photos recall
# at precision 0.88 is 0.685 with it, 0.680 with 0.4, 0.675 with 0.5 and 0.677 without a limit.
SEEN, SEEN_KEYPOINTS = 0.3, 3
# Larger people are not found more surely: on 300 photos recall at precision 0.88 is 0.648 with
# this limit, 0.637 with 80 px, 0.641 without and 0.633 without the size.
LARGE_PX = 50.0
# Evidence nearer to 0 or 1 than this is taken as that far: logits stay finite.
CLIP = 0.01

# Of networks without a calibration: as of the shipped ones, so that thresholds mean the same.
USUAL_KEYPOINT = {'bias': 2.7, 'peak': 1.24}

Evidence = Mapping[str, np.ndarray]
"""Name to (N,) float, of keypoints (N, 17): in [0, 1], but 'log_size', the logarithm of pixels."""


def keypoint_evidence(people: Keypoints) -> np.ndarray:
    """Return the mean score of each person's best keypoints, (N,) float32 in [0, 1]."""
    best = np.sort(people.score, axis=1)[:, -BEST_KEYPOINTS:]
    return best.sum(axis=1) / np.float32(BEST_KEYPOINTS)


def candidate_score(people: Keypoints) -> np.ndarray:
    """Order people (N,) of the first pass by centre x keypoints; no probability."""
    return people.person_score * keypoint_evidence(people)


def crop_evidence(people: Keypoints) -> dict[str, np.ndarray]:
    """Return what one look says of N people, whose person score is the centre's peak height."""
    seen = np.sort(people.score, axis=1)[:, -SEEN_KEYPOINTS:].mean(axis=1) / np.float32(SEEN)
    return {
        'center': people.person_score,
        'keypoints': keypoint_evidence(people),
        'mean_keypoint': people.score.mean(axis=1),
        'seen': np.minimum(seen, np.float32(1.0)),
        'log_size': 0.5 * np.log(np.nan_to_num(oks.areas(people.xy), nan=1.0)),
    }


def one_pass_evidence(people: Keypoints) -> dict[str, np.ndarray]:
    """
    Return what the first pass says of N people, best first.

    'apart' is 1 less the largest IoU of a person's box with that of a better one: who overlaps a
    better one is more often a double. On 300 photos AP is 0.404 with it, 0.397 without.
    """
    boxes = people.boxes_xyxy()
    with_better = np.tril(box_iou(boxes[:, None], boxes), -1)
    return {**crop_evidence(people), 'apart': 1 - with_better.max(axis=1, initial=0)}


def two_pass_evidence(
    first: Keypoints, second: Keypoints, similarity: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what both passes say of the same N people, alike by the OKS `similarity` (N,)."""
    return {
        'first_center': first.person_score, 'first_keypoints': keypoint_evidence(first),
        'similarity': similarity, **crop_evidence(second),
    }  # fmt: skip


class Scorer:
    """
    Scores people and keypoints by the calibration of two networks.

    Parameters
    ----------
    detector, refiner : ModelSpec
        Of the first and the second pass.
    """

    def __init__(self, detector: ModelSpec, refiner: ModelSpec) -> None:
        entries = {
            'one_pass': detector.calibration.get('one_pass'),
            'roi': refiner.calibration.get('roi'),
            'boxes': refiner.calibration.get('boxes'),
            # It holds for the pair of networks that it was fitted with.
            'two_pass': refiner.calibration.get(f'two_pass {detector.name}'),
        }
        self._names = dict.fromkeys(MODES, refiner.name) | {
            'one_pass': detector.name, 'two_pass': f'{refiner.name} (behind {detector.name})'}
        self._weights = {mode: entry for mode, entry in entries.items() if entry}

    def is_calibrated(self, mode: str) -> bool:
        """Say whether the scores of one of MODES are probabilities."""
        return mode in self._weights

    def lack(self, mode: str) -> str:
        """Say in a sentence that there is no calibration of one of MODES; nothing where one is."""
        if self.is_calibrated(mode):
            return ''
        return (f'{self._names[mode]} has no calibration {mode!r}: scores are no probabilities, '
                'thresholds mean something else; `pose_ros evaluate --calibrate` fits one')

    def score(self, mode: str, evidence: Evidence) -> np.ndarray:
        """
        Score people.

        Parameters
        ----------
        mode : str
            One of MODES.
        evidence : dict
            By `crop_evidence` or `two_pass_evidence`; behind a detector of boxes their score as
            'box' besides.

        Returns
        -------
        (N,) float32
            Probabilities where `is_calibrated`.
        """
        if mode not in self._weights:
            return _fallback(mode, evidence)
        return probability(self._weights[mode]['person'], evidence)

    def with_keypoints(self, mode: str, people: Keypoints) -> Keypoints:
        """
        Score the keypoints of people.

        Parameters
        ----------
        mode : str
            One of MODES.
        people : Keypoints
            N people; their keypoint scores are the heights of the peaks.

        Returns
        -------
        Keypoints
            The same people; their keypoint scores are probabilities where `is_calibrated`, and 0
            where the height of the peak is.
        """
        entry = self._weights.get(mode)
        score = probability(
            entry['keypoint'] if entry else USUAL_KEYPOINT, {'peak': people.score})
        return replace(people, score=np.where(people.score > 0, score, np.float32(0)))


def probability(weights: Mapping[str, float], evidence: Evidence) -> np.ndarray:
    """
    Return the logistic function of the weighted evidence.

    Parameters
    ----------
    weights : dict
        'bias', and a weight per piece of evidence.
    evidence : dict
        Name to float, any shape, but one for all.

    Returns
    -------
    float32, of that shape
    """
    total = np.full(next(iter(evidence.values())).shape, weights['bias'])
    for name, values in evidence.items():
        if weights.get(name):
            total += weights[name] * term(name, values)
    return (1.0 / (1.0 + np.exp(-total))).astype(np.float32)


def term(name: str, values: np.ndarray) -> np.ndarray:
    """Return what the weight of a piece of evidence is multiplied by, float64."""
    values = np.asarray(values, np.float64)
    if name.endswith('log_size'):
        return np.minimum(values, np.log(LARGE_PX))
    clipped = values.clip(CLIP, 1.0 - CLIP)
    return np.log(clipped / (1.0 - clipped))


def _fallback(mode: str, evidence: Evidence) -> np.ndarray:
    """Return a score in [0, 1] for networks without a calibration."""
    if mode == 'boxes':
        # As usual for top-down networks (mmpose): on labelled boxes of COCO it orders people
        # better than centre x best keypoints (AP 0.455 instead of 0.451).
        return np.asarray(evidence['mean_keypoint'], np.float32)
    if mode == 'two_pass' and 'box' in evidence:
        return np.asarray(evidence['box'] * evidence['mean_keypoint'], np.float32)
    if mode == 'two_pass':
        center = np.sqrt(evidence['first_center'] * evidence['center'])
        look = np.sqrt(center * evidence['keypoints'])
        return np.asarray(evidence['similarity'] * look, np.float32)
    return np.asarray(evidence['center'] * evidence['keypoints'], np.float32)
