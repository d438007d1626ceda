# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Annotated videos that play at the speed of life."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

MAX_HOLD_S = 2.0
"""A longer gap between two images is not kept in a video."""


class RecordingError(OSError):
    """A file cannot be written; the message says which one and why."""


class VideoRecorder:
    """
    An mp4 file that takes images of any size; all are fitted into the size of the first.

    Parameters
    ----------
    path : Path
        Ends in .mp4; its folder exists.
    fps : float
        Images per second of the video.

    Raises
    ------
    RecordingError
        When it cannot be written, or cannot be opened again when done.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.frames = path, 0
        self._fps = fps
        self._size = (0, 0)
        self._writer: cv2.VideoWriter | None = None
        self._last: np.ndarray | None = None
        self._time_s = 0.0  # of self._last
        self._due = 0.0  # frames that should stand in the file by now, were they not whole

    def write(self, image: np.ndarray, time_s: float) -> None:
        """
        Append an image; the one before is held on to until then, at most MAX_HOLD_S.

        So a video plays at the speed of life even where frames were dropped.

        Parameters
        ----------
        image : (H, W, 3) uint8
            BGR.
        time_s : float
            When it was taken, seconds.
        """
        if self._writer is None:
            self._writer = self._open(image)
        else:
            held_s = time_s - self._time_s
            self._hold(held_s if 0.0 < held_s <= MAX_HOLD_S else 1.0 / self._fps)
        self._last, self._time_s = fit(image, self._size).copy(), time_s

    def close(self) -> None:
        """Finish the file and prove that it opens; no file when nothing was written."""
        if self._writer is None:
            return
        self._hold(1.0 / self._fps)
        self._writer.release()
        self._writer = self._last = None
        capture = cv2.VideoCapture(str(self.path))
        good = capture.isOpened() and capture.read()[0]
        capture.release()
        if not good:
            raise RecordingError(f'{self.path}: was written but does not open (disk full?)')

    def _open(self, image: np.ndarray) -> cv2.VideoWriter:
        # The codec wants even sizes.
        self._size = (image.shape[1] + image.shape[1] % 2, image.shape[0] + image.shape[0] % 2)
        writer = cv2.VideoWriter(
            str(self.path), cv2.VideoWriter.fourcc(*'mp4v'), self._fps, self._size
        )
        if not writer.isOpened():
            raise RecordingError(
                f'{self.path}: cannot be written (no permission, or no mp4v encoder in OpenCV)'
            )
        return writer

    def _hold(self, held_s: float) -> None:
        assert self._writer is not None and self._last is not None
        self._due += held_s * self._fps
        while self.frames < round(self._due):
            self._writer.write(self._last)
            self.frames += 1


def fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """
    Scale an image into a canvas, centred on black, aspect ratio kept.

    Parameters
    ----------
    image : (H, W, 3) uint8
    size : (width, height)
        Of the canvas, pixels.

    Returns
    -------
    (height, width, 3) uint8
        The image itself when it has that size already.
    """
    width, height = size
    if image.shape[1] == width and image.shape[0] == height:
        return image
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = (
        max(1, min(width, round(image.shape[1] * scale))),
        max(1, min(height, round(image.shape[0] * scale))),
    )
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
    canvas = np.zeros((height, width, 3), np.uint8)
    x0, y0 = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[y0 : y0 + inner[1], x0 : x0 + inner[0]] = cv2.resize(image, inner, interpolation=how)
    return canvas
