# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Is a new engine right? Its maps of a known input are compared with those of ONNX Runtime.

Engines that load, run and are wrong do occur (NVIDIA/TensorRT issues 4813, 1787).
"""

from __future__ import annotations

import numpy as np

from pose_ros.backends.engine_cache import EngineRefused
from pose_ros.core.backend import ModelSpec

# Largest mean difference to ONNX Runtime on the golden input, in standard deviations of the map.
# Right engines are some thousandths off, wrong ones about 1.
TOLERANCE = {'fp32': 0.005, 'fp16': 0.05}


def golden_input(spec: ModelSpec, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return the input that engines are checked with: patches of noise, always the same."""
    batch, _, height, width = shape
    patches = np.random.default_rng(0).uniform(
        0, 255, (batch, 3, -(-height // 16), -(-width // 16))
    )
    pixels = np.kron(patches, np.ones((16, 16)))[..., :height, :width]
    mean, std = (np.array(values)[:, None, None] for values in (spec.mean, spec.std))
    return ((pixels - mean) / std).astype(np.float32)


def compare_maps(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float
) -> None:
    """
    Compare an engine's maps with those of ONNX Runtime.

    Parameters
    ----------
    found, expected : dict of arrays
        By role; `found` may have more.
    tolerance : float
        Mean difference, in standard deviations of the expected map.

    Raises
    ------
    EngineRefused
        With the numbers, when a map is farther off or not finite.
    """
    for role, values in expected.items():
        if not np.isfinite(found[role]).all():
            raise EngineRefused(f'its {role} are not finite on the golden input')
        off = float(np.abs(found[role] - values).mean() / max(float(values.std()), 1e-9))
        if off > tolerance:
            raise EngineRefused(
                f'its {role} are {off:.4f} standard deviations away from those of ONNX Runtime '
                f'on the golden input, more than {tolerance}'
            )
