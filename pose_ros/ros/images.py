# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Image messages of every encoding a camera sends as BGR arrays, and back.

`msg.data` is viewed, not copied (`np.frombuffer`); a bgr8 image stays a view. It is filled
through `array.array`: rclpy takes ndarrays element by element, 50 ms for 640x480.
Encodings: sensor_msgs/image_encodings.hpp.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header


class ImageError(ValueError):
    """A message is not an image that can be used; the message says why, in one line."""


_Convert = Callable[[np.ndarray], np.ndarray]


def _by(code: int) -> _Convert:
    return lambda pixels: cv2.cvtColor(pixels, code)


# Encoding -> (channels, bytes per channel, conversion to BGR).
# A Bayer pattern is named by its first row here, by its second row in OpenCV's older names.
_PACKED: dict[str, tuple[int, int, _Convert]] = {
    'bgr8': (3, 1, lambda pixels: pixels),
    'rgb8': (3, 1, _by(cv2.COLOR_RGB2BGR)),
    'bgra8': (4, 1, _by(cv2.COLOR_BGRA2BGR)),
    'rgba8': (4, 1, _by(cv2.COLOR_RGBA2BGR)),
    'mono8': (1, 1, _by(cv2.COLOR_GRAY2BGR)),
    # The full 16 bits are the range, as in cv_bridge.
    'mono16': (1, 2, lambda pixels: cv2.cvtColor(
        cv2.convertScaleAbs(pixels, alpha=255.0 / 65535.0), cv2.COLOR_GRAY2BGR)),
    'bayer_rggb8': (1, 1, _by(cv2.COLOR_BayerBG2BGR)),
    'bayer_bggr8': (1, 1, _by(cv2.COLOR_BayerRG2BGR)),
    'bayer_gbrg8': (1, 1, _by(cv2.COLOR_BayerGR2BGR)),
    'bayer_grbg8': (1, 1, _by(cv2.COLOR_BayerGB2BGR)),
    'yuv422': (2, 1, _by(cv2.COLOR_YUV2BGR_UYVY)),
    'uyvy': (2, 1, _by(cv2.COLOR_YUV2BGR_UYVY)),
    'yuv422_yuy2': (2, 1, _by(cv2.COLOR_YUV2BGR_YUY2)),
    'yuyv': (2, 1, _by(cv2.COLOR_YUV2BGR_YUY2)),
}
# A plane of Y, then a plane of half the height with U and V in turns.
_SEMI_PLANAR: dict[str, int] = {
    'nv12': cv2.COLOR_YUV2BGR_NV12,
    'nv21': cv2.COLOR_YUV2BGR_NV21,
}
ENCODINGS: tuple[str, ...] = (*_PACKED, *_SEMI_PLANAR)


