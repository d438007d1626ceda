# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernel that makes the network's input, against NumPy and OpenCV."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import cv2
from fake_driver import FakeDriver
import numpy as np
import pytest

from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.backends.tensorrt.kernels import structs
from pose_ros.core import geometry
from pose_ros.core.estimator import preprocess

pytestmark = pytest.mark.gpu
THUNDER = read_spec(find_model('movenet_thunder'))
RAW = replace(THUNDER, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), color='bgr')
SIZE = (64, 48)
# Encoding: bytes per pixel, and OpenCV's conversion to BGR (as in ros/images.py).
CONVERSIONS = {
    'bgr8': (3, None),
    'rgb8': (3, cv2.COLOR_RGB2BGR),
    'bgra8': (4, cv2.COLOR_BGRA2BGR),
    'rgba8': (4, cv2.COLOR_RGBA2BGR),
    'mono8': (1, cv2.COLOR_GRAY2BGR),
    'yuv422': (2, cv2.COLOR_YUV2BGR_UYVY),
    'yuv422_yuy2': (2, cv2.COLOR_YUV2BGR_YUY2),
    'nv12': (1, cv2.COLOR_YUV2BGR_NV12),
    'nv21': (1, cv2.COLOR_YUV2BGR_NV21),
    'bayer_rggb8': (1, cv2.COLOR_BayerBG2BGR),
    'bayer_bggr8': (1, cv2.COLOR_BayerRG2BGR),
    'bayer_gbrg8': (1, cv2.COLOR_BayerGR2BGR),
    'bayer_grbg8': (1, cv2.COLOR_BayerGB2BGR),
}
AFFINES = {
    'letterbox, smaller': geometry.letterbox((331, 257), SIZE),
    'letterbox, larger': geometry.letterbox((40, 30), SIZE),
    'crop inside': geometry.crop(np.array([60.0, 50.0, 140.0, 120.0]), SIZE),
    'crop over the edge': geometry.crop(np.array([-50.0, -40.0, 30.0, 60.0]), SIZE, 1.3),
    'far outside': geometry.crop(np.array([900.0, 900.0, 950.0, 950.0]), SIZE),
    'turned': np.array([[0.31, 0.12, -20.0], [-0.12, 0.31, 10.0]]),
    'turned, much smaller': np.array([[0.09, -0.05, 20.0], [0.05, 0.09, 4.0]]),
}


def test_half_conversion_is_that_of_numpy(fake: FakeDriver) -> None:
    to_half, to_float = fake.kernels.host_half_from_float, fake.kernels.host_float_from_half
    to_half.argtypes, to_half.restype = [ctypes.c_float], ctypes.c_ushort
    to_float.argtypes, to_float.restype = [ctypes.c_ushort], ctypes.c_float
    halves = np.arange(65536, dtype=np.uint16)
    expected = halves.view(np.float16).astype(np.float32)
    np.testing.assert_array_equal([to_float(int(h)) for h in halves], expected)
    rng = np.random.default_rng(1)
    values = (rng.normal(size=20000) * 10.0 ** rng.uniform(-9, 6, 20000)).astype(np.float32)
    with np.errstate(over='ignore'):
        wanted = values.astype(np.float16)
    got = np.array([to_half(float(v)) for v in values], np.uint16).view(np.float16)
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize('encoding', structs.FRAME_FORMATS)
def test_colors_are_those_of_opencv_bit_for_bit(device_kernels, encoding: str) -> None:
    num_bytes, code = CONVERSIONS[encoding]
    width, height, padding = 38, 22, 5
    rng = np.random.default_rng(2)
    rows = height * 3 // 2 if encoding.startswith('nv') else height
    step = width * num_bytes + padding
    data = rng.integers(0, 256, (rows, step), np.uint8)
    pixels = np.ascontiguousarray(data[:, :width * num_bytes])
    if num_bytes > 1:
        pixels = pixels.reshape(rows, width, num_bytes)
    expected = pixels if code is None else cv2.cvtColor(pixels, code)
    record = structs.frame_record(encoding, width, height, step, data.size)
    target = structs.target_record(RAW, (width, height), False)
    views = structs.views_of(np.eye(2, 3)[None], (width, height), (width, height))
    got = device_kernels.warp(data, record, views, target)[0]
    np.testing.assert_array_equal(got, expected.transpose(2, 0, 1))


