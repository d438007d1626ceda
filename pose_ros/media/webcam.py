# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A webcam as a source."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import sys
import time

import cv2

from pose_ros.media.source import Source, SourceError, SourceImage, quiet_opencv, rate_of


class WebcamSource(Source):
    """
    A webcam. Time is this machine's monotonic clock when the image came in.

    Parameters
    ----------
    index : int
        0 for the first one: on Linux N is /dev/videoN.

    Raises
    ------
    SourceError
        When it is not there, busy or gives no image.
    """

    live = True

    def __init__(self, index: int) -> None:
        self.name = f'webcam {index}'
        device = Path(f'/dev/video{index}')
        if sys.platform == 'linux' and not device.exists():
            others = sorted(str(path) for path in Path('/dev').glob('video*'))
            raise SourceError(
                f'{self.name}: there is no {device} (' + (', '.join(others) or 'no webcam') + ')'
            )
        quiet_opencv()
        self._capture = cv2.VideoCapture(index)
        good, self._first = self._capture.read() if self._capture.isOpened() else (False, None)
        if not good or self._first is None:
            self._capture.release()
            why = 'no permission to read it (is the user in the group "video"?)'
            if sys.platform != 'linux' or os.access(device, os.R_OK):
                why = 'it opens but gives no image: busy with another program, or not a camera'
            raise SourceError(f'{self.name}: {why}')
        self.fps = rate_of(self._capture)
        self.size = (self._first.shape[1], self._first.shape[0])

    def __iter__(self) -> Iterator[SourceImage]:
        """Give images as they come; SourceError when the camera is gone."""
        image, index, start_s = self._first, 0, time.monotonic()
        while self._capture.isOpened():
            yield SourceImage(image, index, time.monotonic() - start_s)
            index += 1
            good, image = self._capture.read()
            if not good:
                if self._capture.isOpened():
                    raise SourceError(f'{self.name}: stopped giving images (unplugged?)')
                return

    def close(self) -> None:
        """Free the device."""
        self._capture.release()
