# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The seam to the runtime: what a network is (ModelSpec), and what runs it (Backend).

The seam is (image, affines) -> people, not tensor -> tensor: a backend takes the image once, warps
every region out of it, runs the network and decodes, all where the data lies. On a GPU a frame
goes up once and a few kilobytes come back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import json
from typing import Any, Protocol

import numpy as np

from pose_ros.core.frame import Frame
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import KEYPOINT_NAMES


class ModelSpecError(ValueError):
    """A model's description is not usable; the message says what is wrong and where."""


@dataclass(frozen=True)
class ModelSpec:
    """
    The facts of one network, stored as `<model>.json` beside `<model>.onnx`.

    Attributes
    ----------
    name : str
        What messages and reports call it.
    onnx_sha256 : str
        Hexadecimal digest of the ONNX file; empty when unknown.
    input_name : str
        Input tensor, float32 (batch, 3, height, width).
    input_size : (width, height)
        Pixels the network was trained at.
    multiple_of : int
        The input may have any size that is a multiple of this; 0 when only `input_size` works.
    color : 'rgb' or 'bgr'
        Order of the input's channels.
    mean, std : 3 floats
        In `color` order, on 0..255: input = (pixel - mean) / std.
    decoder : 'centers' or 'heatmaps'
        How people are read from the outputs: `core/decode.py`.
    stride : int
        Input pixels per map pixel.
    offset_px : float
        The map's pixel i lies at input pixel i * stride + offset_px: a fact of its training.
    outputs : dict
        Tensor name of each map, by role: heatmaps, centers, regress, offsets, ...
    weighting : dict
        For 'centers': how heatmaps are weighted by the distance to the regressed point,
        {'kind': 'reciprocal' or 'gaussian', 'value': float}.
    keypoints : tuple of str
        Name of each heatmap, in its order.
    crop_scale : float
        Padding of a person's box that suits the network.
    licence, source : str
        Where it comes from and on which terms.
    """

    name: str
    input_name: str
    input_size: tuple[int, int]
    decoder: str
    stride: int
    outputs: dict[str, str]
    onnx_sha256: str = ''
    multiple_of: int = 0
    color: str = 'rgb'
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset_px: float = 0.0
    weighting: dict[str, Any] = field(default_factory=dict)
    keypoints: tuple[str, ...] = KEYPOINT_NAMES
    crop_scale: float = 1.25
    licence: str = ''
    source: str = ''

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """
        Read a spec.

        Raises
        ------
        ModelSpecError
            When the text is not JSON, a field is missing, unknown or has a senseless value.
        """
        try:
            data = json.loads(text)
            fields = dict(data)
            inputs = dict(fields.pop('input'))
            spec = cls(
                input_name=inputs.pop('name'),
                input_size=(inputs.pop('width'), inputs.pop('height')),
                multiple_of=inputs.pop('multiple_of', 0),
                color=inputs.pop('color', 'rgb'),
                mean=tuple(inputs.pop('mean', (0.0, 0.0, 0.0))),
                std=tuple(inputs.pop('std', (1.0, 1.0, 1.0))),
                keypoints=tuple(fields.pop('keypoints', KEYPOINT_NAMES)),
                **fields,
            )
        except json.JSONDecodeError as error:
            raise ModelSpecError(f'not JSON: {error}') from error
        except KeyError as error:
            raise ModelSpecError(f'the field {error} is missing') from error
        except (TypeError, ValueError) as error:
            raise ModelSpecError(f'a field is missing, unknown or malformed: {error}') from error
        if inputs:
            raise ModelSpecError(f'unknown fields of "input": {sorted(inputs)}')
        spec._check()
        return spec

    def _check(self) -> None:
        def require(condition: object, what: str) -> None:
            if not condition:
                raise ModelSpecError(what)

        numbers = (*self.mean, *self.std, self.offset_px, self.crop_scale)
        require(self.decoder in ('centers', 'heatmaps'), f'unknown decoder {self.decoder!r}')
        require(self.color in ('rgb', 'bgr'), f'color is rgb or bgr, not {self.color!r}')
        require(len(self.mean) == 3 and len(self.std) == 3, 'mean and std have 3 values')
        require(
            all(isinstance(n, (int, float)) and np.isfinite(n) for n in numbers)
            and all(s > 0 for s in self.std)
            and self.crop_scale > 0,
            'mean, std, offset_px and crop_scale are finite numbers, std and crop_scale above 0',
        )
        sizes = (*self.input_size, self.stride, self.multiple_of)
        require(
            all(isinstance(n, int) for n in sizes)
            and min(sizes[:3]) > 0
            and self.multiple_of >= 0
            and max(self.input_size) <= 4096,
            'input width, height and stride are integers above 0, multiple_of 0 or more',
        )
        needed = {'heatmaps'}
        if self.decoder == 'centers':
            needed |= {'centers', 'regress', 'offsets'}
            require(
                self.weighting.get('kind') in ('reciprocal', 'gaussian')
                and isinstance(self.weighting.get('value'), (int, float))
                and self.weighting['value'] > 0,
                'weighting is {"kind": "reciprocal" or "gaussian", "value": above 0}',
            )
        missing = sorted(needed - set(self.outputs))
        require(not missing, f'the decoder {self.decoder!r} needs the outputs {missing}')
        known = set(self.keypoints) & set(KEYPOINT_NAMES)
        require(known, f'none of the keypoint names is one of {", ".join(KEYPOINT_NAMES)}')
        require(len(set(self.keypoints)) == len(self.keypoints), 'a keypoint name occurs twice')


