# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth messages as arrays (REP 118: 16UC1 in mm, 32FC1 in m), raw or compressedDepth."""

from __future__ import annotations

import struct

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

_DTYPES = {'16uc1': np.uint16, 'mono16': np.uint16, '32fc1': np.float32}
_HEADER = struct.Struct('<iff')
"""Of compressed_depth_image_transport: format, and the two parameters of the quantisation."""


class DepthImageError(ValueError):
    """A message is not a depth image that can be used; the message says why, in one line."""


def depth_from_msg(msg: Image | CompressedImage) -> np.ndarray:
    """
    View a depth image, or decode one of compressed_depth_image_transport (PNG).

    Returns
    -------
    (H, W) uint16 in mm, or float32 in m
        A view of `msg.data`, unless it is compressed or its bytes are in the other order.

    Raises
    ------
    DepthImageError
        When the encoding is another, the data does not fit the size, or cannot be decoded.
    """
    if not isinstance(msg, Image):
        return _decoded(msg)
    dtype = _DTYPES.get(str(msg.encoding).lower())
    if dtype is None:
        raise DepthImageError(f'encoding {msg.encoding!r} is no depth: 16UC1 or 32FC1')
    width, height, size = int(msg.width), int(msg.height), np.dtype(dtype).itemsize
    step = int(msg.step) or width * size  # 0: not filled in
    data = np.frombuffer(msg.data, np.uint8)
    if width == 0 or height == 0 or step < width * size or data.size < step * height:
        raise DepthImageError(
            f'{width}x{height} {msg.encoding} with step {step} does not fit {data.size} bytes'
        )
    depth = np.ndarray((height, width), dtype, data, strides=(step, size))
    return depth.byteswap() if msg.is_bigendian else depth


def _decoded(msg: CompressedImage) -> np.ndarray:
    # Metres are sent as inverse depth: depth = a / (value - b), value 0 for missing (codec.cpp of
    # https://github.com/ros-perception/image_transport_plugins).
    encoding, _, transport = str(msg.format).partition(';')
    dtype = _DTYPES.get(encoding.lower())
    if 'compressedDepth' not in transport or 'rvl' in transport or dtype is None:
        raise DepthImageError(
            f'format {msg.format!r}: must be 16UC1 or 32FC1, compressedDepth as PNG'
        )
    data = np.frombuffer(msg.data, np.uint8)
    if data.size <= _HEADER.size:
        raise DepthImageError(f'{data.size} bytes are no compressedDepth')
    _, a, b = _HEADER.unpack_from(data)
    values = cv2.imdecode(data[_HEADER.size:], cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 2 or values.dtype != np.uint16:
        raise DepthImageError('compressedDepth that holds no 16 bit PNG')
    if dtype is np.uint16:
        return values
    with np.errstate(divide='ignore'):
        depth = np.float32(a) / (values.astype(np.float32) - np.float32(b))
    depth[values == 0] = np.nan
    return depth
