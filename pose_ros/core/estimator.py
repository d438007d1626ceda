# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One image -> people: the first pass finds everyone, the second sharpens each in a crop."""

from __future__ import annotations

import numpy as np

from pose_ros.core import geometry, oks
from pose_ros.core.backend import Backend, StageTimes
from pose_ros.core.config import EstimatorConfig, check
from pose_ros.core.keypoints import Keypoints, boxes_around
from pose_ros.core.preprocess import check_image


class PoseEstimator:
    """
    Finds the people in images, one image after the other.

    Parameters
    ----------
    backend : Backend
        Runs the networks.
    config : EstimatorConfig
        Parameters; `config` may be set again at any time between two images.
    """

    def __init__(self, backend: Backend, config: EstimatorConfig) -> None:
        check(config)
        self.backend = backend
        self.config = config

    @property
    def times(self) -> StageTimes:
        """How long the passes over the latest image took."""
        return self.backend.times

    def estimate(self, image: np.ndarray, stamp_s: float | None = None) -> Keypoints:
        """
        Find the people in an image.

        Parameters
        ----------
        image : (H, W, 3) uint8
            BGR, any size, any view.
        stamp_s : float, optional
            When it was taken.

        Returns
        -------
        Keypoints
            In image pixels, best first.
        """
        check_image(image)
        self.backend.load_image(image)
        size = (image.shape[1], image.shape[0])
        people = self.detect(size)
        if self.config.mode == 'two-pass':
            people = self.refine(people)
        return self.publishable(people)

    def detect(self, image_size: tuple[int, int]) -> Keypoints:
        input_size = detector_size(
            image_size, self.config.detect_size_px, self.backend.detector.multiple_of
        )
        view = geometry.letterbox(image_size, input_size)[None]
        people = self.backend.detect(view, input_size)
        score = person_score(people)
        people = Keypoints(people.xy, people.score, score)
        return people.select(oks.distinct(people, self.config.duplicate_oks))

    def refine(self, people: Keypoints) -> Keypoints:
        crops = geometry.crop(
            crop_boxes(people), self.backend.refiner.input_size, self.config.crop_padding
        )
        if not len(crops):
            return people
        sharp = self.backend.refine(crops)
        similarity = np.diagonal(oks.symmetric_oks(people.xy, sharp.xy))
        score = similarity * person_score(sharp)
        sharp = Keypoints(sharp.xy, sharp.score, score.astype(np.float32))
        return sharp.select(oks.distinct(sharp, self.config.duplicate_oks))

    def publishable(self, people: Keypoints) -> Keypoints:
        people = people.select(people.person_score >= self.config.min_person_score)
        missing = people.score < self.config.min_keypoint_score
        return Keypoints(
            np.where(missing[..., None], np.float32(np.nan), people.xy),
            np.where(missing, np.float32(0), people.score),
            people.person_score,
        ).select(slice(self.config.max_people))


def detector_size(
    image_size: tuple[int, int], long_side: int, multiple_of: int
) -> tuple[int, int]:
    scale = long_side / max(image_size)
    width, height = (
        max(multiple_of, int(np.ceil(side * scale / multiple_of - 1e-6)) * multiple_of)
        for side in image_size
    )
    return width, height


def person_score(people: Keypoints) -> np.ndarray:
    return people.person_score * people.score.mean(axis=1)


def crop_boxes(people: Keypoints) -> np.ndarray:
    return boxes_around(people.xy)
