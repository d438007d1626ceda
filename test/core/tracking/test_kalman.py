# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from pose_ros.core.tracking import kalman


@pytest.mark.parametrize('order', [2, 3])
def test_noise_and_transition_are_exact_two_half_steps_equal_one(order):
    F, Q = kalman.transition(0.05, order), kalman.process_noise(0.05, order)
    assert np.allclose(F @ F, kalman.transition(0.1, order))
    assert np.allclose(F @ Q @ F.T + Q, kalman.process_noise(0.1, order))


def test_noise_of_constant_velocity_is_the_textbook_one():
    assert np.allclose(kalman.process_noise(0.5, 2), [[0.125 / 3, 0.125], [0.125, 0.5]])


def test_agrees_with_the_textbook_matrix_form():
    rng = np.random.default_rng(1)
    x, root = rng.normal(size=(4, 17, 3, 2)), rng.normal(size=(4, 17, 3, 3))
    P = root @ np.swapaxes(root, -1, -2)
    z, R = rng.normal(size=(4, 17, 2)), rng.uniform(0.5, 2.0, (4, 17))
    use = rng.random((4, 17)) < 0.7
    y, S = kalman.innovation(x, P, z, R)
    got_x, got_P = kalman.update(x, P, np.where(use[..., None], y, np.nan), S, use)
    H = np.array([[1.0, 0.0, 0.0]])
    for n, k in np.ndindex(4, 17):
        want_x, want_P = x[n, k], P[n, k]
        if use[n, k]:
            K = P[n, k] @ H.T / (H @ P[n, k] @ H.T + R[n, k])
            want_x = x[n, k] + K @ (z[n, k][None] - H @ x[n, k])
            want_P = (np.eye(3) - K @ H) @ P[n, k]
        assert np.allclose(got_x[n, k], want_x)
        assert np.allclose(got_P[n, k], want_P)
    assert np.allclose(got_P, np.swapaxes(got_P, -1, -2))


@pytest.mark.parametrize('order', [2, 3])
def test_covariance_is_honest_where_the_model_is_true(order):
    # 500 points driven by the very noise of the model, irregular steps: the normalised
    # estimation error squared of (position, velocity) and the normalised innovation squared
    # have to average 2 * order and 2 within the 95 % band of their chi-square.
    rng = np.random.default_rng(2)
    n, density, R = 500, 40.0, 4.0
    truth = np.zeros((n, order, 2))
    P0 = np.diag([R, 100.0, 50.0][:order])
    x = rng.normal(size=(n, order, 2)) * np.sqrt(np.diag(P0))[:, None]
    P = np.tile(P0, (n, 1, 1))
    nees, nis = [], []
    for _ in range(100):
        dt_s = rng.uniform(0.01, 0.1)
        F, Q = kalman.transition(dt_s, order), density * kalman.process_noise(dt_s, order)
        truth = F @ truth + np.linalg.cholesky(Q) @ rng.normal(size=truth.shape)
        x, P = kalman.predict(x, P, F, np.tile(Q, (n, 1, 1)))
        z = truth[:, 0] + rng.normal(size=(n, 2)) * np.sqrt(R)
        y, S = kalman.innovation(x, P, z, np.full(n, R))
        nis.append(kalman.mahalanobis_squared(y, S).mean())
        x, P = kalman.update(x, P, y, S, np.ones(n, bool))
        error = x - truth
        nees.append(np.einsum('nia,nia->n', error, np.linalg.solve(P, error)).mean())
    # Mean of n * steps chi-squares of 2 d degrees of freedom: variance 4 d / n each step. Errors
    # of successive steps are correlated, so the band of one step is asked of 80 % of them.
    for values, d in ((nis, 2), (nees, 2 * order)):
        band = 1.96 * np.sqrt(2 * d / n)
        assert abs(np.mean(values) - d) < band / 2
        assert np.mean(np.abs(np.array(values) - d) < band) > 0.8


def test_predict_changes_nothing_given():
    x, P = np.ones((1, 17, 2, 2)), np.tile(np.eye(2), (1, 17, 1, 1))
    F = kalman.transition(1.0, 2)
    later, grown = kalman.predict(x, P, F, np.zeros_like(P))
    assert np.all(x == 1) and np.all(P == np.eye(2))
    assert np.all(later[:, :, 0] == 2) and np.all(grown[..., 0, 0] == 2)
