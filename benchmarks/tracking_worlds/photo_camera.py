# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How exactly the camera's motion is found: photographs before a camera that turns, known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
import time

import cv2
import numpy as np

from benchmarks.tracking_worlds.moving_camera import CAMERAS, Camera
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.estimator.camera_motion import CameraMotion
from pose_ros.core.geometry import apply_homography

RATE_HZ, IMAGES = 20.0, 30
TURNS = Camera(pan=CAMERAS['pan'].pan, tilt=CAMERAS['tilt'].tilt, roll=CAMERAS['roll'].roll)
BEGIN_S = 0.4
"""When it is in motion."""

NO_PEOPLE = np.empty((0, 4))


def measure(
    photos: list[Path], size: tuple[int, int], report: Callable[[], None]
) -> dict[str, float]:
    """
    Return the errors at the image's corners from image to image, and the time on one core.

    Each image has the noise of a camera of its own, and another brightness.
    """
    noise, threads = np.random.default_rng(0), cv2.getNumThreads()
    corners = np.array([[0, 0], [size[0], 0], size, [0, size[1]]], np.float64)
    stamps = BEGIN_S + np.arange(IMAGES) / RATE_HZ
    image_from_photo = TURNS.image_from_world(stamps, size)
    errors, times_ms, unknown = [], [], 0
    cv2.setNumThreads(1)
    for path in photos:
        photo = cv2.resize(cv2.imread(str(path)), size)
        camera = CameraMotion()
        for i, moved in enumerate(image_from_photo):
            image = cv2.warpPerspective(photo, moved, size, borderMode=cv2.BORDER_REFLECT)
            image = image * noise.uniform(0.97, 1.03) + noise.integers(-6, 7, image.shape)
            frame = CameraImage.from_bgr(np.clip(image, 0, 255).astype(np.uint8))
            begin_s = time.thread_time()
            found = camera.update(frame, NO_PEOPLE)
            times_ms.append(1e3 * (time.thread_time() - begin_s))
            if i and found is None:
                unknown += 1
            elif found is not None:
                true = apply_homography(moved @ np.linalg.inv(image_from_photo[i - 1]), corners)
                errors.append(np.hypot(*(apply_homography(found, corners) - true).T).max())
        report()
    cv2.setNumThreads(threads)
    return {
        'median_px': float(np.median(errors)),
        'of_95_percent_px': float(np.percentile(errors, 95)),
        'unknown_percent': 100.0 * unknown / (unknown + len(errors)),
        'time_ms': float(np.median(times_ms)), 'least_ms': float(np.percentile(times_ms, 10)),
    }
