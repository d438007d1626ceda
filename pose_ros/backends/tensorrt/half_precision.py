# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX graphs for TensorRT's strongly typed networks: as they are, and float16 for float32."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pose_ros.core.backend import BackendError

if TYPE_CHECKING:
    import onnx

_LARGEST = float(np.finfo(np.float16).max)


def load_model(path: Path) -> onnx.ModelProto:
    """
    Read a model, with the weights that lie in a file beside it.

    Raises
    ------
    BackendError
        When the package onnx is missing, or the file is no model.
    """
    try:
        import onnx
    except ImportError as error:
        raise BackendError(
            f'engines are built by the Python package onnx ({error}): pip install onnx'
        ) from error
    try:
        return onnx.load(path)
    except Exception as error:  # noqa: BLE001  protobuf's errors have no common base class
        raise BackendError(f'{path} is not an ONNX model: {error}') from error


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """
    Convert a model: all tensors become float16, inputs and outputs too.

    Parameters
    ----------
    model : ModelProto
        Of float32 tensors; weights may be float16 with a Cast each. It is changed.

    Returns
    -------
    ModelProto
        The same with float16 for float32, but for the scales of Resize; node names are unique.

    Raises
    ------
    BackendError
        When it has a weight beyond the range of float16, or cannot be converted.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    # The converter makes names of those of the nodes, and changes weights that are out of range.
    for number, node in enumerate(model.graph.node):
        node.name = f'{number}_{node.name or node.op_type}'
    constants = [
        attribute.t for node in model.graph.node for attribute in node.attribute
        if attribute.HasField('t')
    ]
    for tensor in (*model.graph.initializer, *constants):
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = onnx.numpy_helper.to_array(tensor)
            # Infinity is a usual limit of Clip, and stays what it is.
            if np.abs(values[np.isfinite(values)]).max(initial=0) > _LARGEST:
                raise BackendError(f'{tensor.name or "a constant"} has values beyond float16')
    try:
        # Without shapes: they are not needed, and inferring them fails on some graphs.
        return convert_float_to_float16(
            model, keep_io_types=False, disable_shape_infer=True,
            op_block_list=['NonMaxSuppression'],  # of ONNX takes float32 only
            min_positive_val=5.97e-8,
        )
    except Exception as error:  # noqa: BLE001  it raises what it comes upon
        raise BackendError(f'cannot make a float16 model: {error}') from error
