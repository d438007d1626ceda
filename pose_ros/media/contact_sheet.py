# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A whole run on one page."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from pose_ros.media.palette import WHITE
from pose_ros.media.text import draw_text, text_size
from pose_ros.media.video import RecordingError, fit


class ContactSheet:
    """
    A page of small annotated images, evenly spread over the time of the run.

    It needs neither the length beforehand nor memory for all images: when there are too many it
    keeps those that are a certain time apart, and doubles that time.

    Parameters
    ----------
    columns, rows : int
        Largest grid.
    cell_width_px : int
        Width of one image on the page.
    """

    def __init__(self, columns: int = 4, rows: int = 6, cell_width_px: int = 640) -> None:
        self._columns, self._rows, self._width = columns, rows, cell_width_px
        self._cells: list[tuple[float, np.ndarray, str]] = []
        self._size = (0, 0)
        self._apart_s, self._clock_s, self._last_s = 0.0, 0.0, 0.0

    def add(self, image: np.ndarray, caption: str, time_s: float) -> None:
        """
        Offer an image.

        Parameters
        ----------
        image : (H, W, 3) uint8
            BGR, annotated.
        caption : str
            The line below it.
        time_s : float
            When it was taken; a jump back counts as no time.
        """
        if not self._cells:
            height, width = image.shape[:2]
            self._size = (self._width, max(1, round(self._width * height / width)))
        else:
            self._clock_s += max(0.0, time_s - self._last_s)
        self._last_s = time_s
        if self._cells and self._clock_s - self._cells[-1][0] < self._apart_s:
            return
        cell = fit(image, self._size)
        self._cells.append((self._clock_s, cell.copy() if cell is image else cell, caption))
        most = 4 * self._columns * self._rows
        if len(self._cells) > most:
            self._apart_s = max(2.0 * self._apart_s, 1.5 * self._clock_s / most)
            self._thin()

    def page(self) -> np.ndarray:
        """Return the page, (H, W, 3) uint8; 1x1 when no image was offered."""
        if not self._cells:
            return np.zeros((1, 1, 3), np.uint8)
        chosen = self._chosen()
        columns = min(self._columns, len(chosen))
        rows = math.ceil(len(chosen) / columns)
        scale = max(0.35, self._width / 1000.0)
        gap = max(2, self._width // 80)
        text_height = text_size('0', scale)[1] + 2 * gap
        width, height = self._size[0] + gap, self._size[1] + text_height
        page = np.full((rows * height + gap, columns * width + gap, 3), 24, np.uint8)
        for place, i in enumerate(chosen):
            _, image, caption = self._cells[i]
            y, x = gap + place // columns * height, gap + place % columns * width
            page[y : y + self._size[1], x : x + self._size[0]] = image
            caption_at = (x, y + self._size[1] + gap // 2)
            # Text may not run into the neighbour's cell.
            draw_text(page[:, : x + self._size[0]], caption, caption_at, WHITE, scale)
        return page

    def _thin(self) -> None:
        """Keep the first image, and of the others those far enough from the one kept before."""
        kept = self._cells[:1]
        for cell in self._cells[1:]:
            if cell[0] - kept[-1][0] >= self._apart_s:
                kept.append(cell)
        # A clock that stands still tells nothing apart.
        self._cells = kept if len(kept) < len(self._cells) else self._cells[::2]

    def _chosen(self) -> list[int]:
        """Return which images come on the page: those nearest to evenly spread moments."""
        count = min(len(self._cells), self._columns * self._rows)
        times = np.array([time_s for time_s, _, _ in self._cells])
        if times[-1] <= times[0]:
            return np.round(np.linspace(0, len(times) - 1, count)).astype(int).tolist()
        moments = np.linspace(times[0], times[-1], count)
        return sorted({int(np.abs(times - moment).argmin()) for moment in moments})

    def write(self, path: Path) -> None:
        """Write the page as PNG; RecordingError when that fails."""
        good, data = cv2.imencode('.png', self.page())
        if not good:
            raise RecordingError(f'{path}: the contact sheet cannot be encoded')
        path.write_bytes(data.tobytes())
