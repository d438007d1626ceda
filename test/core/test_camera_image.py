# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera's frame as bytes: what fits, what does not, and that nothing is copied."""

from __future__ import annotations

import numpy as np
import pytest

from pose_ros.core.camera_image import ENCODINGS, CameraImage, CameraImageError
from pose_ros.core.colors import bgr_from

BYTES = np.random.default_rng(0).integers(0, 256, 100_000, np.uint8)


def frame(encoding: str, width: int = 8, height: int = 6, step: int = 72) -> CameraImage:
    rows = {'nv12': height * 3 // 2, 'nv21': height * 3 // 2, 'nv24': height * 3}.get(
        encoding, height)
    return CameraImage(BYTES[:rows * step], encoding, width, height, step)


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_every_encoding_becomes_bgr(encoding: str) -> None:
    image = bgr_from(frame(encoding))
    assert image.shape == (6, 8, 3) and image.dtype == np.uint8
    assert image.std() > 10


def test_bgr8_is_not_copied() -> None:
    image = np.zeros((4, 5, 3), np.uint8)
    whole = CameraImage.from_bgr(image)
    assert np.shares_memory(bgr_from(whole), image)
    np.testing.assert_array_equal(bgr_from(CameraImage.from_bgr(image[:, 1:3])), image[:, 1:3])
    assert whole.size == (5, 4)


def test_pixels_are_those_of_the_rows() -> None:
    pixels = frame('rgb8').pixels()
    assert pixels[2, 3].tolist() == BYTES[2 * 72 + 9:2 * 72 + 12].tolist()
    assert frame('nv12').pixels().shape == (9, 8)


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'width': 0}, 'without pixels'),
        ({'encoding': '32FC1'}, 'unknown encoding'),
        ({'step': 23}, 'smaller than a row'),
        ({'data': BYTES[:239]}, 'truncated data: 239 bytes'),
        ({'data': BYTES[:241]}, 'oversized data: 241 bytes'),
        ({'encoding': 'yuyv', 'width': 7}, 'is odd'),
        ({'encoding': 'nv12', 'height': 5}, 'even size'),
        ({'encoding': 'bayer_rggb8', 'width': 1}, 'too small'),
    ],
)
def test_bytes_that_are_no_image(change: dict, reason: str) -> None:
    good = {'data': BYTES[:240], 'encoding': 'bgr8', 'width': 8, 'height': 6, 'step': 40}
    CameraImage(**good)
    with pytest.raises(CameraImageError, match=reason):
        CameraImage(**{**good, **change})
