# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Ellipsoids enclose what they claim, and point where the covariance does."""

import numpy as np
import pytest

from pose_ros.core.pose3d.ellipsoids import CHI2_95, ellipsoids


def turned(quaternion, vectors):
    """Rotate vectors (..., 3) by a quaternion x, y, z, w, by its definition q v q*."""
    axis, w = quaternion[:3], quaternion[3]
    twice = 2.0 * np.cross(axis, vectors)
    return vectors + w * twice + np.cross(axis, twice)


def random_covariance(rng):
    root = rng.normal(size=(3, 3)) * rng.uniform(0.01, 1.0, 3)
    return root @ root.T


def test_95_percent_of_the_samples_lie_inside():
    rng = np.random.default_rng(3)
    covariance = random_covariance(rng)
    half_axes, quaternion = (a[0] for a in ellipsoids(covariance[None], CHI2_95[3]))
    samples = rng.multivariate_normal(np.zeros(3), covariance, 40_000)
    conjugate = quaternion * [-1, -1, -1, 1]
    inside = ((turned(conjugate, samples) / half_axes) ** 2).sum(axis=1) < 1.0
    assert inside.mean() == pytest.approx(0.95, abs=0.004)


def test_axes_and_attitude_give_the_covariance_back():
    rng = np.random.default_rng(4)
    covariances = np.array([random_covariance(rng) for _ in range(50)])
    half_axes, attitude = ellipsoids(covariances, 4.0)
    assert (np.diff(half_axes, axis=1) >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(attitude, axis=1), 1.0)
    for covariance, half, quaternion in zip(covariances, half_axes, attitude):
        axes = turned(quaternion, np.eye(3)) * (half / 2.0)[:, None]
        np.testing.assert_allclose(axes.T @ axes, covariance, atol=1e-9)


def test_flat_and_slightly_negative_covariances():
    flat = np.diag([0.04, 0.01, -1e-12])
    half_axes, _ = ellipsoids(flat[None], CHI2_95[2])
    np.testing.assert_allclose(half_axes[0], np.sqrt([0.0, 0.01 * 5.9915, 0.04 * 5.9915]),
                               atol=1e-5)
    assert ellipsoids(np.empty((0, 3, 3)), 1.0)[1].shape == (0, 4)