@pytest.mark.parametrize('is_half', [False, True])
def test_input_is_that_of_the_cpu_path(device_kernels, is_half: bool) -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (257, 331, 3), np.uint8)
    affines = np.stack(list(AFFINES.values()))
    record = structs.frame_record('bgr8', 331, 257, 993, image.size)
    views = structs.views_of(affines, (331, 257), SIZE)
    target = structs.target_record(THUNDER, SIZE, is_half)
    got = device_kernels.warp(image, record, views, target)
    expected = np.empty((len(affines), 3, SIZE[1], SIZE[0]), np.float32)
    preprocess.network_input(
        image, affines, preprocess.lookup_tables(THUNDER), THUNDER.color, expected
    )
    if is_half:
        expected = expected.astype(np.float16).astype(np.float32)
    for name, one, wanted in zip(AFFINES, got.astype(np.float32), expected):
        np.testing.assert_allclose(one, wanted, rtol=0, atol=1e-3, err_msg=name)
        assert (one.std() > 0.2) == (name != 'far outside'), name


@pytest.mark.parametrize('seed', range(4))
def test_random_crops_are_those_of_the_cpu_path(device_kernels, seed: int) -> None:
    """Crops as the second pass makes them, all in one launch, from frames of any size."""
    rng = np.random.default_rng(seed)
    width, height = (int(n) for n in rng.integers(20, 700, 2))
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    corners = np.sort(rng.uniform(-0.3, 1.3, (4, 2, 2)), axis=1) * (width, height)
    affines = geometry.crop(corners.reshape(4, 4), SIZE, rng.uniform(1, 1.5))
    affines[::2] = geometry.mirrored(affines[::2], SIZE[0])  # as flip_test asks for
    record = structs.frame_record('bgr8', width, height, 3 * width, image.size)
    views = structs.views_of(affines, (width, height), SIZE)
    got = device_kernels.warp(image, record, views, structs.target_record(THUNDER, SIZE, False))
    expected = np.empty_like(got)
    preprocess.network_input(
        image, affines, preprocess.lookup_tables(THUNDER), THUNDER.color, expected
    )
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ('encoding', 'width', 'height', 'step', 'num_bytes'),
    [
        ('bgr8', 640, 480, 1919, 10**7),
        ('bgr8', 640, 480, 1920, 480 * 1920 - 1),
        ('bgr8', 0, 480, 1920, 10**7),
        ('nv12', 640, 480, 640, 640 * 720 - 1),
        ('nv12', 640, 481, 640, 10**7),
        ('yuv422', 641, 480, 1284, 10**7),
        ('bayer_rggb8', 2, 480, 2, 10**7),
        ('32FC1', 640, 480, 2560, 10**7),
    ],
)
def test_frames_that_would_be_read_beyond_their_end_are_refused(
    encoding: str, width: int, height: int, step: int, num_bytes: int
) -> None:
    with pytest.raises(ValueError, match=encoding):
        structs.frame_record(encoding, width, height, step, num_bytes)


def test_last_row_may_lack_its_padding() -> None:
    structs.frame_record('bgr8', 10, 4, 40, 3 * 40 + 30)


def test_some_views_are_averaged_over_blocks() -> None:
    views = structs.views_of(np.stack(list(AFFINES.values())), (331, 257), SIZE)
    assert views.records['block'].min() == 1 and views.records['block'].max() >= 3


@pytest.mark.parametrize(
    ('image_size', 'input_size'),
    [
        ((640, 480), (448, 352)), ((1280, 720), (448, 256)), ((1920, 1080), (448, 256)),
        ((300, 200), (160, 128)), ((96, 64), (96, 64)), ((480, 640), (192, 256)),
    ],
)
def test_whole_images_are_those_of_the_cpu_path(device_kernels, image_size, input_size) -> None:
    """Samples whole images by cv2.resize where it can; so do the kernels."""
    rng = np.random.default_rng(5)
    width, height = image_size
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    affines = geometry.letterbox(image_size, input_size)[None]
    record = structs.frame_record('bgr8', width, height, 3 * width, image.size)
    views = structs.views_of(affines, image_size, input_size)
    got = device_kernels.warp(
        image, record, views, structs.target_record(THUNDER, input_size, False)
    )
    expected = np.empty_like(got)
    preprocess.network_input(
        image, affines, preprocess.lookup_tables(THUNDER), THUNDER.color, expected
    )
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-3)


def test_both_ways_of_sampling_are_tested() -> None:
    sizes = [((640, 480), (448, 352)), ((331, 257), SIZE)]
    views = [structs.views_of(geometry.letterbox(*s)[None], *s).records[0] for s in sizes]
    assert [view['resized'].tolist() for view in views] == [[0, 8, 448, 336], [0, 0, 0, 0]]
