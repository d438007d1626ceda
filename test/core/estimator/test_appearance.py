# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Descriptors of appearance: of painted people, in every encoding, under other light."""

import numpy as np
import pytest

from pose_ros.core import skeleton as sk
from pose_ros.core.body import STANDING
from pose_ros.core.camera_image import ENCODINGS, CameraImage
from pose_ros.core.colors import bgr_from
from pose_ros.core.estimator.appearance import BINS, REGION_SIZE, REGIONS, SIZE, describe

XY = STANDING[None] * 200 + [160.0, 20.0]
RED, GREEN, BLUE, GREY = (30, 30, 200), (40, 160, 50), (180, 60, 40), (120, 120, 120)


def painted(torso=RED, thighs=BLUE, shins=GREY, height=240):
    """Return an image of a person at XY: bands of colour as wide as the body, BGR."""
    image = np.full((height, 320, 3), 100, np.uint8)
    image += np.random.default_rng(0).integers(0, 40, image.shape, np.uint8)
    for color, top, bottom in ((torso, 5, 11), (thighs, 11, 13), (shins, 13, 15)):
        rows = slice(int(XY[0, top, 1]), int(XY[0, bottom, 1]))
        image[rows, 134:187] = color
    return image


def seen(image, xy=XY):
    return describe(CameraImage.from_bgr(image), xy)


def distance(one, other):
    """Return the mean Hellinger distance of the regions, 0 to 1."""
    shared = np.sqrt(one * other).reshape(REGIONS, REGION_SIZE).sum(axis=1)
    return np.sqrt(np.maximum(1.0 - shared, 0.0)).mean()


def test_each_region_has_its_own_colour():
    found = seen(painted())
    assert found.shape == (1, SIZE) and found.dtype == np.float32 and SIZE <= 128
    np.testing.assert_allclose(found.reshape(REGIONS, -1).sum(axis=1), 1.0, atol=1e-5)
    red_green = found.reshape(REGIONS, REGION_SIZE)[:, :BINS[0]].argmax(axis=1)
    yellow_blue = found.reshape(REGIONS, REGION_SIZE)[:, BINS[0]:BINS[0] + BINS[1]].argmax(axis=1)
    assert red_green[0] == BINS[0] - 1 and red_green[2] in (BINS[0] // 2 - 1, BINS[0] // 2)
    assert yellow_blue[1] <= 2 < yellow_blue[2]
    # Only the region that was painted anew changes.
    other = seen(painted(thighs=GREEN)).reshape(REGIONS, -1)
    change = np.abs(other - found.reshape(REGIONS, -1)).sum(axis=1)
    assert change[1] > 1.0 and change[[0, 2]].max() < 0.2


@pytest.mark.parametrize('gain', [(0.5, 0.5, 0.5), (1.25, 1.25, 1.25), (0.8, 1.0, 1.15)])
def test_other_light_changes_less_than_other_clothes(gain):
    image = painted()
    lit = np.clip(image * np.array(gain), 0, 255).astype(np.uint8)
    assert distance(seen(image), seen(lit)) < 0.15
    assert distance(seen(image), seen(painted(thighs=GREEN))) > 0.25


def test_size_of_the_image_changes_little():
    large = np.kron(painted(), np.ones((3, 3, 1), np.uint8))
    assert distance(seen(painted()), seen(large, XY * 3 + 1)) < 0.1


def test_what_is_not_seen_is_zero():
    xy = np.repeat(XY, 5, axis=0)
    xy[0, sk.LEFT_HIP] = np.nan  # no torso; the right leg remains
    xy[1, [sk.LEFT_ANKLE, sk.RIGHT_ANKLE]] = np.nan
    xy[2] += [0.0, 130.0]  # the legs are below the image
    xy[3] += 1e4
    xy[4] = np.nan
    there = seen(painted(), xy).reshape(5, REGIONS, -1).any(axis=2)
    np.testing.assert_array_equal(
        there, [[0, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]])
    assert seen(painted(), XY[:0]).shape == (0, SIZE)


def test_all_in_one_point_is_no_error():
    assert np.isfinite(seen(painted(), np.full((1, 17, 2), 50.0))).all()


def test_grey_images_say_nothing():
    grey = painted().mean(axis=2, keepdims=True).astype(np.uint8)
    assert not seen(np.repeat(grey, 3, axis=2)).any()
    mono = CameraImage(grey.reshape(-1), 'mono8', 320, 240, 320)
    assert not describe(mono, XY).any()


def as_sent(encoding):
    """Return random bytes in an encoding, of blocks of colours for Bayer patterns."""
    width, height, step = 320, 240, 2600
    rows = height * {'nv12': 3, 'nv21': 3, 'nv24': 6}.get(encoding, 2) // 2
    data = np.random.default_rng(1).integers(0, 256, (rows, step), np.uint8)
    if encoding.startswith('bayer'):
        colors = np.kron(data[:6, :24].reshape(6, 8, 3), np.ones((40, 40, 1), np.uint16))
        pixels = data.view(np.uint16) if encoding.endswith('16') else data
        for n, letter in enumerate(encoding[6:10]):
            place = np.s_[n // 2::2, n % 2:width:2]
            pixels[place] = colors[..., 'rgb'.index(letter)][place] * (
                257 if encoding.endswith('16') else 1)
    return CameraImage(data.reshape(-1), encoding, width, height, step)


@pytest.mark.parametrize('encoding', [e for e in ENCODINGS if not e.startswith('mono')])
def test_every_encoding_is_read_as_opencv_does(encoding):
    image = as_sent(encoding)
    found, expected = describe(image, XY), seen(bgr_from(image))
    assert expected.any()
    # Between two blocks of a Bayer pattern OpenCV mixes their colours.
    swapped = seen(bgr_from(image)[..., ::-1])
    assert distance(found, expected) < 0.4 * distance(swapped, expected)
