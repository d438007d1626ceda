# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The keypoints of the people in one image, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pose_ros.core.skeleton import NUM_KEYPOINTS


@dataclass(frozen=True, eq=False)
class Keypoints:
    """
    The 17 keypoints of each of N people.

    Attributes
    ----------
    xy : (N, 17, 2) float32
        Image pixels, pixel centres at integers. NaN where the keypoint is missing.
    score : (N, 17) float32
        Of a backend the height of the peak, of the estimator the probability that the keypoint is
        within its OKS tolerance; in [0, 1], 0 where the keypoint is missing.
    person_score : (N,) float32
        Of a backend the height of the centre's peak, of the estimator the probability that the
        skeleton is right; in [0, 1].
    appearance : (N, D) float32, optional
        Descriptors of what the people look like (`estimator.appearance`); None: not described.

    Raises
    ------
    ValueError
        When the shapes do not fit together.
    """

    xy: np.ndarray
    score: np.ndarray
    person_score: np.ndarray
    appearance: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check the shapes: one of the two borders where they are checked."""
        n = len(self.xy)
        shapes = (self.xy.shape, self.score.shape, self.person_score.shape)
        if shapes != ((n, NUM_KEYPOINTS, 2), (n, NUM_KEYPOINTS), (n,)):
            raise ValueError(
                'keypoints of N people are xy (N, 17, 2), score (N, 17), person_score (N,), '
                f'got {shapes[0]}, {shapes[1]}, {shapes[2]}'
            )
        if self.appearance is not None and len(self.appearance) != n:
            raise ValueError(f'{len(self.appearance)} descriptors of appearance for {n} people')

    def __len__(self) -> int:
        """Count the people."""
        return len(self.xy)

    @classmethod
    def empty(cls) -> Keypoints:
        """Return the keypoints of no people."""
        return cls(
            np.empty((0, NUM_KEYPOINTS, 2), np.float32),
            np.empty((0, NUM_KEYPOINTS), np.float32),
            np.empty(0, np.float32),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Keypoints]) -> Keypoints:
        """Return the people of all parts, in order."""
        if not parts:
            return cls.empty()
        described = [part.appearance for part in parts if part.appearance is not None]
        return cls(
            np.concatenate([part.xy for part in parts]),
            np.concatenate([part.score for part in parts]),
            np.concatenate([part.person_score for part in parts]),
            None if len(described) < len(parts) else np.concatenate(described),
        )

    def select(self, index: np.ndarray | slice) -> Keypoints:
        """Return the people that `index` (integers, mask or slice) picks, in its order."""
        return Keypoints(
            self.xy[index], self.score[index], self.person_score[index],
            None if self.appearance is None else self.appearance[index],
        )

    def boxes_xyxy(self) -> np.ndarray:
        """
        Return the box around each person's keypoints.

        Returns
        -------
        (N, 4) float32
            x_min, y_min, x_max, y_max in image pixels; NaN for a person without keypoints.
        """
        return boxes_around(self.xy)


def doubt(score: np.ndarray) -> np.ndarray:
    """
    Return what the spread of keypoints grows with: the root of the probability of being wrong.

    Third differences of the shipped networks' detections over real footage (bikes.mp4,
    carphone_pristine.mp4, TUD Campus), in OKS sigmas times OKS scale: 0.47, 0.33, 0.28, 0.17, 0.08
    and 0.04 at scores of 0.78, 0.88, 0.94, 0.96, 0.985 and 0.993; their doubt is 0.47, 0.35, 0.25,
    0.20, 0.12 and 0.09.

    Parameters
    ----------
    score : float, any shape
        In [0, 1].

    Returns
    -------
    float, of that shape
        In [0, 1].
    """
    return np.sqrt(np.maximum(1.0 - score, 0.0))


def boxes_around(xy: np.ndarray) -> np.ndarray:
    """
    Return the axis-aligned boxes around sets of points.

    Parameters
    ----------
    xy : (N, K, 2) float
        Points in pixels; NaN ones are left out.

    Returns
    -------
    (N, 4) float, same dtype
        x_min, y_min, x_max, y_max; NaN where a set has no point.
    """
    points = np.where(np.isnan(xy).any(axis=2, keepdims=True), xy.dtype.type(np.nan), xy)
    # These two pass over NaN where they can.
    low = np.fmin.reduce(points, axis=1, initial=np.nan)
    high = np.fmax.reduce(points, axis=1, initial=np.nan)
    return np.concatenate([low, high], axis=1)
