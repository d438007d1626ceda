# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images of as many people as one likes, made out of the demo footage: what is timed."""

from __future__ import annotations

import cv2
import numpy as np

from pose_ros.media.sources import demo_paths, open_source

FIRST_FRAME = 105  # of bikes.mp4: from here on a cyclist waits, wholly in view
FRAMES = 30


def people_images(people: int, size: tuple[int, int] = (640, 480)) -> list[np.ndarray]:
    """
    Return FRAMES images of one or five people.

    Parameters
    ----------
    people : int
        1 or 5.
    size : (width, height)
        Pixels; people grow with it.

    Returns
    -------
    list of (height, width, 3) uint8
        BGR.

    Raises
    ------
    SourceError
        When the demo footage is not installed.
    """
    with open_source(str(demo_paths()[0])) as source:
        frames = [frame.image for frame in source][FIRST_FRAME : FIRST_FRAME + FRAMES + people]
    images = [people_image(frames[i:], people) for i in range(FRAMES)]
    if size == (640, 480):
        return images
    return [cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in images]


def people_image(frames: list[np.ndarray], people: int) -> np.ndarray:
    """
    Make a 640x480 image of one or five people out of frames of the demo footage.

    Parameters
    ----------
    frames : list of (272, 640, 3) uint8
        At least as many as people.
    people : int
        1: the middle of a frame, enlarged. More: the cyclist cut out of each, side by side,
        every second one mirrored.

    Returns
    -------
    (480, 640, 3) uint8
    """
    if people == 1:
        return cv2.resize(frames[0][:, 240:603], (640, 480), interpolation=cv2.INTER_CUBIC)
    canvas = np.full((480, 640, 3), 110, np.uint8)
    width = 640 // people
    for i, frame in enumerate(frames[:people]):
        middle = 421
        cut = frame[:, middle - width // 2 : middle - width // 2 + width]
        canvas[104:376, i * width : (i + 1) * width] = cut[:, ::-1] if i % 2 else cut
    return canvas
