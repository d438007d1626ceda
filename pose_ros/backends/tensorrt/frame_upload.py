# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera's frame on the GPU: copied to pinned memory, then up, once for all passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from pose_ros.backends.tensorrt.kernels import structs

_FIRST_BYTES = 1920 * 1080 * 3
"""At first: with larger frames memory and recorded graphs are made anew, once."""


class FrameUpload:
    """
    Memory for one frame; grows when a larger one comes.

    The next frame is not uploaded while this one is computed: nodes hand over one image at a time,
    and it would shorten no image's delay (docs/gpu.md).

    Parameters
    ----------
    cuda : module
        pycuda.driver.
    stream : pycuda.driver.Stream
        Where copies are enqueued.

    Attributes
    ----------
    record : (1,) FRAME
        What the bytes are; width 0 before the first frame.
    """

    def __init__(self, cuda: Any, stream: Any) -> None:
        self._cuda, self._stream = cuda, stream
        self._device: Any = None
        self._host = np.empty(0, np.uint8)
        self._copied: Any = None
        self.record = np.zeros(1, structs.FRAME)

    @property
    def address(self) -> int:
        """Of the bytes on the GPU."""
        return int(self._device)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return int(self.record['width'][0]), int(self.record['height'][0])

    def upload(self, data: np.ndarray, record: np.ndarray) -> None:
        """
        Enqueue the copy of a frame.

        Parameters
        ----------
        data : any shape, uint8
            Its bytes; the rows of a view are packed.
        record : (1,) FRAME
            What they are, packed.
        """
        if self._copied is not None:
            self._copied.synchronize()  # the pinned copy must not change under way
        if data.size > self._host.size:
            self._device, self._host = None, np.empty(0, np.uint8)  # free before asking for more
            room = max(data.size, _FIRST_BYTES)
            self._device = self._cuda.mem_alloc(room)
            self._host = self._cuda.pagelocked_empty(room, np.uint8)
        host = self._host[:data.size]
        np.copyto(host.reshape(data.shape), data)
        self._cuda.memcpy_htod_async(self._device, host, self._stream)
        if self._copied is None:
            self._copied = self._cuda.Event()
        self._copied.record(self._stream)
        self.record = record

    def close(self) -> None:
        """Free everything."""
        self._device = self._copied = self._stream = None
        self._host = np.empty(0, np.uint8)
