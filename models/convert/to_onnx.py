# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The part of a TensorFlow.js graph between two points, written as ONNX.

TensorFlow's tensors are NHWC, ONNX's NCHW. No transposition is needed in between: every operator
known here is a convolution, or treats all channels alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.convert.graph import ConversionError, TfjsGraph

# 13 is the first opset with every operator below in its present form; TensorRT 8.6 reads up to 17.
OPSET = 13
IR_VERSION = 7

# Every name of the networks begins with it.
SCOPE = 'StatefulPartitionedCall/'


class OnnxWriter:
    """
    Writes nodes of a TensorFlow graph, and all that they need, as ONNX nodes.

    Weights stay float16, as in the source, and a Cast in front of each use widens them: half the
    size, and bit for bit the same results.

    Parameters
    ----------
    graph : TfjsGraph
        The original.
    image_node : str
        The node whose place the input `image` takes.
    """

    def __init__(self, graph: TfjsGraph, image_node: str) -> None:
        self.graph = graph
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.tensors: dict[str, str] = {image_node: 'image'}

    def tensor(self, name: str) -> str:
        """Return the ONNX tensor of a TensorFlow node, writing the node if it is not yet there."""
        if name not in self.tensors:
            node = self.graph.node(name)
            write = self._WRITERS.get(node['op'])
            if write is None:
                raise ConversionError(f'node {name!r} has the unknown operator {node["op"]!r}')
            self.tensors[name] = write(self, node, name.replace(SCOPE, ''))
        return self.tensors[name]

    def _write(self, op: str, name: str, inputs: list[str], **attributes: Any) -> str:
        """Append an ONNX node; its one output has the node's name, which is unique."""
        from onnx import helper

        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def _constant(self, name: str, value: np.ndarray) -> str:
        """Return the initialiser of that name, made from the value at its first use."""
        from onnx import numpy_helper

        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(value.copy('C'), name)
        return name

    def _weight(self, name: str, source: str, axes: tuple[int, ...]) -> str:
        """Write a constant of the source with its axes permuted, and the Cast that widens it."""
        from onnx import TensorProto

        value = self.graph.constants.get(source)
        if value is None or value.ndim != len(axes) or value.dtype != np.float16:
            raise ConversionError(f'{source!r} is not a float16 constant with {len(axes)} axes')
        stored = self._constant(name + '_f16', value.transpose(axes))
        return self._write('Cast', name, [stored], to=TensorProto.FLOAT)

    def _convolution(self, node: dict[str, Any], name: str) -> str:
        fused, padding, layout, strides, dilations = (
            self.graph.attribute(node, key)
            for key in ('fused_ops', 'padding', 'data_format', 'strides', 'dilations')
        )
        if fused not in (None, ['BiasAdd'], ['BiasAdd', 'Relu'], ['BiasAdd', 'Relu6']):
            raise ConversionError(f'node {name!r} has the unknown fused operators {fused}')
        if layout != 'NHWC' or padding not in ('SAME', 'VALID') or set(dilations or [1]) != {1}:
            raise ConversionError(f'node {name!r}: only NHWC, SAME or VALID, and no dilation')
        source, kernel = node['input'][:2]
        inputs = [self.tensor(source)]
        depthwise = 'Depthwise' in node['op']
        # HWIO -> OIHW; depthwise HWCM -> (C*M)1HW, where M = 1 in these networks.
        axes = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
        inputs.append(self._weight(name + '/weight', kernel, axes))
        height, width, channels, multiplier = self.graph.constants[kernel].shape
        if depthwise and multiplier != 1:
            raise ConversionError(f'node {name!r} has the depth multiplier {multiplier}')
        if fused:
            inputs.append(self._weight(name + '/bias', node['input'][2], (0,)))
        # SAME on a size that is a multiple of the stride: the odd pixel of padding goes after.
        pads = [
            max(kernel_size - stride, 0) if padding == 'SAME' else 0
            for kernel_size, stride in zip((height, width), strides[1:3], strict=True)
        ]
        before = [pad // 2 for pad in pads]
        activation = fused[-1] if fused and len(fused) == 2 else None
        out = self._write(
            'Conv',
            f'{name}/conv' if activation else name,
            inputs,
            kernel_shape=[height, width],
            strides=strides[1:3],
            pads=before + [pad - b for pad, b in zip(pads, before, strict=True)],
            group=channels if depthwise else 1,
        )
        if activation == 'Relu':
            return self._write('Relu', name, [out])
        if activation == 'Relu6':
            low = self._constant('relu6_min', np.array(0.0, np.float32))
            high = self._constant('relu6_max', np.array(6.0, np.float32))
            return self._write('Clip', name, [out, low, high])
        return out

    def _add(self, node: dict[str, Any], name: str) -> str:
        return self._write('Add', name, [self.tensor(source) for source in node['input'][:2]])

    def _sigmoid(self, node: dict[str, Any], name: str) -> str:
        return self._write('Sigmoid', name, [self.tensor(node['input'][0])])

    def _resize(self, node: dict[str, Any], name: str) -> str:
        if not self.graph.attribute(node, 'half_pixel_centers') or self.graph.attribute(
            node, 'align_corners'
        ):
            raise ConversionError(f'node {name!r}: only half-pixel centres are known')
        # The source names the size, fixed or computed; in both networks it is twice the input's.
        source = self.tensor(node['input'][0])
        scales = self._constant('resize_scales', np.array([1, 1, 2, 2], np.float32))
        return self._write(
            'Resize',
            name,
            [source, '', scales],
            mode='linear',
            coordinate_transformation_mode='half_pixel',
        )

    _WRITERS: dict[str, Callable[[OnnxWriter, dict[str, Any], str], str]] = {
        '_FusedConv2D': _convolution,
        'FusedDepthwiseConv2dNative': _convolution,
        'DepthwiseConv2dNative': _convolution,
        'AddV2': _add,
        'ResizeBilinear': _resize,
        'Sigmoid': _sigmoid,
    }


def convert(
    graph: TfjsGraph, image_node: str, heads: dict[str, tuple[str, int]], name: str, doc: str
) -> bytes:
    """
    Convert the part of a graph between its normalised image and its heads.

    Parameters
    ----------
    graph : TfjsGraph
        The original.
    image_node : str
        The node whose place the input `image` takes.
    heads : dict
        Output of the ONNX model -> (node, number of channels).
    name, doc : str
        The model's name and description.

    Returns
    -------
    bytes
        A valid ONNX model: `image` float32 (batch, 3, height, width) -> each head float32
        (batch, channels, map_height, map_width), all but the channels dynamic. The same
        arguments give the same bytes.

    Raises
    ------
    ConversionError
        When the graph has not these nodes, or others than the known ones lie between them.
    ImportError
        Without the package onnx.
    """
    from onnx import TensorProto, checker, helper, shape_inference

    writer = OnnxWriter(graph, image_node)
    outputs = []
    head_of_tensor = {}
    for head, (node, channels) in heads.items():
        head_of_tensor[writer.tensor(node)] = head
        shape = ['batch', channels, 'map_height', 'map_width']
        outputs.append(helper.make_tensor_value_info(head, TensorProto.FLOAT, shape))
    for onnx_node in writer.nodes:
        for names in (onnx_node.input, onnx_node.output):
            names[:] = [head_of_tensor.get(name, name) for name in names]
    image = helper.make_tensor_value_info(
        'image', TensorProto.FLOAT, ['batch', 3, 'height', 'width']
    )
    model = helper.make_model(
        helper.make_graph(
            writer.nodes, name, [image], outputs, list(writer.initializers.values())
        ),
        opset_imports=[helper.make_opsetid('', OPSET)],
        ir_version=IR_VERSION,
        producer_name='pose_ros convert-movenet',
        doc_string=doc,
    )
    try:
        checker.check_model(model, full_check=True)
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        raise ConversionError(f'{name} does not become valid ONNX: {error}') from error
    return bytes(model.SerializeToString(deterministic=True))
