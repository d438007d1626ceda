# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A camera's image as it came: bytes and how to read them.

Encodings: sensor_msgs/image_encodings.hpp.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Encoding -> (channels, bytes per channel) of packed pixels.
_PACKED: dict[str, tuple[int, int]] = {
    'bgr8': (3, 1), 'rgb8': (3, 1), 'bgra8': (4, 1), 'rgba8': (4, 1), 'mono8': (1, 1),
    'bgr16': (3, 2), 'rgb16': (3, 2), 'bgra16': (4, 2), 'rgba16': (4, 2), 'bayer_rggb16': (1, 2),
    'bayer_bggr16': (1, 2), 'bayer_gbrg16': (1, 2), 'bayer_grbg16': (1, 2),
    'mono16': (1, 2), 'bayer_rggb8': (1, 1), 'bayer_bggr8': (1, 1), 'bayer_gbrg8': (1, 1),
    'bayer_grbg8': (1, 1), 'yuv422': (2, 1), 'uyvy': (2, 1), 'yuv422_yuy2': (2, 1), 'yuyv': (2, 1),
    'yvyu': (2, 1),
}
# The same bytes under other names.
_ALIASES = {
    # What cv_bridge sends by default, as RViz shows it.
    '8uc1': 'mono8', '8uc3': 'bgr8', '8uc4': 'bgra8', '16uc1': 'mono16', '16uc3': 'bgr16',
    '16uc4': 'bgra16',
    # V4L2, FFmpeg and GenICam (PFNC) say so, and drivers pass it on.
    'grey': 'mono8', 'gray': 'mono8', 'gray8': 'mono8', 'y8': 'mono8', 'y16': 'mono16',
    'gray16': 'mono16', 'gray16le': 'mono16', 'yuy2': 'yuyv', 'yuyv422': 'yuyv',
    'yuv422_yuyv': 'yuyv', 'yuv422_8': 'yuyv', 'ycbcr422_8': 'yuyv', 'uyvy422': 'uyvy',
    'yuv422_uyvy': 'uyvy', 'yuv422_8_uyvy': 'uyvy', 'yuv422_yvyu': 'yvyu', 'yvyu422': 'yvyu',
    'rgb24': 'rgb8', 'bgr24': 'bgr8',
    **{f'bayer{row}{bits}': f'bayer_{row}{row2}{bits}' for bits in (8, 16)
       for row, row2 in (('rg', 'gb'), ('bg', 'gr'), ('gb', 'rg'), ('gr', 'bg'))},
}
# A plane of Y, then one with U and V (nv21: V and U) in turns: of half the height, or of twice as
# much, as rows of the same length.
_HALF_CHROMA, _FULL_CHROMA = ('nv12', 'nv21'), ('nv24',)
ENCODINGS: tuple[str, ...] = (*_PACKED, *_HALF_CHROMA, *_FULL_CHROMA)
USABLE = f'set the driver to bgr8, rgb8, mono8 or another of {", ".join(ENCODINGS)}'


class CameraImageError(ValueError):
    """The bytes are not the image they are said to be; the message says why, in one line."""


def packed_row(encoding: str, width: int) -> int:
    """Return the bytes of a row without padding; of the plane of Y where there are planes."""
    channels, depth = _PACKED.get(encoding, (1, 1))
    return width * channels * depth


def standard_encoding(name: str) -> str:
    """
    Return the encoding that a driver means: any case, and OpenCV's types (8UC3 is bgr8).

    A name that is not known comes back as it is.
    """
    lower = name.strip().lower()
    found = _ALIASES.get(lower, lower)
    return found if found in ENCODINGS else name


