# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A network's ModelSpec as far as its graph tells, and in words what it does not tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any

import numpy as np

from pose_ros.backends.host_network import INPUT_TYPES
from pose_ros.backends.model_files import external_data, is_file, model_digest
from pose_ros.backends.onnx import RUNTIME_ERRORS, open_session
from pose_ros.core.backend import BackendError
from pose_ros.core.joint_names import ORDERS
from pose_ros.core.model_spec import ROLES, ModelSpec
from pose_ros.model_import.box_outputs import find_boxes

IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
# What a network whose input may have any size is tried at, (width, height).
_BACKGROUND = len(ORDERS['openpose18']) + 1  # OpenPose's maps end with the background
USUAL_SIZES = ((192, 256), (256, 256), (288, 384))


@dataclass(frozen=True)
class Guess:
    """
    What the graph of a network tells.

    Attributes
    ----------
    spec : ModelSpec
        Complete; where the graph tells nothing, what is most usual.
    unknown : list of str
        What is only usual, and how to find out, a sentence each.
    """

    spec: ModelSpec
    unknown: list[str]


@dataclass(frozen=True)
class Output:
    """One output of a run on nothing: its name, shape and largest value."""

    name: str
    shape: tuple[int, ...]
    largest: float = 0.0


def guess_spec(path: Path, output: str = '', **known: Any) -> Guess:
    """
    Guess a description.

    Parameters
    ----------
    path : Path
        ONNX file.
    output : str
        The output that has the heatmaps; empty: the one that looks so.
    **known
        Fields of the ModelSpec that are known; they stand for the guesses.

    Raises
    ------
    BackendError
        When the file cannot be run, or is no network that this package can use; the message says
        what its inputs and outputs are.
    """
    if not is_file(path):
        raise BackendError(f'no model file at {path}')
    external_data(path)  # raises when it is missing
    session = open_session(path, 0)
    try:
        inputs, names = session.get_inputs(), [o.name for o in session.get_outputs()]
    except UnicodeDecodeError as error:
        raise BackendError(f'{path} has a name inside that is no text: {error}') from error
    if len(inputs) != 1:
        raise BackendError(
            f'{path} has {len(inputs)} inputs ({", ".join(i.name for i in inputs)}): only '
            'networks with one, the picture, can be used'
        )
    layout, sizes = _input_sizes(path, inputs[0])
    unknown: list[str] = []
    outputs, size = _tried(path, session, names, layout, sizes)
    finds_boxes = not output and find_boxes(outputs, size, []) is not None
    if len(sizes) > 1 and not finds_boxes:
        unknown.append(
            f'input size: the graph takes any; {size[0]}x{size[1]} is assumed. The paper or the '
            'configuration of the training says it'
        )
    fields: dict[str, Any] = {
        'name': path.stem, 'input_name': inputs[0].name, 'input_size': size, 'layout': layout,
        'mean': IMAGENET_MEAN, 'std': IMAGENET_STD, 'stride': 0,
        'onnx_sha256': model_digest(path),
    }  # fmt: skip
    joints = len(known.get('keypoints', ()))
    count = _read_outputs(path, outputs, fields, unknown, output, joints)
    if finds_boxes:
        if len(sizes) > 1:
            fields['multiple_of'] = 32
        if fields['decoder'] == 'one_stage':
            fields['keypoints'] = known.get('keypoints') or _order(path, count, unknown)
        return Guess(ModelSpec(**{**fields, **known}), unknown)
    if not inputs[0].type.startswith('tensor(float'):
        fields.update(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    else:
        unknown.append(
            'mean and std of the input: those of ImageNet are assumed, 0..1 divided by them '
            '(torchvision). The preprocessing of its training or of its demo says it; `--try` '
            'tries the usual ones'
        )
    unknown.append('color: rgb is assumed; OpenCV-based and Caffe networks often want bgr')
    fields['keypoints'] = known.get('keypoints') or _order(path, count, unknown)
    unknown.append(
        'crop_scale: a padding of boxes by 1.25 is assumed, that of mmpose and SimpleBaseline'
    )
    if fields['decoder'] == 'heatmaps':
        fields['refinement'] = 'taylor'
        unknown.append(
            'refinement: taylor (DARK) suits most heatmaps; udp when the network was trained with '
            'UDP (ViTPose was), which also changes the scale'
        )
    return Guess(ModelSpec(**{**fields, **known}), unknown)


def _input_sizes(path: Path, tensor: Any) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the layout, and the sizes (width, height) to try."""
    shape = list(tensor.shape)
    layout = ''
    if len(shape) == 4:
        layout = 'nchw' if shape[1] == 3 else 'nhwc' if shape[3] == 3 else ''
    if not layout:
        raise BackendError(
            f'the input {tensor.name!r} of {path} is {shape}: no picture of three colours, '
            '[batch, 3, height, width] or [batch, height, width, 3]'
        )
    height, width = shape[2:] if layout == 'nchw' else shape[1:3]
    if isinstance(height, int) and isinstance(width, int):
        return layout, ((width, height),)
    return layout, USUAL_SIZES


def _tried(
    path: Path, session: Any, names: list[str], layout: str, sizes: tuple[tuple[int, int], ...]
) -> tuple[list[Output], tuple[int, int]]:
    """Run the network on nothing: shapes that a graph only computes show in its outputs."""
    tensor = session.get_inputs()[0]
    if tensor.type not in INPUT_TYPES:
        raise BackendError(
            f'the input of {path} is {tensor.type}, not one of {", ".join(INPUT_TYPES)}'
        )
    failure = ''
    batch = tensor.shape[0] if isinstance(tensor.shape[0], int) else 1
    for width, height in sizes:
        shape = (3, height, width) if layout == 'nchw' else (height, width, 3)
        blank = np.zeros((batch, *shape), INPUT_TYPES[tensor.type])
        try:
            values = session.run(None, {tensor.name: blank})
        except RUNTIME_ERRORS as error:
            failure = str(error)
            continue
        return [
            Output(n, np.shape(v), float(np.max(v, initial=0.0))) for n, v in zip(names, values)
        ], (width, height)
    raise BackendError(f'{path} does not run: {failure}')


def _read_outputs(
    path: Path, outputs: list[Output], fields: dict[str, Any], unknown: list[str], wanted: str,
    joints: int,
) -> int:
    """Fill in decoder, outputs, stride or split ratio; return the number of joints."""
    size, listed = fields['input_size'], _listed(outputs)
    if wanted:
        named = [o for o in outputs if o.name == wanted]
        if not named or _map_of(named[0], size) is None:
            what = 'is no map of joints' if named else 'is not there'
            raise BackendError(f'the output {wanted!r} of {path} {what}: it has {listed}')
        found: dict[str, Any] | None = _heatmaps(named[0], size)
    else:
        found = None
        for find in (_centers, find_boxes, _simcc):
            found = found or find(outputs, size, unknown)
    if not found:
        found = _heatmaps(_chosen_map(path, outputs, size, unknown, joints), size)
    count = found.pop('count')
    fields.update(found)
    return int(count)


def _listed(outputs: list[Output]) -> str:
    return ', '.join(f'{o.name} {list(o.shape)}' for o in outputs)


def _centers(
    outputs: list[Output], size: tuple[int, int], unknown: list[str]
) -> dict[str, Any] | None:
    """Recognise MoveNet's four heads by their names."""
    by_name = {o.name: o for o in outputs}
    if not set(ROLES['centers']) <= set(by_name):
        return None
    found = _map_of(by_name['heatmaps'], size)
    if found is None:
        return None
    unknown.append('weighting: {"kind": "reciprocal", "value": 1.8}, that of MoveNet Thunder')
    return {
        **found, 'decoder': 'centers', 'outputs': {role: role for role in ROLES['centers']},
        'weighting': {'kind': 'reciprocal', 'value': 1.8},
    }  # fmt: skip


def _simcc(
    outputs: list[Output], size: tuple[int, int], unknown: list[str]
) -> dict[str, Any] | None:
    """Recognise two vectors per joint whose lengths are as width and height."""
    vectors = [o for o in outputs if len(o.shape) == 3]
    width, height = size
    for x in vectors:
        for y in vectors:
            split = x.shape[2] / width
            if x is y or x.shape[1] != y.shape[1] or split < 0.5 or y.shape[2] / height != split:
                continue
            if width == height and 'y' in x.name.lower() and 'x' in y.name.lower():
                x, y = y, x
            if width == height:
                unknown.append(f'which output is x: {x.name!r} is assumed; both are of one length')
            return {
                'decoder': 'simcc', 'outputs': {'simcc_x': x.name, 'simcc_y': y.name},
                'simcc_split': split, 'count': x.shape[1],
            }  # fmt: skip
    return None


def _heatmaps(output: Output, size: tuple[int, int]) -> dict[str, Any]:
    found = _map_of(output, size)
    assert found is not None
    return {**found, 'decoder': 'heatmaps', 'outputs': {'heatmaps': output.name}}


def _chosen_map(
    path: Path, outputs: list[Output], size: tuple[int, int], unknown: list[str], joints: int
) -> Output:
    """
    Choose the output with the heatmaps: a known number of joints, then a telling name.

    Of the stages of a network, maps of one number, the last one. `joints` is their number where it
    is known, else 0.
    """
    maps = {o.name: (o, found['count']) for o in outputs if (found := _map_of(o, size))}
    if not maps:
        raise BackendError(
            f'no output of {path} looks like heatmaps [batch, joints, height / stride, width / '
            'stride] or SimCC [batch, joints, width * split] and [batch, joints, height * split]: '
            f'{_listed(outputs)}; nor like boxes or people with joints (docs/models.md lists '
            'their forms)'
        )
    numbers = {joints} if joints else {len(names) for names in ORDERS.values()} | {_BACKGROUND}
    fitting = [name for name, (_, count) in maps.items() if count in numbers]
    telling = [name for name in fitting or maps if re.search(r'heat_?map|(^|_)hm', name.lower())]
    chosen = telling if len(telling) == 1 or not fitting else fitting
    if not chosen or len({maps[name][1] for name in chosen}) > 1:
        what = (f'has maps of {", ".join(str(count) for _, count in maps.values())} channels'
                if len(maps) > 1 else f'has a map of {next(iter(maps.values()))[1]} channels')
        raise BackendError(
            f'{path} {what}, and which of them are joints is not to be seen: '
            f'{_listed(outputs)}. Name the output by --output and its joints by --keypoints'
        )
    if len(chosen) > 1:
        unknown.append(
            f'which output has the heatmaps: of {", ".join(chosen)} the last is assumed; --output '
            'chooses'
        )
    elif len(maps) > 1:
        unknown.append(
            f'which output has the heatmaps: {chosen[0]} is assumed, because of its number of '
            'channels or its name; --output chooses'
        )
    return maps[chosen[-1]][0]


def _map_of(output: Output, size: tuple[int, int]) -> dict[str, Any] | None:
    """Return stride, layout and number of joints of a map; None when it is none."""
    if len(output.shape) != 4:
        return None
    for layout, (count, rows, columns) in (
        ('nchw', output.shape[1:]), ('nhwc', (output.shape[3], *output.shape[1:3])),
    ):  # fmt: skip
        stride = size[0] // max(columns, 1)
        fits = stride >= 1 and (columns * stride, rows * stride) == tuple(size)
        if fits and stride <= 32 and count >= 1:
            return {'stride': stride, 'output_layout': layout, 'count': count}
    return None


def _order(path: Path, count: int, unknown: list[str]) -> tuple[str, ...]:
    """Name the joints by their number."""
    fitting = [name for name, names in ORDERS.items() if len(names) == count]
    if fitting:
        unknown.append(
            f'order of the {count} joints: {fitting[0]} is assumed, because of their number. The '
            'data set it was trained on says it; left and right exchanged is the usual mistake'
        )
        return ORDERS[fitting[0]]
    if count == _BACKGROUND:
        unknown.append('order of the 19 channels: openpose18 and a background are assumed')
        return (*ORDERS['openpose18'], 'background')
    raise BackendError(
        f'{path} has {count} joints, and no known order has so many ({", ".join(ORDERS)}): name '
        'them by --keypoints, all of them with commas, in the order of the channels'
    )
