# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Skeletons as a bag: MCAP, with the message definitions inside, for tools that know no pose_ros.

Written with the package rosbags (ternaris.gitlab.io/rosbags), which needs no ROS: rosbag2 itself
is not among the wheels that PyPI has of ROS 2. `ros2 bag play` reads the folder.
"""

from __future__ import annotations

from pathlib import Path
import shutil
from typing import Any

from pose_ros.ros.shipped_files import shipped_file

MESSAGES = ('Skeleton', 'SkeletonArray', 'Proximity', 'ProximityArray')
TYPE = 'pose_ros/msg/SkeletonArray'

_METADATA_VERSION = 8  # rosbag2's, read by Iron and newer; Humble warns and reads it


class BagError(RuntimeError):
    """The bag cannot be written; the message says why."""


class SkeletonBag:
    """
    A bag of SkeletonArray messages: a folder with metadata.yaml and one .mcap file.

    Parameters
    ----------
    folder : Path
        Replaced when it is a bag already.
    topics : list of str
        Full names.

    Raises
    ------
    BagError
        When rosbags is missing, or the folder is there and not a bag.
    """

    def __init__(self, folder: Path, topics: list[str]) -> None:
        try:
            from rosbags.rosbag2 import StoragePlugin, Writer
        except ImportError as error:
            raise BagError(
                f'a bag needs the Python package rosbags ({error}): pip install rosbags, or set '
                'the parameter bag to false'
            ) from error
        if folder.exists():
            if not (folder / 'metadata.yaml').is_file() and any(folder.iterdir()):
                raise BagError(f'{folder} is there and not a bag: not replaced')
            shutil.rmtree(folder)
        self.folder = folder
        self._writer = Writer(
            folder, version=_METADATA_VERSION, storage_plugin=StoragePlugin.MCAP
        )
        self._writer.open()
        types = skeleton_types()
        self._connections = {
            topic: self._writer.add_connection(topic, TYPE, typestore=types) for topic in topics
        }

    def write(self, topic: str, time_ns: int, data: bytes) -> None:
        """Append a message as it came over the wire (CDR), with the time it was received."""
        self._writer.write(self._connections[topic], time_ns, data)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def skeleton_types() -> Any:
    """
    Return a rosbags Typestore that knows the messages of pose_ros.

    Raises
    ------
    FileNotFoundError
        When msg/*.msg is not part of this installation.
    """
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    for name in MESSAGES:
        text = shipped_file('msg', f'{name}.msg').read_text(encoding='utf-8')
        store.register(get_types_from_msg(text, f'pose_ros/msg/{name}'))
    return store
