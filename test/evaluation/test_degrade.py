# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Degraded photos: each kind does what its name says, and more of it does more."""

import numpy as np
import pytest

from pose_ros.evaluation import degrade


@pytest.fixture(scope='module')
def image():
    """Return a soft gradient with edges, (96, 128, 3)."""
    y, x = np.mgrid[:96, :128]
    image = np.stack([x, y, (x + y) // 2], axis=2).astype(np.uint8) + 60
    image[30:60, 40:80] = (30, 200, 120)
    return image


def degraded(image, text, seed=0):
    return degrade.degrade(image, degrade.parse(text), np.random.default_rng(seed))


def difference(image, text):
    return float(np.abs(degraded(image, text).astype(float) - image).mean())


@pytest.mark.parametrize('less, more', [
    ('jpeg:95', 'jpeg:20'), ('noise:3', 'noise:20'), ('blur:0.5', 'blur:3'),
    ('dark:0.8', 'dark:0.1'),
])
def test_more_changes_more_and_the_given_image_stays(image, less, more):
    before = image.copy()
    assert 0 < difference(image, less) < difference(image, more)
    assert np.array_equal(image, before)
    assert degraded(image, more).shape == image.shape and degraded(image, more).dtype == np.uint8


def test_the_amounts_are_what_they_say(image):
    noisy = degraded(np.full((200, 200, 3), 128, np.uint8), 'noise:10').astype(float)
    assert noisy.std() == pytest.approx(10, rel=0.03)
    assert noisy.mean() == pytest.approx(128, abs=0.3)
    # A quarter of the light is a quarter of the linear value.
    dark = degraded(np.full((200, 200, 3), 200, np.uint8), 'dark:0.25').astype(float)
    assert ((dark / 255) ** 2.2).mean() == pytest.approx(0.25 * (200 / 255) ** 2.2, rel=0.02)
    # A single line spreads to a Gaussian of that sigma.
    line = np.zeros((61, 61, 3), np.uint8)
    line[:, 30] = 255
    row = degraded(line, 'blur:3')[30, :, 0].astype(float)
    variance = (row * (np.arange(61) - 30) ** 2).sum() / row.sum()
    assert np.sqrt(variance) == pytest.approx(3, rel=0.05)


def test_noise_is_of_the_seed(image):
    assert np.array_equal(degraded(image, 'noise:5', 1), degraded(image, 'noise:5', 1))
    assert not np.array_equal(degraded(image, 'noise:5', 1), degraded(image, 'noise:5', 2))


def test_several_at_once_and_none(image):
    assert degrade.parse('dark:0.2,jpeg:68') == [('dark', 0.2), ('jpeg', 68.0)]
    assert degrade.parse('') == [] and degraded(image, '') is image


@pytest.mark.parametrize('text', ['rain:1', 'jpeg', 'jpeg:', 'jpeg:0', 'jpeg:nan', 'blur:30', ','])
def test_what_is_none_is_refused_in_a_line(text):
    with pytest.raises(ValueError, match=r'takes KIND:X of jpeg:1\.\.100') as caught:
        degrade.parse(text)
    assert '\n' not in str(caught.value)
