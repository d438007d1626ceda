# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernels as functions that enqueue on a stream: grids and the order of arguments."""

from __future__ import annotations

from typing import Any

from pose_ros.backends.tensorrt.kernels import THREADS

# Number of pointers that each takes; they take nothing else.
POINTERS = {
    'warp_views': 6, 'center_peaks': 6, 'middle_person': 5, 'keypoints_at_centers': 8,
    'keypoints_of_heatmaps': 4,
}


class KernelCalls:
    """
    The package's kernels on one stream. Every argument but sizes is an address on the GPU.

    Parameters
    ----------
    module : module of PyCUDA
        The package's PTX, loaded.
    stream : pycuda.driver.Stream
        Where they are enqueued.
    """

    def __init__(self, module: Any, stream: Any) -> None:
        self._stream = stream
        self._functions = {name: module.get_function(name) for name in POINTERS}
        for name, count in POINTERS.items():
            self._functions[name].prepare('P' * count)

    def warp(
        self, size: tuple[int, int], batch: int, frame: int, record: int, target: int, views: int,
        tables: int, out: int,
    ) -> None:
        """Write regions of a frame into a network's input of this (width, height)."""
        width, height = size
        grid = (-(-width // THREADS), height, batch)
        self._launch('warp_views', grid, frame, record, target, views, tables, out)

    def peaks(
        self, batch: int, centers: int, decoder: int, scratch: int, count: int, cell: int,
        score: int,
    ) -> None:
        """Find everybody in centre maps."""
        self._launch(
            'center_peaks', (batch, 1, 1), centers, decoder, scratch, count, cell, score
        )

    def middle_person(
        self, batch: int, centers: int, decoder: int, count: int, cell: int, score: int
    ) -> None:
        """Find the one person that each view is about in centre maps."""
        self._launch('middle_person', (batch, 1, 1), centers, decoder, count, cell, score)

    def keypoints(
        self, batch: int, people: int, number: int, maps: dict[str, int], decoder: int,
        views: int, count: int, cell: int, out: int,
    ) -> None:
        """Find `number` keypoints of up to `people` centres per view."""
        self._launch(
            'keypoints_at_centers', (number, people, batch), maps['heatmaps'], maps['regress'],
            maps['offsets'], decoder, views, count, cell, out,
        )

    def keypoints_of_heatmaps(
        self, batch: int, number: int, heatmaps: int, decoder: int, views: int, out: int
    ) -> None:
        """Find `number` keypoints of one person per view in plain heatmaps."""
        self._launch(
            'keypoints_of_heatmaps', (number, batch, 1), heatmaps, decoder, views, out
        )

    def _launch(self, name: str, grid: tuple[int, int, int], *pointers: int) -> None:
        self._functions[name].prepared_async_call(grid, (THREADS, 1, 1), self._stream, *pointers)
