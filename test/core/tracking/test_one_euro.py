# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from pose_ros.core.tracking.one_euro import OneEuroFilter


def scalar_one_euro(stamps, samples, min_cutoff, beta, d_cutoff):
    """Follow the paper's algorithm 1 and 2, one number at a time."""
    out, slope = [samples[0]], 0.0
    for i in range(1, len(samples)):
        dt = stamps[i] - stamps[i - 1]
        tau = 1.0 / (2 * np.pi * d_cutoff)
        a = 1.0 / (1.0 + tau / dt)
        slope = a * (samples[i] - out[-1]) / dt + (1 - a) * slope
        tau = 1.0 / (2 * np.pi * (min_cutoff + beta * abs(slope)))
        a = 1.0 / (1.0 + tau / dt)
        out.append(a * samples[i] + (1 - a) * out[-1])
    return np.array(out)


@pytest.mark.parametrize('start_s', [0.0, 5.0])
def test_agrees_with_the_paper_from_time_zero_and_at_irregular_steps(start_s):
    rng = np.random.default_rng(0)
    stamps = start_s + np.concatenate([[0.0], np.cumsum(rng.uniform(0.01, 0.1, 199))])
    samples = rng.normal(size=(200, 2, 3)).cumsum(axis=0)
    one_euro = OneEuroFilter(1.0, 0.3)
    got = np.array([one_euro.update(t, s) for t, s in zip(stamps, samples)])
    for i, j in np.ndindex(2, 3):
        want = scalar_one_euro(stamps, samples[:, i, j], 1.0, 0.3, 1.0)
        assert np.allclose(got[:, i, j], want)


def test_missing_samples_keep_their_past():
    one_euro = OneEuroFilter(1.0, 0.0)
    one_euro.update(0.0, np.array([0.0, np.nan]))
    assert np.array_equal(one_euro.update(0.1, np.array([np.nan, 7.0])), [0.0, 7.0])
    got = one_euro.update(0.2, np.array([1.0, np.nan]))
    a = 1.0 / (1.0 + 1.0 / (2 * np.pi * 0.2))
    assert np.allclose(got, [a, 7.0])
