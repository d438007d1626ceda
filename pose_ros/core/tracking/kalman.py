# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A Kalman filter for points of the image plane, vectorised over any number of points.

The letters are the field's: state x, its covariance P, transition F, process noise Q, measurement
z, its matrix H and noise R, innovation y with covariance S, gain K. Formulas: Bar-Shalom, Li and
Kirubarajan, Estimation with Applications to Tracking and Navigation (2001), chapters 5 and 6.

The noise is taken to be the same along both axes of the image and independent between them. Then
one P serves both, and the shapes are

    x (..., D, 2)   rows: position px, velocity px/s, acceleration px/s^2 (D = 3); columns u, v
    P (..., D, D)   of either column
    H = [1, 0, ..]  the position is what is measured
    z (..., 2), R (...), S (...)

Time steps are in seconds and may differ from step to step.
"""

from __future__ import annotations

from math import exp, factorial

import numpy as np


def transition(dt_s: float, order: int) -> np.ndarray:
    """
    Return F of constant velocity (order 2) or constant acceleration (order 3).

    Returns
    -------
    (order, order) float64
    """
    F = np.zeros((order, order))
    for i in range(order):
        for j in range(i, order):
            F[i, j] = dt_s ** (j - i) / factorial(j - i)
    return F


def process_noise(dt_s: float, order: int) -> np.ndarray:
    """
    Return Q for white noise of unit spectral density, integrated exactly.

    The noise is the acceleration (order 2; density in px^2/s^3) or the jerk (order 3; px^2/s^5):
    Q[i, j] = integral over s in [0, dt] of s^a / a! * s^b / b!, a = order-1-i, b = order-1-j.
    Being exact, two steps of dt/2 give what one step of dt gives.

    Returns
    -------
    (order, order) float64
    """
    Q = np.empty((order, order))
    for i in range(order):
        for j in range(order):
            a, b = order - 1 - i, order - 1 - j
            Q[i, j] = dt_s ** (a + b + 1) / ((a + b + 1) * factorial(a) * factorial(b))
    return Q


def relaxing_transition(dt_s: float, relaxation_s: float) -> np.ndarray:
    """
    Return F of a velocity that relaxes to zero with a time constant.

    It is the Ornstein-Uhlenbeck velocity: dv = -v dt / tau + noise. With tau to infinity it
    becomes constant velocity.

    Returns
    -------
    (2, 2) float64
    """
    decay = exp(-dt_s / relaxation_s)
    return np.array([[1.0, relaxation_s * (1.0 - decay)], [0.0, decay]])


def relaxing_process_noise(dt_s: float, relaxation_s: float) -> np.ndarray:
    """
    Return Q of `relaxing_transition`, for white noise of unit spectral density on the velocity.

    Integrated exactly: Gillespie, Exact numerical simulation of the Ornstein-Uhlenbeck process
    and its integral, Physical Review E 54 (1996), equations 2.9a to 2.9d.

    Returns
    -------
    (2, 2) float64
        Noise density in px^2/s^3 gives px^2, px^2/s and px^2/s^2.
    """
    tau = relaxation_s
    decay = exp(-dt_s / tau)
    # The difference of nearly equal numbers must not come out below 0 at tiny steps.
    place = max(dt_s - 2.0 * tau * (1.0 - decay) + tau / 2.0 * (1.0 - decay**2), 0.0)
    both = tau**2 / 2.0 * (1.0 - decay) ** 2
    return np.array([[tau**2 * place, both], [both, tau / 2.0 * (1.0 - decay**2)]])


def predict(
    x: np.ndarray, P: np.ndarray, F: np.ndarray, Q: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """
    Carry the state forward: x = F x, P = F P F' + Q.

    Parameters
    ----------
    x : (..., D, 2) float64
    P : (..., D, D) float64
    F : (D, D) float64
    Q : (..., D, D) float64
        Process noise of each point.

    Returns
    -------
    x, P
        New arrays; the given ones stay unchanged.
    """
    return F @ x, F @ P @ F.T + Q


def innovation(
    x: np.ndarray, P: np.ndarray, z: np.ndarray, R: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """
    Compare a measurement with the state: y = z - H x, S = H P H' + R.

    Parameters
    ----------
    z : (..., 2) float64
        Pixels.
    R : (...) float64
        Variance along either axis, px^2.

    Returns
    -------
    y : (..., 2) float64
        Pixels.
    S : (...) float64
        Variance of y along either axis, px^2.
    """
    return z - x[..., 0, :], P[..., 0, 0] + R


def update(
    x: np.ndarray, P: np.ndarray, y: np.ndarray, S: np.ndarray, use: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """
    Correct the state by an innovation: K = P H' / S, x = x + K y, P = P - K H P.

    Parameters
    ----------
    y, S
        From `innovation`; y may be NaN where `use` is false.
    use : (...) bool
        Where there is a measurement to use; elsewhere x and P stay as they are.

    Returns
    -------
    x, P
        New arrays; the given ones stay unchanged.
    """
    K = P[..., :, 0] * np.where(use, 1.0 / S, 0.0)[..., None]
    y = np.where(use[..., None], y, 0.0)
    # K H P = P H' H P / S is symmetric, so P stays symmetric.
    return x + K[..., None] * y[..., None, :], P - K[..., :, None] * P[..., None, 0, :]


def mahalanobis_squared(y: np.ndarray, S: np.ndarray) -> np.ndarray:
    """
    Return y' S^-1 y of points: chi-square with 2 degrees of freedom when the model is right.

    Returns
    -------
    (...) float64
        Also called NIS; NaN where y is NaN.
    """
    return np.einsum('...i,...i->...', y, y) / S
