# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Batches, made by threads ahead of the network.

Threads, not processes: OpenCV works outside of Python's lock, nothing has to be copied between
processes, and Ctrl-C leaves nobody behind. Each sample is a function of its place, so that the
number of threads changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from pose_ros.training.batch import Batch
from pose_ros.training.samples import Sample, SampleMaker

AHEAD = 3
"""Batches that are made before they are wanted."""


class Loader:
    """
    Makes the batches of an epoch.

    Parameters
    ----------
    maker : SampleMaker
        Makes the samples.
    batch_size : int
        Crops; the last batch of an epoch may be smaller.
    threads : int
        That make samples.
    """

    def __init__(self, maker: SampleMaker, batch_size: int, threads: int = 2) -> None:
        self.maker = maker
        self._batch_size = batch_size
        self._threads = threads

    def num_batches(self, passes: int = 1) -> int:
        """Count the batches of an epoch."""
        return -(-len(self.maker) * passes // self._batch_size)

    def epoch(self, epoch: int, passes: int = 1) -> Iterator[Batch]:
        """Yield the batches of a training epoch, people in random order."""
        return self._batches(self.maker.order(epoch, passes), epoch)

    def once(self) -> Iterator[Batch]:
        """Yield everybody once, in order."""
        return self._batches(np.arange(len(self.maker)), 0)

    def _batches(self, order: np.ndarray, epoch: int) -> Iterator[Batch]:
        places = iter(range(0, len(order), self._batch_size))
        waiting: deque[list[Future[Sample]]] = deque()
        with ThreadPoolExecutor(self._threads, thread_name_prefix='samples') as threads:
            try:
                for first in places:
                    part = range(first, min(first + self._batch_size, len(order)))
                    waiting.append([
                        threads.submit(self.maker.sample, int(order[place]), epoch, place)
                        for place in part
                    ])
                    if len(waiting) > AHEAD:
                        yield batch_of([sample.result() for sample in waiting.popleft()])
                while waiting:
                    yield batch_of([sample.result() for sample in waiting.popleft()])
            finally:
                # Also when the epoch is left in the middle: nothing more is begun.
                threads.shutdown(wait=False, cancel_futures=True)


def batch_of(samples: list[Sample]) -> Batch:
    """Put samples into one batch, in order."""
    return Batch(
        torch.from_numpy(np.stack([sample.crop for sample in samples])),
        torch.from_numpy(np.stack([sample.xy for sample in samples])),
        torch.from_numpy(np.stack([sample.weight for sample in samples])),
        torch.from_numpy(np.stack([sample.heatmaps for sample in samples])),
    )
