# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A sequence in the layout of MOTChallenge: a folder with `img1/` or `img/`, and `gt/gt.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
from pathlib import Path
import re

import cv2
import numpy as np

from pose_ros.core.body import body_height_px

_USUAL_HZ = 25.0
# A full-body box reaches beyond the keypoints: over the head and under the ankles.
_HEAD, _FEET, _SIDES = 0.07, 0.07, 0.03


class SequenceError(ValueError):
    """A folder is no sequence in MOT layout; the message says what is missing."""


@dataclass(frozen=True, eq=False)
class MotSequence:
    """
    Images and true boxes.

    Attributes
    ----------
    name : str
    images : list of Path
        In order.
    ids : list of (G,) int
        Who is in each image.
    boxes : list of (G, 4) float64
        x_min, y_min, x_max, y_max, px.
    rate_hz : float
        From seqinfo.ini or the video, else 25.
    video : Path, optional
        Where there is no folder of images.
    """

    name: str
    images: list[Path]
    ids: list[np.ndarray]
    boxes: list[np.ndarray]
    rate_hz: float
    video: Path | None = None

    def frames(self) -> Iterator[tuple[float, np.ndarray]]:
        """Yield stamp, s, and image (H, W, 3) uint8 BGR."""
        if self.video is not None:
            yield from self._frames_of_video(self.video)
        for index, path in enumerate(self.images):
            image = cv2.imread(str(path))
            if image is None:
                raise SequenceError(f'{path} is not an image')
            yield index / self.rate_hz, image

    def _frames_of_video(self, path: Path) -> Iterator[tuple[float, np.ndarray]]:
        video = cv2.VideoCapture(str(path))
        for index in range(len(self.ids)):
            is_there, image = video.read()
            if not is_there:
                raise SequenceError(f'{path} ends after {index} images of {len(self.ids)}')
            yield index / self.rate_hz, image


def read_key_frames(video: Path, truth: Path) -> MotSequence:
    """Read a video whose people are known in some images: in MOT layout, up to the last one."""
    rows = np.loadtxt(truth, delimiter=',', ndmin=2)
    here = [rows[rows[:, 0] == index] for index in range(1, int(rows[:, 0].max()) + 1)]
    return MotSequence(
        video.stem, [], [frame[:, 1].astype(int) for frame in here],
        [np.concatenate([frame[:, 2:4], frame[:, 2:4] + frame[:, 4:6]], axis=1) for frame in here],
        float(cv2.VideoCapture(str(video)).get(cv2.CAP_PROP_FPS)), video,
    )


def read_sequence(folder: Path) -> MotSequence:
    """
    Read a sequence.

    Raises
    ------
    SequenceError
        When images or truth are missing or malformed.
    """
    folder = Path(folder)
    images: list[Path] = []
    for name in ('img1', 'img'):
        images = images or sorted((folder / name).glob('*.jpg'))
        images = images or sorted((folder / name).glob('*.png'))
    if not images:
        raise SequenceError(f'no images in {folder}/img1 or {folder}/img')
    truth = folder / 'gt' / 'gt.txt'
    if not truth.is_file():
        raise SequenceError(f'{truth} is missing')
    try:
        rows = np.loadtxt(truth, delimiter=',', ndmin=2)
    except ValueError as error:
        raise SequenceError(f'{truth}: {error}') from error
    if rows.size and (rows.shape[1] < 6 or not np.isfinite(rows[:, :6]).all()):
        raise SequenceError(f'{truth}: rows are frame, id, left, top, width, height, ...')
    if rows.size and rows.shape[1] >= 9:
        # Column 7 is 0 for entries to ignore, column 8 the class: 1 a pedestrian, -1 not given.
        # MOT15 has places on the ground there, which are no whole numbers.
        kind = rows[:, 7]
        is_person = np.isin(kind, (1, -1)) | (kind != np.round(kind)).any()
        rows = rows[(rows[:, 6] != 0) & is_person]
    if not rows.size:
        raise SequenceError(f'{truth} has no people: no row is of class 1 and not to be ignored')
    ids, boxes = [], []
    for index in range(1, len(images) + 1):
        here = rows[rows[:, 0] == index] if rows.size else np.empty((0, 6))
        ids.append(here[:, 1].astype(int))
        boxes.append(np.concatenate([here[:, 2:4], here[:, 2:4] + here[:, 4:6]], axis=1))
    info = folder / 'seqinfo.ini'
    text = info.read_text(errors='replace') if info.is_file() else ''
    found = re.search(r'frameRate\s*=\s*(\d+(\.\d+)?)', text)
    rate_hz = float(found.group(1)) if found else _USUAL_HZ
    if not 0.0 < rate_hz < math.inf:
        raise SequenceError(f'{info}: frameRate {rate_hz:g}: must be above 0')
    return MotSequence(folder.name, images, ids, boxes, rate_hz)


def full_body_boxes(xy: np.ndarray) -> np.ndarray:
    """
    Return the boxes (N, 4), px, of whole people around keypoints (N, 17, 2), NaN where missing.

    The same for every tracker that is compared.
    """
    valid = np.isfinite(xy).all(axis=2)
    height = np.nan_to_num(body_height_px(np.where(valid[..., None], xy, 0.0), valid))
    low = np.where(valid[..., None], xy, np.inf).min(axis=1, initial=np.inf)
    high = np.where(valid[..., None], xy, -np.inf).max(axis=1, initial=-np.inf)
    boxes = np.concatenate([low, high], axis=1)
    return boxes + height[:, None] * [-_SIDES, -_HEAD, _SIDES, _FEET]
