# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A backend without a network that finds the same people in every image: for tests."""

from __future__ import annotations

import numpy as np

from pose_ros.core import geometry
from pose_ros.core.backend import ModelSpec, StageTimes
from pose_ros.core.camera_image import ENCODINGS, CameraImage
from pose_ros.core.keypoints import Keypoints, boxes_around


class ReplayBackend:
    """
    Finds given people.

    Parameters
    ----------
    people : Keypoints
        In image pixels; may be set again at any time.
    """

    name = 'replay'
    encodings = ENCODINGS

    def __init__(self, people: Keypoints) -> None:
        self.people = people
        outputs = {role: role for role in ('heatmaps', 'centers', 'regress', 'offsets')}
        self.detector = self.refiner = ModelSpec(
            name='replay', input_name='image', input_size=(256, 256), decoder='centers', stride=4,
            outputs=outputs, multiple_of=32, weighting={'kind': 'reciprocal', 'value': 1.8},
        )
        self.times = StageTimes()

    def load(self, frame: CameraImage) -> None:
        """Forget the times of the image before."""
        self.times = StageTimes()

    def detect(self, input_from_image: np.ndarray, input_size: tuple[int, int]) -> Keypoints:
        """Return everybody, once per view."""
        return self.people.select(np.tile(np.arange(len(self.people)), len(input_from_image)))

    def detect_boxes(
        self, input_from_image: np.ndarray, input_size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return everybody's box."""
        return boxes_around(self.people.xy), self.people.person_score

    def refine(self, input_from_image: np.ndarray) -> Keypoints:
        """Return the person nearest to the middle of each crop."""
        boxes = boxes_around(self.people.xy)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        middle = (np.array(self.refiner.input_size) - 1) / 2
        crop_centres = geometry.apply(geometry.invert(input_from_image), middle[None])
        distances = np.linalg.norm(crop_centres - centres, axis=2)  # (B, 1, 2) - (N, 2)
        return self.people.select(distances.argmin(axis=1))

    def close(self) -> None:
        """Hold nothing."""
