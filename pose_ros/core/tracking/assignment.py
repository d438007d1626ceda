# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The linear assignment problem: pairs of rows and columns at the smallest total cost."""

from __future__ import annotations

import numpy as np


def assign(cost: np.ndarray) -> list[tuple[int, int]]:
    """
    Solve the linear assignment problem: the Hungarian method with shortest augmenting paths.

    Jonker and Volgenant, A shortest augmenting path algorithm for dense and sparse linear
    assignment problems, Computing 38 (1987); O(n^2 m) for n <= m.

    Parameters
    ----------
    cost : (N, M) float
        Finite.

    Returns
    -------
    list of (row, column)
        min(N, M) pairs with the smallest total cost.
    """
    n, m = cost.shape
    if n > m:
        return sorted((row, column) for column, row in assign(cost.T))
    row_price = np.zeros(n)
    column_price = np.zeros(m)
    row_of = np.full(m, -1)
    for start in range(n):
        # Dijkstra from row `start` to the nearest free column over reduced costs.
        distance = np.full(m, np.inf)
        before = np.full(m, -1)
        done = np.zeros(m, bool)
        row, reached, column = start, 0.0, -1
        while True:
            offer = reached + cost[row] - row_price[row] - column_price
            better = ~done & (offer < distance)
            distance[better] = offer[better]
            before[better] = column
            column = int(np.argmin(np.where(done, np.inf, distance)))
            done[column] = True
            reached = distance[column]
            if row_of[column] < 0:
                break
            row = row_of[column]
        row_price[start] += reached
        visited = done & (row_of >= 0)
        row_price[row_of[visited]] += reached - distance[visited]
        column_price[done] -= reached - distance[done]
        while column >= 0:
            previous = int(before[column])
            row_of[column] = start if previous < 0 else row_of[previous]
            column = previous
    return sorted((int(row_of[column]), column) for column in range(m) if row_of[column] >= 0)
