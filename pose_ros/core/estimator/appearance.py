# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What people look like: colour histograms of torso, upper legs and lower legs.

Pixels are taken at a fixed number of points of each region, whatever the size of the image.
Colours are opponent ones over intensity (Gevers and Smeulders, Color-based object recognition,
Pattern Recognition 32 (1999)), which shade and exposure leave alone, after each channel was
divided by its mean over the image around the people (von Kries, grey world).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from pose_ros.core import skeleton as sk
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.keypoints import boxes_around

REGIONS = 3
"""Torso, upper legs, lower legs."""

BINS = (12, 12, 8)
"""Of red against green, yellow against blue, and lightness: a histogram each in every region."""

_FIRST_BIN = np.array([[0], [BINS[0]], [BINS[0] + BINS[1]]])
REGION_SIZE = sum(BINS)
SIZE = REGIONS * REGION_SIZE
"""Numbers of a descriptor. Each region sums to 1, or is all 0 where it was not seen."""

COLOR_RANGE = 0.5
"""Opponent colours over intensity beyond it are in the outermost bins."""

STOPS = 2.5
"""Likewise of the lightness over that of the image, as a logarithm to base 2."""

LEAST_SHARE = 0.45
"""A region is seen when so much of its points can be: one of the two legs is enough."""

LEAST_WIDTH, LEG_WIDTH = 0.15, 0.1
"""Half the width of the torso seen from the side, and of a leg, over their lengths."""

LEAST_BACKGROUND = 0.25
"""Share of the image without people from which on these are left out of its mean."""

_GRID = 16
"""Points along each axis of the image for its mean."""

_PER_REGION = 64


def _bilinear(columns: int, rows: int) -> np.ndarray:
    """Return the weights (P, 4) of a strip's corners: two at the top, two at the bottom."""
    right, down = np.meshgrid(np.linspace(0.1, 0.9, columns), np.linspace(0.06, 0.94, rows))
    weights = [(1 - down) * right, (1 - down) * (1 - right), down * right, down * (1 - right)]
    return np.stack(weights, axis=-1).reshape(-1, 4)


_TORSO_POINTS, _LEG_POINTS = _bilinear(8, 8), _bilinear(4, 8)
_TORSO = np.array([[sk.RIGHT_SHOULDER, sk.LEFT_SHOULDER], [sk.RIGHT_HIP, sk.LEFT_HIP]])
_LEG_TOP = np.array([sk.LEFT_HIP, sk.RIGHT_HIP, sk.LEFT_KNEE, sk.RIGHT_KNEE])
_LEG_BOTTOM = _LEG_TOP + (sk.LEFT_KNEE - sk.LEFT_HIP)
_BAYER = {'rggb': (0, 0), 'grbg': (0, 1), 'gbrg': (1, 0), 'bggr': (1, 1)}
"""Row and column of red in the pattern."""

# Bytes of Y of even pixels, of Y of odd ones, of U and of V among the four of two pixels.
_YUV422 = {
    'yuv422': (1, 3, 0, 2), 'uyvy': (1, 3, 0, 2),
    'yuv422_yuy2': (0, 2, 1, 3), 'yuyv': (0, 2, 1, 3),
    'yvyu': (0, 2, 3, 1),
}


def describe(image: CameraImage, xy: np.ndarray) -> np.ndarray:
    """
    Describe people's appearance.

    Parameters
    ----------
    image : CameraImage
        In any encoding; grey ones say too little.
    xy : (N, 17, 2) float
        Their keypoints, image pixels; NaN where missing.

    Returns
    -------
    (N, SIZE) float32
        Descriptors; 0 in regions that were not seen, and everywhere of a grey image.
    """
    n = len(xy)
    if not n:
        return np.zeros((0, SIZE), np.float32)
    points = _points(xy.astype(np.float64)).reshape(-1, 2)
    with np.errstate(invalid='ignore'):
        inside = np.all((points > -0.5) & (points < np.array(image.size) - 0.5), axis=1)
    places = np.where(inside[:, None], points + 0.5, 0.0).astype(np.intp)
    whole = _whole(image.size)
    colors = _colors(image, np.concatenate([places, whole]))
    if (colors == colors[:, :1]).all():
        return np.zeros((n, SIZE), np.float32)
    mean = _mean(colors[len(places):], whole, xy)
    red, green, blue = (colors[:len(places)] / mean).T
    intensity = (red + green + blue) / 3.0 + 0.05
    values = np.stack([
        (red - green) / intensity * (0.5 / COLOR_RANGE),
        ((red + green) / 2.0 - blue) / intensity * (0.5 / COLOR_RANGE),
        np.log2(intensity) * (0.5 / STOPS),
    ])
    # Each point counts in the two bins around it, in proportion to its nearness.
    bins = np.array(BINS)[:, None]
    place = np.minimum(np.maximum((values + 0.5) * bins - 0.5, 0.0), bins - 1.001)
    low = place.astype(np.intp)
    upper = (place - low) * inside
    region = np.arange(n * REGIONS).repeat(_PER_REGION) * REGION_SIZE
    low += region + _FIRST_BIN
    total = np.bincount(low.ravel(), (inside - upper).ravel(), n * SIZE)
    total += np.bincount(low.ravel() + 1, upper.ravel(), n * SIZE)
    found = total.reshape(n, REGIONS, REGION_SIZE)
    seen = inside.reshape(n, REGIONS, -1).sum(axis=2)
    found = found / np.maximum(len(BINS) * seen, 1)[..., None]
    found[seen < LEAST_SHARE * _PER_REGION] = 0.0
    return found.reshape(n, SIZE).astype(np.float32)


