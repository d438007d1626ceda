# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The TensorRT backend on the real PyCUDA, its people against those of the ONNX Runtime backend.

Without a GPU the driver and TensorRT are those of `fake/`: they show what is allocated, recorded,
waited for and freed, and the results of the kernels; no float16 arithmetic and no time.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import cv2
from fake_driver import FakeDriver
import numpy as np
import pytest

pytest.importorskip('onnx')

from foreign_networks import BOX, picture_of_joints, places

from pose_ros.backends.onnx import OnnxBackend
from pose_ros.backends.tensorrt.backend import TensorrtBackend
from pose_ros.core import geometry
from pose_ros.core.backend import BackendError
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.colors import bgr_from
from pose_ros.media.sources import SourceError, open_source

pytestmark = pytest.mark.gpu
Load = Callable[..., TensorrtBackend]


@pytest.fixture(scope='module')
def image() -> np.ndarray:
    try:
        with open_source('demo') as source:
            return next(islice(source, 120, None)).image.copy()  # one person, large
    except SourceError as error:
        pytest.skip(f'the demo footage is not here: {error}')


def test_more_crops_than_an_engine_takes(
    small: Load, small_detector: str, small_refiner: str
) -> None:
    backend = small(precision='fp32')
    image = cv2.GaussianBlur(picture_of_joints(places(17), (420, 380), 31), (0, 0), 3)
    part = CameraImage.from_bgr(image[:, 10:])  # a view, with padded rows
    reference = OnnxBackend(small_detector, small_refiner, 1)
    crops = geometry.crop(
        np.array(BOX) + np.arange(11)[:, None] + 0.3, backend.refiner.input_size, 1.0
    )
    for loaded in (backend, reference):
        loaded.load(part)
    people, expected = backend.refine(crops), reference.refine(crops)
    assert len(people) == 11
    sure = expected.score > 0.2
    assert sure.sum() > 100
    np.testing.assert_allclose(people.xy[sure], expected.xy[sure], atol=0.02)
    assert len(backend.refine(crops[:0])) == 0
    # The number of people changes all the time: what was recorded of another stays right.
    for number in (2, 1, 3, 5, 2):
        np.testing.assert_array_equal(backend.refine(crops[:number]).xy, people.xy[:number])


def test_frames_as_they_come_give_the_people_of_the_converted_image(
    small: Load, image: np.ndarray
) -> None:
    """What a camera sends is converted by the kernels as OpenCV converts it for the CPU."""
    backend = small(precision='fp32', detect_size_px=128)
    height, width = image.shape[0] & ~1, image.shape[1] & ~1
    view = geometry.letterbox((width, height), (128, 96))[None]
    for encoding in TensorrtBackend.encodings:
        frame = as_sent(image[:height, :width], encoding)
        backend.load(frame)
        found = backend.detect(view, (128, 96))
        backend.load(CameraImage.from_bgr(bgr_from(frame)))
        expected = backend.detect(view, (128, 96))
        assert len(found) == len(expected) > 0, encoding
        np.testing.assert_array_equal(found.xy, expected.xy, err_msg=encoding)


def as_sent(image: np.ndarray, encoding: str) -> CameraImage:
    """Write a picture as a camera would: only its greys where colour is costly to write."""
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if encoding in ('bgr8', 'rgb8', 'bgra8', 'rgba8'):
        order = ['bgr'.find(c) for c in encoding[:-1]]
        data = image[..., order]
    elif encoding.startswith('nv'):
        data = np.concatenate([grey, np.full((height // 2, width), 120, np.uint8)])
    elif encoding.startswith(('yu', 'uy')):
        luma = 0 if encoding in ('yuv422_yuy2', 'yuyv') else 1
        data = np.full((height, width, 2), 120, np.uint8)
        data[..., luma] = grey
    else:
        data = grey
    step = data.size // len(data)
    padded = np.pad(data.reshape(len(data), -1), ((0, 0), (0, 3)))
    return CameraImage(padded.reshape(-1), encoding, width, height, step + 3)


def test_graphs_are_recorded_before_the_first_people_come(
    small: Load, fake: FakeDriver, trt: Any
) -> None:
    backend = small(detect_size_px=128)
    backend.load(CameraImage.from_bgr(np.zeros((480, 640, 3), np.uint8)))
    made, recorded = len(trt.contexts), fake.count('cuGraphInstantiate')
    assert recorded == 5  # one size of whole images; 1, 2, 4 and 8 crops
    crops = geometry.crop(np.array([[100.0, 20, 300, 250]] * 8), backend.refiner.input_size)
    for number in range(1, 9):
        backend.refine(crops[:number])
    backend.detect(geometry.letterbox((640, 480), (128, 96))[None], (128, 96))
    assert (len(trt.contexts), fake.count('cuGraphInstantiate')) == (made, recorded)


def test_a_larger_frame_gives_new_memory_and_new_graphs(
    small: Load, fake: FakeDriver
) -> None:
    backend = small()
    view = geometry.letterbox((640, 480), (64, 64))[None]
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    backend.load(CameraImage.from_bgr(image))
    expected = backend.detect(view, (64, 64))
    backend.load(CameraImage.from_bgr(np.zeros((1440, 2560, 3), np.uint8)))
    backend.detect(view, (64, 64))
    backend.load(CameraImage.from_bgr(image))
    for _ in range(2):
        np.testing.assert_array_equal(backend.detect(view, (64, 64)).xy, expected.xy)
    assert backend.uses_graphs


def test_frames_in_quick_succession_do_not_mix(small: Load) -> None:
    """The pinned copy of a frame stays until it is up."""
    backend = small()
    crop = geometry.crop(np.array([[100.0, 20, 300, 250]]), backend.refiner.input_size)
    images = np.random.default_rng(0).integers(0, 256, (3, 480, 640, 3), np.uint8)
    expected = []
    for image in images:
        backend.load(CameraImage.from_bgr(image))
        expected.append(backend.refine(crop).xy)
    assert np.abs(expected[0] - expected[1]).max() > 1
    for image, xy in zip(images, expected):
        for other in images:
            backend.load(CameraImage.from_bgr(other))  # and no pass of it
        backend.load(CameraImage.from_bgr(image))
        np.testing.assert_array_equal(backend.refine(crop).xy, xy)


def test_stages_have_times(small: Load) -> None:
    backend = small()
    backend.load(CameraImage.from_bgr(np.zeros((480, 640, 3), np.uint8)))
    crop = geometry.crop(np.array([[100.0, 20, 300, 250]]), backend.refiner.input_size)
    view = geometry.letterbox((640, 480), (64, 64))[None]
    for stages in backend.stage_times_ms(view, crop, (64, 64)).values():
        assert list(stages) == ['parameters', 'warp', 'network', 'decode', 'download']
        assert all(0 <= ms < 1e4 for ms in stages.values())


def test_wrong_use(small: Load, image: np.ndarray) -> None:
    backend = small()
    view = geometry.letterbox(image.shape[1::-1], (64, 64))[None]
    with pytest.raises(BackendError, match='no image'):
        backend.detect(view, (64, 64))
    with pytest.raises(ValueError, match='image'):
        backend.load(CameraImage.from_bgr(np.zeros((480, 640), np.uint8)))
    backend.load(CameraImage.from_bgr(image))
    with pytest.raises(BackendError, match='does not take inputs of'):
        backend.detect(view, (512, 384))
    backend.detect(view, (64, 64))
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match='no image|closed'):
        backend.detect(view, (64, 64))
    with pytest.raises(BackendError, match='closed'):
        backend.load(CameraImage.from_bgr(image))
