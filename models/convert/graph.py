# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A TensorFlow.js graph model as it lies on disk: a JSON file of nodes and a file of weights."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np


class ConversionError(Exception):
    """A network cannot be converted; the message says which part of it and why."""


class TfjsGraph:
    """
    The nodes and the constants of a TensorFlow.js graph model.

    Parameters
    ----------
    topology : bytes
        The model's JSON file.
    weights : bytes
        The model's .bin file.

    Attributes
    ----------
    nodes : dict
        Name -> node as in the JSON file: 'op', 'input' (a list of names), 'attr'.
    constants : dict
        Name -> array in the type it is stored in: float16 for quantised float32.

    Raises
    ------
    ConversionError
        When the JSON is not a graph model, or the weights are not as long as it says.
    """

    def __init__(self, topology: bytes, weights: bytes) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self.constants: dict[str, np.ndarray] = {}
        manifest: list[tuple[str, np.dtype[Any], list[int]]] = []
        try:
            model = json.loads(topology)
            for node in model['modelTopology']['node']:
                self.nodes[node['name']] = node
            for entry in (w for group in model['weightsManifest'] for w in group['weights']):
                dtype = np.dtype(entry.get('quantization', entry)['dtype']).newbyteorder('<')
                manifest.append((entry['name'], dtype, entry['shape']))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConversionError(f'not a TensorFlow.js graph model: {error!r}') from error
        offset = 0
        for name, dtype, shape in manifest:
            count = int(np.prod(shape, dtype=np.int64))
            end = offset + count * dtype.itemsize
            if end > len(weights):
                raise ConversionError(
                    f'the .bin file is truncated: it ends at byte {len(weights)}, inside {name!r}'
                )
            self.constants[name] = np.frombuffer(weights, dtype, count, offset).reshape(shape)
            offset = end
        if offset != len(weights):
            raise ConversionError(
                f'the .bin file has {len(weights)} bytes, the JSON file describes {offset}: '
                'they belong to different models'
            )

    def node(self, name: str) -> dict[str, Any]:
        """Return a node by name; ConversionError when the graph has none of that name."""
        if name not in self.nodes:
            raise ConversionError(f'the graph has no node {name!r}: it is another model')
        return self.nodes[name]

    def attribute(self, node: dict[str, Any], key: str) -> Any:
        """Return a node's attribute: bool, str, list of int or list of str; None when absent."""
        value = node.get('attr', {}).get(key)
        if value is None:
            return None
        if 'b' in value:
            return value['b']
        if 's' in value:
            return base64.b64decode(value['s']).decode()
        items = value.get('list', {})
        if 's' in items:
            return [base64.b64decode(item).decode() for item in items['s']]
        return [int(item) for item in items.get('i', [])]
