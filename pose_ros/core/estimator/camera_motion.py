# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
How the camera moved between two images: ego-motion in the image plane, as a homography.

Sparse optical flow (Lucas-Kanade) on a small grey picture, people masked out, and RANSAC. A
homography is exact for a camera that turns, whatever is in view; of one that drives it is the
motion of the dominant plane, usually the background.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from pose_ros.core import geometry
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.geometry import apply_homography

GREY_WIDTH = 320
"""Pixels: 0.2 px at the corners of a 640 px image on warped photos; 160 px gave 0.4."""

FEATURES, FEATURE_QUALITY, FEATURE_SPACING_PX = 100, 0.01, 5
"""Of Shi-Tomasi corners (cv2.goodFeaturesToTrack), in grey pixels."""

FLOW_WINDOW_PX, FLOW_LEVELS = 9, 3
"""Lucas-Kanade: finds up to about 30 grey pixels between two images."""

RANSAC_PX = 1.0
"""Inliers are as near to the common motion, grey pixels."""

RANSAC_ITERATIONS = 80
"""With half of the flow, four vectors each: one without an outlier is among 72 with 99 %."""

MIN_INLIERS, MIN_INLIER_SHARE = 12, 0.5
"""Fewer, or a smaller share of all flow vectors, is no common motion."""

HOMOGRAPHY_INLIERS = 30
"""With fewer its corners are extrapolated too far: a similarity (4 numbers) instead of 8."""

STILL_PX, NOISY_PX, STILL_SHARE = 0.15, 0.5, 0.8
"""
The camera stands still where the median flow is below STILL_PX, in grey pixels (vtest.avi and
TUD-Campus: at most 0.1); and where it is below NOISY_PX and the common motion leaves more than
STILL_SHARE of it, so that it explains nothing.
"""

KEY_PX, KEY_IMAGES = 8.0, 30
"""
The picture to compare with is another one when the median flow reaches KEY_PX, in grey pixels, or
after so many images: light changes.
"""

MASK_MARGIN = 0.1
"""People's boxes are widened by this share of their size before they are masked out."""


class CameraMotion:
    """
    Follows the background from image to image.

    Several images are compared with one key picture, and the motion is the difference: so errors
    do not add up from image to image, a slow motion shows in the end, and corners are looked for
    only once.
    """

    def __init__(self) -> None:
        self._key: np.ndarray | None = None
        self._size = (0, 0)
        self._corners: np.ndarray | None = None
        self._age = 0
        self._before_from_key = np.eye(3)

    def update(self, image: CameraImage, people_before: np.ndarray) -> np.ndarray | None:
        """
        Return the camera's motion since the image before.

        Parameters
        ----------
        image : CameraImage
        people_before : (N, 4) float
            Boxes x_min, y_min, x_max, y_max of the people in the image before, its pixels: they
            move by themselves.

        Returns
        -------
        (3, 3) float64 or None
            image_from_image_before, a homography of pixels with [2, 2] = 1; exactly the identity
            of a camera that stands still. None when it is not known: the first image, another
            size, too little to see (dark, covered, a crowd that fills the image), no common
            motion.
        """
        grey, now_from_key, flow_px = small_grey(image), None, 0.0
        if self._key is not None and self._size == image.size:
            now_from_key, flow_px = self._since_key(self._key, grey, image.size, people_before)
        if now_from_key is None:
            self._begin(grey, image.size)
            return None
        motion = geometry.usable_homography(
            now_from_key @ np.linalg.inv(self._before_from_key), image.size)
        self._before_from_key = now_from_key
        self._age += 1
        # At rest again somewhere else: the next image is compared with this one.
        rests = motion is None or (
            flow_px > 0.0 and _shift(motion, image.size) < 2.0 * STILL_PX / grey.shape[1])
        if rests or flow_px > KEY_PX or self._age >= KEY_IMAGES:
            self._begin(grey, image.size)
        return motion

    def take(self, image: CameraImage) -> None:
        """Make an image the one before, without asking for the motion."""
        self._begin(small_grey(image), image.size)

    def _begin(self, grey: np.ndarray, size: tuple[int, int]) -> None:
        self._key, self._size, self._corners, self._age = grey, size, None, 0
        self._before_from_key = np.eye(3)

    def _since_key(
        self, key: np.ndarray, now: np.ndarray, size: tuple[int, int], people: np.ndarray
    ) -> tuple[np.ndarray | None, float]:
        """Return the motion since the key picture, in pixels of the image, and the flow."""
        # Pixel centres are integers.
        x, y = now.shape[1] / size[0], now.shape[0] / size[1]
        grey_from_image = np.array([[x, 0.0, (x - 1) / 2], [0.0, y, (y - 1) / 2], [0.0, 0.0, 1.0]])
        if self._corners is None:
            self._corners = cv2.goodFeaturesToTrack(
                key, FEATURES, FEATURE_QUALITY, FEATURE_SPACING_PX,
                mask=_background(key.shape, grey_from_image[:2], people))
        if self._corners is None or len(self._corners) < MIN_INLIERS:
            return None, 0.0
        moved, found, _ = cv2.calcOpticalFlowPyrLK(
            key, now, self._corners, self._corners.copy(),
            winSize=(FLOW_WINDOW_PX, FLOW_WINDOW_PX), maxLevel=FLOW_LEVELS,
            criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03))
        there = found[:, 0] == 1
        if there.sum() < MIN_INLIERS:
            return None, 0.0
        source, target = self._corners[there, 0], moved[there, 0]
        flow_px = float(np.median(np.hypot(*(target - source).T)))
        if flow_px < STILL_PX:
            return np.eye(3), 0.0
        motion = _fit(source, target)
        if motion is None:
            return None, 0.0
        rest_px = np.median(np.hypot(*(target - apply_homography(motion, source)).T))
        if flow_px < NOISY_PX and rest_px > STILL_SHARE * flow_px:
            return np.eye(3), 0.0
        return np.linalg.inv(grey_from_image) @ motion @ grey_from_image, flow_px


