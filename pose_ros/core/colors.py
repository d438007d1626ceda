# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera's image in any encoding -> BGR, by OpenCV: the reference of the kernels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from pose_ros.core.camera_image import CameraImage
from pose_ros.core.intensity_range import IntensityRange

_Convert = Callable[[np.ndarray], np.ndarray]

# BT.601, limited range, as OpenCV converts the other kinds of YUV: B, G, R from Y, U, V and 1.
_BGR_FROM_YUV = np.array([
    [1.164, 2.018, 0.0, -1.164 * 16 - 2.018 * 128],
    [1.164, -0.391, -0.813, -1.164 * 16 + (0.391 + 0.813) * 128],
    [1.164, 0.0, 1.596, -1.164 * 16 - 1.596 * 128],
])


def _by(code: int) -> _Convert:
    return lambda pixels: cv2.cvtColor(pixels, code)


def _from_nv24(rows: np.ndarray) -> np.ndarray:
    """Convert a plane of Y and one of U and V in turns, both of all pixels."""
    rows = np.ascontiguousarray(rows)
    height, width = rows.shape[0] // 3, rows.shape[1]
    u, v = cv2.split(rows[height:].reshape(height, width, 2))
    return cv2.transform(cv2.merge([rows[:height], u, v]), _BGR_FROM_YUV)


# A Bayer pattern is named by its first row here, by its second row in OpenCV's older names.
_TO_BGR: dict[str, _Convert] = {
    'bgr8': lambda pixels: pixels,
    'rgb8': _by(cv2.COLOR_RGB2BGR),
    'bgra8': _by(cv2.COLOR_BGRA2BGR),
    'rgba8': _by(cv2.COLOR_RGBA2BGR),
    'mono8': _by(cv2.COLOR_GRAY2BGR),
    'bayer_rggb8': _by(cv2.COLOR_BayerBG2BGR),
    'bayer_bggr8': _by(cv2.COLOR_BayerRG2BGR),
    'bayer_gbrg8': _by(cv2.COLOR_BayerGR2BGR),
    'bayer_grbg8': _by(cv2.COLOR_BayerGB2BGR),
    'yuv422': _by(cv2.COLOR_YUV2BGR_UYVY),
    'uyvy': _by(cv2.COLOR_YUV2BGR_UYVY),
    'yuv422_yuy2': _by(cv2.COLOR_YUV2BGR_YUY2),
    'yuyv': _by(cv2.COLOR_YUV2BGR_YUY2),
    'yvyu': _by(cv2.COLOR_YUV2BGR_YVYU),
    'nv12': lambda rows: cv2.cvtColor(np.ascontiguousarray(rows), cv2.COLOR_YUV2BGR_NV12),
    'nv21': lambda rows: cv2.cvtColor(np.ascontiguousarray(rows), cv2.COLOR_YUV2BGR_NV21),
    'nv24': _from_nv24,
}


def _eight_bits(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale counts of sixteen bits to uint8, low to 0 and high to 255."""
    black = np.full(4, round(low), np.float64)  # of each channel
    above = cv2.subtract(values, black) if low >= 0.5 else values
    return cv2.convertScaleAbs(above, alpha=255.0 / (high - low))


def bgr_from(
    frame: CameraImage, intensity: IntensityRange | None = None, stamp_s: float | None = None
) -> np.ndarray:
    """
    Convert a camera's image.

    Parameters
    ----------
    frame : CameraImage
        In any encoding.
    intensity : IntensityRange, optional
        Of the stream that the image belongs to, for sixteen bits; by default that of this image.
    stamp_s : float, optional
        When the image was taken, for `intensity`.

    Returns
    -------
    (H, W, 3) uint8
        BGR. For bgr8 a view of the frame's data, whose rows may be apart by more than 3 * W bytes.
    """
    pixels, encoding = frame.pixels(), frame.encoding
    if frame.step % pixels.itemsize:
        pixels = pixels.copy()  # rows that begin at odd bytes are beyond OpenCV
    if pixels.dtype == np.uint16:
        limits = (intensity or IntensityRange()).follow(pixels, encoding == 'mono16', stamp_s)
        # Read as the encoding of eight bits of the same name.
        pixels, encoding = _eight_bits(pixels, *limits), encoding[:-2] + '8'
    return _TO_BGR[encoding](pixels)


def decoded(
    data: np.ndarray,
    flags: int = cv2.IMREAD_COLOR,
    intensity: IntensityRange | None = None,
    stamp_s: float | None = None,
) -> np.ndarray | None:
    """
    Decode a file of an image: JPEG, PNG of eight or sixteen bits, and what else OpenCV knows.

    Parameters
    ----------
    data : (N,) uint8
        The file.
    flags : int
        Of cv2.imdecode.
    intensity, stamp_s
        As in `bgr_from`.

    Returns
    -------
    (H, W, 3) uint8 or None
        BGR; None when it cannot be decoded, or is cut short.

    Raises
    ------
    cv2.error
        When OpenCV says more than that.
    """
    if not data.size or not _is_complete(data.tobytes()):
        return None
    image = cv2.imdecode(data, flags | cv2.IMREAD_ANYDEPTH)
    if image is None or image.dtype == np.uint8:
        return image
    if image.dtype != np.uint16:
        return cv2.imdecode(data, flags)
    return bgr_from_counts(image, intensity, stamp_s)


def bgr_from_counts(
    values: np.ndarray, intensity: IntensityRange | None = None, stamp_s: float | None = None
) -> np.ndarray:
    """Convert sixteen-bit BGR (H, W, 3) or grey (H, W); parameters of `bgr_from`."""
    is_grey = values.ndim == 2 or bool((values[..., :1] == values[..., 1:]).all())
    limits = (intensity or IntensityRange()).follow(values, is_grey, stamp_s)
    image = _eight_bits(values, *limits)
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)


def _is_complete(file: bytes) -> bool:
    """
    Look for the end mark of a JPEG or PNG.

    Older OpenCV fills what a truncated JPEG lacks with grey and says nothing: people would be
    looked for in there. Drivers send their whole buffer, with zeros or an older image behind the
    mark.
    """
    if file[:4] == b'\x89PNG':
        return b'IEND' in file
    if file[:2] != b'\xff\xd8':
        return True
    # From segment to segment, since a thumbnail may end inside of one, to the start of scan.
    at = 2
    while file[at:at + 1] == b'\xff' and file[at + 1:at + 2] != b'\xda':
        is_filling = file[at + 1:at + 2] == b'\xff'
        at += 1 if is_filling else 2 + int.from_bytes(file[at + 2:at + 4], 'big')
    return file.find(b'\xff\xd9', at) >= 0
