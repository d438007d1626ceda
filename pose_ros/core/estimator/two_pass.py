# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One image -> people: the first pass finds them, the second refines each in a crop."""

from __future__ import annotations

from dataclasses import replace
import math

import numpy as np

from pose_ros.core import geometry, oks
from pose_ros.core.backend import Backend, BackendError, ModelSpec, StageTimes
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig, check
from pose_ros.core.estimator.appearance import describe
from pose_ros.core.estimator.camera_motion import CameraMotion
from pose_ros.core.estimator.person_score import (
    Evidence,
    Scorer,
    candidate_score,
    crop_evidence,
    one_pass_evidence,
    two_pass_evidence,
)
from pose_ros.core.estimator.roi_tracking import SURE_SCORE, RoiTracker
from pose_ros.core.estimator.view_fusion import FIRST_PASS_WEIGHT, fused_xy, look_at_crops, united
from pose_ros.core.keypoints import Keypoints

# No second look at another size when every person of the first look scores as much: people
# too large for a size are seen there as weak candidates. On 300 COCO photos two passes have AP
# 0.002 higher with 0.7 than with 0.5, 0.003 without a limit; with 0.7 a third of the images of
# one person have no second look.
CONVINCING = 0.7

ONE_PASS_OF_BOXES = (
    'the first pass finds boxes, not keypoints: it cannot run alone, set mode to two-pass'
)
# Boxes of lower score have no crop: chosen on COCO photos (docs/models.md).
MIN_BOX_SCORE = 0.2

# The padding of a person's box that the shipped network of the second pass was made with. One that
# learnt from wider crops gets wider ones: on COCO photos 0.01 AP for a network of 1.25.
USUAL_CROP_SCALE = 1.1


