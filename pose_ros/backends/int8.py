# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A float32 ONNX model as one of 8 bits, in the form that TensorRT takes.

Explicit QuantizeLinear and DequantizeLinear pairs, symmetric, weights by channel, biases as they
were: TensorRT refuses zero points that are not 0. The ranges of the tensors come from images. The
first convolution and those that make the outputs stay as they are: they cost little and lose most.
Needs the packages onnx and onnxruntime.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
import tempfile
from typing import Any

import numpy as np

from pose_ros.backends.precision import OPSET, read_model
from pose_ros.core.backend import BackendError


def quantize(model: Path, inputs: Sequence[np.ndarray]) -> bytes:
    """
    Quantise a model.

    Parameters
    ----------
    model : Path
        ONNX, float32; weights may be float16 with a Cast each.
    inputs : sequence of (B, 3, height, width) float32
        Normalised input of real images: what the network will see.

    Returns
    -------
    bytes
        The ONNX model, with the same inputs and outputs, in float32.

    Raises
    ------
    BackendError
        When a package is missing, there is no input, or the model cannot be quantised.
    """
    if not len(inputs):
        raise BackendError(f'there is nothing to calibrate {model} with')
    try:
        import onnx
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise BackendError(
            f'8 bits need the Python packages onnx and onnxruntime ({error}): '
            'pip install onnx onnxruntime'
        ) from error
    graph = read_model(model.read_bytes())
    name = graph.graph.input[0].name

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left: Iterator[np.ndarray] = iter(inputs)

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self._left, None)
            return None if batch is None else {name: batch}

    with tempfile.TemporaryDirectory(prefix='pose_ros_int8_') as scratch:
        newer, prepared, done = (Path(scratch) / f'{n}.onnx' for n in ('newer', 'plain', 'int8'))
        try:
            # Of 19 and newer QuantizeLinear takes float16: such a model can be made of it.
            onnx.save(onnx.version_converter.convert_version(graph, OPSET), str(newer))
            # Folds the weights' casts into the weights.
            quant_pre_process(str(newer), str(prepared), skip_symbolic_shape=True)
            quantization.quantize_static(
                str(prepared), str(done), Reader(),
                quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                activation_type=quantization.QuantType.QInt8,
                weight_type=quantization.QuantType.QInt8,
                nodes_to_exclude=_ends(onnx.load(str(prepared))),
                extra_options={
                    'ActivationSymmetric': True, 'WeightSymmetric': True, 'QuantizeBias': False,
                    'AddQDQPairToWeight': True,
                    # Ranges are averages over the images: with the extremes of all of them
                    # Thunder loses 0.043 AP on labelled photos, with averages 0.014.
                    'CalibMovingAverage': True, 'CalibMovingAverageConstant': 0.02,
                },
            )
        except Exception as error:  # noqa: BLE001  of three packages, without a common base class
            raise BackendError(f'{model} cannot be quantised: {error}') from error
        return done.read_bytes()


def _ends(model: Any) -> list[str]:
    """Return the names of the first convolution and of those that make the outputs."""
    made_by = {out: node for node in model.graph.node for out in node.output}
    found = [next(node.name for node in model.graph.node if node.op_type == 'Conv')]
    for output in model.graph.output:
        node = made_by.get(output.name)
        while node is not None and node.op_type != 'Conv':
            node = made_by.get(node.input[0])
        if node is not None:
            found.append(node.name)
    return found
