# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What every source of images has in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
import os

import cv2
import numpy as np

# OpenCV reads this once, when it first meets FFmpeg: no "moov atom not found" from its depths.
os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')

DEFAULT_FPS = 30.0
"""For containers and webcams that do not say their rate."""


class SourceError(OSError):
    """A source gives no images; the message says which one, why, and what would work."""


@dataclass(frozen=True, eq=False)
class SourceImage:
    """
    One image of a source.

    Attributes
    ----------
    image : (H, W, 3) uint8
        BGR; the caller may write into it.
    index : int
        0, 1, 2, ... ; goes on counting when the source loops.
    time_s : float
        Since the source's first image, seconds; rises from frame to frame, loops included.
    """

    image: np.ndarray
    index: int
    time_s: float


class Source:
    """
    An iterable of SourceImage; also a context manager.

    Attributes
    ----------
    name : str
        What a person calls it: the file's name, 'webcam 0'.
    fps : float
        Images per second.
    size : (width, height)
        Of the first image, pixels; later ones may differ (folders, demo).
    count : int or None
        Number of images once through; None when unknown (webcam). A container's own claim.
    live : bool
        Whether images come at their own pace (webcam) and not as fast as they are read.
    """

    name: str = ''
    fps: float = DEFAULT_FPS
    size: tuple[int, int] = (0, 0)
    count: int | None = None
    live: bool = False

    def __iter__(self) -> Iterator[SourceImage]:
        """Give the frames in order."""
        raise NotImplementedError

    def close(self) -> None:
        """Free the device or file; harmless when repeated."""

    def __enter__(self) -> Source:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def size_of(capture: cv2.VideoCapture) -> tuple[int, int]:
    """Return (width, height) of what OpenCV has opened, pixels."""
    return (
        int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
    )


def rate_of(capture: cv2.VideoCapture) -> float:
    """Return the images per second of what OpenCV has opened; a guess when it does not say."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    # Containers without a rate give 0, or their time base: 1000 and more.
    return fps if math.isfinite(fps) and 0.1 <= fps <= 480.0 else DEFAULT_FPS


def quiet_opencv() -> None:
    """Keep OpenCV's warnings off the terminal: SourceError says it once, plainly."""
    logging = getattr(cv2.utils, 'logging', None)  # not in every OpenCV that ROS ships
    if logging is not None:
        logging.setLogLevel(logging.LOG_LEVEL_SILENT)
