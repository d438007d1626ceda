# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which runtime the networks run on and why not on a better one; how the GPU is."""

from __future__ import annotations

from pathlib import Path
import time

from pose_ros.backends.tensorrt.gpu_readings import GpuReader
from pose_ros.core.backend import Backend
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.health.findings import Finding, Level
from pose_ros.core.health.load import GpuUsage, gpu_findings

_EVERY_S = 5.0
_GPU_DEVICES = ('/dev/nvidia0', '/dev/nvhost-gpu', '/dev/nvgpu/igpu0')


def gpu_is_there() -> bool:
    """Whether the kernel shows an NVIDIA GPU, usable or not; the last two are Jetsons."""
    return any(Path(p).exists() for p in _GPU_DEVICES)


class GpuChecks:
    """Asks the GPU now and then while the networks run on it."""

    def __init__(self) -> None:
        self._reader: GpuReader | None = None
        self._usage = GpuUsage()
        self._read_s = float('-inf')

    def findings(self, backend: Backend, config: EstimatorConfig) -> list[Finding]:
        """Judge; to be called about once a second."""
        instead = str(getattr(backend, 'instead', ''))
        if gpu_is_there() and ('tensorrt' in backend.name or 'cuda' in backend.name):
            self._ask()
            return gpu_findings(self._usage)
        if not instead:
            return []
        if gpu_is_there():
            return [Finding(
                Level.WARN, 'backend', 'gpu_unused', f'the GPU is not used: {instead}',
                'mend it, or set backend: onnx if that is wanted')]
        return [Finding(Level.OK, 'backend', 'no_gpu', f'networks on the CPU; {instead}')]

    def values(self) -> dict[str, str]:
        """Return what the GPU says of itself."""
        if self._reader is None:
            return {}
        usage = self._usage
        return {
            'gpu': usage.name or usage.source,
            'gpu_temperature_c': f'{usage.temperature_c:.0f}',
            'gpu_memory_mb': f'{usage.memory_used_bytes / 1e6:.0f}',
        }

    def _ask(self) -> None:
        now_s = time.monotonic()
        if self._reader is None:
            self._reader = GpuReader()
        if now_s - self._read_s > _EVERY_S:
            self._read_s = now_s
            self._usage = self._reader.read()
