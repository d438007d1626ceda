# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Is a new engine right? It is compared with ONNX Runtime on a known input: maps and keypoints.

Engines that load, run and are wrong do occur (NVIDIA/TensorRT issues 4813, 1787).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pose_ros.backends.tensorrt.engine_cache import EngineRefused
from pose_ros.core.backend import ModelSpec
from pose_ros.core.decode.boxes import decode_boxes
from pose_ros.core.decode.movenet import decode_person
from pose_ros.core.geometry import box_iou

if TYPE_CHECKING:
    from pose_ros.backends.onnx import OnnxNetwork
    from pose_ros.backends.tensorrt.network import TensorrtNetwork

# Largest mean difference of a map, in its standard deviations. Rounding weights and tensors to
# float16 costs 0.0002 to 0.0008 (all shipped networks, ONNX Runtime on `to_half`); maps that are
# rolled by four pixels are 0.2 to 0.4 off.
MAP_TOLERANCE = {'fp32': 0.005, 'fp16': 0.03}
# Largest median distance of the keypoints that are decoded from the maps, input pixels. That
# rounding moves them by 0.001 to 0.005, the rolled maps by 5 to 14.
MEDIAN_PX = {'fp32': 0.1, 'fp16': 0.5}
# Of the boxes that the reference is surest of, so many at most, half must be found again.
_BEST_BOXES, _SAME_IOU = 10, 0.8


def check_engine(network: TensorrtNetwork, reference: OnnxNetwork, precision: str) -> None:
    """
    Compare an engine with ONNX Runtime, at each shape that it is made for.

    Parameters
    ----------
    network : TensorrtNetwork
        The engine; on the CUDA thread.
    reference : OnnxNetwork
        The same network.
    precision : 'fp16' or 'fp32'
        Of the engine.

    Raises
    ------
    EngineRefused
        With the numbers, when it is off.
    """
    for shape in network.best_shapes:
        values = golden_input(reference.spec, shape)
        found, expected = network.maps_of(values), reference.run(values)
        if reference.spec.box_format in ('dets', 'end_to_end') and (
            reference.spec.decoder in ('boxes', 'one_stage')
        ):
            compare_boxes(found, expected, reference.spec)  # rows are in the order of the scores
        else:
            compare(found, expected, reference.spec, precision)


def golden_input(spec: ModelSpec, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return the input that engines are checked with: patches of noise, always the same."""
    batch, _, height, width = shape
    patches = np.random.default_rng(0).uniform(
        0, 255, (batch, 3, -(-height // 16), -(-width // 16))
    )
    pixels = np.kron(patches, np.ones((16, 16)))[..., :height, :width]
    mean, std = (np.array(values)[:, None, None] for values in (spec.mean, spec.std))
    return ((pixels - mean) / std).astype(np.float32)


def compare(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray], spec: ModelSpec, precision: str
) -> None:
    """
    Compare an engine's maps with those of ONNX Runtime.

    Parameters
    ----------
    found, expected : dict of arrays
        By role.
    spec : ModelSpec
        Of the network.
    precision : 'fp16' or 'fp32'
        Of the engine.

    Raises
    ------
    EngineRefused
        With the numbers, when a map is not finite or too far off, or the keypoints are.
    """
    for role, values in expected.items():
        if not np.isfinite(found[role]).all():
            raise EngineRefused(f'its {role} are not finite on the golden input')
        off = float(np.abs(found[role] - values).mean() / max(float(values.std()), 1e-9))
        if off > MAP_TOLERANCE[precision]:
            raise EngineRefused(
                f'its {role} are {off:.4f} standard deviations away from those of ONNX Runtime '
                f'on the golden input, more than {MAP_TOLERANCE[precision]}'
            )
    if spec.decoder in ('boxes', 'one_stage'):
        return
    xy, expected_xy = (decode_person(maps, spec).xy for maps in (found, expected))
    # The median: where two peaks are equally high, one takes this, the other that.
    known = np.isfinite(expected_xy).all(axis=2)  # not those that the network lacks
    off_px = float(np.median(np.linalg.norm(xy - expected_xy, axis=2)[known]))
    if not off_px <= MEDIAN_PX[precision]:
        raise EngineRefused(
            f'its keypoints are {off_px:.2f} px away from those of ONNX Runtime on the golden '
            f'input in the median, more than {MEDIAN_PX[precision]}'
        )


def compare_boxes(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray], spec: ModelSpec
) -> None:
    """
    Compare boxes that the network sorted and thinned out itself: a rounding changes the order.

    Parameters
    ----------
    found, expected, spec
        As of `compare`.

    Raises
    ------
    EngineRefused
        When most of the reference's best boxes are not there.
    """
    size = spec.input_size  # is asked only for raw grids
    try:
        _, best, _ = decode_boxes(expected, spec, size, _BEST_BOXES, 0.0)
        _, boxes, _ = decode_boxes(found, spec, size, 1000, 0.0)
    except ValueError as error:
        raise EngineRefused(f'it gives {error}') from error
    same = box_iou(best[:, None], boxes[None]).max(axis=1, initial=0) > _SAME_IOU
    if 2 * same.sum() < len(best):
        raise EngineRefused(
            f'of the {len(best)} best boxes of ONNX Runtime on the golden input it has '
            f'{same.sum()}'
        )
