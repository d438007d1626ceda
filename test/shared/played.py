# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Footage played to the estimator in a time of its own: what a slow machine would answer, when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.late_frames import LateFrames
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints

# Seconds at speed 1: about those of ONNX Runtime on two cores that others use as well.
FIRST_PASS_S, SECOND_LOOK_S, CROP_S, REST_S = 0.030, 0.006, 0.017, 0.005


@dataclass(frozen=True)
class Answer:
    """What came of one image."""

    number: int
    people: Keypoints
    followed: bool
    published_s: float


class _Costed:
    """A backend whose passes take as long as they are said to."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.took_s, self.followed = 0.0, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def detect(self, input_from_image: np.ndarray, input_size: tuple[int, int]) -> Keypoints:
        self.took_s += FIRST_PASS_S if max(input_size) > 300 else SECOND_LOOK_S
        self.followed = False
        return self._backend.detect(input_from_image, input_size)

    def refine(self, input_from_image: np.ndarray) -> Keypoints:
        self.took_s += CROP_S * len(input_from_image)
        return self._backend.refine(input_from_image)


def play(
    backend: Any, frames: Sequence[tuple[float, np.ndarray]], slowness: float, **parameters: Any
) -> list[Answer]:
    """
    Work on the newest image whenever the one before is done, as a node does.

    Parameters
    ----------
    backend : Backend
    frames : sequence of stamp in seconds and (H, W, 3) uint8
        At a constant rate.
    slowness : float
        What the times of the passes are multiplied by.
    parameters
        Of the estimator.
    """
    costed, late_frames = _Costed(backend), LateFrames()
    estimator = TwoPassEstimator(costed, EstimatorConfig(**parameters))  # type: ignore[arg-type]
    period_s = (frames[-1][0] - frames[0][0]) / (len(frames) - 1)
    answers, free_s, number = [], 0.0, -1
    while (number := max(number + 1, int(free_s / period_s + 1e-6))) < len(frames):
        began_s = max(free_s, number * period_s)
        late_frames.begin(began_s)
        costed.took_s, costed.followed = 0.0, True
        people = estimator.estimate(frames[number][1], frames[number][0], late=late_frames.late)
        free_s = began_s + costed.took_s * slowness + REST_S
        late_frames.end(free_s)
        answers.append(Answer(number, people, costed.followed, free_s))
    return answers
