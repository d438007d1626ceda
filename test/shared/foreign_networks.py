# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Small real networks whose answers are known: joint k is where the picture has the colour k.

They stand for other people's networks: any layout, channel order, normalisation, number and order
of joints, with heatmaps or SimCC vectors.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Far from each other and from the grey of the background; none is its own mirror in BGR.
COLOURS_RGB = np.array(
    [c for c in product((20, 128, 235), repeat=3) if c[0] != c[2]], np.float32
)  # fmt: skip
DOT_PX = 13


def write_network(
    path: Path,
    joints: int,
    *,
    layout: str = 'nchw',
    color: str = 'rgb',
    mean: tuple[float, ...] = (0.0, 0.0, 0.0),
    std: tuple[float, ...] = (1.0, 1.0, 1.0),
    size: tuple[int, int] = (192, 256),
    stride: int = 4,
    simcc_split: int = 0,
    input_type: int = TensorProto.FLOAT,
) -> None:
    """Write a network that answers with the joints' colours."""
    width, height = size
    colours = COLOURS_RGB[:joints] if color == 'rgb' else COLOURS_RGB[:joints, ::-1]
    wanted = ((colours - np.array(mean)) / np.array(std)).astype(np.float32)
    weight = (np.array(std) / 60).astype(np.float32)  # gone at 60 grey levels away
    constants = {
        'wanted': wanted.reshape(1, joints, 3, 1, 1), 'weight': weight.reshape(1, 1, 3, 1, 1),
        'one': np.float32(1), 'axis_1': np.array([1]), 'axis_2': np.array([2]),
        'tile': np.array([1, 1, 1, max(simcc_split, 1)]), 'axis_3': np.array([3]),
        'flat': np.array([0, 0, -1]),
    }  # fmt: skip
    node = helper.make_node
    nodes, x = [], 'pixels'
    if input_type != TensorProto.FLOAT:
        nodes.append(node('Cast', [x], ['as_float'], to=TensorProto.FLOAT))
        x = 'as_float'
    if layout == 'nhwc':
        nodes.append(node('Transpose', [x], ['planes'], perm=[0, 3, 1, 2]))
        x = 'planes'
    nodes += [
        node('Unsqueeze', [x, 'axis_1'], ['views']),
        node('Sub', ['views', 'wanted'], ['difference']),
        node('Abs', ['difference'], ['distance']),
        node('Mul', ['distance', 'weight'], ['weighted']),
        node('ReduceSum', ['weighted', 'axis_2'], ['sum'], keepdims=0),
        node('Sub', ['one', 'sum'], ['likeness']),
        node('Relu', ['likeness'], ['dots']),
        # Blurred, so that a dot has one summit.
        node('AveragePool', ['dots'], ['blurred'], kernel_shape=[9, 9], pads=[4, 4, 4, 4]),
    ]
    if simcc_split:
        outputs = {'along_x': ('axis_2', width), 'along_y': ('axis_3', height)}
        for name, (axis, _) in outputs.items():
            nodes += [
                node('ReduceMax', ['blurred'], [f'{name}_max'], keepdims=0,
                     axes=[int(constants[axis][0])]),
                node('Unsqueeze', [f'{name}_max', 'axis_3'], [f'{name}_column']),
                node('Tile', [f'{name}_column', 'tile'], [f'{name}_bins']),
                node('Reshape', [f'{name}_bins', 'flat'], [name]),
            ]  # fmt: skip
        shapes = {name: ['n', joints, side * simcc_split] for name, (_, side) in outputs.items()}
    else:
        last = 'planar_maps' if layout == 'nhwc' else 'maps'
        nodes.append(node('AveragePool', ['blurred'], [last], kernel_shape=[stride, stride],
                          strides=[stride, stride]))  # fmt: skip
        rows, columns = height // stride, width // stride
        shapes = {'maps': ['n', joints, rows, columns]}
        if layout == 'nhwc':
            nodes.append(node('Transpose', [last], ['maps'], perm=[0, 2, 3, 1]))
            shapes = {'maps': ['n', rows, columns, joints]}
    shape = ['n', height, width, 3] if layout == 'nhwc' else ['n', 3, height, width]
    graph = helper.make_graph(
        nodes, 'colours', [helper.make_tensor_value_info('pixels', input_type, shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def picture_of_joints(xy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a BGR picture (H, W, 3) uint8, grey, with a dot of colour k at xy[k]."""
    image = np.full((size[1], size[0], 3), 60, np.uint8)
    reach = DOT_PX // 2
    for (x, y), colour in zip(np.rint(xy).astype(int), COLOURS_RGB):
        image[y - reach:y + reach + 1, x - reach:x + reach + 1] = colour[::-1]
    return image
