#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Make the README's moving picture: networks and tracker on a part of the demo's footage.

    ./run python scripts/moving_picture.py docs/demo.gif
"""

from __future__ import annotations

from pathlib import Path
import sys

import cv2
import numpy as np

from pose_ros.backends import load_backend
from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.media.overlay import draw_tracks, people_in
from pose_ros.media.sources import open_source

PERIOD_MS = 40  # of the footage
# Every third image: a man walks by; a cyclist is occluded by a van and keeps the id.
STEP = 3
SHOWN = (*range(32, 52, STEP), *range(78, 137, STEP))
WIDTH_PX = 440


def drawn_frames() -> list[np.ndarray]:
    """Return the shown images with people drawn in, (H, W, 3) uint8 BGR each."""
    config = EstimatorConfig()
    estimator = TwoPassEstimator(load_backend(config), config)
    tracker = Tracker(TrackerConfig())
    images = []
    with open_source('demo') as source:
        for i, frame in enumerate(source):
            if i > SHOWN[-1]:
                break
            image = frame.image.copy()
            people = estimator.estimate(image)
            tracks = tracker.update(i * PERIOD_MS / 1000, people, image.shape[1::-1])
            if i in SHOWN:
                draw_tracks(image, tracks, people_in(tracks))
                size = WIDTH_PX, round(WIDTH_PX * image.shape[0] / image.shape[1])
                images.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    return images


def main(path: Path) -> None:
    """Write the picture, and say how large it is."""
    images = drawn_frames()
    animation = cv2.Animation()
    animation.frames = images
    animation.durations = np.full(len(images), STEP * PERIOD_MS, np.int32)
    if not cv2.imwriteanimation(str(path), animation):
        raise SystemExit(f'{path}: cannot be written')
    print(f'{path}: {len(images)} images, {path.stat().st_size / 1e6:.2f} MB')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
