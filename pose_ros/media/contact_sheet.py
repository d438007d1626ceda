# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A whole run on one page."""

from __future__ import annotations

from dataclasses import dataclass
import math
from pathlib import Path

import cv2
import numpy as np

from pose_ros.media.palette import WHITE
from pose_ros.media.text import draw_text, text_size
from pose_ros.media.video import RecordingError, fit


@dataclass(frozen=True, eq=False)
class _Cell:
    """One image that was kept."""

    clock_s: float
    image: np.ndarray
    caption: str
    people: float  # how much is seen


class ContactSheet:
    """
    A page of small annotated images from the whole run, of moments at which something is seen.

    It needs neither the length beforehand nor memory for all images: the run is divided into spans
    of equal time, of each the image is kept on which most is seen, and when there are too many
    spans the time of one is doubled.

    Parameters
    ----------
    columns, rows : int
        Largest grid.
    cell_width_px : int
        Width of one image on the page.
    """

    def __init__(self, columns: int = 4, rows: int = 6, cell_width_px: int = 640) -> None:
        self._columns, self._rows, self._width = columns, rows, cell_width_px
        self._cells: list[_Cell] = []
        self._size = (0, 0)
        self._span_s, self._clock_s, self._last_s = 0.0, 0.0, 0.0

    def add(self, image: np.ndarray, caption: str, time_s: float, people: float = 0.0) -> None:
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
        people : float
            How much is seen on it, for example the number of people.
        """
        if not self._cells:
            height, width = image.shape[:2]
            self._size = (self._width, max(1, round(self._width * height / width)))
        else:
            self._clock_s += max(0.0, time_s - self._last_s)
        self._last_s = time_s
        if self._cells and self._is_same_span(self._cells[-1].clock_s, self._clock_s):
            if people <= self._cells[-1].people:
                return
            self._cells.pop()
        cell = fit(image, self._size)
        self._cells.append(
            _Cell(self._clock_s, cell.copy() if cell is image else cell, caption, people))
        most = 4 * self._columns * self._rows
        if len(self._cells) > most:
            self._span_s = max(2.0 * self._span_s, 1.5 * self._clock_s / most)
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
            image, caption = self._cells[i].image, self._cells[i].caption
            y, x = gap + place // columns * height, gap + place % columns * width
            page[y : y + self._size[1], x : x + self._size[0]] = image
            caption_at = (x, y + self._size[1] + gap // 2)
            # Text may not run into the neighbour's cell.
            draw_text(page[:, : x + self._size[0]], caption, caption_at, WHITE, scale)
        return page

    def _is_same_span(self, one_s: float, other_s: float) -> bool:
        return self._span_s > 0.0 and one_s // self._span_s == other_s // self._span_s

    def _thin(self) -> None:
        """Keep the best image of each span."""
        kept: list[_Cell] = []
        for cell in self._cells:
            if kept and self._is_same_span(kept[-1].clock_s, cell.clock_s):
                if cell.people > kept[-1].people:
                    kept[-1] = cell
            else:
                kept.append(cell)
        # A clock that stands still tells nothing apart.
        self._cells = kept if len(kept) < len(self._cells) else self._cells[::2]

    def _chosen(self) -> list[int]:
        """
        Return which images come on the page, in order.

        Those on which something is seen, spread over their time; empty ones only when there are no
        others.
        """
        places = [i for i, cell in enumerate(self._cells) if cell.people > 0]
        places = places or list(range(len(self._cells)))
        count = min(len(places), self._columns * self._rows)
        times = np.array([self._cells[i].clock_s for i in places])
        if times[-1] <= times[0]:
            chosen = np.round(np.linspace(0, len(places) - 1, count)).astype(int)
            return [places[i] for i in chosen]
        # Of the images nearest to each of evenly spread moments the one with most.
        moment = (times - times[0]) / (times[-1] - times[0]) * (count - 1)
        people = np.array([self._cells[i].people for i in places])
        best = [
            min(np.flatnonzero(np.round(moment) == k),
                key=lambda i: (-people[i], abs(moment[i] - k)), default=None)
            for k in range(count)
        ]
        return [places[i] for i in best if i is not None]

    def write(self, path: Path) -> None:
        """Write the page as PNG; RecordingError when that fails."""
        good, data = cv2.imencode('.png', self.page())
        if not good:
            raise RecordingError(f'{path}: the contact sheet cannot be encoded')
        path.write_bytes(data.tobytes())
