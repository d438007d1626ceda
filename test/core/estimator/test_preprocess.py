# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The network's input against plain NumPy: bilinear sampling written out."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.core import geometry
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.estimator import preprocess

SPEC = read_spec(find_model('movenet_thunder'))


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def smooth(height, width):
    return cv2.GaussianBlur(noise(height, width), (0, 0), 4)


def sampled(image, input_from_image, size):
    """Sample bilinearly; outside is black."""
    grid = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), axis=-1).reshape(-1, 2)
    xy = geometry.apply(geometry.invert(input_from_image), grid.astype(float)) + 1
    padded = np.pad(image.astype(float), ((1, 1), (1, 1), (0, 0)))
    low = np.floor(xy).astype(int)
    part = xy - low
    total = np.zeros((len(xy), 3))
    for dx in (0, 1):
        for dy in (0, 1):
            x, y = low[:, 0] + dx, low[:, 1] + dy
            inside = (x >= 0) & (y >= 0) & (x < padded.shape[1]) & (y < padded.shape[0])
            weight = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1]) * inside
            total += weight[:, None] * padded[y * inside, x * inside]
    return total.reshape(size[1], size[0], 3)


def test_the_identity_changes_nothing():
    image = noise(31, 47)
    np.testing.assert_array_equal(preprocess.warp(image, np.eye(2, 3), (47, 31)), image)


@pytest.mark.parametrize(
    'affine',
    [
        geometry.letterbox((64, 48), (40, 32)),
        geometry.letterbox((64, 48), (48, 48)),  # whole pixels: the quick way
        geometry.letterbox((64, 48), (160, 128)),
        geometry.crop(np.array([10.0, 5.0, 50.0, 40.0]), (40, 32), 1.2),
        geometry.crop(np.array([-20.0, -30.0, 30.0, 20.0]), (40, 32)),
        geometry.crop(np.array([50.3, 20.2, 90.0, 60.0]), (40, 32)),
        np.array([[-0.8, 0.0, 45.0], [0.0, 0.8, 3.0]]),
        np.array([[0.6, 0.3, 2.0], [-0.3, 0.6, 9.0]]),
    ],
)
def test_samples_are_bilinear_and_black_outside(affine):
    image = smooth(48, 64)
    got = preprocess.warp(image, affine, (48, 40)).astype(float)
    wanted = sampled(image, affine, (48, 40))
    # OpenCV rounds positions to 1/32 of a pixel: at the black rim that is up to 255 / 32 levels.
    assert np.abs(got - wanted).max() < 9
    assert np.abs(got - wanted).mean() < 0.5


def test_the_quick_way_is_used_for_camera_images(monkeypatch):
    def fail(*_, **__):
        raise AssertionError('the slow way')

    image = smooth(480, 640)
    affine = geometry.letterbox((640, 480), (448, 352))
    slow = cv2.warpAffine(image, affine, (448, 352), flags=cv2.INTER_LINEAR)
    monkeypatch.setattr(preprocess.cv2, 'warpAffine', fail)
    quick = preprocess.warp(image, affine, (448, 352))
    assert np.abs(quick.astype(int) - slow).max() <= 2


@pytest.mark.parametrize(
    ('step', 'block'), [(0.3, 1), (1, 1), (2.5, 1), (3.7, 1), (5, 2), (20, 8)]
)
def test_blocks_grow_with_the_step(step, block):
    assert preprocess.reduction(np.array([[1 / step, 0, 3.0], [0, 1 / step, 4.0]])) == block


def test_much_smaller_means_averaged_not_picked():
    image = np.zeros((1000, 1000, 3), np.uint8)
    image[::2] = 255  # stripes that picking single rows would turn all black or all white
    view = preprocess.warp(image, geometry.letterbox((1000, 1000), (100, 100)), (100, 100))
    assert np.abs(view.astype(int) - 127).max() <= 2


def test_averaging_moves_nothing():
    ramp = np.tile(np.arange(255, dtype=np.uint8)[None, :, None], (255, 1, 3))  # value = column
    affine = geometry.crop(np.array([13.0, 13.0, 241.0, 241.0]), (32, 32))
    assert preprocess.reduction(affine) == 3
    columns = geometry.apply(geometry.invert(affine), np.array([[x, 9.0] for x in range(32)]))
    got = preprocess.warp(ramp, affine, (32, 32)).astype(float)
    assert abs((got - columns[:, :1]).mean()) < 0.3  # a block's middle is 1 off its first pixel
    turned = preprocess.warp(ramp.transpose(1, 0, 2), affine, (32, 32))
    np.testing.assert_array_equal(turned, got.transpose(1, 0, 2))


@pytest.mark.parametrize('shape', [(1, 1), (1, 500), (700, 1), (3, 5), (33, 31), (2, 30000)])
def test_any_size_of_image_works(shape):
    image = np.full((*shape, 3), 200, np.uint8)
    view = preprocess.warp(image, geometry.letterbox(shape[::-1], (256, 128)), (256, 128))
    assert view.shape == (128, 256, 3)
    # A strip of less than one input pixel may fall between the samples.
    assert view.any() or min(shape) * 128 < max(shape)


@pytest.mark.parametrize(
    'box', [(900, 900, 950, 950), (-90, -90, -50, -50), (100, -900, 150, -800)]
)
def test_a_crop_outside_of_the_image_is_black(box):
    affine = geometry.crop(np.array(box, float), (64, 64))
    assert not preprocess.warp(noise(200, 300), affine, (64, 64)).any()


def test_network_input_is_normalised_per_channel_in_the_networks_order():
    image = noise(8, 12)
    spec = replace(SPEC, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))
    for color, order in (('rgb', [2, 1, 0]), ('bgr', [0, 1, 2])):
        out = np.full((2, 3, 8, 12), np.nan, np.float32)
        affines = np.stack([np.eye(2, 3), np.eye(2, 3)])
        preprocess.network_input(image, affines, preprocess.lookup_tables(spec), color, out)
        wanted = (image[:, :, order].astype(float) - spec.mean) / spec.std
        np.testing.assert_allclose(out[1], wanted.transpose(2, 0, 1), rtol=1e-6)
        np.testing.assert_array_equal(out[0], out[1])


def test_views_of_arrays_are_used_as_they_look():
    image = noise(20, 30)
    padded = np.zeros((20, 40, 3), np.uint8)
    padded[:, :30] = image
    as_sent = CameraImage(padded.reshape(-1), 'bgr8', 30, 20, 120).pixels()
    assert np.shares_memory(as_sent, padded)  # padded rows are not copied
    np.testing.assert_array_equal(preprocess.warp(as_sent, np.eye(2, 3), (30, 20)), image)
    for view in (padded[:, :30], image[::-1], image[:, ::-1], image[..., ::-1], image[::2, ::3]):
        rows = CameraImage.from_bgr(view).pixels()
        assert rows.strides[1:] == (3, 1) and rows.strides[0] > 0
        size = (view.shape[1], view.shape[0])
        np.testing.assert_array_equal(preprocess.warp(rows, np.eye(2, 3), size), view)


@pytest.mark.parametrize(
    'image',
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)),
     np.zeros((0, 4, 3), np.uint8), np.zeros((4, 0, 3), np.uint8), None, [[[1, 2, 3]]]],
)  # fmt: skip
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match='image'):
        CameraImage.from_bgr(image)
