# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What stays after a run: an annotated video, a contact sheet and the skeletons as JSON lines."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np

from pose_ros.core.keypoints import boxes_around
from pose_ros.core.skeleton import KEYPOINT_NAMES
from pose_ros.core.tracks import KeypointState, Tracks, TrackState
from pose_ros.media.overlay import WHITE, draw_text, text_size

MAX_HOLD_S = 2.0
"""A longer gap between two images is not kept in a video."""


class RecordingError(OSError):
    """A file cannot be written; the message says which one and why."""


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


class SkeletonLines:
    """
    A text file with one JSON object per image: who is where.

    Parameters
    ----------
    path : Path
        Overwritten.

    Raises
    ------
    OSError
        When it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO = path.open('w', encoding='utf-8')

    def write(self, tracks: Tracks, image_size: tuple[int, int], **more: Any) -> None:
        """Append the tracks of one image of (width, height) pixels; `more` comes first."""
        line = {**more, **tracks_to_dict(tracks, image_size)}
        self._file.write(json.dumps(line, allow_nan=False) + '\n')

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def tracks_to_dict(tracks: Tracks, image_size: tuple[int, int]) -> dict[str, Any]:
    """
    Describe tracks in JSON's types.

    Parameters
    ----------
    tracks : Tracks
        In pixels.
    image_size : (width, height)

    Returns
    -------
    dict
        stamp_s, image_width, image_height, people; a person has id, state, score, age_s,
        since_seen_s, box (x_min, y_min, x_max, y_max) and keypoints by name, each with x, y
        (null when MISSING), score and state.
    """
    boxes = boxes_around(tracks.xy)
    return {
        'stamp_s': tracks.stamp_s,
        'image_width': image_size[0],
        'image_height': image_size[1],
        'people': [
            {
                'id': int(tracks.id[i]),
                'state': TrackState(tracks.state[i]).name,
                'score': _number(tracks.score[i], 4),
                'age_s': _number(tracks.age_s[i], 4),
                'since_seen_s': _number(tracks.since_seen_s[i], 4),
                'box': [_number(v, 2) for v in boxes[i]],
                'keypoints': {
                    name: {
                        'x': _number(tracks.xy[i, k, 0], 2),
                        'y': _number(tracks.xy[i, k, 1], 2),
                        'score': _number(tracks.keypoint_score[i, k], 4),
                        'state': KeypointState(tracks.keypoint_state[i, k]).name,
                    }
                    for k, name in enumerate(KEYPOINT_NAMES)
                },
            }
            for i in range(len(tracks))
        ],
    }


def _number(value: float, digits: int) -> float | None:
    """Round for JSON, which has no NaN."""
    return round(float(value), digits) if math.isfinite(value) else None
