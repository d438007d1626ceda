# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Memory of GPU and host over many frames of changing size, encoding and number of people."""

from __future__ import annotations

from pathlib import Path
import sys
from typing import Any

import numpy as np
from tqdm import tqdm

from pose_ros.core.camera_image import CameraImage
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.tools.gpu_checks.contexts import used_bytes
from pose_ros.tools.gpu_checks.latency import scene
from pose_ros.tools.gpu_checks.site import Site, require

WARM_UP = 200
GPU_BYTES, HOST_BYTES = 8 << 20, 32 << 20
"""May be more at the end: what others do on the GPU, and the allocator of the host."""


def check_memory(site: Site) -> dict[str, Any]:
    """Run many frames; nothing may grow after the first ones."""
    images = [image for people in (1, 4, 8) for image in scene(people, (640, 480))[:4]]
    backend = site.backend()
    try:
        estimator = TwoPassEstimator(backend, site.config)
        warm_up = min(WARM_UP, site.memory_frames)
        for i in range(warm_up):
            estimator.estimate(_frame(images, i))
        gpu_bytes, host_bytes = used_bytes(site), resident_bytes()
        progress = tqdm(
            range(site.memory_frames), unit='frame', desc='memory', file=sys.stderr,
            mininterval=0.1 if sys.stderr.isatty() else 10.0,  # in a log every update is a line
        )
        for i in progress:
            estimator.estimate(_frame(images, i))
        figures = {
            'frames': site.memory_frames,
            'gpu_growth_bytes': used_bytes(site) - gpu_bytes,
            'host_growth_bytes': resident_bytes() - host_bytes,
            'gpu_megabytes': round(used_bytes(site) / 1e6),
        }
    finally:
        backend.close()
    require(
        figures['gpu_growth_bytes'] <= GPU_BYTES and figures['host_growth_bytes'] <= HOST_BYTES,
        f'memory grew by {figures["gpu_growth_bytes"] / 1e6:.1f} MB on the GPU and '
        f'{figures["host_growth_bytes"] / 1e6:.1f} MB on the host',
    )
    return figures


def _frame(images: list[np.ndarray], i: int) -> np.ndarray | CameraImage:
    """Return image i in turns as BGR, as RGB, and cut to another size."""
    image = images[i % len(images)]
    if i % 3 == 1:
        height, width = image.shape[:2]
        return CameraImage(
            np.ascontiguousarray(image[..., ::-1]).reshape(-1), 'rgb8', width, height, 3 * width
        )
    return image[:, 40:] if i % 3 == 2 else image


def resident_bytes() -> int:
    """Return how much memory of the host this process has (Linux)."""
    for line in Path('/proc/self/status').read_text(encoding='utf-8').splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1]) * 1024
    return 0
