# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether the process and the GPU have room left: memory, temperature, processor."""

from __future__ import annotations

from dataclasses import dataclass
import math

from pose_ros.core.health.findings import Finding, Level

MEMORY_FULL = 0.9
"""Share of the memory that may be used, above which it is said."""
GPU_MEMORY_FULL = 0.95
GPU_HOT_C = 87.0
"""NVIDIA's boards and Jetsons slow down between 83 and 97 degrees C."""
_MB = 1e6


@dataclass(frozen=True)
class ProcessUsage:
    """
    What a process takes.

    Attributes
    ----------
    cpu_share : float
        Processors in use lately: 1 is one whole core; NaN when not known yet.
    memory_bytes : int
        Resident.
    memory_limit_bytes : int
        Of its control group; 0 for none.
    memory_used_bytes : int
        Of its control group, caches apart.
    load : float
        Processes that want to run on the machine, over one minute.
    cores : int
        That this process may use.
    """

    cpu_share: float = math.nan
    memory_bytes: int = 0
    memory_limit_bytes: int = 0
    memory_used_bytes: int = 0
    load: float = 0.0
    cores: int = 1


@dataclass(frozen=True)
class GpuUsage:
    """
    What a GPU says of itself; NaN is what it does not say.

    Attributes
    ----------
    name : str
        Of the board.
    memory_used_bytes, memory_total_bytes : float
        Of all processes.
    temperature_c : float
        Of the chip, degrees C.
    slowdown_c : float
        Where it slows itself down, degrees C.
    source : str
        Who was asked, or why nothing can be read.
    """

    name: str = ''
    memory_used_bytes: float = math.nan
    memory_total_bytes: float = math.nan
    temperature_c: float = math.nan
    slowdown_c: float = math.nan
    source: str = ''


def process_findings(usage: ProcessUsage) -> list[Finding]:
    """Say whether memory runs out."""
    limit = usage.memory_limit_bytes
    if limit and usage.memory_used_bytes > MEMORY_FULL * limit:
        return [Finding(
            Level.WARN, 'process', 'memory_full',
            f'{usage.memory_used_bytes / _MB:.0f} MB of the {limit / _MB:.0f} MB that the control '
            'group may have are used',
            'raise the limit (docker run --memory), or the process will be killed')]
    return []


def gpu_findings(gpu: GpuUsage) -> list[Finding]:
    """Say whether the GPU is hot or full."""
    found = []
    limit_c = GPU_HOT_C if math.isnan(gpu.slowdown_c) else gpu.slowdown_c - 3.0
    if gpu.temperature_c >= limit_c:
        found.append(Finding(
            Level.WARN, 'gpu', 'hot', f'{gpu.name} has {gpu.temperature_c:.0f} degrees C and '
            'slows down', 'mind its cooling; on a Jetson, the fan and the power mode (nvpmodel)'))
    if gpu.memory_used_bytes > GPU_MEMORY_FULL * gpu.memory_total_bytes:
        found.append(Finding(
            Level.WARN, 'gpu', 'memory_full',
            f'{gpu.memory_used_bytes / _MB:.0f} of {gpu.memory_total_bytes / _MB:.0f} MB of '
            f'{gpu.name} are in use', 'end other processes that use it (nvidia-smi lists them)'))
    return found
