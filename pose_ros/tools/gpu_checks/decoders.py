# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Networks of plain heatmaps, as other people's are: the second pass against ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model, read_spec
from pose_ros.backends.onnx import OnnxBackend
from pose_ros.backends.tensorrt.backend import TensorrtBackend
from pose_ros.core import geometry
from pose_ros.core.model_spec import REFINEMENTS
from pose_ros.tools.gpu_checks.agreement import MAX_PX, MEDIAN_PX, SURE
from pose_ros.tools.gpu_checks.site import Site, require

# Of two summits of a map that are equally high one engine takes the one, one the other: without
# a centre's word nothing decides, and so 95 % of the keypoints are held to MAX_PX.
PART = 0.95


def check_decoders(site: Site) -> dict[str, Any]:
    """Read the shipped refiner's heatmaps alone, in every way, in FP32; one engine serves all."""
    site.want_tensorrt()
    figures = {}
    for refinement in REFINEMENTS:
        model = _plain_model(site.folder / refinement, refinement)
        off_px = _shifts_px(site, model)
        require(len(off_px), f'{refinement}: no keypoint is sure enough to be compared')
        median_px, most_px = np.quantile(off_px, [0.5, PART])
        require(
            median_px <= MEDIAN_PX and most_px <= MAX_PX,
            f'{refinement}: keypoints are off by {median_px:.4f} px in the median and '
            f'{most_px:.4f} px at {PART:.0%}; allowed are {MEDIAN_PX} and {MAX_PX}',
        )
        figures[refinement] = {
            'keypoints': len(off_px), 'median_px': round(float(median_px), 5),
            'p95_px': round(float(most_px), 5),
        }
    return figures


def _plain_model(folder: Path, refinement: str) -> Path:
    """Describe the shipped refiner as a network that has heatmaps only."""
    folder.mkdir(parents=True, exist_ok=True)
    shipped = find_model(SHIPPED_REFINER)
    model = folder / 'plain.onnx'
    model.unlink(missing_ok=True)
    model.symlink_to(shipped.resolve())
    spec = read_spec(shipped)
    plain = replace(
        spec, name='plain', decoder='heatmaps', refinement=refinement, weighting={},
        outputs={'heatmaps': spec.outputs['heatmaps']},
    )
    model.with_suffix('.json').write_text(plain.to_json(), encoding='utf-8')
    return model


def _shifts_px(site: Site, model: Path) -> np.ndarray:
    """Return how far sure keypoints are from those of ONNX Runtime, pixels of the crop."""
    reference = OnnxBackend(SHIPPED_DETECTOR, str(model), 0)
    backend = TensorrtBackend(
        SHIPPED_DETECTOR, str(model), 'fp32', 64, folder=site.folder / 'engines',
        runtime=site.runtime,
    )
    found = []
    try:
        for image in site.images[:2] if site.is_dry else site.images:
            height, width = image.shape[:2]
            boxes = np.array([[0, 0, width, height], [width / 4, 0, width * 0.9, height * 0.8]])
            crops = geometry.crop(boxes, backend.refiner.input_size, 1.0)
            for runtime in (backend, reference):
                runtime.load_image(image)
            people, expected = backend.refine(crops), reference.refine(crops)
            shift = np.linalg.norm(people.xy - expected.xy, axis=2) * crops[:, 0, 0][:, None]
            found.append(shift[expected.score > SURE])
    finally:
        backend.close()
    return np.concatenate(found) if found else np.empty(0)
