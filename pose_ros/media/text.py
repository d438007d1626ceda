# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Text in images: its size, the text itself, and the banner at the top."""

from __future__ import annotations

import cv2
import numpy as np

from pose_ros.media.palette import RED, RIM, WHITE, Color

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LEAST_SCALE = 0.36  # capitals of 8 px: smaller ones cannot be read
_IMAGE_PX = 900.0  # the side of a square image with text of scale 1


def text_scale(image: np.ndarray) -> float:
    """Return the scale of text that suits an image of this size; 1.0: capitals of 22 px."""
    return max(_LEAST_SCALE, float(np.sqrt(image.shape[0] * image.shape[1])) / _IMAGE_PX)


def text_size(text: str, scale: float) -> tuple[int, int]:
    """Return width and height in pixels of a line of text, descenders included."""
    (width, height), below = cv2.getTextSize(text, _FONT, scale, _width(scale))
    return width, height + below


def draw_text(
    image: np.ndarray, text: str, top_left: tuple[int, int], color: Color, scale: float
) -> None:
    """
    Write a line of text, in place.

    Parameters
    ----------
    image : (H, W, 3) uint8
    text : str
        Latin letters.
    top_left : (x, y)
        Of the text's box, pixels.
    color : (blue, green, red)
    scale : float
        1.0 gives capitals of about 22 px.
    """
    (_, height), _ = cv2.getTextSize(text, _FONT, scale, _width(scale))
    at = (top_left[0], top_left[1] + height)
    cv2.putText(image, text, at, _FONT, scale, color, _width(scale), cv2.LINE_AA)


def banner_height(image: np.ndarray, text: str) -> int:
    """Return the height of the banner in pixels; 0 without text."""
    if not text:
        return 0
    scale, pad = _banner(image, text)
    return min(text_size(text, scale)[1] + 2 * pad, image.shape[0])


def draw_banner(image: np.ndarray, text: str, alarm: bool = False) -> None:
    """
    Write a line over the whole width at the top, in place; nothing without text.

    A long line shrinks to the width before it is cut.

    Parameters
    ----------
    image : (H, W, 3) uint8
    text : str
    alarm : bool
        Red instead of dark.
    """
    if not text:
        return
    scale, pad = _banner(image, text)
    strip = image[:banner_height(image, text)]
    # White text keeps the contrast 4.5 (red), 7 (dark) of WCAG over a white image too.
    share = 0.97 if alarm else 0.75
    mixed = share * np.array(RED if alarm else RIM) + (1.0 - share) * np.arange(256.0)[:, None]
    strip[:] = cv2.LUT(strip, mixed.round().astype(np.uint8)[:, None])
    while len(text) > 1 and text_size(text, scale)[0] + 2 * pad > image.shape[1]:
        text = text[:-1]
    draw_text(image, text, (pad, pad), WHITE, scale)


def _banner(image: np.ndarray, text: str) -> tuple[float, int]:
    """Return scale of the text and margin around it, px."""
    scale = text_scale(image)
    pad = max(2, round(6 * scale))
    needed = text_size(text, scale)[0] + 2 * pad
    return max(_LEAST_SCALE, scale * min(1.0, image.shape[1] / needed)), pad


def _width(scale: float) -> int:
    return max(1, round(1.8 * scale))
