# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Memory and temperature of the GPU: from NVML, the library of the driver, or from sysfs on a Jetson.

NVML: https://docs.nvidia.com/deploy/nvml-api/; it is part of every desktop and data centre driver,
and asks nothing of CUDA.
"""

from __future__ import annotations

import ctypes
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
    Asks the first GPU, as often as wanted.

    Parameters
    ----------
    library : str
        NVML.
    thermal : str
        Folder of the thermal zones of sysfs.
    """

    def __init__(
        self, library: str = 'libnvidia-ml.so.1', thermal: str = '/sys/class/thermal'
    ) -> None:
        self._device = ctypes.c_void_p()
        self._nvml: ctypes.CDLL | None = None
        self._zone: Path | None = None
        self._name, self._slowdown_c = '', _NAN
        self.reason = self._open_nvml(library)
        if self._nvml is None:
            self._zone = _jetson_zone(Path(thermal))

    def _open_nvml(self, library: str) -> str:
        """Open NVML; return why it cannot be, or nothing."""
        try:
            nvml = ctypes.CDLL(library)
        except OSError:
            return f'{library} is not here: no NVIDIA driver'
        if (result := nvml.nvmlInit_v2()) != 0:
            return f'NVML cannot be used: error {result}'
        if (result := nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self._device))) != 0:
            return f'NVML sees no GPU: error {result}'
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
        if self._nvml is not None:
            memory, degrees = _Memory(), ctypes.c_uint()
            has_memory = self._nvml.nvmlDeviceGetMemoryInfo(
                self._device, ctypes.byref(memory)) == 0
            has_degrees = self._nvml.nvmlDeviceGetTemperature(
                self._device, _TEMPERATURE_GPU, ctypes.byref(degrees)) == 0
            return GpuUsage(
                name=self._name,
                memory_used_bytes=float(memory.used) if has_memory else _NAN,
                memory_total_bytes=float(memory.total) if has_memory else _NAN,
                temperature_c=float(degrees.value) if has_degrees else _NAN,
                slowdown_c=self._slowdown_c,
                source='NVML',
            )
        if self._zone is None:
            return GpuUsage(source=self.reason)
        try:
            milli_c = int((self._zone / 'temp').read_text(encoding='ascii'))
        except (OSError, ValueError):
            return GpuUsage(name='Jetson', source=f'{self._zone} cannot be read')
        return GpuUsage(name='Jetson', temperature_c=milli_c * 1e-3, source=str(self._zone))

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
