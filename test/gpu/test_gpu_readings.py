# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the GPU says of itself: where there is none, on a Jetson (its sysfs), and a real one."""

from __future__ import annotations

import math
from pathlib import Path
import shutil
import subprocess

import pytest

from pose_ros.backends.tensorrt.gpu_readings import GpuReader


def test_no_driver(tmp_path: Path) -> None:
    reader = GpuReader('libnothing.so.1', str(tmp_path))
    usage = reader.read()
    assert usage.name == '' and 'libnothing.so.1 is not here' in usage.source
    assert math.isnan(usage.temperature_c) and math.isnan(usage.memory_total_bytes)
    reader.close()


def test_the_thermal_zone_of_a_jetson(tmp_path: Path) -> None:
    for i, (kind, milli_c) in enumerate((('CPU-therm', 41000), ('gpu-thermal', 47500))):
        zone = tmp_path / f'thermal_zone{i}'
        zone.mkdir()
        (zone / 'type').write_text(f'{kind}\n')
        (zone / 'temp').write_text(f'{milli_c}\n')
    reader = GpuReader('libnothing.so.1', str(tmp_path))
    assert (reader.read().name, reader.read().temperature_c) == ('Jetson', 47.5)
    (tmp_path / 'thermal_zone1/temp').unlink()  # a zone that cannot be read
    assert math.isnan(reader.read().temperature_c)
    assert 'cannot be read' in reader.read().source


# The declarations of nvml.h that are used, with numbers to be found again.
_NVML = """
#include <cstring>
extern "C" {
typedef struct Device *nvmlDevice_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
int nvmlInit_v2() { return RESULT; }
int nvmlShutdown() { return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *device) {
    *device = (nvmlDevice_t)0x123456789abcULL;
    return index == 0 ? 0 : 2;
}
static bool wrong(nvmlDevice_t device) { return device != (nvmlDevice_t)0x123456789abcULL; }
int nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned length) {
    strncpy(name, "Stand-in", length);
    return wrong(device);
}
int nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device, int kind, unsigned *degrees) {
    *degrees = 95;
    return wrong(device) || kind != 1;
}
int nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    *memory = {8ULL << 30, 5ULL << 30, 3ULL << 30};
    return wrong(device);
}
int nvmlDeviceGetTemperature(nvmlDevice_t device, int sensor, unsigned *degrees) {
    *degrees = 61;
    return wrong(device) || sensor != 0;
}
}
"""


@pytest.mark.parametrize('result', [0, 9])
def test_a_stand_in_for_nvml(tmp_path: Path, result: int) -> None:
    """The calls as nvml.h declares them, compiled: pointers, structure and numbers are right."""
    if shutil.which('g++') is None:
        pytest.skip('no g++')
    source, library = tmp_path / 'nvml.cpp', tmp_path / 'nvml.so'
    source.write_text(_NVML.replace('RESULT', str(result)))
    subprocess.run(['g++', '-shared', '-fPIC', str(source), '-o', str(library)], check=True)
    reader = GpuReader(str(library), str(tmp_path))
    usage = reader.read()
    if result:
        assert usage.source == 'NVML cannot be used: error 9' and usage.name == ''
        return
    assert (usage.name, usage.temperature_c, usage.slowdown_c) == ('Stand-in', 61.0, 95.0)
    assert (usage.memory_used_bytes, usage.memory_total_bytes) == (3 << 30, 8 << 30)
    reader.close()


@pytest.mark.gpu
def test_a_real_gpu() -> None:
    reader = GpuReader()
    if reader.reason:
        pytest.skip(reader.reason)
    usage = reader.read()
    assert usage.source == 'NVML' and usage.name
    assert 0 < usage.memory_used_bytes < usage.memory_total_bytes
    assert 10 < usage.temperature_c < usage.slowdown_c
    reader.close()
