# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera's image in any encoding -> BGR, by OpenCV: the reference of the kernels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from pose_ros.core.camera_image import CameraImage

_Convert = Callable[[np.ndarray], np.ndarray]


def _by(code: int) -> _Convert:
    return lambda pixels: cv2.cvtColor(pixels, code)


# A Bayer pattern is named by its first row here, by its second row in OpenCV's older names.
_TO_BGR: dict[str, _Convert] = {
    'bgr8': lambda pixels: pixels,
    'rgb8': _by(cv2.COLOR_RGB2BGR),
    'bgra8': _by(cv2.COLOR_BGRA2BGR),
    'rgba8': _by(cv2.COLOR_RGBA2BGR),
    'mono8': _by(cv2.COLOR_GRAY2BGR),
    # The full 16 bits are the range, as in cv_bridge.
    'mono16': lambda pixels: cv2.cvtColor(
        cv2.convertScaleAbs(pixels, alpha=255.0 / 65535.0), cv2.COLOR_GRAY2BGR),
    'bayer_rggb8': _by(cv2.COLOR_BayerBG2BGR),
    'bayer_bggr8': _by(cv2.COLOR_BayerRG2BGR),
    'bayer_gbrg8': _by(cv2.COLOR_BayerGR2BGR),
    'bayer_grbg8': _by(cv2.COLOR_BayerGB2BGR),
    'yuv422': _by(cv2.COLOR_YUV2BGR_UYVY),
    'uyvy': _by(cv2.COLOR_YUV2BGR_UYVY),
    'yuv422_yuy2': _by(cv2.COLOR_YUV2BGR_YUY2),
    'yuyv': _by(cv2.COLOR_YUV2BGR_YUY2),
    'nv12': lambda rows: cv2.cvtColor(np.ascontiguousarray(rows), cv2.COLOR_YUV2BGR_NV12),
    'nv21': lambda rows: cv2.cvtColor(np.ascontiguousarray(rows), cv2.COLOR_YUV2BGR_NV21),
}


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    """Scale sixteen bits, the full range, as cv_bridge does."""
    return cv2.convertScaleAbs(pixels, alpha=255.0 / 65535.0)


# Sixteen bits become eight, and are read as those.
for _name in (
    'bgr', 'rgb', 'bgra', 'rgba', 'bayer_rggb', 'bayer_bggr', 'bayer_gbrg', 'bayer_grbg',
):
    _TO_BGR[f'{_name}16'] = lambda pixels, name=_name: (  # type: ignore[misc]
        _TO_BGR[f'{name}8'](_eight_bits(pixels)))


def bgr_from(frame: CameraImage) -> np.ndarray:
    """
    Convert a camera's image.

    Parameters
    ----------
    frame : CameraImage
        In any encoding.

    Returns
    -------
    (H, W, 3) uint8
        BGR. For bgr8 a view of the frame's data, whose rows may be apart by more than 3 * W bytes.
    """
    pixels = frame.pixels()
    if frame.step % pixels.itemsize:
        pixels = pixels.copy()  # rows that begin at odd bytes are beyond OpenCV
    return _TO_BGR[frame.encoding](pixels)