@lru_cache(maxsize=4)
def _whole(image_size: tuple[int, int]) -> np.ndarray:
    """Return pixels (_GRID ** 2, 2) all over an image."""
    x, y = (((2 * np.arange(_GRID) + 1) * side) // (2 * _GRID) for side in image_size)
    return np.stack([np.tile(x, _GRID), np.repeat(y, _GRID)], axis=1)


def _mean(colors: np.ndarray, places: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Return the mean color (3,) of an image without its people, if that leaves enough of it."""
    boxes = boxes_around(xy)
    with np.errstate(invalid='ignore'):
        near = (places[:, None] >= boxes[:, :2]) & (places[:, None] <= boxes[:, 2:])
    away = ~np.any(np.all(near, axis=2), axis=1)
    if away.sum() >= LEAST_BACKGROUND * len(places):
        colors = colors[away]
    return np.asarray(colors.mean(axis=0) + 1.0)


def _points(xy: np.ndarray) -> np.ndarray:
    """Return the points (N, REGIONS * 64, 2) of people's regions, px; NaN where not known."""
    pairs = xy[:, _TORSO]
    middle = pairs.mean(axis=2)
    across = _turned(middle[:, 1] - middle[:, 0])[:, None]
    # Half the widths at shoulders and hips, in lengths of the torso.
    square = np.maximum((across**2).sum(axis=2), 1e-9)
    half = ((pairs[:, :, 0] - pairs[:, :, 1]) * across).sum(axis=2) / (2.0 * square)
    side = np.maximum(np.abs(half), LEAST_WIDTH)[..., None] * across
    corners = np.stack([middle + side, middle - side], axis=2).reshape(-1, 4, 2)
    torso = _TORSO_POINTS @ corners
    top, bottom = xy[:, _LEG_TOP], xy[:, _LEG_BOTTOM]
    side = LEG_WIDTH * _turned(bottom - top)
    legs = _LEG_POINTS @ np.stack([top + side, top - side, bottom + side, bottom - side], axis=2)
    return np.concatenate([torso, legs.reshape(len(xy), -1, 2)], axis=1)


def _turned(vectors: np.ndarray) -> np.ndarray:
    return vectors[..., ::-1] * [-1.0, 1.0]


def _colors(image: CameraImage, places: np.ndarray) -> np.ndarray:
    """Return red, green and blue (P, 3) float64 of the pixels x, y (P, 2), 0 to 255."""
    pixels, encoding = image.pixels(), image.encoding
    x, y = places.T
    if encoding in _YUV422 or encoding.startswith('nv'):
        return _from_yuv(image, x, y)
    if encoding.startswith('bayer'):
        # The 2x2 block that the pixel is in.
        x, y = (np.minimum(v & ~1, (side - 2) & ~1) for v, side in zip((x, y), image.size))
        row, column = _BAYER[encoding[6:10]]
        block = pixels[y[:, None, None] + [[[0], [1]]], x[:, None, None] + [[[0, 1]]]]
        block = block.astype(np.float64)
        # An odd last row or column is left out: blocks begin at even pixels.
        green = (block[:, row, 1 - column] + block[:, 1 - row, column]) / 2.0
        colors = np.stack([block[:, row, column], green, block[:, 1 - row, 1 - column]], axis=1)
    else:
        colors = pixels[y, x].astype(np.float64)
        if colors.ndim == 1:
            colors = np.repeat(colors[:, None], 3, axis=1)
        colors = colors[:, 2::-1] if encoding.startswith('bgr') else colors[:, :3]
    if pixels.dtype == np.uint16:
        # Cameras fill ten, twelve or sixteen bits.
        colors = colors * (255.0 / max(float(colors.max()), 1.0))
    return colors


def _from_yuv(image: CameraImage, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return what `_colors` does, of BT.601 with a limited range."""
    pixels, half = image.pixels(), x & ~1
    if image.encoding in _YUV422:
        even, odd, at_u, at_v = _YUV422[image.encoding]
        byte = np.where(x & 1, odd, even)
        luma = pixels[y, half + byte // 2, byte % 2]
        u, v = (pixels[y, half + at // 2, at % 2] for at in (at_u, at_v))
    else:
        luma, width, height = pixels[y, x], image.width, image.height
        # Of the first byte of the pair, counted from the second plane on.
        at = 2 * (y * width + x) if image.encoding == 'nv24' else y // 2 * width + half
        u, v = (pixels[height + byte // width, byte % width] for byte in (at, at + 1))
        if image.encoding == 'nv21':
            u, v = v, u
    luma, u, v = 1.164 * (luma - 16.0), u - 128.0, v - 128.0
    colors = np.stack(
        [luma + 1.596 * v, luma - 0.391 * u - 0.813 * v, luma + 2.018 * u], axis=1)
    return np.clip(colors, 0.0, 255.0)