def image_from_msg(msg: Image) -> np.ndarray:
    """
    View or convert an image message.

    Returns
    -------
    (H, W, 3) uint8
        BGR. For bgr8 a view of `msg.data`, whose rows may be apart by more than 3 * W bytes.

    Raises
    ------
    ImageError
        When the size is zero, the data does not fit the size, or the encoding is unknown.
    """
    width, height, encoding = int(msg.width), int(msg.height), str(msg.encoding)
    if width == 0 or height == 0:
        raise ImageError(f'image without pixels: width {width}, height {height}')
    if encoding in _PACKED:
        channels, depth, convert = _PACKED[encoding]
        pixels = _pixels(msg, channels, depth, height)
        if depth == 2 and bool(msg.is_bigendian):
            pixels = pixels.byteswap()
        if channels == 2 and width % 2:
            raise ImageError(f'{encoding} has two pixels in four bytes: width {width} is odd')
        if encoding.startswith('bayer') and (width < 2 or height < 2):
            raise ImageError(f'{encoding} of {width}x{height}: too small for the pattern')
        if int(msg.step) % depth:
            pixels = pixels.copy()  # rows that begin at odd bytes are beyond OpenCV
        return convert(pixels)
    if encoding in _SEMI_PLANAR:
        if width % 2 or height % 2:
            raise ImageError(f'{encoding} needs an even size, this is {width}x{height}')
        pixels = _pixels(msg, 1, 1, height * 3 // 2)
        return cv2.cvtColor(np.ascontiguousarray(pixels), _SEMI_PLANAR[encoding])
    return _by_cv_bridge(msg)


def _pixels(msg: Image, channels: int, depth: int, rows: int) -> np.ndarray:
    """View the data as (rows, W, channels) or (rows, W), checking that it fits exactly."""
    width, step = int(msg.width), int(msg.step)
    row = width * channels * depth
    data = np.frombuffer(msg.data, np.uint8)
    if step < row:
        raise ImageError(
            f'step {step} is smaller than a row: {width} pixels of {msg.encoding} take {row} bytes'
        )
    if data.size != step * rows:
        kind = 'truncated' if data.size < step * rows else 'oversized'
        raise ImageError(
            f'{kind} data: {data.size} bytes, but {width}x{msg.height} {msg.encoding} '
            f'with step {step} takes {step * rows}'
        )
    dtype = np.uint16 if depth == 2 else np.uint8
    shape = (rows, width, channels) if channels > 1 else (rows, width)
    strides = (step, channels * depth, depth) if channels > 1 else (step, depth)
    return np.ndarray(shape, dtype, data, strides=strides)


def _by_cv_bridge(msg: Image) -> np.ndarray:
    known = ', '.join(ENCODINGS)
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError as error:
        raise ImageError(
            f'unknown encoding {msg.encoding!r}; without cv_bridge these work: {known}'
        ) from error
    try:
        return np.asarray(CvBridge().imgmsg_to_cv2(msg, 'bgr8'))
    except (CvBridgeError, ValueError, TypeError, cv2.error) as error:
        raise ImageError(
            f'cv_bridge cannot convert encoding {msg.encoding!r} to bgr8: '
            f'{" ".join(str(error).split())}; these work without it: {known}'
        ) from error


def image_from_compressed_msg(msg: CompressedImage) -> np.ndarray:
    """
    Decode a compressed image message (JPEG, PNG).

    Returns
    -------
    (H, W, 3) uint8
        BGR.

    Raises
    ------
    ImageError
        When the data is empty or cannot be decoded.
    """
    data = np.frombuffer(msg.data, np.uint8)
    # Orientation marks are ignored: skeletons are in the pixels as published.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    if data.size == 0:
        raise ImageError('compressed image without data')
    if 'compressedDepth' in msg.format:
        raise ImageError(f'format {msg.format!r} is a depth image, not a picture')
    try:
        image = cv2.imdecode(data, flags) if _is_complete(data) else None
    except cv2.error as error:
        raise ImageError(f'cannot decode {msg.format!r}: {error.err}') from error
    if image is None:
        raise ImageError(
            f'cannot decode {data.size} bytes of format {msg.format!r}: not a complete JPEG or PNG'
        )
    return image


def _is_complete(data: np.ndarray) -> bool:
    """
    Look for the end mark of a JPEG or PNG.

    Older OpenCV fills what a truncated JPEG lacks with grey and says nothing: people would be
    looked for in there.
    Drivers may pad, so the mark need not stand at the very end.
    """
    tail = data[-1024:].tobytes()
    if data[:2].tobytes() == b'\xff\xd8':
        return b'\xff\xd9' in tail
    if data[:4].tobytes() == b'\x89PNG':
        return b'IEND' in tail
    return True


def image_to_msg(image_bgr: np.ndarray, header: Header) -> Image:
    """
    Write a BGR image as bgr8.

    Parameters
    ----------
    image_bgr : (H, W, 3) uint8
        BGR.
    header : Header
        Taken as it is.

    Returns
    -------
    Image
        Encoding bgr8, rows without padding.
    """
    height, width = image_bgr.shape[:2]
    data = array('B')
    # frombytes takes any contiguous buffer: one copy.
    data.frombytes(memoryview(np.ascontiguousarray(image_bgr)).cast('B'))
    return Image(
        header=header, height=height, width=width, encoding='bgr8', is_bigendian=0,
        step=width * 3, data=data,
    )


def image_to_compressed_msg(
    image_bgr: np.ndarray, header: Header, extension: str = 'jpeg'
) -> CompressedImage:
    """Write a BGR image, (H, W, 3) uint8, as 'jpeg' or 'png'."""
    encoded = cv2.imencode('.jpg' if extension == 'jpeg' else '.png', image_bgr)[1]
    data = array('B')
    data.frombytes(memoryview(np.ascontiguousarray(encoded)).cast('B'))
    return CompressedImage(header=header, format=f'bgr8; {extension} compressed bgr8', data=data)
