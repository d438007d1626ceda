# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether images are too dark or too bright for people to be found in them."""

from __future__ import annotations

import numpy as np

from pose_ros.core.camera_image import CameraImage
from pose_ros.diagnostics.findings import Finding, Level

# Of 255. YUV of limited range has black at 16 and white at 235 (BT.601).
DARK, BRIGHT = 32, 230
# Lamps in the dark and shadows in the light are left aside.
MOST = 0.95
_SAMPLES = 64  # along each axis


def exposure(image: CameraImage) -> str:
    """Return 'black' or 'white' when nearly all of an image is; else nothing."""
    pixels, encoding = image.pixels()[:image.height], image.encoding
    if pixels.dtype != np.uint8:
        return ''  # shown in the range of the content
    # Odd steps: even ones would see one colour of a Bayer pattern only.
    step_y, step_x = ((n // _SAMPLES) | 1 for n in pixels.shape[:2])
    some = pixels[::step_y, ::step_x]
    if some.ndim == 3 and some.shape[2] == 2:
        some = some[..., int(encoding in ('yuv422', 'uyvy'))]  # luma
    elif some.ndim == 3:
        some = some[..., :3]  # without alpha
    if np.mean(some < DARK) > MOST:
        return 'black'
    return 'white' if np.mean(some > BRIGHT) > MOST else ''


def exposure_findings(seen: str, topic: str) -> list[Finding]:
    """
    Say that no person is found because nothing is to be seen.

    Parameters
    ----------
    seen : str
        Of `exposure`, of a recent image in which no person was found.
    topic : str
        Of the images.
    """
    text = f'images on {topic} are nearly {seen}, and no person is found in them'
    if seen == 'black':
        return [Finding(
            Level.WARN, 'image', 'dark_images', text,
            'is the lens covered, the room dark, exposure or gain too low? An infrared or thermal '
            'camera: let the driver send mono16')]
    if seen == 'white':
        return [Finding(
            Level.WARN, 'image', 'bright_images', text,
            'exposure or gain too high, or light into the lens?')]
    return []
