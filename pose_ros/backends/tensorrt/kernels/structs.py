# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the kernels are given, as NumPy records: the same as in structs.cuh, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_ros.core import geometry
from pose_ros.core.backend import ModelSpec
from pose_ros.core.decode.heatmaps import blur_radius
from pose_ros.core.estimator.preprocess import reduction, resized_rectangle
from pose_ros.core.model_spec import REFINEMENTS

# In the order of the enum FrameFormat of frame.cuh; names of sensor_msgs/image_encodings.hpp.
FRAME_FORMATS = (
    'bgr8', 'rgb8', 'bgra8', 'rgba8', 'mono8', 'yuv422', 'yuv422_yuy2', 'nv12', 'nv21',
    'bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8',
)
# Names for the same bytes.
_ALIASES = {'uyvy': 'yuv422', 'yuyv': 'yuv422_yuy2'}
ENCODINGS = (*FRAME_FORMATS, *_ALIASES)
MAX_BLUR_RADIUS = 50  # that of the smoothing before a peak is refined
_BYTES_PER_PIXEL = {'bgr8': 3, 'rgb8': 3, 'bgra8': 4, 'rgba8': 4, 'yuv422': 2, 'yuv422_yuy2': 2}

FRAME = np.dtype([('width', 'i4'), ('height', 'i4'), ('step', 'i4'), ('format', 'i4')])
TARGET = np.dtype([
    ('width', 'i4'), ('height', 'i4'), ('is_rgb', 'i4'), ('is_half', 'i4'),
    ('mean', 'f4', 3), ('std', 'f4', 3),
])
VIEW = np.dtype([
    ('image_from_input', 'f8', (2, 3)), ('block', 'i4'), ('resized', 'i4', 4), ('unused', 'i4'),
])
DECODER = np.dtype([
    ('width', 'i4'), ('height', 'i4'), ('keypoints', 'i4'), ('max_people', 'i4'),
    ('is_half', 'i4'), ('is_gaussian', 'i4'), ('weighting', 'f4'), ('min_center', 'f4'),
    ('x_scale', 'f4'), ('y_scale', 'f4'), ('offset_px', 'f4'), ('refinement', 'i4'),
    ('blur_sigma', 'f4'), ('blur_radius', 'i4'), ('score_scale', 'f4'),
])


def frame_record(
    encoding: str, width: int, height: int, step: int, num_bytes: int
) -> np.ndarray:
    """
    Describe a camera frame.

    Parameters
    ----------
    encoding : str
        One of FRAME_FORMATS, or 'uyvy' or 'yuyv'.
    width, height : int
        Pixels.
    step : int
        Bytes from row to row.
    num_bytes : int
        Length of the frame's data.

    Returns
    -------
    (1,) FRAME
        For the kernels.

    Raises
    ------
    ValueError
        When the kernels would read beyond the data, or do not know the encoding.
    """
    encoding = _ALIASES.get(encoding, encoding)
    if encoding not in FRAME_FORMATS:
        raise ValueError(f'encoding {encoding!r}: not one of {", ".join(FRAME_FORMATS)}')
    row = width * _BYTES_PER_PIXEL.get(encoding, 1)
    rows = height * 3 // 2 if encoding.startswith('nv') else height
    if width < 1 or height < 1 or step < row or num_bytes < step * (rows - 1) + row:
        raise ValueError(
            f'{num_bytes} bytes are no {width}x{height} {encoding} frame with step {step}'
        )
    if encoding.startswith(('yuv', 'nv')) and width % 2:
        raise ValueError(f'{encoding} needs an even width, not {width}')
    if encoding.startswith('nv') and height % 2:
        raise ValueError(f'{encoding} needs an even height, not {height}')
    if encoding.startswith('bayer') and min(width, height) < 3:
        raise ValueError(f'{encoding} needs 3x3 pixels or more, not {width}x{height}')
    return np.array([(width, height, step, FRAME_FORMATS.index(encoding))], FRAME)


def target_record(spec: ModelSpec, input_size: tuple[int, int], is_half: bool) -> np.ndarray:
    """Describe a network's input of this (width, height): (1,) TARGET."""
    return np.array(
        [(*input_size, spec.color == 'rgb', is_half, spec.mean, spec.std)], TARGET
    )


@dataclass(frozen=True)
class Views:
    """
    Regions of a frame, for the kernels.

    Attributes
    ----------
    records : (B,) VIEW
        What each is.
    tables : (B, 2 * (width + height)) int32
        Where each column, then each row of the input is sampled: two numbers each (warp.cu).
    """

    records: np.ndarray
    tables: np.ndarray

    def __len__(self) -> int:
        return len(self.records)

    def filled(self, number: int) -> Views:
        """Return at least so many views: the last one again and again."""
        missing = max(number - len(self), 0)
        return Views(
            np.concatenate([self.records, np.repeat(self.records[-1:], missing)]),
            np.concatenate([self.tables, np.repeat(self.tables[-1:], missing, axis=0)]),
        )


def table_bytes(input_size: tuple[int, int]) -> int:
    """Return the size of one view's table."""
    return 2 * sum(input_size) * 4


