# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Small real networks whose answers are known: joint k is where the picture has the colour k.

They stand for other people's networks: any layout, channel order, normalisation, number and order
of joints, with heatmaps or SimCC vectors.
"""

from __future__ import annotations

from itertools import product
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Far from each other and from the grey of the background; none is its own mirror in BGR.
COLOURS_RGB = np.array(
    [c for c in product((20, 128, 235), repeat=3) if c[0] != c[2]], np.float32
)  # fmt: skip
DOT_PX = 13
IMAGENET = {'mean': [123.675, 116.28, 103.53], 'std': [58.395, 57.12, 57.375]}
BOX = [100.0, 60.0, 292.0, 316.0]  # as large as the input of 192x256


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
    batch: str | int = 'n',
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
        node('Sub', ['one', 'sum'], ['similarity']),
        node('Relu', ['similarity'], ['dots']),
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
        shapes = {name: [batch, joints, side * simcc_split] for name, (_, side) in outputs.items()}
    else:
        last = 'planar_maps' if layout == 'nhwc' else 'maps'
        nodes.append(node('AveragePool', ['blurred'], [last], kernel_shape=[stride, stride],
                          strides=[stride, stride]))  # fmt: skip
        rows, columns = height // stride, width // stride
        shapes = {'maps': [batch, joints, rows, columns]}
        if layout == 'nhwc':
            nodes.append(node('Transpose', [last], ['maps'], perm=[0, 2, 3, 1]))
            shapes = {'maps': [batch, rows, columns, joints]}
    shape = [batch, height, width, 3] if layout == 'nhwc' else [batch, 3, height, width]
    graph = helper.make_graph(
        nodes, 'colours', [helper.make_tensor_value_info('pixels', input_type, shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def picture_of_joints(
    xy: np.ndarray, size: tuple[int, int], dot_px: int = DOT_PX
) -> np.ndarray:
    """Return a BGR picture (H, W, 3) uint8, grey, with a dot of colour k at xy[k]."""
    image = np.full((size[1], size[0], 3), 60, np.uint8)
    reach = dot_px // 2
    for (x, y), colour in zip(np.rint(xy).astype(int), COLOURS_RGB):
        image[y - reach:y + reach + 1, x - reach:x + reach + 1] = colour[::-1]
    return image


def places(joints: int, seed: int = 0) -> np.ndarray:
    """Return (joints, 2) whole pixels on a jittered grid within the box."""
    rng = np.random.default_rng(seed)
    cells = rng.permutation([(x, y) for y in range(6) for x in range(4)])[:joints]
    return np.array(BOX[:2]) + 24 + cells * (46, 40) + rng.integers(-6, 7, (joints, 2))


def network(
    folder: Path, joints: int = 17, keypoints: str = 'coco17', decoder: str = 'heatmaps',
    split: float = 0, dtype: int | None = None, batch: str | int = 'n', **spec: Any,
) -> dict[str, Any]:
    """Write a network that agrees with its spec; return the spec, to be changed."""
    data = {
        'name': 'colours', 'decoder': decoder, 'stride': 4, 'keypoints': keypoints,
        'outputs': {'heatmaps': 'maps'}, 'crop_scale': 1.0,
        'input': {'name': 'pixels', 'width': 192, 'height': 256, 'mean': [0, 0, 0],
                  'std': [1, 1, 1], 'layout': 'nchw', 'color': 'rgb'},
    }  # fmt: skip
    for name, value in spec.items():
        (data['input'] if name in data['input'] else data)[name] = value
    if split:
        data.update(outputs={'simcc_x': 'along_x', 'simcc_y': 'along_y'}, simcc_split=split)
    inputs = data['input']
    write_network(
        folder / 'net.onnx', joints, layout=inputs['layout'], color=inputs['color'],
        mean=inputs['mean'], std=inputs['std'], stride=data['stride'], simcc_split=split,
        size=(inputs['width'], inputs['height']), input_type=dtype or TensorProto.FLOAT,
        batch=batch,
    )  # fmt: skip
    return data


def write_constant(
    path: Path, size: tuple[int, int] = (320, 160), open_rows: bool = False, **outputs: Any
) -> Path:
    """
    Write a network that answers the same, whatever it sees.

    Parameters
    ----------
    path : Path
        NAME.onnx.
    size : (width, height)
        Of its input.
    open_rows : bool
        Whether the graph leaves open how many rows come, as after NMS.
    outputs : arrays
        What it gives, by name; integers are int64 where rows are open.
    """
    nodes = [helper.make_node('ReduceMean', ['x'], ['mean'], keepdims=0),
             helper.make_node('Mul', ['mean', 'zero'], ['nothing'])]  # fmt: skip
    values, infos = [numpy_helper.from_array(np.float32(0), 'zero')], []
    if open_rows:
        values.append(numpy_helper.from_array(np.array([0]), 'first_axis'))
    for name, given in outputs.items():
        array = np.asarray(given)
        is_whole = open_rows and array.dtype.kind == 'i'
        values.append(numpy_helper.from_array(array.astype(np.float32), f'{name}_is'))
        last = f'{name}_sum' if is_whole else name
        nodes.append(helper.make_node(
            'Add', [f'{name}_is', 'nothing'], [f'{name}_all' if open_rows else last]
        ))
        if open_rows:  # as many as numbers above 0, which nothing knows before it has run
            values.append(numpy_helper.from_array(
                np.ones(array.shape[1], np.float32), f'{name}_ones'
            ))
            nodes += [
                helper.make_node('Add', [f'{name}_ones', 'nothing'], [f'{name}_there']),
                helper.make_node('NonZero', [f'{name}_there'], [f'{name}_which']),
                helper.make_node('Squeeze', [f'{name}_which', 'first_axis'], [f'{name}_rows']),
                helper.make_node('Gather', [f'{name}_all', f'{name}_rows'], [last], axis=1),
            ]
        if is_whole:
            nodes.append(helper.make_node('Cast', [last], [name], to=TensorProto.INT64))
        shape = [1, 'rows', *array.shape[2:]] if open_rows else array.shape
        kind = TensorProto.INT64 if is_whole else TensorProto.FLOAT
        infos.append(helper.make_tensor_value_info(name, kind, shape))
    pixels = helper.make_tensor_value_info('x', TensorProto.FLOAT, (1, 3, size[1], size[0]))
    graph = helper.make_graph(nodes, 'constant', [pixels], infos, values)
    opset = [helper.make_opsetid('', 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return path


def write_centers(folder: Path) -> Path:
    """Write a network with MoveNet's heads and random weights, and its description: 20 kB."""
    rng = np.random.default_rng(0)
    channels = {'heatmaps': 17, 'centers': 1, 'regress': 34, 'offsets': 34}
    sides = ['height / 4', 'width / 4']
    nodes = [helper.make_node('AveragePool', ['image'], ['small'], kernel_shape=[4, 4],
                              strides=[4, 4])]  # fmt: skip
    weights = []
    for name, count in channels.items():
        is_height = name in ('heatmaps', 'centers')
        weight = rng.normal(0, 1, (count, 3, 5, 5)).astype(np.float32) / 3
        weights.append(numpy_helper.from_array(weight, f'{name}_weight'))
        nodes.append(helper.make_node(
            'Conv', ['small', f'{name}_weight'], [f'{name}_raw' if is_height else name],
            pads=[2, 2, 2, 2],
        ))
        if is_height:
            nodes.append(helper.make_node('Sigmoid', [f'{name}_raw'], [name]))
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, 'centers', [info('image', TensorProto.FLOAT, ['n', 3, 'height', 'width'])],
        [info(n, TensorProto.FLOAT, ['n', c, *sides]) for n, c in channels.items()], weights,
    )
    opset = [helper.make_opsetid('', 13)]
    path = folder / 'centers.onnx'
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    path.with_suffix('.json').write_text(json.dumps({
        'name': 'centers', 'decoder': 'centers', 'stride': 4,
        'input': {'name': 'image', 'width': 64, 'height': 64, 'mean': [127.5] * 3,
                  'std': [127.5] * 3, 'multiple_of': 32},
        'outputs': {name: name for name in channels},
        'weighting': {'kind': 'gaussian', 'value': 2.0},
    }))  # fmt: skip
    return path
