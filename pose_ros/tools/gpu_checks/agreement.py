# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The whole path on the GPU against ONNX Runtime on the CPU, on real images; graphs as well."""

from __future__ import annotations

from typing import Any

import numpy as np

from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER
from pose_ros.backends.onnx import OnnxBackend
from pose_ros.core import geometry
from pose_ros.core.backend import Backend
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.tools.gpu_checks.site import CouldNotRun, Site, require

# Of keypoints of which both are sure.
MAX_PX, MEDIAN_PX = 0.5, 0.05
SURE = 0.3


def check_agreement(site: Site) -> dict[str, Any]:
    """Compare keypoints in both precisions."""
    reference = OnnxBackend(SHIPPED_DETECTOR, SHIPPED_REFINER, 0)
    expected = _people(reference, site)
    figures = {}
    for precision in ('fp32', 'fp16'):
        backend = site.backend(precision)
        try:
            found = _people(backend, site)
        finally:
            backend.close()
        shifts = [_shifts_px(a, b) for a, b in zip(found, expected)]
        off_px = np.concatenate(shifts) if shifts else np.empty(0)
        figures[precision] = {
            'images': len(expected),
            'people': [sum(map(len, found)), sum(map(len, expected))],
            'keypoints': len(off_px),
            'median_px': round(float(np.median(off_px)), 5) if len(off_px) else None,
            'max_px': round(float(off_px.max()), 4) if len(off_px) else None,
        }
    for precision, figure in figures.items():
        require(figure['keypoints'], f'{precision}: there is nobody to compare')
        require(
            figure['median_px'] <= MEDIAN_PX and figure['max_px'] <= MAX_PX,
            f'{precision}: keypoints are off by {figure["median_px"]} px in the median and '
            f'{figure["max_px"]} px at most; allowed are {MEDIAN_PX} and {MAX_PX}',
        )
    return figures


def _people(backend: Backend, site: Site) -> list[Keypoints]:
    estimator = TwoPassEstimator(backend, site.config)
    return [estimator.estimate(image) for image in site.images]


def _shifts_px(found: Keypoints, expected: Keypoints) -> np.ndarray:
    """Return how far keypoints are from those of the nearest person of the reference."""
    if not len(found) or not len(expected):
        return np.empty(0)
    distance = np.linalg.norm(found.xy[:, None] - expected.xy[None], axis=3)
    both = (found.score[:, None] > SURE) & (expected.score[None] > SURE)
    mean = np.where(both, distance, 0).sum(axis=2) / np.maximum(both.sum(axis=2), 1)
    mean[both.sum(axis=2) == 0] = np.inf
    nearest = mean.argmin(axis=1)
    rows = np.arange(len(found))
    return distance[rows, nearest][both[rows, nearest]]


def check_graphs(site: Site) -> dict[str, Any]:
    """Record passes of several shapes, in turns, and compare with the same without recording."""
    backend = site.backend()
    try:
        image = site.images[0]
        backend.load_image(image)
        size = (image.shape[1], image.shape[0])
        box = np.array([size[0] * 0.3, size[1] * 0.1, size[0] * 0.7, size[1] * 0.9])
        crops = geometry.crop(
            box + 4.0 * np.arange(8)[:, None], backend.refiner.input_size, 1.25
        )
        backend.uses_graphs = False
        batches = (1, 2) if site.is_dry else (1, 2, 4, 8)
        expected = {n: backend.refine(crops[:n]).xy for n in batches}
        backend.uses_graphs = True
        off_px = 0.0
        for n in batches * 4:
            off_px = max(off_px, float(np.abs(backend.refine(crops[:n]).xy - expected[n]).max()))
        require(off_px <= 1e-3, f'a recorded pass is off by {off_px} px')
        if not backend.uses_graphs:
            raise CouldNotRun('nothing can be recorded here (see the warning)')
        return {'shapes': len(batches), 'max_px': off_px}
    finally:
        backend.close()
