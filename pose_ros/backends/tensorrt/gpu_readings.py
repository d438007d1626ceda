# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Memory and temperature of the GPU: from NVML, the library of the driver, and what that cannot tell
on a Jetson from sysfs and /proc.

NVML: https://docs.nvidia.com/deploy/nvml-api/; it is part of every desktop and data centre driver,
and asks nothing of CUDA.
"""

from __future__ import annotations

import ctypes
import math
from pathlib import Path

from pose_ros.core.health.load import GpuUsage

_TEMPERATURE_GPU = 0  # nvml.h: NVML_TEMPERATURE_GPU
_THRESHOLD_SLOWDOWN = 1  # nvml.h: NVML_TEMPERATURE_THRESHOLD_SLOWDOWN
_NAN = float('nan')


class _Memory(ctypes.Structure):  # nvml.h: nvmlMemory_t
    _fields_ = [
        ('total', ctypes.c_ulonglong), ('free', ctypes.c_ulonglong), ('used', ctypes.c_ulonglong),
    ]


class GpuReader:
    """
    Asks a GPU, as often as wanted.

    Parameters
    ----------
    pci_bus_id : str
        Which one (`Gpu.pci_bus_id`): NVML counts them in another order than CUDA. Empty: NVML's
        first.
    library : str
        NVML.
    thermal : str
        Folder of the thermal zones of sysfs.
    meminfo : str
        Where Linux tells its memory: a Jetson's GPU has no other.
    """

    def __init__(
        self, pci_bus_id: str = '', library: str = 'libnvidia-ml.so.1',
        thermal: str = '/sys/class/thermal', meminfo: str = '/proc/meminfo',
    ) -> None:
        self._device = ctypes.c_void_p()
        self._nvml: ctypes.CDLL | None = None
        self._zone: Path | None = None
        self._name, self._slowdown_c = '', _NAN
        self.reason = self._open_nvml(library, pci_bus_id)
        self._zone = _jetson_zone(Path(thermal))
        self._meminfo = Path(meminfo)

    def _open_nvml(self, library: str, pci_bus_id: str) -> str:
        """Open NVML; return why it cannot be, or nothing."""
        try:
            nvml = ctypes.CDLL(library)
        except OSError:
            return f'{library} is not here: no NVIDIA driver'
        if (result := nvml.nvmlInit_v2()) != 0:
            return f'NVML cannot be used: error {result}'
        if pci_bus_id:
            result = nvml.nvmlDeviceGetHandleByPciBusId_v2(
                pci_bus_id.encode(), ctypes.byref(self._device))
        else:
            result = nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self._device))
        if result != 0:
            return f'NVML sees no GPU {pci_bus_id}'.rstrip() + f': error {result}'
        self._nvml = nvml
        name = ctypes.create_string_buffer(96)
        if nvml.nvmlDeviceGetName(self._device, name, 96) == 0:
            self._name = name.value.decode(errors='replace')
        limit = ctypes.c_uint()
        if nvml.nvmlDeviceGetTemperatureThreshold(
            self._device, _THRESHOLD_SLOWDOWN, ctypes.byref(limit)
        ) == 0:
            self._slowdown_c = float(limit.value)
        return ''

    def read(self) -> GpuUsage:
        """Return what can be read now; NaN is what cannot."""
        if self._nvml is None and self._zone is None:
            return GpuUsage(source=self.reason)
        used_bytes = total_bytes = temperature_c = _NAN
        sources = []
        if self._nvml is not None:
            sources.append('NVML')
            memory, degrees = _Memory(), ctypes.c_uint()
            if self._nvml.nvmlDeviceGetMemoryInfo(self._device, ctypes.byref(memory)) == 0:
                used_bytes, total_bytes = float(memory.used), float(memory.total)
            if self._nvml.nvmlDeviceGetTemperature(
                self._device, _TEMPERATURE_GPU, ctypes.byref(degrees)) == 0:
                temperature_c = float(degrees.value)
        if self._zone is not None:  # a Jetson: NVML is there, and answers "not supported"
            if math.isnan(temperature_c):
                temperature_c = _read_zone_c(self._zone)
                sources.append(
                    f'{self._zone}{" cannot be read" if math.isnan(temperature_c) else ""}')
            if math.isnan(total_bytes):
                used_bytes, total_bytes = _read_meminfo(self._meminfo)
        return GpuUsage(
            name=self._name or 'Jetson',
            memory_used_bytes=used_bytes,
            memory_total_bytes=total_bytes,
            temperature_c=temperature_c,
            slowdown_c=self._slowdown_c,
            source=', '.join(sources),
        )

    def close(self) -> None:
        """Let go of NVML."""
        if self._nvml is not None:
            self._nvml.nvmlShutdown()
            self._nvml = None


def _jetson_zone(thermal: Path) -> Path | None:
    """Find the thermal zone of the GPU: 'GPU-therm' up to Xavier, 'gpu-thermal' on Orin."""
    for zone in sorted(thermal.glob('thermal_zone*')):
        try:
            kind = (zone / 'type').read_text(encoding='ascii').strip().lower()
        except (OSError, UnicodeDecodeError):
            continue
        if kind.startswith('gpu'):
            return zone
    return None


def _read_zone_c(zone: Path) -> float:
    try:
        return int((zone / 'temp').read_text(encoding='ascii')) * 1e-3
    except (OSError, ValueError):
        return _NAN


def _read_meminfo(path: Path) -> tuple[float, float]:
    """Return the bytes of memory that are in use, and all; NaN where they cannot be read."""
    try:
        lines = dict(line.split(':', 1) for line in path.read_text('ascii').splitlines())
        total, free = (int(lines[n].split()[0]) * 1024.0 for n in ('MemTotal', 'MemAvailable'))
    except (OSError, ValueError, KeyError):
        return _NAN, _NAN
    return total - free, total
