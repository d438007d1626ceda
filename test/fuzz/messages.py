# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Messages and what networks give as fuzz targets: an input is some fields in bytes, then data.

The fields are always of a message's types: what does not fit them, the middleware refuses.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
import struct

import cv2
from mutation import in_turns, spoilt_bytes
import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest

from pose_ros.core.camera_image import ENCODINGS
from pose_ros.core.camera_model import CameraError, CameraModel
from pose_ros.core.decode.boxes import decode_boxes, decode_one_stage
from pose_ros.core.estimator.two_pass import usable_boxes
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.model_spec import ModelSpec
from pose_ros.core.pose3d.depth_lifting import lift
from pose_ros.core.pose3d.depth_noise import DepthError
from pose_ros.ros.conversions import camera_from_info
from pose_ros.ros.depth_images import DepthImageError, depth_from_msg
from pose_ros.ros.images import ImageError, image_from_msg

Parts = tuple[
    str, int, Callable[[int], Iterator[bytes]], Callable[[bytes], object],
    tuple[type[Exception], ...],
]
_FIELDS = struct.Struct('<BBBBHBB')  # encoding, byte order, width, height, step, 2 unused
# Model, coefficients, width, height, binning, offset and width of the region of interest.
_INFO = struct.Struct('<BBHHBBHHH')
_WIDTH, _HEIGHT = 16, 12
_NAMES = (*ENCODINGS, '8UC3', '16UC1', 'YUV422_8', '32FC1', 'hsv8', '')
_DEPTHS = ('16UC1', '32FC1', 'mono16', '8UC1')


def images() -> Parts:
    """Return the reader of sensor_msgs/Image, of every encoding."""
    noise = np.random.default_rng(0).integers(0, 256, 12 * _WIDTH * _HEIGHT, np.uint8).tobytes()
    good = []
    for i, name in enumerate(ENCODINGS):
        for step, rows in ((8 * _WIDTH, _HEIGHT), (_WIDTH, 3 * _HEIGHT)):
            rows = _HEIGHT * 3 // 2 if name in ('nv12', 'nv21') else rows
            good.append(_FIELDS.pack(i, 0, _WIDTH, _HEIGHT, step, 0, 0) + noise[:step * rows])

    def read(data: bytes) -> None:
        msg = _image(data, _NAMES)
        image = image_from_msg(msg)
        assert image.shape == (msg.height, msg.width, 3) and image.dtype == np.uint8
        image.sum()  # every byte of a view can be read

    return 'image', 150, in_turns(spoilt_bytes, good), read, (ImageError,)


def compressed_images() -> Parts:
    """Return the reader of sensor_msgs/CompressedImage: JPEG and PNG, padded, of sixteen bits."""
    picture = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    jpeg, png, deep = (
        cv2.imencode(ending, image)[1].tobytes() for ending, image in (
            ('.jpg', picture), ('.png', picture), ('.png', picture[..., 0].astype(np.uint16) * 16))
    )
    good = [jpeg, jpeg + bytes(len(jpeg)), png, png + bytes(64), deep]

    def read(data: bytes) -> None:
        image = image_from_msg(CompressedImage(format='jpeg', data=array('B', data)))
        assert image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8

    return 'JPEG and PNG', 60, in_turns(spoilt_bytes, good), read, (ImageError,)


def depth_images() -> Parts:
    """Return the reader of depth, raw and compressedDepth, and what is lifted with it."""
    xy = np.random.default_rng(0).uniform((0, 0), (_WIDTH, _HEIGHT), (2, 17, 2))
    people = Keypoints(
        xy.astype(np.float32), np.full((2, 17), 0.8, np.float32), np.full(2, 0.9, np.float32))
    camera = CameraModel.from_camera_info(
        _WIDTH, _HEIGHT, '', (), (14.0, 0, 8.0, 0, 14.0, 6.0, 0, 0, 1))
    assert camera is not None
    depth = np.full((_HEIGHT, _WIDTH), 2000, np.uint16)
    metres = np.full((_HEIGHT, _WIDTH), 2.0, np.float32)
    png = cv2.imencode('.png', depth)[1].tobytes()
    fields = [
        _FIELDS.pack(i, 0, _WIDTH, _HEIGHT, values.itemsize * _WIDTH, 0, 0) + values.tobytes()
        for i, values in enumerate((depth, metres))
    ]
    # An encoding beyond those of raw depth: the rest is a file of compressedDepth.
    files = [
        _FIELDS.pack(200 + i, 0, 0, 0, 0, 0, 0) + struct.pack('<iff', 0, 100.0, 1.0) + png
        for i in (0, 1)
    ]

    def read(data: bytes) -> None:
        if data[:1] < b'\xc8':
            found = depth_from_msg(_image(data, _DEPTHS))
        else:
            form = f'{_DEPTHS[data[0] % 2]}; compressedDepth png'
            found = depth_from_msg(
                CompressedImage(format=form, data=array('B', data[_FIELDS.size:])))
        joints = lift(found, camera, people).joints
        assert joints.position.shape == (2, 17, 3)
        assert not np.isinf(joints.position).any()

    return 'depth', 20, in_turns(spoilt_bytes, fields + files), read, (DepthImageError, DepthError)


