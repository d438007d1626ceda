# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What this process takes of the machine."""

from __future__ import annotations

import math
import os
from pathlib import Path
import time

from pose_ros.core.health.load import ProcessUsage

_LIMITS = (  # control groups version 2, then 1: limit, use, and what of it are caches
    ('/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory.current',
     '/sys/fs/cgroup/memory.stat', 'inactive_file'),
    ('/sys/fs/cgroup/memory/memory.limit_in_bytes', '/sys/fs/cgroup/memory/memory.usage_in_bytes',
     '/sys/fs/cgroup/memory/memory.stat', 'total_inactive_file'),
)
_NO_LIMIT_BYTES = 2**50
_GROUP_EVERY = 10  # readings: it takes longer than all the others together


class UsageMeter:
    """Reads it; the share of the processor is that since the reading before."""

    def __init__(self) -> None:
        self._before = time.monotonic(), time.process_time()
        self._group, self._readings = (0, 0), 0

    def read(self) -> ProcessUsage:
        """Return what it is now."""
        now = time.monotonic(), time.process_time()
        passed_s = now[0] - self._before[0]
        share = (now[1] - self._before[1]) / passed_s if passed_s > 0 else math.nan
        self._before = now
        if self._readings % _GROUP_EVERY == 0:
            self._group = _group_memory()
        self._readings += 1
        limit, used = self._group
        return ProcessUsage(
            cpu_share=share, memory_bytes=_resident_bytes(), memory_limit_bytes=limit,
            memory_used_bytes=used, load=os.getloadavg()[0], cores=len(os.sched_getaffinity(0)),
        )


def _resident_bytes() -> int:
    pages = Path('/proc/self/statm').read_text(encoding='ascii').split()[1]
    return int(pages) * os.sysconf('SC_PAGE_SIZE')


def _group_memory() -> tuple[int, int]:
    """Return limit and use of the control group, bytes; zeros where there is no limit."""
    for limit_file, used_file, stat_file, cache in _LIMITS:
        try:
            limit = Path(limit_file).read_text(encoding='ascii').strip()
            used = int(Path(used_file).read_text(encoding='ascii'))
            stat = dict(
                line.split() for line in Path(stat_file).read_text(encoding='ascii').splitlines()
            )
        except OSError:
            continue
        if limit.isdigit() and int(limit) < _NO_LIMIT_BYTES:
            return int(limit), used - int(stat.get(cache, '0'))
    return 0, 0
