# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Is a new engine right? Its maps of a known input are compared with those of ONNX Runtime.

Engines that load, run and are wrong do occur (NVIDIA/TensorRT issues 4813, 1787).
"""

from __future__ import annotations

import numpy as np

from pose_ros.backends.tensorrt.engine_cache import EngineRefused
from pose_ros.core.backend import ModelSpec

# Largest mean difference to ONNX Runtime on the golden input, in standard deviations of the map,
# by head. The rounding of weights and tensors to float16 alone costs 0.0003 to 0.0008 for
# heatmaps and centers, 0.0002 to 0.0004 for regress and offsets (both networks, ONNX Runtime on
# `to_half`); wrong engines are about 1 off. In 8 bits a rounding that falls the other way goes on
# through the network: two right ways of computing the same Thunder (ONNX Runtime with and without
# its optimisations) are 0.42, 0.28, 0.14 and 0.25 apart.
_SURE = ('heatmaps', 'centers', 'regress', 'offsets')
TOLERANCE: dict[str, dict[str, float]] = {
    'fp32': dict.fromkeys(_SURE, 0.005),
    'fp16': {'heatmaps': 0.03, 'centers': 0.03, 'regress': 0.02, 'offsets': 0.02},
    'int8': {'heatmaps': 0.8, 'centers': 0.6, 'regress': 0.4, 'offsets': 0.5},
}


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
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerances: dict[str, float]
) -> None:
    """
    Compare an engine's maps with those of ONNX Runtime.

    Parameters
    ----------
    found, expected : dict of arrays
        By role; `found` may have more.
    tolerances : dict
        By role: largest mean difference, in standard deviations of the expected map.

    Raises
    ------
    EngineRefused
        With the numbers, when a map is farther off or not finite.
    """
    for role, values in expected.items():
        if not np.isfinite(found[role]).all():
            raise EngineRefused(f'its {role} are not finite on the golden input')
        tolerance = tolerances.get(role, max(tolerances.values()))
        off = float(np.abs(found[role] - values).mean() / max(float(values.std()), 1e-9))
        if off > tolerance:
            raise EngineRefused(
                f'its {role} are {off:.4f} standard deviations away from those of ONNX Runtime '
                f'on the golden input, more than {tolerance}'
            )
