# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The same networks in PyTorch on the same GPU, with the CPU before and after: how much slower."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from pose_ros.backends.host_backend import HostBackend
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model
from pose_ros.core.backend import Backend
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.tools.gpu_checks.latency import WARM_UP, scene
from pose_ros.tools.gpu_checks.site import CouldNotRun, Site, require

TIMES_FASTER = 3.0


def check_eager(site: Site) -> dict[str, Any]:
    """Time frames of 640x480 with one person by both, in turns of a hundred frames."""
    try:
        import torch
    except ImportError as error:
        raise CouldNotRun(f'PyTorch is not installed ({error})') from error
    if not site.is_dry and not torch.cuda.is_available():
        raise CouldNotRun(f'PyTorch {torch.__version__} does not see the GPU')
    from pose_ros.tools.gpu_checks.torch_network import TorchNetwork

    device = 'cpu' if site.is_dry else 'cuda'
    paths = [find_model(model) for model in (SHIPPED_DETECTOR, SHIPPED_REFINER)]
    eager = {
        f'pytorch_{"fp16" if half else "fp32"}': HostBackend(
            'pytorch', *(TorchNetwork(path, device, half) for path in paths)
        )
        for half in ((False,) if site.is_dry else (False, True))
    }
    ours = site.backend()
    backends: dict[str, Backend] = {'ours': ours, **eager}
    images = scene(1, (640, 480))
    times_ms: dict[str, list[float]] = {name: [] for name in backends}
    try:
        for _ in range(max(1, site.repeat // 100)):
            for name, backend in backends.items():
                times_ms[name] += _frames_ms(backend, site, images)
    finally:
        ours.close()
    p50 = {name: round(float(np.median(t)), 3) for name, t in times_ms.items()}
    fastest = min(value for name, value in p50.items() if name != 'ours')
    times = fastest / p50['ours']
    if not site.is_dry:
        require(
            times >= TIMES_FASTER,
            f'{times:.2f} times faster than PyTorch, not {TIMES_FASTER}: {p50} ms',
        )
    return {'frame_ms_p50': p50, 'times_faster': round(times, 2), 'torch': torch.__version__}


def _frames_ms(backend: Backend, site: Site, images: list[np.ndarray]) -> list[float]:
    estimator = TwoPassEstimator(backend, site.config)
    times_ms = []
    count = min(100, site.repeat)
    for i in range(min(WARM_UP, count) + count):
        start_s = time.perf_counter()
        estimator.estimate(images[i % len(images)])
        times_ms.append((time.perf_counter() - start_s) * 1e3)
    return times_ms[-count:]
