# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Whether Fast DDS's shared memory has room for images.

An image that does not fit into the publisher's segment goes in UDP fragments and is mostly lost
when it is best effort: measured, 6 of 130 images of 640x480 by default, all with a segment of
64 MB, as in config/fastdds_shm.xml. A segment is taken from /dev/shm for each participant, whole,
when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
import os

from pose_ros.diagnostics.findings import Finding, Level

PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
"""Humble's and Jazzy's Fast DDS know the second name only, newer ones prefer the first."""
TRANSPORTS_VARIABLE = 'FASTDDS_BUILTIN_TRANSPORTS'
DEFAULT_SEGMENT_BYTES = 512 * 1024
"""Fast DDS, SharedMemTransportDescriptor."""
SHIPPED_SEGMENT_BYTES = 64 << 20
"""config/fastdds_shm.xml."""
SET_PROFILE = (f'export {" and ".join(PROFILE_VARIABLES)}, both to config/fastdds_shm.xml of '
               'pose_ros, before the start of the camera driver')


def profile_of(environment: Mapping[str, str]) -> str:
    """Return the profile that Fast DDS reads in this environment; empty: its defaults hold."""
    return next((environment[v] for v in PROFILE_VARIABLES if environment.get(v)), '')


def shared_memory_findings(profile: str, path: str = '/dev/shm') -> list[Finding]:
    """Say whether the folder of shared memory can be used, and holds what a profile asks for."""
    try:
        status = os.statvfs(path)
        usable = not status.f_flag & os.ST_RDONLY and os.access(path, os.W_OK | os.X_OK)
    except OSError:
        usable = False
    if not usable:
        return [Finding(
            Level.WARN, 'transport', 'no_shared_memory',
            f'{path} cannot be written: images go through UDP, large ones get lost',
            'mount a tmpfs there (docker run --ipc=host, or --shm-size=512m)')]
    total_bytes = status.f_frsize * status.f_blocks
    if profile and total_bytes < 2 * SHIPPED_SEGMENT_BYTES:
        return [Finding(
            Level.WARN, 'transport', 'small_shared_memory',
            f'{path} has {total_bytes / 1e6:.0f} MB, each process takes '
            f'{SHIPPED_SEGMENT_BYTES / 1e6:.0f} MB with the shared-memory profile: where it does '
            'not fit, images go through UDP',
            'in a container: docker run --shm-size=512m, or --ipc=host; else '
            f'mount -o remount,size=512m {path}')]
    return []
