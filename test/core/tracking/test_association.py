# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest

from pose_ros.core.tracking.assignment import assign
from pose_ros.core.tracking.association import match


def test_assignment_is_the_cheapest_of_all():
    rng = np.random.default_rng(0)
    for trial in range(300):
        n, m = rng.integers(1, 6, 2)
        cost = rng.integers(0, 4, (n, m)) * 1.0 if trial % 2 else rng.normal(size=(n, m))
        pairs = assign(cost)
        assert len(pairs) == min(n, m)
        assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
        wide = cost if n <= m else cost.T
        cheapest = min(
            wide[range(len(wide)), columns].sum()
            for columns in itertools.permutations(range(wide.shape[1]), len(wide))
        )
        assert sum(cost[pair] for pair in pairs) == pytest.approx(cheapest)


def test_nothing_below_the_minimum_is_matched():
    assert match(np.array([[0.29, 0.1], [0.5, np.nan]]), 0.3) == [(1, 0)]
    assert match(np.empty((0, 3)), 0.3) == []
    assert match(np.empty((2, 0)), 0.3) == []


def test_the_best_total_wins_over_the_best_pair():
    # Greedy would take 0.9 and leave the second row alone.
    similarity = np.array([[0.9, 0.8], [0.85, 0.0]])
    assert match(similarity, 0.3) == [(0, 1), (1, 0)]


def test_groups_do_not_disturb_each_other():
    rng = np.random.default_rng(3)
    similarity = np.zeros((40, 40))
    for i in range(0, 40, 2):
        similarity[i:i + 2, i:i + 2] = rng.uniform(0.4, 1.0, (2, 2))
    order = rng.permutation(40)
    pairs = match(similarity[:, order], 0.3)
    want = {
        (i + a, i + b)
        for i in range(0, 40, 2)
        for a, b in assign(-similarity[i:i + 2, i:i + 2])
    }
    assert {(i, order[j]) for i, j in pairs} == want
