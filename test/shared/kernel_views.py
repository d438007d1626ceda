# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Regions of a frame for the kernels, and keypoints compared with those of the reference."""

from __future__ import annotations

import numpy as np

from pose_ros.core import geometry
from pose_ros.core.keypoints import Keypoints

IMAGE_SIZE = (640, 480)


def views_of(size: tuple[int, int], batch: int) -> np.ndarray:
    """Return different affines, one of them turned."""
    affines = [
        geometry.letterbox(IMAGE_SIZE, size),
        geometry.crop(np.array([300.0, 100.0, 420.0, 380.0]), size, 1.25),
        np.array([[0.7, 0.2, -30.0], [-0.2, 0.7, 20.0]]),
    ]
    return np.stack(affines)[np.arange(batch) % 3]


def in_image(people: Keypoints, input_from_image: np.ndarray) -> np.ndarray:
    """Return (N, 17, 3) x, y in pixels of the image, score."""
    xy = geometry.apply(geometry.invert(input_from_image), people.xy)
    return np.concatenate([xy, people.score[..., None]], axis=-1)


def assert_same(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.shape == expected.shape
    np.testing.assert_allclose(got[..., :2], expected[..., :2], rtol=0, atol=1e-3)
    np.testing.assert_allclose(got[..., 2], expected[..., 2], rtol=0, atol=1e-6)