@dataclass(frozen=True, eq=False)
class CameraImage:
    """
    One image of a camera, checked: the bytes are there.

    Attributes
    ----------
    data : (N,) uint8
        All rows, one after the other; not copied.
    encoding : str
        One of ENCODINGS.
    width, height : int
        Pixels.
    step : int
        Bytes from row to row.
    is_big_endian : bool
        Order of the bytes of sixteen bits.

    Raises
    ------
    CameraImageError
        When the size is zero, the data does not fit the size, or the encoding is unknown.
    """

    data: np.ndarray
    encoding: str
    width: int
    height: int
    step: int
    is_big_endian: bool = False

    def __post_init__(self) -> None:
        width, height, encoding = self.width, self.height, self.encoding
        if width < 1 or height < 1:
            raise CameraImageError(f'image without pixels: width {width}, height {height}')
        if encoding not in ENCODINGS:
            raise CameraImageError(f'unknown encoding {encoding!r}: {USABLE}')
        channels, _ = _PACKED.get(encoding, (1, 1))
        if channels == 2 and width % 2:
            raise CameraImageError(
                f'{encoding} has two pixels in four bytes: width {width} is odd'
            )
        if encoding.startswith('bayer') and min(width, height) < 2:
            raise CameraImageError(f'{encoding} of {width}x{height}: too small for the pattern')
        if encoding in _HALF_CHROMA and (width % 2 or height % 2):
            raise CameraImageError(f'{encoding} needs an even size, this is {width}x{height}')
        row = packed_row(encoding, width)
        if self.step < row:
            raise CameraImageError(
                f'step {self.step} is smaller than a row: {width} pixels of {encoding} take '
                f'{row} bytes'
            )
        if self.data.size != self.step * self.rows:
            kind = 'truncated' if self.data.size < self.step * self.rows else 'oversized'
            raise CameraImageError(
                f'{kind} data: {self.data.size} bytes, but {width}x{height} {encoding} with step '
                f'{self.step} takes {self.step * self.rows}'
            )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.width, self.height

    @property
    def rows(self) -> int:
        """Rows of bytes: more than the height where a second plane follows."""
        if self.encoding in _HALF_CHROMA:
            return self.height * 3 // 2
        return self.height * (3 if self.encoding in _FULL_CHROMA else 1)

    def pixels(self) -> np.ndarray:
        """
        View the data.

        Returns
        -------
        (rows, W, channels) or, for one channel, (rows, W)
            uint8; uint16 for sixteen bits, in the byte order of this machine. A view, but for
            sixteen bits of the other byte order.
        """
        channels, depth = _PACKED.get(self.encoding, (1, 1))
        order = '>' if self.is_big_endian else '<'
        dtype = np.dtype(np.uint8 if depth == 1 else f'{order}u2')
        shape: tuple[int, ...] = (self.rows, self.width)
        strides: tuple[int, ...] = (self.step, channels * depth)
        if channels > 1:
            shape, strides = (*shape, channels), (*strides, depth)
        found = np.ndarray(shape, dtype, self.data, strides=strides)
        return found if dtype.isnative else found.astype(dtype.newbyteorder('='))

    @classmethod
    def from_fields(
        cls, data: np.ndarray, encoding: str, width: int, height: int, step: int,
        is_big_endian: bool,
    ) -> CameraImage:
        """
        Take the fields of a sensor_msgs/Image as drivers fill them in.

        Parameters
        ----------
        data, width, height, is_big_endian
            As the attributes.
        encoding : str
            In any case, also by a name of `standard_encoding`.
        step : int
            0: not filled in, the rows have no padding.

        Raises
        ------
        CameraImageError
            As of the class.
        """
        encoding = standard_encoding(encoding)
        return cls(data, encoding, width, height, step or packed_row(encoding, width),
                   is_big_endian)

    @classmethod
    def from_bgr(cls, image: np.ndarray) -> CameraImage:
        """Take a BGR image, (H, W, 3) uint8; any view. CameraImageError when it is none."""
        if not isinstance(image, np.ndarray):
            raise CameraImageError(f'an image is a NumPy array, got {type(image).__name__}')
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise CameraImageError(
                f'an image is (height, width, 3) uint8, got {image.shape} {image.dtype}'
            )
        if image.size == 0:
            raise CameraImageError(f'the image has no pixels: {image.shape[1]}x{image.shape[0]}')
        height, width = image.shape[:2]
        data = np.ascontiguousarray(image).reshape(-1)
        return cls(data, 'bgr8', width, height, 3 * width)
