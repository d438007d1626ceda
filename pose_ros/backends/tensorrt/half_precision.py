# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A float32 ONNX graph as a float16 one, for TensorRT's strongly typed networks.

All tensors become float16, inputs and outputs too: the kernels read and write them. Needs the
package onnx.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pose_ros.core.backend import BackendError

_LARGEST = float(np.finfo(np.float16).max)
# Inputs that stay float32, by the standard: region of interest and scales.
_FLOAT_INPUTS = {'Resize': (1, 2)}
# Their meaning depends on types in other ways.
_UNKNOWN = {'If', 'Loop', 'Scan', 'RandomNormal', 'RandomUniform'}
OPSET = 19
"""From this version on QuantizeLinear and DequantizeLinear take float16."""


def read_model(model_bytes: bytes) -> Any:
    """
    Read an ONNX model.

    Raises
    ------
    BackendError
        When onnx is missing, or it is none.
    """
    try:
        import onnx
    except ImportError as error:
        raise BackendError(
            f'this needs the Python package onnx ({error}): pip install onnx'
        ) from error
    try:
        return onnx.load_from_string(model_bytes)
    except Exception as error:  # noqa: BLE001  protobuf's errors have no common base class
        raise BackendError(f'not an ONNX model: {error}') from error


def is_quantized(model_bytes: bytes) -> bool:
    """Tell whether an ONNX model has 8-bit parts; names stand in the file as text."""
    return b'QuantizeLinear' in model_bytes


def to_half(model_bytes: bytes) -> bytes:
    """
    Convert a model.

    Parameters
    ----------
    model_bytes : bytes
        A serialised ONNX model of float32 tensors; weights may be float16 with a Cast each.

    Returns
    -------
    bytes
        The same with float16 for float32; node names are unique.

    Raises
    ------
    BackendError
        When onnx is missing, the file is no model, has a value beyond the range of float16, or an
        operator that this does not know.
    """
    model = read_model(model_bytes)
    from onnx import TensorProto, numpy_helper

    graph = model.graph
    if is_quantized(model_bytes) and model.opset_import[0].version < OPSET:
        raise BackendError(f'a model with 8-bit parts needs ONNX opset {OPSET} to become float16')
    unknown = sorted({node.op_type for node in graph.node} & _UNKNOWN)
    if unknown:
        raise BackendError(f'cannot make a float16 model of one with {", ".join(unknown)}')
    stay = {
        node.input[i]
        for node in graph.node
        for i in _FLOAT_INPUTS.get(node.op_type, ())
        if i < len(node.input) and node.input[i]
    }

    def half(tensor: Any) -> Any:
        values = numpy_helper.to_array(tensor)
        # Infinity is a usual limit of Clip, and stays what it is.
        if np.abs(values[np.isfinite(values)]).max(initial=0) > _LARGEST:
            raise BackendError(f'{tensor.name or "a constant"} has values beyond float16')
        return numpy_helper.from_array(values.astype(np.float16), tensor.name)

    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and tensor.name not in stay:
            tensor.CopyFrom(half(tensor))
    halves = {t.name for t in graph.initializer if t.data_type == TensorProto.FLOAT16}
    kept, same_as = [], {}
    for node in graph.node:
        if node.op_type == 'Cast' and node.attribute[0].i == TensorProto.FLOAT:
            node.attribute[0].i = TensorProto.FLOAT16
            if node.input[0] in halves:
                same_as[node.output[0]] = node.input[0]
                continue
        if not (node.op_type == 'Constant' and node.output[0] in stay):
            for attribute in node.attribute:
                if attribute.HasField('t') and attribute.t.data_type == TensorProto.FLOAT:
                    attribute.t.CopyFrom(half(attribute.t))
        kept.append(node)
    for number, node in enumerate(kept):
        node.name = f'{number}_{node.name or node.op_type}'
        for i, name in enumerate(node.input):
            node.input[i] = same_as.get(name, name)
    del graph.node[:]
    graph.node.extend(kept)
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.FLOAT16
    return model.SerializeToString()
