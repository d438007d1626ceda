# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How long a frame takes, and where the time goes."""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np

from pose_ros.backends.tensorrt.backend import TensorrtBackend
from pose_ros.core import geometry
from pose_ros.core.estimator.two_pass import TwoPassEstimator, first_pass_size
from pose_ros.media.people_images import people_images
from pose_ros.tools.gpu_checks.site import CheckFailed, Site

SIZES = ((640, 480), (1920, 1080))
PEOPLE = (1, 4, 8)
WARM_UP = 20
# The figures to reach: 640x480, one person, two passes, with graphs.
P50_MS, P99_OVER_P50, HOST_CPU_MS = 2.0, 2.0, 0.5
STAGES = ('parameters', 'warp', 'network', 'decode', 'download')


def check_latency(site: Site) -> dict[str, Any]:
    """Time whole frames and, on the GPU, their stages: by size, people, graphs, way of waiting."""
    rows = []
    backend = site.backend()
    try:
        for size in SIZES[:1] if site.is_dry else SIZES:
            for people in PEOPLE[:2] if site.is_dry else PEOPLE:
                images = scene(people, size)
                rows += [
                    _row(site, backend, images, people, graphs) for graphs in (True, False)
                ]
        backend.spins = True
        rows.append(_row(site, backend, scene(1, SIZES[0]), 1, graphs=True))
    finally:
        backend.close()
    figures: dict[str, Any] = {'rows': rows}
    first = rows[0]
    p50, p99 = first['frame_ms']['p50'], first['frame_ms']['p99']
    figures['reached'] = {
        f'p50 <= {P50_MS} ms': p50 <= P50_MS,
        f'p99 <= {P99_OVER_P50} x p50': p99 <= P99_OVER_P50 * p50,
        f'host CPU <= {HOST_CPU_MS} ms': first['host_cpu_ms'] <= HOST_CPU_MS,
    }
    missed = [name for name, reached in figures['reached'].items() if not reached]
    if missed and not site.is_dry:
        raise LatencyMissed(', '.join(missed), figures)
    return figures


class LatencyMissed(CheckFailed):
    """A figure is not reached; the table is worth having all the same."""

    def __init__(self, missed: str, figures: dict[str, Any]) -> None:
        super().__init__(f'640x480, one person: missed {missed}')
        self.figures = figures


def scene(people: int, size: tuple[int, int]) -> list[np.ndarray]:
    """Return images of so many people: up to four side by side, more in two rows."""
    if people <= 5:
        return people_images(people, size)
    half = people_images(people // 2)
    # The people stand in the rows 104 to 376 (people_images).
    stacked = [np.vstack([image[104:376]] * 2) for image in half]
    return [cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in stacked]


def _row(
    site: Site, backend: TensorrtBackend, images: list[np.ndarray], people: int, graphs: bool
) -> dict[str, Any]:
    """Measure one line of the table."""
    estimator = TwoPassEstimator(backend, site.config)
    backend.uses_graphs = graphs
    found: list[int] = []
    for i in range(min(WARM_UP, site.repeat)):
        found.append(len(estimator.estimate(images[i % len(images)])))
    frame_ms, passes_ms = [], []
    cpu_s = time.process_time()
    for i in range(site.repeat):
        start_s = time.perf_counter()
        found.append(len(estimator.estimate(images[i % len(images)])))
        frame_ms.append((time.perf_counter() - start_s) * 1e3)
        passes_ms.append(estimator.times.network_s * 1e3)
    cpu_ms = (time.process_time() - cpu_s) * 1e3 / site.repeat
    row = {
        'size': f'{images[0].shape[1]}x{images[0].shape[0]}', 'people': people,
        'found': float(np.median(found)), 'graphs': graphs and backend.uses_graphs,
        'waits': 'spins' if backend.spins else 'sleeps',
        'frame_ms': percentiles(frame_ms), 'passes_ms': percentiles(passes_ms),
        'host_cpu_ms': round(cpu_ms, 3),
    }
    if not graphs:
        row['stages_ms'] = _stages(site, backend, images[0], people)
    return row


def _stages(
    site: Site, backend: TensorrtBackend, image: np.ndarray, people: int
) -> dict[str, dict[str, float]]:
    """Time the stages of one look at the whole image and of so many crops."""
    size = (image.shape[1], image.shape[0])
    input_size = first_pass_size(size, site.config.detect_size_px, backend.detector)
    views = geometry.letterbox(size, input_size)[None]
    box = np.array([size[0] * 0.3, size[1] * 0.1, size[0] * 0.6, size[1] * 0.9])
    crops = geometry.crop(box + np.arange(people)[:, None], backend.refiner.input_size, 1.25)
    samples: dict[str, list[float]] = {}
    for _ in range(site.repeat):
        start_s = time.perf_counter()
        backend.load_image(image)
        backend.synchronize()
        samples.setdefault('upload', []).append((time.perf_counter() - start_s) * 1e3)
        times = backend.stage_times_ms(views, crops, input_size)
        for stage in STAGES:
            both = sum(times[name][stage] for name in times)
            samples.setdefault(stage, []).append(both)
    return {stage: percentiles(values) for stage, values in samples.items()}


def percentiles(values: list[float]) -> dict[str, float]:
    """Summarise a sample as p50, p95 and p99."""
    found = np.percentile(values, (50, 95, 99))
    return {f'p{n}': round(float(v), 4) for n, v in zip((50, 95, 99), found)}


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the rows as lines of a Markdown table, for docs/benchmarks.md."""
    lines = [
        '| image | people | graphs | host | frame p50, p95, p99 ms | host CPU ms | upload '
        '| warp | network | decode | download |',
        '|---|---|---|---|---|---|---|---|---|---|---|',
    ]
    for row in rows:
        stages = row.get('stages_ms', {})
        cells = [
            row['size'], f'{row["people"]} ({row["found"]:g} found)',
            'yes' if row['graphs'] else 'no', row['waits'],
            ', '.join(f'{row["frame_ms"][p]:.2f}' for p in ('p50', 'p95', 'p99')),
            f'{row["host_cpu_ms"]:.2f}',
            *(
                f'{stages[stage]["p50"]:.3f}' if stage in stages else ''
                for stage in ('upload', 'warp', 'network', 'decode', 'download')
            ),
        ]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return lines
