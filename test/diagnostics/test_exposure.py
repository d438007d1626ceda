# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Nearly black and nearly white images are told from dim and bright ones, in every encoding."""

from __future__ import annotations

import numpy as np
import pytest

from pose_ros.core.camera_image import ENCODINGS, CameraImage
from pose_ros.core.colors import bgr_from
from pose_ros.diagnostics.exposure import exposure, exposure_findings

NOISE = np.random.default_rng(0).integers(0, 7, 64 * 48 * 4 * 3, np.uint8)


def image(encoding: str, level: int) -> CameraImage:
    """Return 64x48 of a grey level with noise; chroma, where there is some, is neutral."""
    step = {'bgr8': 192, 'rgb8': 192, 'bgra8': 256, 'rgba8': 256, 'mono8': 64}.get(
        encoding, 64 if encoding.startswith(('bayer', 'nv')) else 128)
    rows = {'nv12': 72, 'nv21': 72, 'nv24': 144}.get(encoding, 48)
    data = (NOISE[:step * rows] + np.uint8(level)).reshape(rows, step)
    if encoding.startswith('nv'):
        data[48:] = 128
    elif step == 128:
        data[:, int(encoding not in ('yuv422', 'uyvy'))::2] = 128
    elif encoding in ('bgra8', 'rgba8'):
        data[:, 3::4] = 255 - level
    return CameraImage.from_fields(data.reshape(-1), encoding, 64, 48, step, False)


@pytest.mark.parametrize('encoding', [name for name in ENCODINGS if not name.endswith('16')])
def test_every_encoding(encoding: str) -> None:
    for level, seen in ((16, 'black'), (40, ''), (128, ''), (215, ''), (235, 'white')):
        assert exposure(image(encoding, level)) == seen, level
        assert abs(float(bgr_from(image(encoding, level)).mean()) - level) < 25


def test_a_lamp_in_the_dark_changes_nothing_and_a_lit_room_is_not_dark() -> None:
    pixels = np.full((480, 640, 3), 8, np.uint8)
    pixels[:80, :80] = 255
    assert exposure(CameraImage.from_bgr(pixels)) == 'black'
    pixels[:, :200] = 90
    assert exposure(CameraImage.from_bgr(pixels)) == ''
    assert exposure(CameraImage.from_bgr(np.zeros((1, 1, 3), np.uint8))) == 'black'


def test_what_to_do_is_said() -> None:
    [dark] = exposure_findings('black', '/image')
    [bright] = exposure_findings('white', '/image')
    assert (dark.code, bright.code) == ('dark_images', 'bright_images')
    assert '/image are nearly black' in dark.text and 'lens covered' in dark.hint
    assert exposure_findings('', '/image') == []
