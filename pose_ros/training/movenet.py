# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A MoveNet network in PyTorch, read from its ONNX file and written back to it.

The graph stays as it is: what is trained are the numbers in its initialisers, under their names.
The first part of the trunk stays as it is, too: on a few hundred people it would only forget, and
the backward pass takes half the time without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pose_ros.backends.model_files import read_spec
from pose_ros.core.backend import BackendError
from pose_ros.training.batch import Batch
from pose_ros.training.errors import TrainingError
from pose_ros.training.movenet_loss import original, read_loss
from pose_ros.training.network import PoseNetwork

if TYPE_CHECKING:
    import onnx

FROZEN_UNTIL = 'block_13_'
"""The first layer of the trunk that learns, by its name: those at stride 32 do, and the heads."""


class MoveNet(PoseNetwork):
    """
    The graph of a MoveNet ONNX file, its weights as parameters.

    While it trains, `forward` also gives the maps of the network that it was, as 'original ...':
    the loss holds on to them where nothing is labelled.

    Parameters
    ----------
    path : Path
        NAME.onnx as `models/convert` writes it, with its ModelSpec NAME.json.

    Raises
    ------
    TrainingError
        When it cannot be read, or is no such network; the message says what is wrong with it.
    """

    def __init__(self, path: Path) -> None:
        from google.protobuf.message import DecodeError
        import onnx
        from onnx import numpy_helper

        super().__init__()
        try:
            spec = read_spec(path)
            self._model = onnx.load(str(path))
        except (BackendError, OSError, ValueError, DecodeError) as error:
            raise TrainingError(f'cannot train {path}: {error}') from error
        if spec.decoder != 'centers' or spec.weighting['kind'] != 'reciprocal':
            raise TrainingError(
                f'cannot train {path}: its decoder is not that of a network for one person '
                "(centers, with the weighting 'reciprocal')"
            )
        self.spec = spec
        graph = self._model.graph
        constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        self._casts = {n.output[0]: n.input[0] for n in graph.node if n.op_type == 'Cast'}
        try:
            for weight, stored in self._casts.items():
                value = torch.tensor(constants[stored], dtype=torch.float32)
                self.register_parameter(_key(weight), nn.Parameter(value))
            self._steps = [
                _step(node, constants) for node in graph.node if node.op_type != 'Cast'
            ]
            self._freeze()
        except (KeyError, ValueError, StopIteration) as error:
            raise TrainingError(
                f'cannot train {path}: it is no MoveNet as models/convert writes it ({error})'
            ) from error

    def _freeze(self) -> None:
        """Choose what learns, and keep what the original had there."""
        first = next(n for n, step in enumerate(self._steps) if FROZEN_UNTIL in step[1])
        self._learning = range(first, len(self._steps))
        for n, (_, _, inputs, _) in enumerate(self._steps):
            for weight in (name for name in inputs if name in self._casts):
                parameter = self.get_parameter(_key(weight))
                parameter.requires_grad_(n >= first)
                if n >= first:
                    self.register_buffer(
                        'original_' + _key(weight), parameter.detach().clone(), persistent=False
                    )

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Draw the maps, see the base class; H and W of the images are multiples of 32."""
        trunk = {self.spec.input_name: images}
        with torch.no_grad():
            self._run(range(self._learning.start), trunk, '')
        maps = self._maps(trunk, '')
        if self.training:
            with torch.no_grad():
                maps |= original(self._maps(trunk, 'original_'))
        return maps

    def _maps(self, trunk: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
        tensors = dict(trunk)
        self._run(self._learning, tensors, prefix)
        return {role: tensors[name] for role, name in self.spec.outputs.items()}

    def _run(self, steps: range, tensors: dict[str, Tensor], prefix: str) -> None:
        """Run some nodes of the graph, with the weights of that prefix."""
        for op, output, inputs, attributes in (self._steps[n] for n in steps):
            x = tensors[inputs[0]]
            if op == 'Conv':
                weights = [getattr(self, prefix + _key(name)) for name in inputs[1:]]
                tensors[output] = _convolution(x, weights, attributes)
            elif op == 'Add':
                tensors[output] = x + tensors[inputs[1]]
            else:
                tensors[output] = _POINTWISE[op](x)

    def loss(self, maps: dict[str, Tensor], batch: Batch, sigma_px: float) -> Tensor:
        """Return how wrong the maps are for the decoder that reads them (`movenet_loss`)."""
        return read_loss(maps, batch.xy / self.spec.stride, batch.weight, self._softening)

    @property
    def _softening(self) -> float:
        return float(self.spec.weighting['value'])

    def write_onnx(self, path: Path) -> None:
        """
        Write the network, see the base class: weights rounded to float16, as in its source.

        This network's own are rounded as well, so that it is the one that was written.

        Raises
        ------
        TrainingError
            When a weight is no finite float16 number.
        """
        import onnx
        from onnx import numpy_helper

        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        model.graph.name = path.stem
        model.producer_name = 'pose_ros train'
        model.doc_string = f'{self.spec.name}, trained further. {self._model.doc_string}'
        weights = {stored: weight for weight, stored in self._casts.items()}
        for initializer in model.graph.initializer:
            if initializer.name in weights:
                parameter = self.get_parameter(_key(weights[initializer.name]))
                value = parameter.detach().cpu().half()
                if not value.isfinite().all():
                    raise TrainingError(
                        f'{initializer.name} has left the numbers of float16: train with a lower '
                        '--learning-rate'
                    )
                parameter.data.copy_(value)
                initializer.CopyFrom(numpy_helper.from_array(value.numpy(), initializer.name))
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString(deterministic=True))


def _key(name: str) -> str:
    """Return the name of a weight in the module, which may hold no dot."""
    return name.replace('.', '_')


def _convolution(x: Tensor, weights: list[Tensor], attributes: dict[str, Any]) -> Tensor:
    top, left, bottom, right = attributes['pads']
    padding: tuple[int, int] = (top, left)
    if (top, left) != (bottom, right):
        # As TensorFlow pads at stride 2: one more behind.
        x = functional.pad(x, (left, right, top, bottom))
        padding = (0, 0)
    weight, bias = weights if len(weights) == 2 else (weights[0], None)
    return functional.conv2d(
        x, weight, bias, attributes['strides'], padding, groups=attributes['group']
    )


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode='bilinear', align_corners=False)


_POINTWISE = {
    'Clip': functional.relu6,
    'Relu': functional.relu,
    'Sigmoid': lambda x: torch.sigmoid(x.float()),
    'Resize': _doubled,
}


def _step(
    node: onnx.NodeProto, constants: dict[str, Any]
) -> tuple[str, str, list[str], dict[str, Any]]:
    """Return operator, output, inputs and attributes of a node; ValueError when not known."""
    import onnx

    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    is_known = node.op_type in ('Conv', 'Relu', 'Add', 'Sigmoid')
    if node.op_type == 'Clip':
        is_known = [float(constants[name]) for name in node.input[1:]] == [0.0, 6.0]
    if node.op_type == 'Resize':
        is_known = (
            attributes.get('mode') == b'linear'
            and attributes.get('coordinate_transformation_mode') == b'half_pixel'
            and constants[node.input[2]].tolist() == [1, 1, 2, 2]
        )
    if not is_known:
        raise ValueError(f'node {node.name!r}, operator {node.op_type}')
    return node.op_type, node.output[0], list(node.input), attributes
