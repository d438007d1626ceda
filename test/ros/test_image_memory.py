# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The memory of large images is not cleared by the kernel anew for each of them."""

import os
import platform
import subprocess
import sys

import pytest

# What a message of 1920x1080 does on its way: two buffers of its size, filled and freed.
_IMAGES = """
import ctypes, resource, sys
from pose_ros.ros import process
from pose_ros.ros.parameters import ParameterError

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
libc.free.argtypes, size = (ctypes.c_void_p,), 1920 * 1080 * 3
libc.prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE: pages of 4 KB, wherever this runs

def pass_images(number):
    for _ in range(number):
        buffers = [libc.malloc(size) for _ in range(2)]
        for buffer in buffers:
            ctypes.memset(buffer, 1, size)
        for buffer in buffers:
            libc.free(buffer)

def in_place_of_a_node():
    pass_images(3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    pass_images(20)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20)
    raise ParameterError('that was all')

if sys.argv[1] == 'node':
    process.spin_together([in_place_of_a_node], [])
else:
    try:
        in_place_of_a_node()
    except ParameterError:
        pass
"""

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != 'glibc', reason='mallopt is of glibc: nothing to keep elsewhere')


def _pages_per_image(where: str, **environment: str) -> float:
    """Return how many pages of 4 KB the kernel cleared for each image."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith('MALLOC_') and name != 'GLIBC_TUNABLES'}
    ran = subprocess.run([sys.executable, '-c', _IMAGES, where], env={**clean, **environment},
                         stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    return float(ran.stdout)


def test_in_the_process_of_a_node_it_is_kept() -> None:
    assert _pages_per_image('plain') > 1000.0  # so there is something to keep
    assert _pages_per_image('node') < 10.0


@pytest.mark.parametrize('name, value', [
    ('MALLOC_MMAP_THRESHOLD_', '131072'),
    ('GLIBC_TUNABLES', 'glibc.malloc.mmap_threshold=131072')])
def test_what_the_user_has_set_stays(name: str, value: str) -> None:
    assert _pages_per_image('node', **{name: value}) > 1000.0


def test_other_tunables_have_nothing_to_do_with_it() -> None:
    assert _pages_per_image('node', GLIBC_TUNABLES='glibc.pthread.rseq=0') < 10.0
