# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The GpuRuntime of the host."""

from __future__ import annotations

import ctypes

from pose_ros.backends.cuda_driver import CudaDevice
from pose_ros.backends.gpu_runtime import GpuRuntime
from pose_ros.backends.host_gpu.cuda import HostCuda
from pose_ros.backends.host_gpu.tensorrt import HostTensorrt

DEVICE = CudaDevice('no GPU: host memory', (9, 0), 1 << 30, 1, (12, 6))


def host_runtime(library: ctypes.CDLL) -> GpuRuntime:
    """Put the host in place of a GPU; `library` has the kernels (`host_gpu.kernels`)."""
    trt = HostTensorrt()
    return GpuRuntime(DEVICE, HostCuda(library), trt, trt.build)
