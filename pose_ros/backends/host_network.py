# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A network on the CPU, whatever runs it: checked against its ModelSpec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pose_ros.backends.model_files import external_data, model_digest, read_spec
from pose_ros.core.backend import BackendError, ModelSpec
from pose_ros.core.decode.boxes import decode_boxes
from pose_ros.core.estimator import preprocess

# What the input may be, by ONNX Runtime's names; pixels that are not normalised may be integers.
INPUT_TYPES: dict[str, type] = {
    'tensor(float)': np.float32,
    'tensor(float16)': np.float16,
    'tensor(uint8)': np.uint8,
    'tensor(int32)': np.int32,
}
# More crops than this go through the network in several calls: memory stays bounded.
MAX_BATCH = 8


class HostNetwork:
    """
    One network: checked against its ModelSpec, its input array kept and reused.

    A subclass loads the file, calls `check` and overrides `infer`.

    Parameters
    ----------
    path : Path
        NAME.onnx.
    spec : ModelSpec, optional
        By default that of NAME.json beside it.

    Attributes
    ----------
    spec : ModelSpec
    max_batch : int
        Views that one run takes.
    dtype : type of NumPy
        Of the input.

    Raises
    ------
    BackendError
        When the file is missing or corrupt, or contradicts its spec.
    """

    def __init__(self, path: Path, spec: ModelSpec | None = None) -> None:
        self.path = path
        self.spec = spec or read_spec(path)
        _check_digest(path, self.spec)
        self._roles = self.spec.read_outputs
        self.dtype: type = np.float32
        self._tables = preprocess.lookup_tables(self.spec)
        self._input = np.empty(0, np.float32)
        self.max_batch = MAX_BATCH

    def infer(self, batch: np.ndarray, outputs: Sequence[str]) -> list[np.ndarray]:
        """Return the named outputs for an input of the own layout and type; BackendError."""
        raise NotImplementedError

    def check(
        self, inputs: dict[str, tuple[str, Sequence[int | str | None]]], outputs: Sequence[str]
    ) -> None:
        """
        Compare what the file has with what its spec says, and try it.

        Parameters
        ----------
        inputs : dict
            Type and shape of each input; what is not fixed is no int.
        outputs : sequence of str
            Names.
        """
        if list(inputs) != [self.spec.input_name]:
            raise BackendError(
                f'{self.path} has the inputs {sorted(inputs)}, its description says '
                f'{self.spec.input_name!r}'
            )
        dtype, shape = inputs[self.spec.input_name]
        if dtype not in INPUT_TYPES:
            raise BackendError(
                f'the input of {self.path} is {dtype}, not one of {", ".join(INPUT_TYPES)}'
            )
        self.dtype = INPUT_TYPES[dtype]
        if not issubclass(self.dtype, np.floating) and self.spec.std != (1.0, 1.0, 1.0):
            raise BackendError(
                f'the input of {self.path} is {dtype}, whole numbers, but its description divides '
                f'pixels by std {list(self.spec.std)}'
            )
        width, height = self.spec.input_size
        is_nhwc = self.spec.layout == 'nhwc'
        wanted = (None, height, width, 3) if is_nhwc else (None, 3, height, width)
        fits = len(shape) == 4 and all(
            not isinstance(has, int) or want is None or has == want
            for has, want in zip(shape, wanted)
        )
        if not fits:
            raise BackendError(
                f'the input of {self.path} is {list(shape)}, its description says '
                f'[batch, {", ".join(str(n) for n in wanted[1:])}] ({self.spec.layout})'
            )
        # A graph with a fixed batch gets its views one by one.
        if isinstance(shape[0], int):
            self.max_batch = shape[0]
            if shape[0] != 1:
                raise BackendError(f'{self.path} only takes {shape[0]} views at once, not 1')
        sides = shape[1:3] if is_nhwc else shape[2:]
        if self.spec.multiple_of and any(isinstance(n, int) for n in sides):
            raise BackendError(
                f'the input of {self.path} is {list(shape)}, its description says that any '
                f'multiple of {self.spec.multiple_of} will do'
            )
        missing = sorted(set(self._roles.values()) - set(outputs))
        if missing:
            raise BackendError(
                f'{self.path} has no outputs {missing}, which its description names, only '
                f'{sorted(outputs)}'
            )
        found = self.run(np.zeros((1, 3, height, width), np.float32))
        for values in found.values():
            self.check_numbers(values)
        if self.spec.decoder in ('boxes', 'one_stage'):
            try:
                decode_boxes(found, self.spec, self.spec.input_size, 1, 0.0)
            except ValueError as error:
                raise BackendError(f'{self.path} gives {error}') from error

    def check_numbers(self, values: np.ndarray) -> None:
        """Raise BackendError when a value is NaN or infinite."""
        if not np.isfinite(values).all():
            raise BackendError(
                f'{self.path} gives values that are not numbers: its weights are damaged, or mean '
                'and std of its description are not its own'
            )

    def input_array(self, batch: int, input_size: tuple[int, int]) -> np.ndarray:
        """Return the (batch, 3, height, width) float32 array to fill, reused by the next call."""
        width, height = input_size
        needed = batch * 3 * height * width
        if self._input.size < needed:
            self._input = np.empty(needed, np.float32)
        return self._input[:needed].reshape(batch, 3, height, width)

    def fill(self, image: np.ndarray, input_from_image: np.ndarray, out: np.ndarray) -> None:
        """Write views of a BGR image into an input array (`preprocess.network_input`)."""
        preprocess.network_input(image, input_from_image, self._tables, self.spec.color, out)

    def run(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """
        Run the network.

        Parameters
        ----------
        batch : (B, 3, height, width) float32
            Normalised input.

        Returns
        -------
        dict of float32
            The outputs by role (`ModelSpec.output_shape`); maps are (B, C, rows, columns).

        Raises
        ------
        BackendError
            When the network fails, or gives other shapes than described.
        """
        if self.spec.layout == 'nhwc':
            batch = np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
        found = self.infer(
            batch.astype(self.dtype, copy=False), list(self._roles.values())
        )
        rows, columns = batch.shape[1:3] if self.spec.layout == 'nhwc' else batch.shape[2:]
        outputs = {}
        for role, values in zip(self._roles, found):
            wanted = self.spec.output_shape(role, len(batch), (columns, rows))
            if len(values.shape) != len(wanted) or any(
                n not in (has, -1) for has, n in zip(values.shape, wanted)
            ):
                raise BackendError(
                    f'the output {self._roles[role]!r} of {self.path} is {values.shape}, '
                    f'its description says {wanted}: {_reason(self.spec)}'
                )
            if values.ndim == 4 and self.spec.output_layout == 'nhwc':
                values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
            outputs[role] = values.astype(np.float32, copy=False)
        return outputs


def _reason(spec: ModelSpec) -> str:
    """Say which facts of the description a shape follows from."""
    count = len(spec.keypoints)
    if spec.decoder in ('boxes', 'one_stage'):
        joints = f' with {count} keypoints' if spec.decoder == 'one_stage' else ''
        return f'box_format {spec.box_format}{joints}; -1: any'
    if spec.decoder == 'simcc':
        return f'{count} keypoints and {spec.simcc_split:g} bins per pixel (simcc_split)'
    return f'{count} keypoints, stride {spec.stride} and output_layout {spec.output_layout}'


def _check_digest(path: Path, spec: ModelSpec) -> None:
    digest = model_digest(path)
    if spec.onnx_sha256 and digest != spec.onnx_sha256.lower():
        with_data = ', with its external data,' if external_data(path) else ''
        raise BackendError(
            f'{path} is damaged or another file than its description is about: its SHA-256'
            f'{with_data} is {digest}, the description says {spec.onnx_sha256}'
        )
