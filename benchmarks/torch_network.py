# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A network of an ONNX file in PyTorch, operator by operator: what is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pose_ros.backends.host_network import HostNetwork
from pose_ros.core.backend import BackendError


class TorchNetwork(HostNetwork):
    """
    One network in PyTorch, eager: as its author would run it.

    Parameters
    ----------
    path : Path
        NAME.onnx, with its ModelSpec NAME.json beside it.
    device : str
        'cuda' or 'cpu'.
    is_half : bool
        Whether it computes in float16, else in float32.

    Raises
    ------
    BackendError
        When the file contradicts its spec or has an operator that this does not know.
    """

    def __init__(self, path: Path, device: str, is_half: bool) -> None:
        import onnx
        import torch

        super().__init__(path)
        self._device = device
        self._precision = torch.float16 if is_half else torch.float32
        graph = onnx.load(str(path)).graph
        self._values: dict[str, Any] = {}
        for tensor in graph.initializer:
            values = torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
            if values.is_floating_point():
                values = values.to(device, self._precision)
            self._values[tensor.name] = values
        self._steps: list[tuple[Callable[..., Any], list[str], str]] = []
        for node in graph.node:
            self._add(node)
        self.check(
            {
                i.name: ('tensor(float)', [
                    d.dim_value if d.HasField('dim_value') else None
                    for d in i.type.tensor_type.shape.dim
                ])
                for i in graph.input
            },
            [o.name for o in graph.output],
        )

    def _add(self, node: Any) -> None:
        import onnx

        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        names, out = list(node.input), node.output[0]
        if node.op_type == 'Constant':
            import torch

            self._values[out] = torch.from_numpy(
                onnx.numpy_helper.to_array(attributes['value']).copy()
            ).to(self._device, self._precision)
        elif node.op_type == 'Cast' and names[0] in self._values:
            self._values[out] = self._values[names[0]]  # a weight, in its type already
        elif node.op_type in _OPERATORS:
            self._steps.append((_OPERATORS[node.op_type](attributes), names, out))
        else:
            raise BackendError(f'{self.path}: {node.op_type} is not known here')

    def infer(self, batch: np.ndarray, outputs: Sequence[str]) -> list[np.ndarray]:
        """Run the network (`HostNetwork`)."""
        import torch

        with torch.inference_mode():
            values = dict(self._values)
            images = torch.from_numpy(batch).to(self._device, self._precision)
            values[self.spec.input_name] = images
            for compute, names, out in self._steps:
                values[out] = compute(*(values[name] if name else None for name in names))
            return [values[name].float().cpu().numpy() for name in outputs]


def _convolution(attributes: dict[str, Any]) -> Callable[..., Any]:
    import torch.nn.functional as functional

    top, left, bottom, right = attributes.get('pads', (0, 0, 0, 0))
    strides, groups = tuple(attributes.get('strides', (1, 1))), attributes.get('group', 1)
    is_even = top == bottom and left == right

    def compute(x: Any, weight: Any, bias: Any = None) -> Any:
        if is_even:
            return functional.conv2d(x, weight, bias, strides, (top, left), groups=groups)
        x = functional.pad(x, (left, right, top, bottom))
        return functional.conv2d(x, weight, bias, strides, groups=groups)

    return compute


def _resize(attributes: dict[str, Any]) -> Callable[..., Any]:
    import torch.nn.functional as functional

    wanted = (b'linear', b'half_pixel')
    found = tuple(attributes.get(n) for n in ('mode', 'coordinate_transformation_mode'))
    if found != wanted:
        raise BackendError(f'Resize {found} is not known here, only {wanted}')

    def compute(x: Any, region: Any, scales: Any) -> Any:
        size = [round(n * float(s)) for n, s in zip(x.shape[2:], scales[2:])]
        return functional.interpolate(x, size, mode='bilinear', align_corners=False)

    return compute


_OPERATORS: dict[str, Callable[[dict[str, Any]], Callable[..., Any]]] = {
    'Conv': _convolution,
    'Resize': _resize,
    'Clip': lambda attributes: lambda x, low, high: x.clamp(float(low), float(high)),
    'Add': lambda attributes: lambda a, b: a + b,
    'Relu': lambda attributes: lambda x: x.relu(),
    'Sigmoid': lambda attributes: lambda x: x.sigmoid(),
    'Cast': lambda attributes: lambda x: x,
}