def _shift(motion: np.ndarray, size: tuple[int, int]) -> float:
    """Return how far a motion moves the image in the mean, as a share of its width."""
    width, height = size
    points = np.array([[0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]]) * [width, height]
    return float(np.hypot(*(apply_homography(motion, points) - points).T).mean() / width)


def small_grey(image: CameraImage) -> np.ndarray:
    """Return a grey picture (h, w) uint8 about GREY_WIDTH wide: green, or the luma of YUV."""
    plane = _luma(image)
    factor = max(1, round(plane.shape[1] / GREY_WIDTH))
    if plane.dtype == np.uint16:
        top = max(int(plane[::8, ::8].max()), 255)
        step = 2 if factor > 1 else 1
        plane = (plane[::step, ::step] * np.float32(255.0 / top)).astype(np.uint8)
        factor = max(1, factor // step)
    size = max(1, plane.shape[1] // factor), max(1, plane.shape[0] // factor)
    return cv2.resize(np.ascontiguousarray(plane), size, interpolation=cv2.INTER_AREA)


def _luma(image: CameraImage) -> np.ndarray:
    """Return one channel (h, w) of an image, as it came."""
    pixels, encoding = image.pixels(), image.encoding
    if encoding.startswith('nv'):
        return pixels[: image.height]
    if encoding.startswith('bayer'):
        # Green stands in every row of the pattern: at (0, 1) of rggb and bggr, else at (0, 0).
        return pixels[::2, int(encoding[6] != 'g')::2]
    if pixels.ndim == 2:
        return pixels
    channel = 1 if pixels.shape[2] > 2 or encoding in ('uyvy', 'yuv422') else 0
    return cv2.extractChannel(pixels, channel)


def _background(
    shape: tuple[int, ...], grey_from_image: np.ndarray, boxes: np.ndarray
) -> np.ndarray | None:
    """Return a mask (h, w) uint8 that is 0 where people are; None when there are none."""
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    if not len(boxes):
        return None
    mask = np.full(shape, 255, np.uint8)
    margin = MASK_MARGIN * (boxes[:, 2:] - boxes[:, :2])
    wide = np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)
    limits = np.array([shape[1], shape[0]] * 2)
    for box in geometry.map_boxes(grey_from_image, wide).clip(0, limits):
        x0, y0, x1, y1 = np.concatenate([np.floor(box[:2]), np.ceil(box[2:])]).astype(int)
        mask[y0:y1, x0:x1] = 0
    return mask


def _fit(before: np.ndarray, now: np.ndarray) -> np.ndarray | None:
    """Return the motion (3, 3) that most of the flow shares, or None."""
    cv2.setRNGSeed(0)  # the same images give the same motion
    motion: Any
    motion, inliers = cv2.findHomography(
        before, now, cv2.RANSAC, RANSAC_PX, maxIters=RANSAC_ITERATIONS, confidence=0.99)
    if motion is None or inliers.sum() < HOMOGRAPHY_INLIERS:
        affine: Any
        affine, inliers = cv2.estimateAffinePartial2D(
            before, now, ransacReprojThreshold=RANSAC_PX, maxIters=RANSAC_ITERATIONS,
            confidence=0.99)
        motion = None if affine is None else np.vstack([affine, [0.0, 0.0, 1.0]])
    if motion is None:
        return None
    count = int(inliers.sum())
    if count < MIN_INLIERS or count < MIN_INLIER_SHARE * len(before):
        return None
    return np.asarray(motion, np.float64)
