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

import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from pose_ros.core.camera_image import (
    ENCODINGS,
    USABLE,
    CameraImage,
    CameraImageError,
    standard_encoding,
)
from pose_ros.core.colors import bgr_from, decoded
from pose_ros.core.intensity_range import IntensityRange
from pose_ros.ros.conversions import stamp_seconds


class ImageError(ValueError):
    """A message is not an image that can be used; the message says why, in one line."""


def transport_topic(
    node: Node, topic: str, transport: str
) -> tuple[type[Image] | type[CompressedImage], str]:
    """
    Return the message type and the topic to subscribe for images.

    Parameters
    ----------
    node : Node
        Whose remaps hold.
    topic : str
        'image' or 'depth'. Remapped to a topic of compressed images, it is taken as that.
    transport : str
        'raw', or the name of image_transport that the topic ends with.
    """
    ending = node.resolve_topic_name(topic).rpartition('/')[2]
    if ending in ('compressed', 'compressedDepth'):
        return CompressedImage, topic
    return (Image, topic) if transport == 'raw' else (CompressedImage, f'{topic}/{transport}')


def _frame(msg: Image) -> CameraImage:
    """View an image message; bgr8 where only cv_bridge knows the encoding. ImageError."""
    width, height = int(msg.width), int(msg.height)
    try:
        if standard_encoding(str(msg.encoding)) not in ENCODINGS and width > 0 and height > 0:
            return CameraImage.from_bgr(_by_cv_bridge(msg))
        return CameraImage.from_fields(
            np.frombuffer(msg.data, np.uint8), str(msg.encoding), width, height, int(msg.step),
            bool(msg.is_bigendian))
    except CameraImageError as error:
        raise ImageError(str(error)) from error


def image_from_msg(
    msg: Image | CompressedImage, intensity: IntensityRange | None = None
) -> np.ndarray:
    """
    View, convert or decode an image message.

    Parameters
    ----------
    msg : Image or CompressedImage
        In any encoding; JPEG or PNG.
    intensity : IntensityRange, optional
        Of the topic, for images of sixteen bits; by default that of this image.

    Returns
    -------
    (H, W, 3) uint8
        BGR. For bgr8 a view of `msg.data`, whose rows may be apart by more than 3 * W bytes.

    Raises
    ------
    ImageError
        When the size is zero, the data does not fit the size, the encoding is unknown, or the
        data is empty or cannot be decoded.
    """
    if not isinstance(msg, Image):
        return _decoded(msg, intensity)
    return bgr_from(_frame(msg), intensity, stamp_seconds(msg.header.stamp))


def _by_cv_bridge(msg: Image) -> np.ndarray:
    try:
        from cv_bridge import CvBridge
    except Exception as error:  # one built for another NumPy: ImportError, AttributeError, ...
        raise ImageError(
            f'unknown encoding {msg.encoding!r} ({type(error).__name__}: '
            f'{" ".join(str(error).split())}); {USABLE}'
        ) from error
    try:
        return np.asarray(CvBridge().imgmsg_to_cv2(msg, 'bgr8'))
    except Exception as error:  # one built for another NumPy raises nearly anything
        raise ImageError(
            f'cv_bridge cannot convert encoding {msg.encoding!r} to bgr8: {type(error).__name__}: '
            f'{" ".join(str(error).split())}; {USABLE}'
        ) from error


def _decoded(msg: CompressedImage, intensity: IntensityRange | None) -> np.ndarray:
    data = np.frombuffer(msg.data, np.uint8)
    # Orientation marks are ignored: skeletons are in the pixels as published.
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    if data.size == 0:
        raise ImageError('compressed image without data')
    if 'compressedDepth' in msg.format:
        raise ImageError(f'format {msg.format!r} is a depth image, not a picture')
    try:
        image = decoded(data, flags, intensity, stamp_seconds(msg.header.stamp))
    except cv2.error as error:
        raise ImageError(f'cannot decode {msg.format!r}: {error.err}') from error
    if image is None:
        raise ImageError(
            f'cannot decode {data.size} bytes of format {msg.format!r}: not a complete JPEG or PNG'
        )
    return image


def camera_image(
    msg: Image | CompressedImage, encodings: tuple[str, ...], intensity: IntensityRange
) -> CameraImage:
    """
    View an image message as a backend takes it.

    Parameters
    ----------
    msg : Image or CompressedImage
        In any encoding.
    encodings : tuple of str
        Those that the backend knows; others become bgr8.
    intensity : IntensityRange
        Of the topic, for images of sixteen bits.

    Raises
    ------
    ImageError
        When it is no image that can be used.
    """
    if not isinstance(msg, Image):
        return CameraImage.from_bgr(_decoded(msg, intensity))
    image = _frame(msg)
    if image.encoding in encodings:
        return image
    return CameraImage.from_bgr(bgr_from(image, intensity, stamp_seconds(msg.header.stamp)))


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
