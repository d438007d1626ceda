# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The probe of the NVIDIA driver, with none and with small libraries in its place."""

from __future__ import annotations

from pathlib import Path
import shutil
import subprocess

import pytest

from pose_ros.backends.cuda_driver import CudaDriverError, probe

DRIVER = """
#include <cstring>
extern "C" {
int cuInit(unsigned) { return INIT; }
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDriverGetVersion(int *version) { *version = 12060; return 0; }
int cuDeviceGetName(char *name, int, int) { strcpy(name, "NVIDIA Test"); return 0; }
int cuDeviceTotalMem_v2(unsigned long *bytes, int) { *bytes = 8ul << 30; return 0; }
int cuDeviceGetAttribute(int *value, int which, int) {
  *value = which == 16 ? 46 : which == 75 ? 8 : which == 76 ? 6 : -1;
  return *value < 0;
}
int cuGetErrorString(int error, const char **text) {
  *text = error == 100 ? "no CUDA-capable device is detected" : nullptr;
  return 0;
}
}
"""


def driver(folder: Path, init: int, count: int) -> str:
    if shutil.which('g++') is None:
        pytest.skip('g++ is missing: it compiles the driver of this test')
    source, library = folder / 'driver.cpp', folder / 'libcuda.so'
    source.write_text(DRIVER)
    subprocess.run(
        ['g++', '-shared', '-fPIC', f'-DINIT={init}', f'-DCOUNT={count}', str(source), '-o',
         str(library)],
        check=True,
    )
    return str(library)


def test_no_driver() -> None:
    with pytest.raises(CudaDriverError, match='no NVIDIA driver'):
        probe(library='libcuda-that-nobody-has.so.1')


def test_driver_without_gpu(tmp_path: Path) -> None:
    with pytest.raises(CudaDriverError, match='error 100, no CUDA-capable device'):
        probe(library=driver(tmp_path, 100, 0))


def test_error_without_text(tmp_path: Path) -> None:
    with pytest.raises(CudaDriverError, match='error 999, unknown'):
        probe(library=driver(tmp_path, 999, 0))


def test_gpu_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CudaDriverError, match='no GPU number 1: the driver sees 1'):
        probe(1, driver(tmp_path, 0, 1))


def test_gpu(tmp_path: Path) -> None:
    device = probe(library=driver(tmp_path, 0, 1))
    assert device.name == 'NVIDIA Test'
    assert device.compute_capability == (8, 6)
    assert device.memory_bytes == 8 << 30
    assert device.multiprocessors == 46
    assert device.driver == (12, 6)
