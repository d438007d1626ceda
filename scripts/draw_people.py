#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Draw 1, 3 and 8 people at four sizes, to look at, and print what drawing costs.

    ./run python scripts/draw_people.py OUT

The people are cut out of the demo's footage and put side by side; the networks and the tracker
see the pictures as they would a camera's.
"""

from __future__ import annotations

from pathlib import Path
import sys
import time

import cv2
import numpy as np

from pose_ros.backends import load_backend
from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.media.overlay import draw_tracks, people_in
from pose_ros.media.sources import open_source

SIZES = ((320, 240), (640, 480), (1920, 1080), (3840, 2160))
FRAMES = 6
# First frame of the footage, left and right edge of the person in it, px, and how far he goes from
# frame to frame.
SUIT, CYCLIST = (30, 150, 400, 17), (122, 342, 530, 0)


def tile(frames: list[np.ndarray], who: tuple[int, int, int, int], number: int,
         size: tuple[int, int], mirrored: bool) -> np.ndarray:
    """Cut a person out, enlarged to fill the size."""
    start, left, right, step = who
    cut = frames[start + number][:, left + step * number:right + step * number]
    if mirrored:
        cut = cut[:, ::-1]
    factor = max(size[0] / cut.shape[1], size[1] / cut.shape[0])
    large = cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    x, y = (large.shape[1] - size[0]) // 2, 0
    return large[y:y + size[1], x:x + size[0]]


def picture(frames: list[np.ndarray], people: int, number: int,
            size: tuple[int, int]) -> np.ndarray:
    """Compose one picture."""
    rows = 2 if people > 4 else 1
    columns = people // rows
    cell = size[0] // columns, size[1] // rows
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    for i in range(people):
        row, column = divmod(i, columns)
        who = SUIT if people < 8 and i % 2 else CYCLIST
        y, x = row * cell[1], column * cell[0]
        canvas[y:y + cell[1], x:x + cell[0]] = tile(frames, who, number, cell, i % 3 == 1)
    return canvas


def main(out: Path) -> None:
    """Write the pictures, print a table."""
    out.mkdir(parents=True, exist_ok=True)
    with open_source('demo') as source:
        frames = [frame.image.copy() for frame, _ in zip(source, range(150))]
    config = EstimatorConfig()
    estimator = TwoPassEstimator(load_backend(config), config)
    for people in (1, 3, 8):
        for size in SIZES:
            tracker, tracks = Tracker(TrackerConfig()), None
            for number in range(FRAMES):
                image = picture(frames, people, number, size)
                tracks = tracker.update(number * 0.04, estimator.estimate(image), size)
            assert tracks is not None
            cost_ms = []
            for _ in range(40):
                drawn = image.copy()
                began_s = time.perf_counter()
                draw_tracks(drawn, tracks, f'{people_in(tracks)}  48 ms  25.0 Hz  age 63 ms')
                cost_ms.append((time.perf_counter() - began_s) * 1e3)
            # The least: what it takes when nothing else wants the cores.
            name = f'{people}_people_{size[0]}x{size[1]}'
            cv2.imwrite(str(out / f'{name}.png'), drawn)
            if people == 3:
                drawn = image.copy()
                draw_tracks(drawn, tracks, 'no image for 1.4 s', stale=True)
                cv2.imwrite(str(out / f'{name}_stale.png'), drawn)
            print(f'{name}: {len(tracks)} tracks, {np.median(cost_ms):.2f} ms, '
                  f'at least {min(cost_ms):.2f} ms')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