@dataclass
class StageTimes:
    """Seconds that the passes over one image took; `network_s` is inside the other two."""

    detect_s: float = 0.0
    refine_s: float = 0.0
    network_s: float = 0.0


class BackendError(RuntimeError):
    """The runtime cannot load or run a network; the message says why and what to do."""


class BackendLostError(BackendError):
    """The runtime is broken for good: only a new backend, perhaps a new process, may work."""


class Backend(Protocol):
    """
    Runs the two passes on one image at a time. Not thread-safe: one thread owns a backend.

    Attributes
    ----------
    name : str
        The runtime, for example 'onnx'.
    detector : ModelSpec
        The network of the first pass.
    refiner : ModelSpec
        The network of the second pass.
    encodings : tuple of str
        Of the frames that `load_frame` takes as they come; others are to be converted before.
    times : StageTimes
        What the passes over the present image took so far.
    """

    name: str
    detector: ModelSpec
    refiner: ModelSpec
    encodings: tuple[str, ...]
    times: StageTimes

    def load_image(self, image: np.ndarray) -> None:
        """
        Take the image that the next passes look at, and zero `times`.

        Parameters
        ----------
        image : (H, W, 3) uint8
            BGR. It may be a view, and must stay unchanged until the passes are done.
        """

    def load_frame(self, frame: Frame) -> None:
        """
        Take a camera's image as it comes, instead of `load_image`.

        Parameters
        ----------
        frame : Frame
            In one of `encodings`; it must stay unchanged until the passes are done.

        Raises
        ------
        ValueError
            When it is in another encoding.
        """

    def detect(self, input_from_image: np.ndarray, input_size: tuple[int, int]) -> Keypoints:
        """
        Find everybody in views of the image (first pass).

        Parameters
        ----------
        input_from_image : (B, 2, 3) float64
            The views: each maps image pixels to pixels of the network's input.
        input_size : (width, height)
            Of the network's input, pixels.

        Returns
        -------
        Keypoints
            Candidates of all views, best first within a view, in image pixels; the same person
            may come several times.
        """

    def refine(self, input_from_image: np.ndarray) -> Keypoints:
        """
        Find the keypoints of the one person that each crop is about (second pass).

        Parameters
        ----------
        input_from_image : (B, 2, 3) float64
            The crops: each maps image pixels to pixels of the network's input.

        Returns
        -------
        Keypoints
            B people in the order of the crops, in image pixels.
        """

    def close(self) -> None:
        """Free what the runtime holds."""
