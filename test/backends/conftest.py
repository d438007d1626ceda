# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The CUDA kernels compiled for the CPU by g++, and callable with NumPy arrays."""

from __future__ import annotations

import ctypes
import shutil

import numpy as np
import pytest

from pose_ros.backends.host_gpu.kernels import compile_kernels
from pose_ros.backends.tensorrt.kernels import structs
from pose_ros.core.backend import BackendError


class HostKernels:
    """
    The kernels on the CPU.

    Attributes
    ----------
    threads : int
        Per block.
    reversed : bool
        Whether the threads of a block run last one first.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.threads = 32
        self.reversed = False

    def launch(self, name: str, grid: tuple[int, int, int], *arrays: np.ndarray) -> None:
        assert all(a.flags.c_contiguous for a in arrays)
        pointers = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
        launch = getattr(self.library, f'host_{name}')
        launch.restype = ctypes.c_bool
        same_barriers = launch(
            (ctypes.c_uint * 3)(*grid), ctypes.c_uint(self.threads), int(self.reversed), pointers
        )
        assert same_barriers, f'{name}: threads of a block wait at different barriers'

    def warp(self, frame, record, views, target) -> np.ndarray:
        """Return the network's input, (B, 3, height, width) of the target's type."""
        width, height = int(target['width'][0]), int(target['height'][0])
        dtype = np.float16 if target['is_half'][0] else np.float32
        out = np.full((len(views), 3, height, width), np.nan, dtype)
        grid = (-(-width // self.threads), height, len(views))
        self.launch('warp_views', grid, frame, record, target, views, out)
        return out

    def peaks(self, centers, decoder):
        """Return count (B,), cell and score (B, max_people)."""
        people = int(decoder['max_people'][0])
        count = np.full(len(centers), -7, np.int32)
        cell = np.full((len(centers), people), -7, np.int32)
        score = np.full((len(centers), people), np.nan, np.float32)
        scratch = np.full(centers.size, -7, np.int32)
        self.launch(
            'center_peaks', (len(centers), 1, 1), centers, decoder, scratch, count, cell, score
        )
        return count, cell, score

    def middle_person(self, centers, decoder):
        """Return count (B,), cell and score (B, 1)."""
        count = np.full(len(centers), -7, np.int32)
        cell = np.full((len(centers), 1), -7, np.int32)
        score = np.full((len(centers), 1), np.nan, np.float32)
        self.launch('middle_person', (len(centers), 1, 1), centers, decoder, count, cell, score)
        return count, cell, score

    def keypoints(self, maps, decoder, views, count, cell) -> np.ndarray:
        """Return (B, max_people, K, 3): x, y, score; NaN where there is nobody."""
        people, number = int(decoder['max_people'][0]), int(decoder['keypoints'][0])
        out = np.full((len(views), people, number, 3), np.nan, np.float32)
        self.launch(
            'keypoints_at_centers', (number, people, len(views)), maps['heatmaps'],
            maps['regress'], maps['offsets'], decoder, views, count, cell, out,
        )
        return out

    def keypoints_of_heatmaps(self, heatmaps, decoder, views) -> np.ndarray:
        """Return (B, K, 3): x, y, score."""
        number = int(decoder['keypoints'][0])
        out = np.full((len(views), number, 3), np.nan, np.float32)
        self.launch(
            'keypoints_of_heatmaps', (number, len(views), 1), heatmaps, decoder, views, out
        )
        return out

    def keypoints_of_simcc(self, simcc_x, simcc_y, decoder, views) -> np.ndarray:
        """Return (B, K, 3): x, y, score."""
        number = int(decoder['keypoints'][0])
        out = np.full((len(views), number, 3), np.nan, np.float32)
        grid = (number, len(views), 1)
        self.launch('keypoints_of_simcc', grid, simcc_x, simcc_y, decoder, views, out)
        return out


@pytest.fixture(scope='session')
def host_library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Compile the kernels; takes about two seconds."""
    try:
        library = compile_kernels(tmp_path_factory.mktemp('kernels'))
    except BackendError as error:
        if shutil.which('g++') is None:
            pytest.skip(str(error))
        raise
    records = (structs.FRAME, structs.TARGET, structs.VIEW, structs.DECODER)
    assert [library.host_sizes(i) for i in range(4)] == [r.itemsize for r in records]
    return library


@pytest.fixture(params=[(1, False), (16, False), (16, True)], ids=['1', '16', '16-reversed'])
def host_kernels(host_library: ctypes.CDLL, request: pytest.FixtureRequest) -> HostKernels:
    """Run a test with several block sizes, and with the threads in either order."""
    host = HostKernels(host_library)
    host.threads, host.reversed = request.param
    return host