def camera_infos() -> Parts:
    """Return the reader of camera_info, and the way of a pixel through the camera."""
    names = ('', 'plumb_bob', 'rational_polynomial', 'equidistant', 'Plumb_Bob', 'kannala_brandt4',
             'thin_prism', 'none')
    matrix = (500.0, 0, 320, 0, 500, 240, 0, 0, 1)
    projection = (500.0, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0)
    coefficients = (0.1, -0.2, 1e-3, 1e-3, 0.01, 0.1, 0.1, 0.01, *(4 * (1e-3,)), 0.01, 0.01)
    good = [
        _INFO.pack(i, len(d), 640, 480, 0, 0, 0, 0, 0)
        + np.array((*matrix, *projection, *d)).tobytes()
        for i, d in ((0, coefficients[:5]), (1, coefficients[:5]), (2, coefficients),
                     (2, coefficients[:8]), (3, coefficients[:4]), (5, coefficients[:4]))
    ]

    def read(data: bytes) -> None:
        name, count, width, height, bin_x, bin_y, *roi = _INFO.unpack(
            data[:_INFO.size].ljust(_INFO.size, b'\0'))
        values = np.frombuffer(data[_INFO.size:].ljust(40 * 8, b'\0')[:40 * 8], np.float64)
        info = CameraInfo(
            width=width, height=height, distortion_model=names[name % len(names)],
            k=values[:9], p=values[9:21], d=values[21:][:count].tolist(), binning_x=bin_x,
            binning_y=bin_y, roi=RegionOfInterest(x_offset=roi[0], y_offset=roi[1], width=roi[2]))
        for rectified in (False, True):
            camera = camera_from_info(info, rectified)
            if camera is not None:
                with np.errstate(all='ignore'):
                    assert camera.rays(np.zeros((3, 2))).shape == (3, 2)
                    assert camera.project(np.ones((3, 3))).shape == (3, 2)

    return 'camera_info', 60, in_turns(spoilt_bytes, good), read, (CameraError,)


def detector_outputs() -> Parts:
    """Return the readers of boxes and of people with joints, of whatever a network gives."""
    size, shapes = (64, 64), {
        'dets': (8, 5), 'yolox': (84, 7), 'yolov5': (20, 7), 'yolov8': (5 + 51, 20),
        'end_to_end': (8, 6 + 51),
    }
    random = np.random.default_rng(0)
    good = [
        bytes((i,)) + random.uniform(0.01, 60.0, shape).astype(np.float32).tobytes()
        for i, shape in enumerate(shapes.values())
    ]

    def read(data: bytes) -> None:
        form, shape = list(shapes.items())[data[0] % len(shapes)] if data else ('dets', (8, 5))
        length = 4 * shape[0] * shape[1]
        output = np.frombuffer(data[1:].ljust(length, b'\0')[:length], np.float32)
        joints = form in ('yolov8', 'end_to_end')
        decoder = 'one_stage' if joints else 'boxes'
        spec = ModelSpec('x', 'x', size, decoder, 0, {}, box_format=form)
        role = 'dets' if form == 'dets' else 'output'
        decode = decode_one_stage if joints else decode_boxes
        with np.errstate(all='ignore'):
            view, found = decode(  # type: ignore[operator]
                {role: output.reshape(1, *shape)}, spec, size, 30, 0.1)[:2]
        assert len(view) == len(found) <= 30
        if not joints:
            assert np.isfinite(found).all()
            usable_boxes(found, None, size)

    return 'detector output', 45, in_turns(spoilt_bytes, good), read, (ValueError,)


def _image(data: bytes, names: tuple[str, ...]) -> Image:
    number, order, width, height, step, *_ = _FIELDS.unpack(data[:8].ljust(8, b'\0'))
    return Image(
        encoding=names[number % len(names)], is_bigendian=order, width=width, height=height,
        step=step, data=array('B', data[8:]))
