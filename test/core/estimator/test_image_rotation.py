# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Cameras mounted on their side or upside down: the people of the upright image, turned alike."""

from __future__ import annotations

import cv2
from demo_footage import demo_footage
import numpy as np
import pytest

from pose_ros.core import geometry, oks
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.media.sources import open_source

ANGLES = (90, 180, 270)
# What cv2 does to an upright image so that it must be turned clockwise by so much.
AS_MOUNTED = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE,
}


@pytest.fixture(scope='module')
def frames():
    demo_footage()
    with open_source('demo') as source:
        return [frame.image.copy() for frame in source if frame.index in (108, 120)]


def upright(xy: np.ndarray, image: np.ndarray, angle: int) -> np.ndarray:
    """Map points of an image as mounted to the upright one."""
    affine, _ = geometry.upright((image.shape[1], image.shape[0]), angle)
    return geometry.apply(affine, xy)


@pytest.mark.parametrize(('mode', 'angle'), [
    *(('two-pass', angle) for angle in ANGLES), ('one-pass', 90), ('single', 90)])
def test_the_people_are_those_of_the_upright_image(backend, frames, mode, angle):
    plain = TwoPassEstimator(backend, EstimatorConfig(mode=mode))
    turned = TwoPassEstimator(backend, EstimatorConfig(mode=mode, image_rotation=angle))
    for i, image in enumerate(frames):
        mounted = cv2.rotate(image, AS_MOUNTED[angle])
        wanted, found = plain.estimate(image, 0.04 * i), turned.estimate(mounted, 0.04 * i)
        assert len(found) == len(wanted) >= 1
        xy = upright(found.xy, mounted, angle)
        both = np.isfinite(xy) & np.isfinite(wanted.xy)
        assert both.sum() >= 0.9 * np.isfinite(wanted.xy).sum()
        assert np.abs(xy - wanted.xy)[both].max() < 3.0
        assert np.median(np.abs(xy - wanted.xy)[both]) < 0.5
        np.testing.assert_allclose(found.person_score, wanted.person_score, atol=0.03)


@pytest.mark.parametrize(('angle', 'mirrored'), [(90, False), (180, False), (270, True)])
def test_boxes_of_others_are_in_pixels_of_the_image(backend, frames, angle, mirrored):
    image = frames[0]
    box = TwoPassEstimator(backend, EstimatorConfig()).estimate(image).boxes_xyxy()[:1]
    box += np.float32([-10, -20, 10, 20])
    mounted = cv2.rotate(image, AS_MOUNTED[angle])
    to_upright, _ = geometry.upright((mounted.shape[1], mounted.shape[0]), angle)
    mounted_box = geometry.map_boxes(geometry.invert(to_upright), box)
    plain = TwoPassEstimator(backend, EstimatorConfig(flip_test=mirrored))
    turned = TwoPassEstimator(
        backend, EstimatorConfig(flip_test=mirrored, image_rotation=angle))
    wanted, found = plain.estimate(image, boxes=box), turned.estimate(mounted, boxes=mounted_box)
    np.testing.assert_allclose(upright(found.xy, mounted, angle), wanted.xy, atol=2.0)
    # In pixels of the image as it came, not of the turned one.
    low, high = mounted_box[0, :2], mounted_box[0, 2:]
    seen = found.xy[np.isfinite(found.xy).all(axis=2)]
    assert (seen > low - 20).all() and (seen < high + 20).all()


def test_people_are_followed_from_crop_to_crop_and_the_angle_may_change(backend, frames):
    estimator = TwoPassEstimator(
        backend, EstimatorConfig(detection_interval_s=10.0, image_rotation=180))
    mounted = cv2.rotate(frames[0], cv2.ROTATE_180)
    first = estimator.estimate(mounted, 0.0)
    followed = estimator.estimate(mounted, 0.04)
    assert estimator.times.detect_s == 0.0  # no first pass
    assert len(followed) and (oks.paired_oks(first.xy[:1], followed.xy[:1]) > 0.8).all()
    estimator.config = EstimatorConfig(image_rotation=0)
    wrong = estimator.estimate(mounted, 0.08)
    assert not len(wrong) or wrong.person_score.max() < first.person_score.max()


def test_no_image_is_copied(backend, frames, monkeypatch):
    """The warp's affine does it: the network's backend gets the camera's own pixels."""
    loaded = []
    image = CameraImage.from_bgr(frames[0])
    estimator = TwoPassEstimator(backend, EstimatorConfig(image_rotation=90))
    backend.load(image)
    monkeypatch.setattr(backend, 'load', loaded.append)
    estimator.estimate(image)
    assert loaded == [image]


@pytest.mark.parametrize('angle', (0, *ANGLES))
def test_pixels_go_where_opencv_puts_them(angle):
    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    affine, size = geometry.upright((7, 5), angle)
    code = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
    turned = cv2.rotate(image, code[angle]) if angle else image
    assert turned.shape[1::-1] == size
    for x, y in ((0, 0), (6, 0), (0, 4), (3, 1)):
        u, v = geometry.apply(affine, np.array([[x, y]]))[0].astype(int)
        np.testing.assert_array_equal(turned[v, u], image[y, x])
