# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The memory of one network's passes: made once for the largest, so that addresses never change.

Parameters go up and people come down in one copy each, through pinned memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Any

import numpy as np

from pose_ros.backends.tensorrt.kernels import structs
from pose_ros.core.backend import BackendError, ModelSpec
from pose_ros.core.joint_names import in_our_order
from pose_ros.core.keypoints import Keypoints

# Bytes before the views in the parameters; a multiple of 8, which their doubles need.
_HEAD_BYTES = structs.FRAME.itemsize + structs.TARGET.itemsize + structs.DECODER.itemsize


@dataclass(frozen=True)
class People:
    """
    What a pass found, as it comes from the GPU.

    Attributes
    ----------
    count : (B,) int32
        People per view; -1 when the network's numbers were not finite.
    score : (B, P) float32
        Of the centres; for networks without, the mean of the keypoints' scores.
    keypoints : (B, P, K, 3) float32
        x, y in frame pixels, score; those of the network, in its order.
    """

    count: np.ndarray
    score: np.ndarray
    keypoints: np.ndarray


class PassBuffers:
    """
    Buffers for up to `batch` views.

    Parameters
    ----------
    cuda : module
        pycuda.driver.
    batch, people, keypoints : int
        Views per pass; people per view; keypoints per person.
    cells : int
        Pixels of a centre map of one view; 1 for a network without.
    input_size : (width, height)
        Of the largest input of the network, pixels.
    input_bytes : int
        Of the network's input, all views.
    map_bytes : dict
        Of each output tensor, all views, by name.
    read : sequence of str
        The outputs that come down.

    Attributes
    ----------
    input : int
        Address of the network's input.
    maps : dict
        Address of each output tensor by name.
    frame, target, decoder, views, tables : int
        Addresses of the parameters: records of `kernels.structs`.
    scratch, cell : int
        Addresses of what the kernels leave for each other.
    count, score, keypoints : int
        Addresses of the results: of each view, of each person, of each keypoint.
    """

    def __init__(
        self, cuda: Any, batch: int, people: int, keypoints: int, cells: int,
        input_size: tuple[int, int], input_bytes: int, map_bytes: dict[str, int],
        read: Sequence[str] = (),
    ) -> None:
        self._cuda = cuda
        self._shape = (batch, people, keypoints)
        self._views_bytes = batch * structs.VIEW.itemsize
        up_bytes = _HEAD_BYTES + self._views_bytes + batch * structs.table_bytes(input_size)
        self._ends = 4 * np.cumsum([batch, batch * people, 3 * batch * people * keypoints])
        down_bytes = int(self._ends[-1])
        self._memory: list[Any] = []
        self.input = self._allocate(input_bytes)
        self.maps = {name: self._allocate(size) for name, size in map_bytes.items()}
        self.scratch = self._allocate(4 * batch * cells)
        self.cell = self._allocate(4 * batch * people)
        self.frame = self._allocate(up_bytes)
        self._up = self._memory[-1]
        self.count = self._allocate(down_bytes)
        self._down = self._memory[-1]
        self._up_host = cuda.pagelocked_empty(up_bytes, np.uint8)
        self._down_host = cuda.pagelocked_empty(down_bytes, np.uint8)
        self._maps_host = {
            name: cuda.pagelocked_empty(map_bytes[name], np.uint8) for name in read
        }
        self.target = self.frame + structs.FRAME.itemsize
        self.decoder = self.target + structs.TARGET.itemsize
        self.views = self.frame + _HEAD_BYTES
        self.tables = self.views + self._views_bytes
        self.score, self.keypoints = (self.count + int(end) for end in self._ends[:2])

    def _allocate(self, num_bytes: int) -> int:
        self._memory.append(self._cuda.mem_alloc(num_bytes))
        return int(self._memory[-1])

    def write(
        self, frame: np.ndarray, target: np.ndarray, decoder: np.ndarray, views: structs.Views
    ) -> None:
        """Put the parameters of the next pass where `upload` takes them; none may be under way."""
        at = 0
        for record in (frame, target, decoder, views.records):
            self._up_host[at:at + record.nbytes] = record.view(np.uint8).reshape(-1)
            at += record.nbytes
        at = _HEAD_BYTES + self._views_bytes
        tables = views.tables
        self._up_host[at:at + tables.nbytes] = tables.view(np.uint8).reshape(-1)

    def upload(self, stream: Any) -> None:
        """Enqueue the copy of the parameters."""
        self._cuda.memcpy_htod_async(self._up, self._up_host, stream)

    def download(self, stream: Any) -> None:
        """Enqueue the copy of the results."""
        self._cuda.memcpy_dtoh_async(self._down_host, self._down, stream)

    def download_map(self, name: str, num_bytes: int, stream: Any) -> None:
        """Enqueue the copy of the first bytes of an output."""
        if num_bytes:
            host = self._maps_host[name][:num_bytes]
            self._cuda.memcpy_dtoh_async(host, self._map(name), stream)

    def map(self, name: str, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
        """Copy a downloaded output, as float32."""
        num_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        values: np.ndarray = self._maps_host[name][:num_bytes].view(dtype).reshape(shape)
        return values.astype(np.float32)

    def people(self, batch: int, is_counted: bool) -> People:
        """Copy the downloaded results of `batch` views; not counted: one person per view."""
        most, places, number = self._shape
        ends = self._ends
        count = self._down_host[:ends[0]].view(np.int32)[:batch].copy()
        score = self._down_host[ends[0]:ends[1]].view(np.float32).reshape(most, places)
        keypoints = self._down_host[ends[1]:].view(np.float32)
        keypoints = keypoints.reshape(most, places, number, 3)[:batch].copy()
        if not is_counted:
            return People(np.ones(batch, np.int32), keypoints[..., 2].mean(axis=2), keypoints)
        return People(count, score[:batch].copy(), keypoints)

    def set_input(self, values: np.ndarray, stream: Any) -> None:
        """Enqueue the copy of a network's input."""
        self._cuda.memcpy_htod_async(self._memory[0], values, stream)

    def get_map(self, name: str, out: np.ndarray, stream: Any) -> None:
        """Read an output tensor and wait."""
        if out.size:
            self._cuda.memcpy_dtoh_async(out, self._map(name), stream)
        stream.synchronize()

    def _map(self, name: str) -> Any:
        return self._memory[1 + list(self.maps).index(name)]

    def close(self) -> None:
        """Free everything."""
        self._memory.clear()
        self._up = self._down = None
        self._up_host = self._down_host = np.empty(0, np.uint8)
        self._maps_host.clear()


def keypoints_of(people: People, spec: ModelSpec) -> Keypoints:
    """
    Put the GPU's people in one list, their keypoints in the order of the skeleton.

    Parameters
    ----------
    people : People
        Of all views.
    spec : ModelSpec
        Of the network that found them.

    Raises
    ------
    BackendError
        When the network gave numbers that are not finite.
    """
    found = np.arange(people.score.shape[1]) < people.count[:, None]
    keypoints, person_score = people.keypoints[found], people.score[found]
    check_finite(np.where(people.count < 0, np.nan, 0), spec)
    check_finite(keypoints[..., 2], spec)
    xy, score = np.ascontiguousarray(keypoints[..., :2]), np.ascontiguousarray(keypoints[..., 2])
    return in_our_order(spec.keypoints, xy, score, person_score)


def check_finite(values: np.ndarray, spec: ModelSpec) -> None:
    """Raise BackendError when a value is NaN or infinite."""
    if not np.isfinite(values).all():
        raise BackendError(f'{spec.name} gives values that are not numbers')
