# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Covariances as ellipsoids: half axes and attitude, for drawing."""

from __future__ import annotations

import numpy as np

CHI2_95 = {2: 5.991464547, 3: 7.814727903}
"""95 % quantile of the chi-square distribution, by degrees of freedom (any table of it)."""


def ellipsoids(covariance: np.ndarray, chi2: float) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the ellipsoids x^T C^-1 x = chi2 of covariances C, by their eigen decomposition.

    Parameters
    ----------
    covariance : (N, 3, 3) float
        m^2, symmetric, finite. Eigenvalues below zero (rounding) count as zero.
    chi2 : float
        Squared radius in sigmas: `CHI2_95[3]` encloses 95 % of a normal distribution.

    Returns
    -------
    half_axes : (N, 3) float64
        m, ascending.
    quaternion : (N, 4) float64
        x, y, z, w of unit length: turns the axes of the frame into those of the ellipsoid.
    """
    values, axes = np.linalg.eigh(np.asarray(covariance, np.float64))
    # The eigenvectors may be a mirror image; a rotation is wanted.
    mirrored = np.linalg.det(axes) < 0
    axes[mirrored, :, 0] *= -1.0
    return np.sqrt(np.maximum(values, 0.0) * chi2), quaternions(axes)


def quaternions(rotation: np.ndarray) -> np.ndarray:
    """
    Return rotation matrices as quaternions.

    After Bar-Itzhack, "New method for extracting the quaternion from a rotation matrix" (Journal
    of Guidance, Control, and Dynamics 23, 2000), version 1: the eigenvector of the largest
    eigenvalue of a symmetric 4x4 matrix; no special cases.

    Parameters
    ----------
    rotation : (N, 3, 3) float
        Its columns are the turned axes.

    Returns
    -------
    (N, 4) float64
        x, y, z, w of unit length, w >= 0.
    """
    r = np.asarray(rotation, np.float64)
    k = np.empty((len(r), 4, 4))
    k[:, :3, :3] = r + np.swapaxes(r, 1, 2)
    trace = np.trace(r, axis1=1, axis2=2)
    k[:, :3, :3] -= trace[:, None, None] * np.eye(3)
    k[:, 3, 3] = trace
    k[:, 3, 0] = k[:, 0, 3] = r[:, 2, 1] - r[:, 1, 2]
    k[:, 3, 1] = k[:, 1, 3] = r[:, 0, 2] - r[:, 2, 0]
    k[:, 3, 2] = k[:, 2, 3] = r[:, 1, 0] - r[:, 0, 1]
    found = np.linalg.eigh(k)[1][:, :, -1]
    return np.where(found[:, 3:] < 0, -found, found)
