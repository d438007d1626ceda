# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Whether images of their size can come through Fast DDS's shared memory.

An image that does not fit into the publisher's segment goes in UDP fragments and is mostly lost
when it is best effort: measured, 6 of 130 images of 640x480 by default, all with a segment of
64 MB. The default segment is 512 KiB (Fast DDS, SharedMemTransportDescriptor); one is taken from
/dev/shm for each participant, whole, when it starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pose_ros.core.health.findings import Finding, Level

DEFAULT_SEGMENT_BYTES = 512 * 1024
_MB = 1e6
_SET_PROFILE = (
    'export FASTDDS_DEFAULT_PROFILES_FILE and FASTRTPS_DEFAULT_PROFILES_FILE, both to '
    'config/fastdds_shm.xml of pose_ros, before the start of {who}'
)


@dataclass(frozen=True)
class Segment:
    """
    The shared memory of one process.

    Attributes
    ----------
    who : str
        Its node or 'this process'.
    bytes : int
        Size of the segment; 0: it uses no shared memory.
    profile : str
        File it comes from, or what else set it; empty: the default.
    """

    who: str
    bytes: int = DEFAULT_SEGMENT_BYTES
    profile: str = ''


@dataclass(frozen=True)
class SharedMemory:
    """
    The folder that shared memory lies in.

    Attributes
    ----------
    path : str
        /dev/shm.
    usable : bool
        Whether it is there and can be written.
    total_bytes, free_bytes : int
        Of the file system.
    container : bool
        Whether this seems to be a container.
    """

    path: str = '/dev/shm'
    usable: bool = True
    total_bytes: int = 0
    free_bytes: int = 0
    container: bool = False


def shared_memory_findings(memory: SharedMemory, segment: Segment) -> list[Finding]:
    """Say whether the segment that this process wants can be had."""
    if not memory.usable:
        return [Finding(
            Level.WARN, 'transport', 'no_shared_memory',
            f'{memory.path} cannot be written: images go through UDP, large ones get lost',
            'mount a tmpfs there (docker run --ipc=host, or --shm-size=512m)')]
    needed = 2 * segment.bytes
    if segment.bytes and memory.total_bytes < needed:
        hint = 'mount -o remount,size=512m /dev/shm'
        if memory.container:
            hint = 'docker run --shm-size=512m, or --ipc=host'
        return [Finding(
            Level.WARN, 'transport', 'small_shared_memory',
            f'{memory.path} has {memory.total_bytes / _MB:.0f} MB, each process takes '
            f'{segment.bytes / _MB:.0f} MB: where it does not fit, images go through UDP',
            hint)]
    return []


def segment_findings(
    image_bytes: int, publishers: Sequence[Segment], topic: str
) -> list[Finding]:
    """
    Say whether the images of `topic` fit into the segments of those who publish them.

    Parameters
    ----------
    image_bytes : int
        Of one image.
    publishers : sequence of Segment
        Those of them that run on this machine and can be looked at.
    topic : str
        Its full name.
    """
    found = []
    for segment in publishers:
        if not 0 < segment.bytes <= image_bytes:
            continue
        why = f'set by {segment.profile}' if segment.profile else 'the default: no profile is set'
        found.append(Finding(
            Level.WARN, 'transport', 'small_segment',
            f'images on {topic} have {image_bytes / _MB:.1f} MB, the shared-memory segment of '
            f'{segment.who} has {segment.bytes / _MB:.1f} MB ({why}): best-effort images get '
            'lost, reliable ones come late',
            _SET_PROFILE.format(who=segment.who)))
    return found
