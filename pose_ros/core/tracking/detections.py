# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Detected people as the tracker uses them: checked, in float64, with a body size."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from pose_ros.core.body import body_height_px
from pose_ros.core.estimator.appearance import REGION_SIZE, REGIONS, SIZE
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import FLIP_INDEX

FARTHEST_PX = 1e5
"""A coordinate beyond it is nonsense, whatever the camera."""


class Detections(NamedTuple):
    """
    The usable part of M detected people.

    Attributes
    ----------
    xy : (M, 17, 2) float64
        Pixels; 0 where not valid.
    score : (M, 17) float64
        [0, 1]; 0 where not valid.
    valid : (M, 17) bool
        Whether the keypoint may be used.
    person_score : (M,) float64
        [0, 1].
    height_px : (M,) float64
        `body.body_height_px`; NaN when unknown.
    appearance : (M, REGIONS, REGION_SIZE) float64 or None
        Roots of the histograms of `estimator.appearance`, 0 where not seen; None: not described.
    """

    xy: np.ndarray
    score: np.ndarray
    valid: np.ndarray
    person_score: np.ndarray
    height_px: np.ndarray
    appearance: np.ndarray | None = None

    def select(self, index: np.ndarray) -> Detections:
        """Return the people that `index` (integers or mask) picks, in its order."""
        found = Detections(*(array[index] for array in self[:-1]))
        if self.appearance is None:
            return found
        return found._replace(appearance=self.appearance[index])

    def mirrored(self) -> Detections:
        """Return the same places with the sides of the people exchanged."""
        return self._replace(
            xy=self.xy[:, FLIP_INDEX],
            score=self.score[:, FLIP_INDEX],
            valid=self.valid[:, FLIP_INDEX],
        )

    def keypoints(self) -> Keypoints:
        """Return the usable part as Keypoints."""
        return Keypoints(
            np.where(self.valid[..., None], self.xy, np.nan), self.score, self.person_score
        )


def clean(keypoints: Keypoints, min_keypoint_score: float, counters: Counter[str]) -> Detections:
    """
    Take over what can be used of detections, whatever stands in them.

    Parameters
    ----------
    keypoints : Keypoints
        Anything: NaN, infinite or negative numbers, coordinates far away.
    min_keypoint_score : float
        Keypoints with a lower score are not valid.
    counters : Counter
        `bad_keypoint`, `bad_person` and `bad_appearance` count what was nonsense; a MISSING
        keypoint (NaN with score 0) is none.
    """
    xy = keypoints.xy.astype(np.float64)
    score = keypoints.score.astype(np.float64)
    person_score = keypoints.person_score.astype(np.float64)
    sane = (np.abs(xy) < FARTHEST_PX).all(axis=2) & (score >= 0) & (score < np.inf)
    sane_person = (person_score >= 0) & (person_score < np.inf)
    valid = sane & (score >= max(min_keypoint_score, 1e-9))
    if not (sane.all() and sane_person.all()):
        missing = (score == 0) & np.isnan(xy).all(axis=2)
        bad_keypoints = int((~sane & ~missing).sum())
        if bad_keypoints:
            counters['bad_keypoint'] += bad_keypoints
        if not sane_person.all():
            counters['bad_person'] += int((~sane_person).sum())
            valid &= sane_person[:, None]
            person_score = np.where(sane_person, person_score, 0.0)
    if not valid.all():
        xy = np.where(valid[..., None], xy, 0.0)
        score = np.where(valid, score, 0.0)
    score = np.minimum(score, 1.0)
    return Detections(
        xy, score, valid, np.minimum(person_score, 1.0), body_height_px(xy, valid),
        _clean_appearance(keypoints.appearance, counters),
    )


def _clean_appearance(
    appearance: np.ndarray | None, counters: Counter[str]
) -> np.ndarray | None:
    """Return the roots of descriptors (M, SIZE), 0 where there is none or nonsense."""
    if appearance is None:
        return None
    m = len(appearance)
    if appearance.shape != (m, SIZE):
        counters['bad_appearance'] += m
        return np.zeros((m, REGIONS, REGION_SIZE))
    values = appearance.astype(np.float64)
    sane = ((values >= 0.0) & (values <= FARTHEST_PX)).all(axis=1)
    if not sane.all():
        counters['bad_appearance'] += int((~sane).sum())
        values[~sane] = 0.0
    regions = values.reshape(m, REGIONS, REGION_SIZE)
    total = regions.sum(axis=2, keepdims=True)
    return np.sqrt(regions / np.where(total > 0.0, total, 1.0))
