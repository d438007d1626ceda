# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Image + affines -> network input. Of `core` only this, `colors` and `camera_motion` use OpenCV.

Sampling is bilinear. An image that is made much smaller is first averaged over square blocks of
pixels (`reduction`): bilinear sampling alone would skip most of them. Outside of the image is
black.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from pose_ros.core.backend import ModelSpec

# Image pixels per input pixel that bilinear sampling alone may bridge. The networks learnt from
# photos of 640 px sampled so to 256; averaging before at this scale costs 0.008 AP in one pass.
BILINEAR_STEP = 2.5


def lookup_tables(spec: ModelSpec) -> np.ndarray:
    """
    Return what each pixel value becomes in the network's input.

    Returns
    -------
    (3, 256) float32
        (value - mean) / std for the network's channels, in its own order.
    """
    values = np.arange(256, dtype=np.float64)
    mean, std = np.array(spec.mean), np.array(spec.std)
    return ((values - mean[:, None]) / std[:, None]).astype(np.float32)


def reduction(input_from_image: np.ndarray) -> int:
    """
    Return the side of the pixel blocks that are averaged before sampling.

    Parameters
    ----------
    input_from_image : (2, 3) float
        One affine.

    Returns
    -------
    int
        Whole pixels, at least 1: so many that about BILINEAR_STEP blocks are left per input pixel.
    """
    (a, b, _), (c, d, _) = input_from_image.tolist()
    step = 1.0 / max(abs(a * d - b * c), 1e-12) ** 0.5
    return max(1, int(step / BILINEAR_STEP + 0.5))


def warp(
    image: np.ndarray, input_from_image: np.ndarray, input_size: tuple[int, int]
) -> np.ndarray:
    """
    Sample the view of the image that the affine describes.

    Parameters
    ----------
    image : (H, W, 3) uint8
        Rows may be padded, pixels are packed.
    input_from_image : (2, 3) float64
        Maps image pixels to pixels of the view.
    input_size : (width, height)
        Of the view, pixels.

    Returns
    -------
    (height, width, 3) uint8
        In the image's channel order; black outside of the image.
    """
    height, width = image.shape[:2]
    block = min(reduction(input_from_image), width, height)
    # The part of the image that is seen, in whole blocks counted from the image's first pixel.
    left, top, right, bottom = _seen(input_from_image, input_size)
    low_x, low_y = (max(0, math.floor(v / block)) for v in (left, top))
    high_x = min(width // block, math.ceil((right + 1) / block))
    high_y = min(height // block, math.ceil((bottom + 1) / block))
    if low_x >= high_x or low_y >= high_y:
        return np.zeros((input_size[1], input_size[0], 3), np.uint8)
    part = image[low_y * block:high_y * block, low_x * block:high_x * block]
    if block > 1:
        blocks = (high_x - low_x, high_y - low_y)
        part = cv2.resize(part, blocks, interpolation=cv2.INTER_AREA)
    # Pixel i of `part` is the middle of the image's pixels (low + i) * block ... + block - 1.
    middle = (block - 1) / 2
    first_x, first_y = low_x * block + middle, low_y * block + middle
    input_from_part = np.array([
        (a * block, b * block, a * first_x + b * first_y + t)
        for a, b, t in input_from_image.tolist()
    ])
    return _bilinear(part, input_from_part, input_size)


def _seen(
    input_from_image: np.ndarray, input_size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Return x_min, y_min, x_max, y_max of the view and a pixel around it, in image pixels."""
    # Single numbers: for one affine NumPy's calls would cost more than the sampling.
    (a, b, tx), (c, d, ty) = input_from_image.tolist()
    det = a * d - b * c
    if not math.isfinite(det) or not math.isfinite(tx + ty) or det == 0.0:
        raise ValueError(f'an affine without inverse: {input_from_image.tolist()}')
    corners = [(u - tx, v - ty) for u in (-1, input_size[0]) for v in (-1, input_size[1])]
    x = [(d * u - b * v) / det for u, v in corners]
    y = [(a * v - c * u) / det for u, v in corners]
    return min(x), min(y), max(x), max(y)


def _bilinear(
    part: np.ndarray, input_from_part: np.ndarray, input_size: tuple[int, int]
) -> np.ndarray:
    """Sample a view; by `resize`, three times as quick, where that takes the same samples."""
    rectangle = resized_rectangle(part.shape[1::-1], input_from_part, input_size)
    if rectangle is None:
        return cv2.warpAffine(part, input_from_part, input_size, flags=cv2.INTER_LINEAR)
    left, top, right, bottom = rectangle
    view = np.zeros((input_size[1], input_size[0], 3), np.uint8)
    target = view[top:bottom, left:right]
    cv2.resize(part, (right - left, bottom - top), dst=target, interpolation=cv2.INTER_LINEAR)
    return view


def resized_rectangle(
    part_size: tuple[int, int], input_from_part: np.ndarray, input_size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """
    Return where in the view a whole part lies that is only made smaller, to whole pixels.

    Parameters
    ----------
    part_size, input_size : (width, height)
        Pixels.
    input_from_part : (2, 3) float64
        Maps pixels of the part to pixels of the view.

    Returns
    -------
    left, top, right, bottom : int
        Pixels of the view, the last two outside; None when the view is another one.
    """
    (scale, b, tx), (c, scale_y, ty) = input_from_part.tolist()
    if not (0.0 < scale <= 1.0 and scale == scale_y and b == c == 0.0):
        return None
    # Where the corners of the part's first and last pixel lie, in pixel corners of the view.
    shift = (1 - scale) / 2
    x, y = tx + shift, ty + shift
    corners = (x, y, x + scale * part_size[0], y + scale * part_size[1])
    left, top, right, bottom = (round(n) for n in corners)
    inside = 0 <= left < right <= input_size[0] and 0 <= top < bottom <= input_size[1]
    moved = max(abs(n - whole) for n, whole in zip(corners, (left, top, right, bottom)))
    return (left, top, right, bottom) if inside and moved < 1e-3 else None


def network_input(
    image: np.ndarray,
    input_from_image: np.ndarray,
    tables: np.ndarray,
    color: str,
    out: np.ndarray,
) -> None:
    """
    Fill a network's input with views of an image.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR; rows may be padded, pixels are packed.
    input_from_image : (B, 2, 3) float64
        One affine per view.
    tables : (3, 256) float32
        Normalisation (`lookup_tables`).
    color : 'rgb' or 'bgr'
        Order of the network's channels.
    out : (B, 3, height, width) float32
        Is overwritten.
    """
    input_size = (out.shape[3], out.shape[2])
    channels = [np.empty(out.shape[2:], np.uint8) for _ in range(3)]
    ordered = channels[::-1] if color == 'rgb' else channels
    for affine, planes in zip(input_from_image, out):
        cv2.split(warp(image, affine, input_size), channels)
        # cv2.dnn.blobFromImage takes 1.8 ms for 448 px, split and three tables 0.14 ms.
        for plane, channel, table in zip(planes, ordered, tables):
            cv2.LUT(channel, table, dst=plane)
