# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A float32 ONNX graph as a float16 one, for TensorRT's strongly typed networks."""

from __future__ import annotations

import numpy as np

from pose_ros.core.backend import BackendError

_LARGEST = float(np.finfo(np.float16).max)


def to_half(model_bytes: bytes) -> bytes:
    """
    Convert a model: all tensors become float16, inputs and outputs too.

    Parameters
    ----------
    model_bytes : bytes
        A serialised ONNX model of float32 tensors; weights may be float16 with a Cast each.

    Returns
    -------
    bytes
        The same with float16 for float32, but for the scales of Resize; node names are unique.

    Raises
    ------
    BackendError
        When onnx or onnxruntime is missing, the file is no model, or has a weight beyond the range
        of float16.
    """
    try:
        import onnx
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise BackendError(
            f'float16 needs the Python packages onnx and onnxruntime ({error}): '
            'pip install onnx onnxruntime'
        ) from error
    try:
        model = onnx.load_from_string(model_bytes)
    except Exception as error:  # noqa: BLE001  protobuf's errors have no common base class
        raise BackendError(f'not an ONNX model: {error}') from error
    # The converter makes names of those of the nodes, and leaves no weight out of range as it is.
    for number, node in enumerate(model.graph.node):
        node.name = f'{number}_{node.name or node.op_type}'
    constants = [t for n in model.graph.node for a in n.attribute if a.HasField('t') for t in (a.t,)]
    for tensor in (*model.graph.initializer, *constants):
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = onnx.numpy_helper.to_array(tensor)
            # Infinity is a usual limit of Clip, and stays what it is.
            if np.abs(values[np.isfinite(values)]).max(initial=0) > _LARGEST:
                raise BackendError(f'{tensor.name or "a constant"} has values beyond float16')
    try:
        # Without shapes: they are not needed, and their inference may fail on a graph that is right.
        half = convert_float_to_float16(
            model, keep_io_types=False, disable_shape_infer=True, op_block_list=[],
            min_positive_val=5.97e-8,
        )
    except Exception as error:  # noqa: BLE001  it raises what it comes upon
        raise BackendError(f'cannot make a float16 model: {error}') from error
    return bytes(half.SerializeToString())
