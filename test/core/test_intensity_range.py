# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images of sixteen bits: the people of eight bits, and no flicker."""

from __future__ import annotations

import cv2
from demo_footage import demo_footage
import numpy as np
import pytest

from pose_ros.core import oks
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.colors import bgr_from, decoded
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.intensity_range import IntensityRange
from pose_ros.media.sources import open_source


@pytest.fixture(scope='module')
def footage():
    demo_footage()
    with open_source('demo') as source:
        return next(frame.image.copy() for frame in source if frame.index == 108)


def sixteen(values: np.ndarray, encoding: str) -> CameraImage:
    height, width = values.shape[:2]
    data = np.ascontiguousarray(values.astype('<u2')).view(np.uint8).reshape(-1)
    return CameraImage(data, encoding, width, height, data.size // height)


# From grey of eight bits: infrared of 10 bits (0 to 1020), a radiometric thermal camera
# (hundredths of a kelvin), raw counts of 14 bits, all sixteen bits.
COUNTS = {
    '10 bits': lambda grey: 4 * grey, 'radiometric': lambda grey: 29_000 + 6 * grey,
    'raw': lambda grey: 7_800 + 2 * grey, 'all': lambda grey: 257 * grey,
}


def test_the_people_are_those_of_eight_bits(backend, footage):
    config = EstimatorConfig()
    grey = cv2.cvtColor(footage, cv2.COLOR_BGR2GRAY)
    wanted = TwoPassEstimator(backend, config).estimate(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    sure = wanted.person_score > 0.5
    assert sure.any()
    for kind, counts in COUNTS.items():
        image = bgr_from(sixteen(counts(grey.astype(int)), 'mono16'))
        found = TwoPassEstimator(backend, config).estimate(image)
        assert (found.person_score > 0.5).sum() == sure.sum(), kind
        assert (oks.paired_oks(wanted.xy[sure], found.xy[:sure.sum()]) > 0.85).all(), kind


@pytest.mark.parametrize('encoding', ['rgb16', 'bgra16', 'bayer_rggb16'])
def test_twelve_bits_of_colour_are_as_bright_as_eight(footage, encoding):
    image = footage
    if encoding.startswith('bayer'):
        pixels = np.zeros(image.shape[:2], int)
        for i, c in enumerate((2, 1, 1, 0)):
            pixels[i // 2::2, i % 2::2] = image[i // 2::2, i % 2::2, c]
    else:
        pixels = cv2.cvtColor(
            image, cv2.COLOR_BGR2RGB if encoding == 'rgb16' else cv2.COLOR_BGR2BGRA).astype(int)
    values = 16 * pixels
    if encoding == 'bgra16':
        values[..., 3] = 65535
    bright = bgr_from(sixteen(values, encoding))
    # The brightest half per cent are white.
    wanted = np.clip(image * (255 / np.quantile(image, 0.995)), 0, 255)
    assert wanted.mean() > image.mean()
    assert np.median(np.abs(bright - wanted)) <= 10


def test_the_range_is_steady_where_the_content_is_not():
    """Somebody hot walks through a cool room: the room keeps its grey."""
    room = np.random.default_rng(0).normal(8_000, 40, (120, 160))
    range_, levels = IntensityRange(), []
    for i in range(60):
        values = room.copy()
        if i >= 20:
            values[30:110, 60:100] += 600
        image = bgr_from(sixteen(values, 'mono16'), range_, i / 30)
        levels.append(float(image[:20].mean()))
    assert np.abs(np.diff(levels)).max() < 6.0  # alone the step would be of 80 levels
    alone = [bgr_from(sixteen(room + 600 * np.pad(
        np.full((80, 40), on), ((30, 10), (60, 60))), 'mono16'))[:20].mean() for on in (0, 1)]
    assert abs(alone[1] - alone[0]) > 60
    # In the end it is the content's: the person is not white for ever.
    for i in range(60, 400):
        bgr_from(sixteen(values, 'mono16'), range_, i / 30)
    assert range_.high == pytest.approx(8_650, abs=100)


def test_another_gain_and_a_clock_that_goes_back_are_taken_at_once():
    room = np.random.default_rng(0).normal(8_000, 100, (120, 160))
    range_ = IntensityRange()
    bgr_from(sixteen(room, 'mono16'), range_, 1.0)
    bgr_from(sixteen(room + 5_000, 'mono16'), range_, 1.03)
    assert range_.low > 12_000
    bgr_from(sixteen(room + 100, 'mono16'), range_, 0.5)
    assert range_.low == pytest.approx(8_100 - 258, abs=30)


def test_noise_is_not_blown_up():
    flat = np.random.default_rng(0).normal(3_000, 2, (120, 160))
    assert bgr_from(sixteen(flat, 'mono16')).std() < 12


def test_a_file_of_sixteen_bits_is_read_alike(footage):
    grey = cv2.cvtColor(footage, cv2.COLOR_BGR2GRAY)
    image = decoded(cv2.imencode('.png', 4 * grey.astype(np.uint16))[1])
    np.testing.assert_array_equal(image, bgr_from(sixteen(4 * grey.astype(int), 'mono16')))
    plain = decoded(cv2.imencode('.png', footage)[1])
    np.testing.assert_array_equal(plain, footage)
    assert decoded(np.zeros(0, np.uint8)) is None and decoded(np.zeros(9, np.uint8)) is None
