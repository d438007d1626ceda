# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A whole run on one page."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from pose_ros.media.overlay import WHITE, draw_text, text_size
from pose_ros.media.video import RecordingError, fit


class ContactSheet:
    """
    A page of small annotated images, evenly spread over the whole run, with their times.

    It needs neither the length beforehand nor memory for all images: it keeps every n-th, and
    doubles n when there are too many.

    Parameters
    ----------
    columns, rows : int
        Largest grid.
    cell_width_px : int
        Width of one image on the page.
    """

    def __init__(self, columns: int = 4, rows: int = 6, cell_width_px: int = 640) -> None:
        self._columns, self._rows, self._width = columns, rows, cell_width_px
        self._cells: list[tuple[np.ndarray, str]] = []
        self._size = (0, 0)
        self._every, self._seen = 1, 0

    def add(self, image: np.ndarray, caption: str) -> None:
        """Offer an annotated image, (H, W, 3) uint8 BGR, and the line to stand below it."""
        if not self._seen:
            height, width = image.shape[:2]
            self._size = (self._width, max(1, round(self._width * height / width)))
        if self._seen % self._every == 0:
            cell = fit(image, self._size)
            self._cells.append((cell.copy() if cell is image else cell, caption))
        self._seen += 1
        if len(self._cells) > 4 * self._columns * self._rows:
            self._cells = self._cells[::2]
            self._every *= 2

    def page(self) -> np.ndarray:
        """Return the page, (H, W, 3) uint8; 1x1 when no image was offered."""
        if not self._cells:
            return np.zeros((1, 1, 3), np.uint8)
        count = min(len(self._cells), self._columns * self._rows)
        chosen = np.round(np.linspace(0, len(self._cells) - 1, count)).astype(int)
        columns = min(self._columns, count)
        rows = math.ceil(count / columns)
        scale = max(0.35, self._width / 1000.0)
        gap = max(2, self._width // 80)
        text_height = text_size('0', scale)[1] + 2 * gap
        width, height = self._size[0] + gap, self._size[1] + text_height
        page = np.full((rows * height + gap, columns * width + gap, 3), 24, np.uint8)
        for place, i in enumerate(chosen):
            image, caption = self._cells[i]
            y, x = gap + place // columns * height, gap + place % columns * width
            page[y : y + self._size[1], x : x + self._size[0]] = image
            caption_at = (x, y + self._size[1] + gap // 2)
            # Text may not run into the neighbour's cell.
            draw_text(page[:, : x + self._size[0]], caption, caption_at, WHITE, scale)
        return page

    def write(self, path: Path) -> None:
        """Write the page as PNG; RecordingError when that fails."""
        good, data = cv2.imencode('.png', self.page())
        if not good:
            raise RecordingError(f'{path}: the contact sheet cannot be encoded')
        path.write_bytes(data.tobytes())
