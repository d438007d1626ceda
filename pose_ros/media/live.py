# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Cameras as sources: webcams, and network cameras (RTSP, MJPEG over HTTP, ...)."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import re
import sys
import threading
import time

import cv2
import numpy as np

from pose_ros.media.source import Source, SourceError, SourceImage, quiet_opencv, rate_of

RECONNECT_S = 1.0
"""Between two attempts to open a camera that was lost."""
TIMEOUT_S = 5.0
"""A server that says nothing for longer is not there."""

NO_STREAM = (
    'no stream there (does the server run, is the address right, does it want a password: '
    'rtsp://USER:PASSWORD@HOST/...?)'
)

_POLL_S = 0.5


class LiveSource(Source):
    """
    A camera. Images are the newest ones: those that come meanwhile are dropped.

    A camera that stops giving images is opened again and again until it is back. Time is this
    machine's monotonic clock when the image came in.

    Parameters
    ----------
    target : int or str
        Number of a webcam (on Linux N is /dev/videoN), a path below /dev, or an address
        (rtsp://..., http://...).
    capture : cv2.VideoCapture, optional
        The target, opened already.

    Attributes
    ----------
    trouble : str
        What is wrong at the moment, in one line; empty while images come.

    Raises
    ------
    SourceError
        When it is not there, busy or gives no image.
    """

    live = True

    def __init__(self, target: int | str, capture: cv2.VideoCapture | None = None) -> None:
        self._target = target
        self.name = f'webcam {target}' if isinstance(target, int) else shown(target)
        self.trouble = ''
        capture, image = self._open(capture)
        self.fps = rate_of(capture)
        self.size = (image.shape[1], image.shape[0])
        self._changed = threading.Condition()
        self._start_s = time.monotonic()
        self._next: tuple[np.ndarray, float] | None = (image, 0.0)
        self._index = 0
        self._closed = False
        # OpenCV's own queue would hand out ever older images to a reader that is slow.
        self._reader = threading.Thread(target=self._read, args=(capture,), daemon=True)
        self._reader.start()

    def newest(self, timeout_s: float) -> SourceImage | None:
        """Return the newest image that was not returned yet; None when none comes in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._next is not None or self._closed, timeout_s)
            if self._next is None or self._closed:
                return None
            (image, time_s), self._next = self._next, None
            self._index += 1
            return SourceImage(image, self._index - 1, time_s)

    def __iter__(self) -> Iterator[SourceImage]:
        """Give images as they come, until it is closed."""
        while not self._closed:
            if (image := self.newest(_POLL_S)) is not None:
                yield image

    def close(self) -> None:
        """Free the device."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._reader.join(2 * TIMEOUT_S)

    def _read(self, capture: cv2.VideoCapture | None) -> None:
        """Keep the newest image, in a thread of its own, and the camera open."""
        while not self._closed:
            if capture is None:
                with self._changed:
                    if self._changed.wait_for(lambda: self._closed, RECONNECT_S):
                        return
                try:
                    capture, image = self._open()
                except SourceError as error:
                    self.trouble = f'{error}; trying again'
                    continue
                good = True
            else:
                good, image = capture.read()
            if not good:
                capture.release()
                capture = None
                self.trouble = f'{self.name}: stopped giving images; trying again'
                continue
            self.trouble = ''
            with self._changed:
                self._next = image, time.monotonic() - self._start_s
                self._changed.notify_all()
        if capture is not None:
            capture.release()

    def _open(
        self, capture: cv2.VideoCapture | None = None
    ) -> tuple[cv2.VideoCapture, np.ndarray]:
        """Return the open camera and its first image; SourceError when there is none."""
        quiet_opencv()
        if isinstance(self._target, str) and '://' in self._target:
            capture, why = capture or open_address(self._target), NO_STREAM
        else:
            index, device = self._device()
            capture = cv2.VideoCapture(index)
            why = 'no permission to read it (is the user in the group "video"?)'
            if sys.platform != 'linux' or os.access(device, os.R_OK):
                why = 'it opens but gives no image: busy with another program, or not a camera'
        good, image = capture.read() if capture.isOpened() else (False, None)
        if not good or image is None:
            capture.release()
            raise SourceError(f'{self.name}: {why}')
        return capture, image

    def _device(self) -> tuple[int, Path]:
        """Return the number and the file of a webcam, which may be another at every plugging."""
        if isinstance(self._target, int):
            device = Path(f'/dev/video{self._target}')
        else:
            device = Path(self._target)
        if sys.platform == 'linux' and not device.exists():
            others = sorted(str(path) for path in Path('/dev').glob('video*'))
            raise SourceError(
                f'{self.name}: there is no {device} (' + (', '.join(others) or 'no webcam') + ')'
            )
        if isinstance(self._target, int):
            return self._target, device
        number = re.fullmatch(r'video(\d+)', device.resolve().name)
        if number is None:
            raise SourceError(f'{self.name}: {device.resolve()} is not a camera (/dev/videoN)')
        return int(number.group(1)), device


def open_address(address: str) -> cv2.VideoCapture:
    """Open a stream or a film of the network; it is not open when there is none."""
    quiet_opencv()
    limits: list[int] = []
    for name in ('CAP_PROP_OPEN_TIMEOUT_MSEC', 'CAP_PROP_READ_TIMEOUT_MSEC'):
        if hasattr(cv2, name):  # OpenCV 4.5.2 and newer; else FFmpeg's own 30 s
            limits += [getattr(cv2, name), round(1e3 * TIMEOUT_S)]
    return cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)


def shown(address: str) -> str:
    """Return an address as it may be shown: without the user's name and password."""
    return re.sub(r'(?<=://)[^/@]*@', '', address)
