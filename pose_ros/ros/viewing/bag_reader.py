# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bags with skeletons (MCAP or SQLite3), read with the package rosbags: no ROS is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pose_ros.ros.recording.bag import TYPE, BagError, skeleton_types

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
INFO, PROXIMITY = 'sensor_msgs/msg/CameraInfo', 'pose_ros/msg/ProximityArray'
_KINDS = {'pose': 'observed', 'pose/tracked': 'tracked', 'pose/predicted': 'predicted'}


class BagReader:
    """
    The messages of one camera in a bag.

    Parameters
    ----------
    path : Path
        Folder with metadata.yaml, a folder with `bag/` in it (a recording), an .mcap or a .db3.
    namespace : str, optional
        Of the skeletons, where there are several.
    image : str, optional
        Topic of the image; by default the only one, or that beside the skeletons.

    Raises
    ------
    BagError
        When there is no such bag, it is damaged, empty, or has no skeletons; the message says
        which.
    """

    def __init__(self, path: Path, namespace: str | None = None, image: str | None = None) -> None:
        from rosbags.highlevel import AnyReader, AnyReaderError
        from rosbags.rosbag2 import ReaderError

        self._errors = (AnyReaderError, ReaderError)
        self.path = _found(path)
        try:
            self._reader = AnyReader([self.path], default_typestore=skeleton_types())
            self._reader.open()
        except (*self._errors, ValueError, OSError, AssertionError) as error:
            raise BagError(_damaged(self.path, error)) from error
        try:
            self._kinds = self._choose(namespace, image)
        except BagError:
            self._reader.close()
            raise
        self.count = sum(c.msgcount for c in self._reader.connections if c.topic in self._kinds)

    def _choose(self, namespace: str | None, image: str | None) -> dict[str, str]:
        """Return what each topic that is read is."""
        connections = self._reader.connections
        if not connections or not self._reader.message_count:
            raise BagError(f'{self.path}: the bag is empty')
        types = {c.topic: c.msgtype for c in connections}
        bases: dict[str, list[str]] = {}
        for topic in (t for t, kind in types.items() if kind == TYPE):
            for name in sorted(_KINDS, key=len, reverse=True):
                if topic.rstrip('/').endswith(f'/{name}'):
                    bases.setdefault(topic.removesuffix(f'/{name}'), []).append(topic)
                    break
        if not bases:
            raise BagError(
                f'{self.path}: no skeletons in this bag: needs pose, pose/tracked or '
                f'pose/predicted (pose_ros/SkeletonArray); it has '
                + (', '.join(sorted(types)[:8]) or 'no topics')
            )
        wanted = None if namespace is None else f'/{namespace.strip("/")}'.rstrip('/')
        if wanted is None and len(bases) > 1 or wanted is not None and wanted not in bases:
            raise BagError(
                f'{self.path}: skeletons in the namespaces '
                f'{", ".join(b or "/" for b in sorted(bases))}: choose one with --namespace'
            )
        base = wanted if wanted is not None else next(iter(bases))
        kinds = {t: _KINDS[t.removeprefix(f'{base}/')] for t in bases[base]}
        pictures = [t for t, kind in types.items() if kind in (IMAGE, COMPRESSED)
                    and not t.endswith('pose/overlay')]
        if image is not None and image not in pictures:
            raise BagError(
                f'{self.path}: no image topic {image}; it has {", ".join(pictures) or "none"}')
        beside = [t for t in pictures if t.startswith(f'{base}/image')]
        chosen = [image] if image else beside or (pictures if len(pictures) == 1 else [])
        if chosen:
            kinds[chosen[0]] = 'image'
            stem = chosen[0].removesuffix('/compressed').rpartition('/')[0]
            infos = [t for t, kind in types.items() if kind == INFO]
            near = [t for t in infos if t in (f'{stem}/camera_info', f'{base}/camera_info')]
            kinds |= dict.fromkeys(near[:1] or infos[:1], 'camera_info')
        else:
            infos = [t for t, kind in types.items() if kind == INFO and t.startswith(base)]
            kinds |= dict.fromkeys(infos[:1], 'camera_info')
        kinds |= {t: 'proximity' for t, kind in types.items()
                  if kind == PROXIMITY and t.startswith(base)}
        return kinds

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """
        Yield what each message is ('observed', 'tracked', 'predicted', 'image', ..) and itself.

        Raises
        ------
        BagError
            When the bag ends in the middle of a message.
        """
        used = [c for c in self._reader.connections if c.topic in self._kinds]
        try:
            for connection, _, data in self._reader.messages(connections=used):
                yield (self._kinds[connection.topic],
                       self._reader.deserialize(data, connection.msgtype))
        except (*self._errors, ValueError, OSError, AssertionError, IndexError) as error:
            raise BagError(_damaged(self.path, error)) from error

    def close(self) -> None:
        """Close the files."""
        self._reader.close()


def _found(path: Path) -> Path:
    path = path.expanduser()
    if not path.exists():
        raise BagError(f'no bag at {path}')
    if path.is_file() and (path.parent / 'metadata.yaml').is_file():
        return path.parent
    if path.is_file() or (path / 'metadata.yaml').is_file():
        return path
    if (path / 'bag' / 'metadata.yaml').is_file():
        return path / 'bag'
    files = sorted([*path.glob('*.mcap'), *path.glob('*.db3')])
    if len(files) == 1:
        return files[0]
    raise BagError(f'{path} is no bag: it has no metadata.yaml, and not one .mcap or .db3 file')


def _damaged(path: Path, error: Exception) -> str:
    reason = ' '.join(str(error).split()) or type(error).__name__
    return (
        f'{path} cannot be read as a bag ({reason}): it is damaged, or was not closed; '
        '`mcap recover FILE` (mcap.dev) saves what is whole of an .mcap'
    )
