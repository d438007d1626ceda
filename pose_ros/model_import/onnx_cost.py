# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a network costs, counted from its graph: multiply-adds and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from pathlib import Path

import onnx

from pose_ros.backends.model_files import external_data
from pose_ros.core.backend import BackendError

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Cost:
    """
    What one view costs.

    Attributes
    ----------
    macs : int
        Multiply-adds of convolutions and matrix products; twice as many are the floating point
        operations (FLOPs). Everything else in such networks is below 2 %.
    parameters : int
        Numbers in the weights.
    """

    macs: int
    parameters: int


def load_graph(path: Path) -> onnx.ModelProto:
    """Return an ONNX file; BackendError when it is none."""
    from google.protobuf.message import DecodeError  # comes with onnx

    external_data(path)  # raises when it is missing
    try:
        return onnx.load(str(path))
    except OSError as error:
        raise BackendError(f'cannot read {path}: {error.strerror or error}') from error
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise BackendError(f'{path} is no ONNX file, or a damaged one: {error}') from error


def cost(model: onnx.ModelProto, input_shape: Sequence[int]) -> Cost:
    """
    Count what one run with an input of this shape costs.

    Parameters
    ----------
    model : ModelProto
        Is not changed.
    input_shape : sequence of int
        Of its first input.

    Raises
    ------
    BackendError
        When a shape that is needed does not follow from the input's.
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    weights = {tensor.name for tensor in fixed.graph.initializer}
    first = next(i for i in fixed.graph.input if i.name not in weights)
    for dim, size in zip(first.type.tensor_type.shape.dim, input_shape):
        dim.dim_value = size
    # What was written for other sizes would contradict.
    del fixed.graph.value_info[:]
    for output in fixed.graph.output:
        output.type.tensor_type.ClearField('shape')
    try:
        inferred = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError) as error:
        raise BackendError(f'the shapes inside of the graph contradict: {error}') from error
    shapes: Shapes = {tensor.name: tuple(tensor.dims) for tensor in fixed.graph.initializer}
    graph = inferred.graph
    for value in (*graph.input, *graph.value_info, *graph.output):
        shapes[value.name] = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
    constants = [
        math.prod(attribute.t.dims)
        for node in fixed.graph.node if node.op_type == 'Constant'
        for attribute in node.attribute if attribute.name == 'value' and attribute.t.dims
    ]  # fmt: skip
    parameters = sum(math.prod(tensor.dims) for tensor in fixed.graph.initializer)
    return Cost(sum(_macs(node, shapes) for node in graph.node), parameters + sum(constants))


def _macs(node: onnx.NodeProto, shapes: Shapes) -> int:
    if node.op_type not in ('Conv', 'ConvTranspose', 'Gemm', 'MatMul'):
        return 0
    try:
        left, right = (shapes[name] for name in node.input[:2])
        out = shapes[node.output[0]]
    except KeyError as error:
        raise BackendError(f'the shape of {error} in the graph is not known') from error
    if not all((*left, *right, *out)):
        raise BackendError(f'the shapes around {node.name or node.op_type} are not known')
    if node.op_type == 'Conv':
        return math.prod(out) * math.prod(right[1:])
    if node.op_type == 'ConvTranspose':
        return math.prod(left) * math.prod(right[1:])
    if node.op_type == 'Gemm':
        turned = any(a.name == 'transA' and a.i for a in node.attribute)
        return math.prod(out) * left[0 if turned else 1]
    return math.prod(out) * left[-1]