def views_of(
    input_from_image: np.ndarray, image_size: tuple[int, int], input_size: tuple[int, int]
) -> Views:
    """
    Describe regions of a frame.

    All that is the same for a row or a column is computed here, in double: a GPU has few units
    for that.

    Parameters
    ----------
    input_from_image : (B, 2, 3) float64
        Maps frame pixels to pixels of the network's input.
    image_size, input_size : (width, height)
        Of the frame and of the network's input, pixels.
    """
    records = np.zeros(len(input_from_image), VIEW)
    tables = np.zeros((len(records), 2 * sum(input_size)), np.int32)
    if not len(records):
        return Views(records, tables)
    image_from_input = geometry.invert(input_from_image)
    block = np.array([min(reduction(affine), *image_size) for affine in input_from_image])
    # Pixel i of the reduced frame is the middle of pixels i * block ... (i + 1) * block - 1.
    reduced_from_input = image_from_input.copy()
    reduced_from_input[:, :, 2] -= (block[:, None] - 1) / 2
    reduced_from_input /= block[:, None, None]
    records['image_from_input'] = image_from_input
    records['block'] = block
    input_from_reduced = geometry.invert(reduced_from_input)
    for i, side in enumerate(block):
        reduced_size = (image_size[0] // int(side), image_size[1] // int(side))
        rectangle = resized_rectangle(reduced_size, input_from_reduced[i], input_size)
        if rectangle is None:
            tables[i] = _affine_table(reduced_from_input[i], input_size)
            continue
        left, top, right, bottom = rectangle
        records['resized'][i] = (left, top, right - left, bottom - top)
        tables[i, 2 * left:2 * right] = _resize_table(right - left, reduced_size[0])
        at = 2 * input_size[0]
        tables[i, at + 2 * top:at + 2 * bottom] = _resize_table(bottom - top, reduced_size[1])
    return Views(records, tables)


def _affine_table(from_input: np.ndarray, input_size: tuple[int, int]) -> np.ndarray:
    """Return what each column and row adds to x and y, in units of 1/1024 pixel (OpenCV's)."""
    unit = 1024.0
    x, y = (np.arange(n)[:, None] for n in input_size)
    columns = np.rint(from_input[:, 0] * x * unit)
    rows = np.rint((from_input[:, 1] * y + from_input[:, 2]) * unit)
    limit = 2.0 ** 30  # a million pixels: far outside
    return np.clip(np.concatenate([columns, rows]).reshape(-1), -limit, limit).astype(np.int32)


def _resize_table(size: int, from_size: int) -> np.ndarray:
    """Return the first pixel, and the weights of it << 16 and of the next (resize.cpp, 1/2048)."""
    scale = 1.0 / (float(size) / from_size)
    position = ((np.arange(size) + 0.5) * scale - 0.5).astype(np.float32)
    first = np.floor(position).astype(np.int32)
    share = position - first.astype(np.float32)
    share[(first < 0) | (first >= from_size - 1)] = 0.0
    first = np.clip(first, 0, from_size - 1)
    unit, one = np.float32(2048.0), np.float32(1.0)
    weights, next_weights = (
        np.rint(part * unit).astype(np.int32) for part in (one - share, share)
    )
    return np.stack([first, weights << 16 | next_weights], axis=1).reshape(-1)


def decoder_record(
    spec: ModelSpec,
    input_size: tuple[int, int],
    max_people: int,
    min_center: float,
    is_half: bool,
) -> np.ndarray:
    """
    Describe how a network's maps are read.

    Parameters
    ----------
    spec : ModelSpec
        Of the network.
    input_size : (width, height)
        Of the network's input, pixels.
    max_people : int
        Largest number of people per view; 1 when a view is about one person.
    min_center : float
        Lower centres are nobody.
    is_half : bool
        Whether the outputs are float16, else float32.

    Returns
    -------
    (1,) DECODER
        For the kernels.

    Raises
    ------
    ValueError
        When the kernels have no room for the smoothing: no ModelSpec of a file has that.
    """
    if blur_radius(spec.blur_sigma) > MAX_BLUR_RADIUS:
        raise ValueError(f'{spec.name}: a blur_sigma of {spec.blur_sigma} is too large')
    width, height = input_size[0] // spec.stride, input_size[1] // spec.stride
    x_scale = y_scale = float(spec.stride)
    if spec.decoder == 'heatmaps' and spec.refinement == 'udp':
        # The first and the last pixel of the map are those of the input.
        x_scale, y_scale = (
            (side - 1) / (of_map - 1) for side, of_map in zip(input_size, (width, height))
        )
    return np.array(
        [(
            width, height, len(spec.keypoints), max_people, is_half,
            spec.weighting.get('kind') == 'gaussian', spec.weighting.get('value', 0.0),
            min_center, x_scale, y_scale, spec.offset_px, REFINEMENTS.index(spec.refinement),
            spec.blur_sigma, blur_radius(spec.blur_sigma), spec.score_scale,
        )],
        DECODER,
    )