class TwoPassEstimator:
    """
    Finds the people in images, one image after the other.

    Parameters
    ----------
    backend : Backend
        Runs the networks. It belongs to this object's thread.
    config : EstimatorConfig
        Parameters; the attribute `config` may be set to others between two images.

    Attributes
    ----------
    camera_motion : (3, 3) float64 or None
        Homography that maps pixels of the image before the latest to the latest's: how the camera
        moved; None when it is not known.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    BackendError
        When a detector of boxes is to run alone.
    """

    def __init__(self, backend: Backend, config: EstimatorConfig) -> None:
        check(config)
        if config.mode == 'one-pass' and backend.detector.decoder == 'boxes':
            raise BackendError(ONE_PASS_OF_BOXES)
        self.backend = backend
        self.config = config
        self.scorer = Scorer(backend.detector, backend.refiner)
        self._roi_tracker, self._roi_mode = RoiTracker(), config.mode
        self.camera_motion: np.ndarray | None = None
        self._background = CameraMotion()
        self._people_before = np.empty((0, 4))
        # Of the latest image; the networks see it turned by `image_rotation`.
        self._image_size = (1, 1)
        self._upright_from_image, self._upright_size = geometry.upright((1, 1), 0)

    @property
    def times(self) -> StageTimes:
        """How long the passes over the latest image took."""
        return self.backend.times

    def estimate(
        self,
        image: np.ndarray | CameraImage,
        stamp_s: float | None = None,
        boxes: np.ndarray | None = None,
        box_scores: np.ndarray | None = None,
        late: bool = False,
        camera_motion: np.ndarray | None = None,
    ) -> Keypoints:
        """
        Find the people in an image.

        Parameters
        ----------
        image : (H, W, 3) uint8, or CameraImage
            BGR, any size, any view; or as the camera sent it, in one of the backend's encodings.
        stamp_s : float, optional
            When it was taken; ROI tracking and the camera's motion need it.
        boxes : (N, 4) float, optional
            Where another detector has found people: x_min, y_min, x_max, y_max of the whole person
            in image pixels. They stand in for the first pass, in every mode; boxes that see
            nothing of the image, have no area or are not finite are left out. At most max_crops of
            them are looked at, the best first.
        box_scores : (N,) float, optional
            Scores of that detector, in [0, 1]; 1 when not given.
        late : bool
            Whether it had to wait for the image before (`LateFrames`); for
            `skip_detection_when_late`.
        camera_motion : (3, 3) float64, optional
            The camera's motion since the image before, where it is known otherwise; else the
            parameter `camera_motion` says whether it is taken from the images.

        Returns
        -------
        Keypoints
            In image pixels, best first; keypoints below min_keypoint_score are missing.

        Raises
        ------
        ValueError
            When it is not an image, or the boxes are none.
        BackendError
            When a network fails.
        """
        image = self._load(image)
        given = None if boxes is None else usable_boxes(boxes, box_scores, image.size)
        mode = self.config.mode
        self._follow_camera(image, stamp_s, camera_motion)
        if given is not None or mode == 'one-pass' or mode != self._roi_mode:
            self._roi_tracker.forget()
            self._roi_mode = mode
        if given is not None:
            people = self._in_boxes(*given, self.config.max_crops, 'boxes')
            people = self.scorer.with_keypoints('boxes', people)
        elif mode == 'single':
            people = self._single(image, stamp_s)
        elif mode == 'two-pass':
            people = self._two_passes(
                image, stamp_s, late and self.config.skip_detection_when_late)
        else:
            if self.backend.detector.decoder == 'boxes':
                raise BackendError(ONE_PASS_OF_BOXES)
            people, _ = self._scored('one_pass', self._candidates())
            people = self.scorer.with_keypoints('one_pass', people)
        self._people_before = people.boxes_xyxy()[
            people.person_score >= self.config.min_person_score]
        people = self._published(people)
        if self.config.appearance:
            people = replace(people, appearance=describe(image, people.xy))
        return people

    def _follow_camera(
        self, image: CameraImage, stamp_s: float | None, known: np.ndarray | None
    ) -> None:
        """Find how the camera moved since the image before, and carry what is followed."""
        if stamp_s is None or self.config.camera_motion not in ('image', 'auto'):
            self.camera_motion = known
        elif known is not None:
            self.camera_motion = known
            self._background.take(image)
        else:
            self.camera_motion = self._background.update(image, self._people_before)
        if self.camera_motion is not None:
            self._roi_tracker.carry(self.camera_motion)

    def lack(self) -> str:
        """Say in a sentence that the scores of the present mode are no probabilities, if so."""
        mode = {'one-pass': 'one_pass', 'single': 'roi'}.get(self.config.mode, 'two_pass')
        return self.scorer.lack('boxes' if self.config.detections_enabled else mode)

    def evidence(
        self, image: np.ndarray | CameraImage, mode: str, boxes: np.ndarray | None = None
    ) -> tuple[Keypoints, Evidence]:
        """
        Find people, and say what their scores come from: what a calibration is fitted to.

        Parameters
        ----------
        image : (H, W, 3) uint8, or CameraImage
        mode : str
            One of `person_score.MODES`; 'roi' looks again at the people of both passes.
        boxes : (N, 4) float, optional
            For 'boxes', as in `estimate`.

        Returns
        -------
        people : Keypoints
            N people, whatever their score; keypoint scores are the heights of the peaks.
        evidence : dict
            Of the same people: name to (N,) float.
        """
        self._load(image)
        if mode == 'boxes':
            assert boxes is not None
            looked = self._looked_at(boxes, self.backend.refiner.crop_scale)
            return self._scored(mode, looked)
        if mode == 'roi':
            people, _, _ = self._found(self.config.max_crops)
            return self._scored(mode, self._in_crops(people))
        if mode == 'two_pass' and self.backend.detector.decoder == 'boxes':
            boxes, scores = (part[:self.config.max_crops] for part in self._boxes())
            people, evidence = self._seen_in(boxes, scores)
            people = replace(people, person_score=self.scorer.score(mode, evidence))
        else:
            candidates = self._candidates()
            if mode == 'one_pass':
                return self._scored(mode, candidates)
            people, evidence = self._both_passes(candidates.select(slice(self.config.max_crops)))
        kept = oks.distinct(people, self.config.nms_oks)
        return people.select(kept), {name: values[kept] for name, values in evidence.items()}

    def _load(self, image: np.ndarray | CameraImage) -> CameraImage:
        """Give the backend an image; return it."""
        if not isinstance(image, CameraImage):
            image = CameraImage.from_bgr(image)
        self._image_size = image.size
        self._upright_from_image, self._upright_size = geometry.upright(
            image.size, self.config.image_rotation)
        self.backend.load(image)
        return image

    def _two_passes(
        self, image: CameraImage, stamp_s: float | None, late: bool
    ) -> Keypoints:
        """Find people: near where they were, or by the first pass."""
        config, tracker = self.config, self._roi_tracker
        if tracker.goes_on(image, stamp_s, config.detection_interval_s, late):
            followed = tracker.found(self._in_crops(tracker.people), config)
            if followed is not None:
                return self.scorer.with_keypoints(self._crop_mode, followed)
        people, rest, number = self._found(config.max_crops)
        known = people.select(people.person_score >= config.min_person_score)
        tracker.begin(image, stamp_s, known, number <= config.max_crops)
        return Keypoints.concatenate([
            self.scorer.with_keypoints(self._crop_mode, people),
            self.scorer.with_keypoints('one_pass', rest),
        ])

    def _found(self, max_crops: int) -> tuple[Keypoints, Keypoints, int]:
        """Run both passes; return who had a crop, who had none, and how many there were."""
        if self.backend.detector.decoder == 'boxes':
            boxes, scores = self._boxes()
            people = self._in_boxes(boxes, scores, max_crops, self._crop_mode)
            return people, Keypoints.empty(), len(boxes)
        candidates = self._candidates()
        return *self._refined(candidates, max_crops), len(candidates)

    def _best(self) -> Keypoints:
        """Return the best person of the first pass, refined in a crop."""
        if self.backend.detector.decoder == 'boxes':
            return self._in_boxes(*self._boxes(), 1, self._crop_mode)
        return self._both_passes(self._candidates().select(slice(1)))[0]

    @property
    def _crop_mode(self) -> str:
        """Return which of `person_score.MODES` people in crops around those found are."""
        if self.backend.detector.decoder == 'boxes' and not self.scorer.is_calibrated('two_pass'):
            return 'boxes'
        return 'two_pass'

    def _boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes that are worth a crop, best first, and their scores."""
        view, input_size = self._view(self.config.detect_size_px)
        boxes, scores = self.backend.detect_boxes(view, input_size)
        boxes, scores = usable_boxes(boxes, scores, self._image_size)
        worth = scores >= MIN_BOX_SCORE
        return boxes[worth], scores[worth]

    def _candidates(self) -> Keypoints:
        """
        Return the people of the first pass, best first; its own person scores.

        In the modes with a second pass only those who are worth a crop.
        """
        people = self._seen(self.config.detect_size_px)
        second = self.config.detect_second_size_px
        if not self.backend.detector.multiple_of:
            second = 0  # a network of one size
        if second and not (len(people) and candidate_score(people).min() >= CONVINCING):
            people = self._best_of_doubles(united(people, self._seen(second)))
        return people

    def _seen(self, long_side: int) -> Keypoints:
        """Run the first pass at one size; return its people, or those worth a crop."""
        people = self.backend.detect(*self._view(long_side))
        if self.config.mode != 'one-pass':
            people = people.select(candidate_score(people) >= self.config.min_candidate_score)
        return self._best_of_doubles(people)

    def _best_of_doubles(self, people: Keypoints) -> Keypoints:
        ranked = replace(people, person_score=candidate_score(people))
        return people.select(oks.distinct(ranked, self.config.nms_oks))

    def _view(self, long_side: int) -> tuple[np.ndarray, tuple[int, int]]:
        """Return the first pass's view (1, 2, 3), input_from_image, and its input size."""
        input_size = first_pass_size(self._upright_size, long_side, self.backend.detector)
        input_from_upright = geometry.letterbox(self._upright_size, input_size)
        return geometry.compose(input_from_upright, self._upright_from_image)[None], input_size

    def _refined(
        self, candidates: Keypoints, max_crops: int
    ) -> tuple[Keypoints, Keypoints]:
        """Look at the best candidates in a crop each; return them, and the others, scored."""
        people, _ = self._both_passes(candidates.select(slice(max_crops)))
        coarse, _ = self._scored('one_pass', candidates)
        both = Keypoints.concatenate([people, coarse.select(slice(max_crops, None))])
        kept = oks.distinct(both, self.config.nms_oks)
        in_crop = kept < len(people)
        return both.select(kept[in_crop]), both.select(kept[~in_crop])

    def _both_passes(self, first: Keypoints) -> tuple[Keypoints, Evidence]:
        """Look at candidates in a crop each; return them, scored, and what says so."""
        second = self._in_crops(first)
        if self.backend.refiner.decoder != 'centers':
            # It has no centres: only the first pass says how sure it is of the person.
            second = replace(second, person_score=first.person_score)
        evidence = two_pass_evidence(first, second, oks.paired_oks(first.xy, second.xy))
        people = replace(
            second,
            xy=fused_xy(second, first, FIRST_PASS_WEIGHT),
            person_score=self.scorer.score('two_pass', evidence),
        )
        return people, evidence

    def _scored(self, mode: str, people: Keypoints) -> tuple[Keypoints, Evidence]:
        """Score people whom one pass has looked at; return what says so as well."""
        evidence = one_pass_evidence(people) if mode == 'one_pass' else crop_evidence(people)
        return replace(people, person_score=self.scorer.score(mode, evidence)), evidence

    def _in_crops(self, people: Keypoints) -> Keypoints:
        """Run the second pass on a crop around each person."""
        boxes = people.boxes_xyxy()
        if not len(boxes):
            return people
        refiner = self.backend.refiner
        padding = self.config.crop_padding * refiner.crop_scale / USUAL_CROP_SCALE
        return self._looked_at(boxes, padding)

    def _looked_at(self, boxes: np.ndarray, padding: float) -> Keypoints:
        """Run the second pass on boxes, x_min, y_min, x_max, y_max in image pixels."""
        refiner = self.backend.refiner
        input_from_upright = geometry.crop(
            geometry.map_boxes(self._upright_from_image, boxes), refiner.input_size, padding,
            refiner.crop_aspect,
        )
        crops = geometry.compose(input_from_upright, self._upright_from_image)
        return look_at_crops(self.backend, crops, self.config.flip_test)

    def _in_boxes(
        self, boxes: np.ndarray, scores: np.ndarray, max_crops: int, mode: str
    ) -> Keypoints:
        """Run the second pass on the best boxes; people scored as 'boxes' or 'two_pass'."""
        best = np.argsort(-scores, kind='stable')[:max_crops]
        if not len(best):
            return Keypoints.empty()
        people, evidence = self._seen_in(boxes[best], scores[best])
        score = self.scorer.score(mode, evidence)
        if mode == 'boxes':
            # The probability that the box shows a person, times that of the skeleton in it.
            score = score * np.float32(scores[best])
        people = replace(people, person_score=score)
        return people.select(oks.distinct(people, self.config.nms_oks))

    def _seen_in(self, boxes: np.ndarray, scores: np.ndarray) -> tuple[Keypoints, Evidence]:
        """Run the second pass on boxes, padded as it was trained; return what says so as well."""
        people = self._looked_at(boxes, self.backend.refiner.crop_scale)
        return people, {'box': scores, **crop_evidence(people)}

    def _single(self, image: CameraImage, stamp_s: float | None) -> Keypoints:
        """Find one person: in the crop around where it was, or the best one of the first pass."""
        tracker = self._roi_tracker
        if tracker.goes_on(image, stamp_s, np.inf, False):
            now = self._in_crops(tracker.people)
            followed = tracker.found(now, self.config)
            if followed is not None and len(followed):
                person, _ = self._scored('roi', now)
                if (person.person_score >= SURE_SCORE).all():
                    return self.scorer.with_keypoints('roi', person)
        person = self._best()
        person = person.select(person.person_score >= self.config.min_person_score)
        tracker.begin(image, stamp_s, person, True)
        return self.scorer.with_keypoints(self._crop_mode, person)

    def _published(self, people: Keypoints) -> Keypoints:
        """Mark weak keypoints as missing; leave out weak people, and those without a keypoint."""
        people = people.select(people.person_score >= self.config.min_person_score)
        people = people.select(np.argsort(-people.person_score, kind='stable'))
        people = people.select(slice(self.config.max_people))
        missing = (people.score < self.config.min_keypoint_score) | np.isnan(people.xy).any(axis=2)
        people = Keypoints(
            np.where(missing[..., None], np.float32(np.nan), people.xy),
            np.where(missing, np.float32(0), people.score),
            people.person_score,
        )
        return people.select(~missing.all(axis=1))


