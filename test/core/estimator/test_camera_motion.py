# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from pose_ros.core.camera_image import CameraImage
from pose_ros.core.estimator.camera_motion import CameraMotion
from pose_ros.core.geometry import apply_homography, homography_of_rotation

SIZE = (640, 480)
NO_PEOPLE = np.empty((0, 4))
K = np.array([[512.0, 0.0, 319.5], [0.0, 512.0, 239.5], [0.0, 0.0, 1.0]])
CORNERS = np.array([[0.0, 0.0], [639.0, 0.0], [0.0, 479.0], [639.0, 479.0]])


def scenery(seed: int = 0) -> np.ndarray:
    """Return blobs of all sizes, as a picture (480, 640, 3)."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.uniform(0, 255, (h, h * 4 // 3, 3)).astype(np.float32), SIZE,
                   interpolation=cv2.INTER_CUBIC) for h in (6, 24, 96)]
    return np.clip(sum(layers) / 3, 0, 255).astype(np.uint8)


def noisy(image: np.ndarray, seed: int = 0, gain: float = 1.0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0.0, 4.0, image.shape)
    return np.clip(gain * image + noise, 0, 255).astype(np.uint8)


def turned(
    image: np.ndarray, pan: float, tilt: float, roll: float
) -> tuple[np.ndarray, np.ndarray]:
    motion = homography_of_rotation(K, cv2.Rodrigues(np.array([tilt, pan, roll]))[0])
    return cv2.warpPerspective(image, motion, SIZE, borderMode=cv2.BORDER_REFLECT), motion


def between(before: np.ndarray, now: np.ndarray, boxes: np.ndarray = NO_PEOPLE):
    camera = CameraMotion()
    assert camera.update(CameraImage.from_bgr(before), NO_PEOPLE) is None  # the first image
    return camera.update(CameraImage.from_bgr(now), boxes)


def error_px(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.hypot(*(apply_homography(found, CORNERS) - apply_homography(true, CORNERS)).T)
                 .max())


@pytest.mark.parametrize('angles', [(0.02, 0.0, 0.0), (-0.04, 0.03, 0.05)])
def test_a_camera_that_turns(angles) -> None:
    image = scenery()
    now, true = turned(image, *angles)
    assert error_px(between(noisy(image), noisy(now, 1, 1.05)), true) < 1.0


def test_a_camera_that_stands_still_is_exactly_that() -> None:
    image = scenery()
    assert (between(noisy(image), noisy(image, 1)) == np.eye(3)).all()


def test_people_do_not_move_the_camera() -> None:
    """Two thirds of the image go to the right, the background to the left."""
    image, person = scenery(), scenery(1)
    now, true = turned(image, -0.02, 0.0, 0.0)
    before = image.copy()
    before[:, 100:500] = person[:, 100:500]
    now[:, 112:512] = person[:, 100:500]
    boxes = np.array([[100.0, 0.0, 500.0, 480.0], [np.nan] * 4])
    assert error_px(between(before, now, boxes), true) < 1.5
    unmasked = between(before, now)
    assert unmasked is None or error_px(unmasked, true) > 5.0


@pytest.mark.parametrize('case', ['dark', 'covered', 'scene cut', 'crowd', 'other size'])
def test_what_cannot_be_seen_is_not_known(case) -> None:
    image = scenery()
    before, now, boxes = noisy(image), noisy(image, 1), NO_PEOPLE
    if case == 'dark':
        before, now = noisy(image * 0), noisy(image * 0, 1)
    elif case == 'covered':
        now = np.full_like(image, 90)
    elif case == 'scene cut':
        now = scenery(5)
    elif case == 'crowd':
        boxes = np.array([[-10.0, -10.0, 700.0, 500.0]])
    elif case == 'other size':
        now = now[:400, :600]
    assert between(before, now, boxes) is None


@pytest.mark.parametrize(('encoding', 'step'), [
    ('rgb8', 3), ('bgra8', 4), ('mono8', 1), ('yuyv', 2), ('uyvy', 2), ('nv12', 1),
    ('bayer_rggb8', 1), ('mono16', 2), ('bgr16', 6)])
def test_the_cameras_own_encodings(encoding, step) -> None:
    """Each has its green or luma where the others have noise, and gives the same motion."""
    image = scenery()
    now, true = turned(image, 0.02, 0.01, 0.0)
    frames = []
    for picture in (image, now):
        grey = picture[..., 1]
        if encoding == 'nv12':
            data = np.concatenate([grey, np.full((240, 640), 128, np.uint8)])
        elif encoding == 'bayer_rggb8' or encoding == 'mono8':
            data = grey
        elif encoding == 'mono16':
            data = grey.astype(np.uint16) * 16  # 12 bits of 16
        else:
            channels = step // (2 if encoding == 'bgr16' else 1)
            data = np.random.default_rng(2).integers(
                0, 255, (480, 640, channels)).astype(np.uint8)
            data[..., 0 if encoding == 'yuyv' else 1] = grey
            data = data.astype(np.uint16) * 257 if encoding == 'bgr16' else data
        frames.append(CameraImage(
            np.ascontiguousarray(data).view(np.uint8).reshape(-1), encoding, *SIZE, 640 * step))
    camera = CameraMotion()
    camera.update(frames[0], NO_PEOPLE)
    assert error_px(camera.update(frames[1], NO_PEOPLE), true) < 1.5


def test_an_image_taken_without_asking_is_the_one_before() -> None:
    image = scenery()
    camera = CameraMotion()
    camera.update(CameraImage.from_bgr(scenery(3)), NO_PEOPLE)
    camera.take(CameraImage.from_bgr(image))
    now, true = turned(image, 0.02, 0.0, 0.0)
    assert error_px(camera.update(CameraImage.from_bgr(now), NO_PEOPLE), true) < 1.0


def test_a_slow_motion_adds_up_until_it_shows() -> None:
    """A twentieth of a pixel an image: still, still, then all of it at once."""
    image, camera, total = scenery(), CameraMotion(), np.eye(3)
    still = 0
    for frame in range(40):
        now, true = turned(image, 0.0001 * frame, 0.0, 0.0)
        motion = camera.update(CameraImage.from_bgr(now), NO_PEOPLE)
        if motion is not None:
            still += bool((motion == np.eye(3)).all())
            total = motion @ total
    assert 25 <= still < 38
    assert error_px(total, true) < 0.5
