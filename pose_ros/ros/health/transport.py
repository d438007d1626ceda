# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The shared memory of Fast DDS: of this process, and of other processes on this machine.

Another process is known by its environment, read from /proc: only the variables of Fast DDS are
looked at, and only those of one's own user can be.
"""

from __future__ import annotations

from collections.abc import Mapping
import os
from pathlib import Path
import xml.etree.ElementTree as ElementTree

from pose_ros.core.health.transport import DEFAULT_SEGMENT_BYTES, Segment, SharedMemory

PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
"""Humble's and Jazzy's Fast DDS know the second name only, newer ones prefer the first."""
TRANSPORTS_VARIABLE = 'FASTDDS_BUILTIN_TRANSPORTS'


def segment_of(environment: Mapping[str, str], who: str = 'this process') -> Segment:
    """Return what the environment of a process makes of its shared memory."""
    profile = next((environment[v] for v in PROFILE_VARIABLES if environment.get(v)), '')
    if profile:
        size = _segment_in(profile)
        if size is not None:
            return Segment(who, size, profile)
    transports = environment.get(TRANSPORTS_VARIABLE, '')
    if transports and transports.split('?')[0] not in ('DEFAULT', 'SHM'):
        return Segment(who, 0, f'{TRANSPORTS_VARIABLE}={transports}')
    return Segment(who, DEFAULT_SEGMENT_BYTES, profile)


def _segment_in(profile: str) -> int | None:
    """Return the segment of a profile file, 0 when it has no shared memory; None: as default."""
    try:
        root = ElementTree.parse(profile).getroot()
    except (OSError, ElementTree.ParseError):
        return None  # Fast DDS says so itself, and goes on with the default
    sizes, builtin = [], True
    for element in root.iter():
        name = element.tag.rpartition('}')[2]
        if name == 'transport_descriptor':
            fields = {e.tag.rpartition('}')[2]: (e.text or '').strip() for e in element}
            if fields.get('type') == 'SHM':
                size = fields.get('segment_size', '')
                sizes.append(int(size) if size.isdigit() else DEFAULT_SEGMENT_BYTES)
        elif name == 'useBuiltinTransports':
            builtin = (element.text or '').strip().lower() not in ('false', '0')
    if sizes:
        return max(sizes)
    return None if builtin else 0


def shared_memory(path: str = '/dev/shm') -> SharedMemory:
    """Look at the folder of shared memory."""
    container = any(Path(p).exists() for p in ('/.dockerenv', '/run/.containerenv'))
    try:
        status = os.statvfs(path)
    except OSError:
        return SharedMemory(path, usable=False, container=container)
    read_only = bool(status.f_flag & os.ST_RDONLY)
    return SharedMemory(
        path,
        usable=not read_only and os.access(path, os.W_OK | os.X_OK),
        total_bytes=status.f_frsize * status.f_blocks,
        free_bytes=status.f_frsize * status.f_bavail,
        container=container,
    )


def segment_of_peer(gid: bytes, own_gid: bytes, who: str) -> Segment | None:
    """
    Return the shared memory of the process that an endpoint belongs to.

    Parameters
    ----------
    gid, own_gid : bytes
        Of the endpoint, and of one of our own. Fast DDS puts the machine into bytes 2 and 3, and
        the lower half of the process number into bytes 4 and 5 (GuidUtils.hpp).
    who : str
        Its node.

    Returns
    -------
    Segment or None
        None when it runs elsewhere or must not be looked at, or in this process: then nothing
        goes through shared memory.
    """
    if gid[:4] != own_gid[:4] or gid[4:8] == own_gid[4:8]:
        return None
    for process in _processes(gid[4] | gid[5] << 8):
        try:
            text = (process / 'environ').read_bytes()
            maps = (process / 'maps').read_text(encoding='utf-8', errors='replace')
        except OSError:
            continue
        if 'fastrtps' not in maps and 'fastdds' not in maps:
            continue
        pairs = (v.partition('=') for v in text.decode(errors='replace').split('\0'))
        known = (*PROFILE_VARIABLES, TRANSPORTS_VARIABLE)
        return segment_of({k: v for k, _, v in pairs if k in known}, who)
    return None


def _processes(lower_half: int) -> list[Path]:
    return [
        p for p in Path('/proc').iterdir()
        if p.name.isdigit() and int(p.name) & 0xFFFF == lower_half
    ]
