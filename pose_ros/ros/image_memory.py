# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory of one image serves the next, instead of going back to the kernel in between."""

from __future__ import annotations

import ctypes
import os

# glibc's malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# The most that glibc takes on 64 bits (HEAP_MAX_SIZE / 2). A 4K image (25 MB) is below it; an 8K
# image (100 MB) is above it and still given back at once.
_KEPT_SIZE_BYTES = 32 * 2**20
_KEPT_BYTES = 2 * _KEPT_SIZE_BYTES  # free at the end of a heap; glibc's own ratio

_USERS_OWN = ('MALLOC_TRIM_THRESHOLD_', 'MALLOC_MMAP_THRESHOLD_')


def keep_image_memory() -> None:
    """
    Tell glibc to keep free memory, up to 64 MB in each of its heaps and in blocks of up to 32 MB.

    By default it gives the buffers of a large image back whenever nothing lies behind them in the
    heap, which is a matter of chance, and the kernel clears each page anew for the next image:
    at 1920x1080 another 6 to 10 ms of processor time for each image, as long as the process lives.

    Once per process. Nothing happens where the user has set a threshold (environment
    variables of `man mallopt`, or GLIBC_TUNABLES), nor where the C library has no such call.
    """
    if any(os.environ.get(name) for name in _USERS_OWN) or (
            'glibc.malloc' in os.environ.get('GLIBC_TUNABLES', '')):
        return
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_SIZE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