def usable_boxes(
    boxes: np.ndarray, scores: np.ndarray | None, image_size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes (N, 4) that are finite, have an area and overlap the image; scores."""
    boxes = np.asarray(boxes, np.float64)
    scores = np.ones(len(boxes)) if scores is None else np.asarray(scores, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or scores.shape != (len(boxes),):
        raise ValueError(
            f'boxes are (N, 4) with (N,) scores, got {boxes.shape} and {scores.shape}'
        )
    low, high = boxes[:, :2], boxes[:, 2:]
    # Pixel 0 reaches from -0.5 to 0.5.
    usable = (
        np.isfinite(boxes).all(axis=1)
        & (high > low).all(axis=1)
        & (high > -0.5).all(axis=1)
        & (low < np.array(image_size) - 0.5).all(axis=1)
    )
    return boxes[usable], np.nan_to_num(scores[usable]).clip(0.0, 1.0)


def first_pass_size(
    image_size: tuple[int, int], long_side: int, spec: ModelSpec
) -> tuple[int, int]:
    """
    Choose the input size of the first pass: the shape of the image, as far as the network can.

    Parameters
    ----------
    image_size : (width, height)
        Pixels.
    long_side : int
        Wanted length of the longer side, pixels.
    spec : ModelSpec
        Of the network; its `input_size` when it takes no other.

    Returns
    -------
    (width, height)
        Multiples of `spec.multiple_of`, rounded up.
    """
    step = spec.multiple_of
    if not step:
        return spec.input_size
    scale = long_side / max(image_size)
    # Less a rounding error: 448 * (640 / 640) is 448, not 480.
    steps = [max(1, math.ceil(side * scale / step - 1e-6)) for side in image_size]
    return steps[0] * step, steps[1] * step
