# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a network is: the facts that no ONNX file tells, as JSON beside it (docs/models.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
import json
import sys
from typing import Any

from pose_ros.core.joint_names import ORDERS, wrong_names
from pose_ros.core.skeleton import KEYPOINT_NAMES

ROLES: dict[str, tuple[str, ...]] = {
    'centers': ('heatmaps', 'centers', 'regress', 'offsets'),
    'heatmaps': ('heatmaps',),
    'simcc': ('simcc_x', 'simcc_y'),
    'boxes': ('output',),
    'one_stage': ('output',),
}
"""The outputs that each decoder reads; `dets` has others (`ModelSpec.read_outputs`)."""
BOX_FORMATS = ('dets', 'yolox', 'yolov5', 'yolov8', 'end_to_end')
REFINEMENTS = ('argmax', 'quarter', 'taylor', 'udp')
LAYOUTS = ('nchw', 'nhwc')


class ModelSpecError(ValueError):
    """A model's description is not usable; the message says what is wrong and where."""


@dataclass(frozen=True)
class ModelSpec:
    """
    The facts of one network, stored as `<model>.json` beside `<model>.onnx`.

    In the JSON, name, width, height, multiple_of, layout, color, mean and std of the input are
    the object "input".

    Attributes
    ----------
    name : str
        What messages and reports call it.
    onnx_sha256 : str
        Hexadecimal digest of the ONNX file; empty when unknown.
    input_name : str
        Input tensor; its only one.
    input_size : (width, height)
        Pixels the network was trained at.
    multiple_of : int
        The input may have any size that is a multiple of this; 0 when only `input_size` works.
    layout : 'nchw' or 'nhwc'
        Axes of the input: (batch, 3, height, width) or (batch, height, width, 3).
    color : 'rgb' or 'bgr'
        Order of the input's channels.
    mean, std : 3 floats
        In `color` order, on 0..255: input = (pixel - mean) / std.
    decoder : 'centers', 'heatmaps', 'simcc', 'boxes' or 'one_stage'
        How people are read from the outputs: `core/decode/movenet.py`, `heatmaps.py`,
        `simcc.py`, `boxes.py`.
    outputs : dict
        Tensor name of each output, by role: heatmaps, centers, regress, offsets; heatmaps;
        simcc_x, simcc_y; output; dets and labels (of 'boxes') or keypoints (of 'one_stage').
        Others may be named, and are not read.
    box_format : 'dets', 'yolox', 'yolov5', 'yolov8' or 'end_to_end'
        For 'boxes' and 'one_stage': what the rows of the output are (`core/decode/boxes.py`).
    person_class : int
        For 'boxes' and 'one_stage': which class a person is.
    output_layout : 'nchw' or 'nhwc'
        Axes of the maps.
    stride : int
        Input pixels per map pixel; 0 for the decoders without maps.
    offset_px : float
        The map's pixel i lies at input pixel i * stride + offset_px: a fact of its training. 0
        also for a crop whose middle lies half a pixel elsewhere: it moves with the picture.
    refinement : 'argmax', 'quarter', 'taylor' or 'udp'
        For 'heatmaps': how a peak is found below the map pixel.
    blur_sigma : float
        For 'taylor' and 'udp': smoothing before, the sigma of the training targets in map pixels.
    simcc_split : float
        For 'simcc': bins per input pixel.
    score_scale : float
        For 'heatmaps' and 'simcc': what the height of a maximum is multiplied by to become the
        score of a keypoint, clipped to 0..1. 1 where the training targets were 1 high.
    weighting : dict
        For 'centers': how heatmaps are weighted by the distance to the regressed point,
        {'kind': 'reciprocal' or 'gaussian', 'value': float}.
    keypoints : tuple of str
        Name of each joint, in the order of the channels; in the JSON also the name of an order
        (`joint_names.ORDERS`).
    crop_scale : float
        Padding of a person's box that suits the network.
    crop_aspect : float
        Width / height to which a box is widened before it is fitted into the input; 0: that of
        the input, so that nothing is distorted.
    calibration : dict
        Weights of the scores (`core/estimator/person_score.py`), by 'one_pass', 'roi', 'boxes'
        and 'two_pass NAME', NAME of the network of the first pass; each has 'person' and
        'keypoint', which have 'bias' and a weight per piece of evidence. Empty: scores are no
        probabilities.
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
    layout: str = 'nchw'
    color: str = 'rgb'
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    output_layout: str = 'nchw'
    offset_px: float = 0.0
    refinement: str = 'quarter'
    blur_sigma: float = 2.0
    simcc_split: float = 2.0
    score_scale: float = 1.0
    box_format: str = 'dets'
    person_class: int = 0
    weighting: dict[str, Any] = field(default_factory=dict)
    keypoints: tuple[str, ...] = KEYPOINT_NAMES
    crop_scale: float = 1.25
    crop_aspect: float = 0.0
    calibration: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
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
            if fields.get('decoder') in ('simcc', 'boxes', 'one_stage'):
                fields.setdefault('stride', 0)
            spec = cls(
                input_name=inputs.pop('name'),
                input_size=(inputs.pop('width'), inputs.pop('height')),
                mean=tuple(inputs.pop('mean', cls.mean)),
                std=tuple(inputs.pop('std', cls.std)),
                keypoints=_names(fields.pop('keypoints', KEYPOINT_NAMES)),
                **{
                    name: inputs.pop(name)
                    for name in ('multiple_of', 'layout', 'color') if name in inputs
                },
                **fields,
            )  # fmt: skip
        except ModelSpecError:
            raise
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

    def to_json(self) -> str:
        """Return the text that `from_json` reads; what is as usual is left out."""
        inputs: dict[str, Any] = {
            'name': self.input_name, 'width': self.input_size[0], 'height': self.input_size[1],
            'color': self.color, 'mean': list(self.mean), 'std': list(self.std),
        }  # fmt: skip
        data: dict[str, Any] = {'name': self.name, 'input': inputs}
        for name in ('multiple_of', 'layout'):
            if getattr(self, name) != getattr(ModelSpec, name):
                inputs[name] = getattr(self, name)
        data.update(decoder=self.decoder, stride=self.stride, outputs=self.outputs)
        if self.decoder == 'heatmaps':
            data['refinement'] = self.refinement
        if self.decoder in ('boxes', 'one_stage'):
            data['box_format'] = self.box_format
        for name in ('onnx_sha256', 'output_layout', 'offset_px', 'refinement', 'blur_sigma',
                     'simcc_split', 'score_scale', 'person_class', 'crop_scale', 'crop_aspect',
                     'licence', 'source'):  # fmt: skip
            if getattr(self, name) != getattr(ModelSpec, name):
                data[name] = getattr(self, name)
        if self.calibration:
            data['calibration'] = self.calibration
        if self.weighting:
            data['weighting'] = self.weighting
        order = [name for name, names in ORDERS.items() if names == self.keypoints]
        data['keypoints'] = order[0] if order else list(self.keypoints)
        return json.dumps(data, indent=2) + '\n'

    @property
    def read_outputs(self) -> dict[str, str]:
        """Return tensor name by role, of the outputs that decoding reads."""
        return {role: self.outputs[role] for role in self._roles()}

    def _roles(self) -> tuple[str, ...]:
        if self.decoder in ('boxes', 'one_stage') and self.box_format == 'dets':
            if self.decoder == 'one_stage':
                return 'dets', 'keypoints'
            # A detector of people alone may come without classes.
            return ('dets', 'labels') if 'labels' in self.outputs else ('dets',)
        return ROLES[self.decoder]

    def output_shape(
        self, role: str, batch: int, input_size: tuple[int, int]
    ) -> tuple[int, ...]:
        """
        Return the shape that an output has.

        Parameters
        ----------
        role : str
            One of `read_outputs`.
        batch : int
            Views.
        input_size : (width, height)
            Of the input, pixels.

        Returns
        -------
        tuple of int
            (batch, K, bins) of SimCC, else of maps, in `output_layout`; for boxes -1 where the
            spec does not tell.
        """
        width, height = input_size
        count = len(self.keypoints)
        if self.decoder in ('boxes', 'one_stage'):
            joints = 3 * count if self.decoder == 'one_stage' else 0
            return {
                'dets': (batch, -1, 5), 'labels': (batch, -1), 'keypoints': (batch, -1, count, 3),
                'output': (batch, -1, 6 + joints if self.box_format == 'end_to_end' else -1),
            }[role]
        if self.decoder == 'simcc':
            side = width if role == 'simcc_x' else height
            return batch, count, round(side * self.simcc_split)
        channels = {'heatmaps': count, 'centers': 1, 'regress': 2 * count, 'offsets': 2 * count}
        size = (height // self.stride, width // self.stride)
        if self.output_layout == 'nhwc':
            return (batch, *size, channels[role])
        return (batch, channels[role], *size)

    def _check(self) -> None:
        def require(condition: object, what: str) -> None:
            if not condition:
                raise ModelSpecError(what[:1000])

        def number(value: object) -> bool:
            plain = isinstance(value, (int, float)) and not isinstance(value, bool)
            # JSON's integers know no bound; those beyond a float's are no number here.
            return plain and abs(value) <= sys.float_info.max  # type: ignore[arg-type]

        def one_of(name: str, choices: tuple[str, ...]) -> None:
            value = getattr(self, name)
            require(value in choices, f'{name} is one of {", ".join(choices)}, not {value!r}')

        one_of('decoder', tuple(ROLES))
        one_of('color', ('rgb', 'bgr'))
        one_of('layout', LAYOUTS)
        one_of('output_layout', LAYOUTS)
        one_of('refinement', REFINEMENTS)
        require(len(self.mean) == 3 and len(self.std) == 3, 'mean and std have 3 values')
        for name in ('offset_px', 'crop_scale', 'crop_aspect', 'blur_sigma', 'simcc_split',
                     'score_scale'):
            require(number(getattr(self, name)), f'{name} is a finite number')
        require(
            all(number(n) for n in (*self.mean, *self.std)) and all(s > 0 for s in self.std),
            'mean and std are finite numbers, std above 0',
        )
        for name in ('crop_scale', 'simcc_split', 'score_scale'):
            require(getattr(self, name) > 0, f'{name} is above 0')
        require(self.crop_aspect >= 0 and 0 <= self.blur_sigma <= 20,
                'crop_aspect is 0 or more, blur_sigma between 0 and 20')  # fmt: skip
        least_stride = 0 if self.decoder in ('simcc', 'boxes', 'one_stage') else 1
        one_of('box_format', BOX_FORMATS)
        require(
            isinstance(self.person_class, int) and 0 <= self.person_class < 10000,
            'person_class is an integer, 0 or more',
        )
        require(
            self.decoder != 'one_stage' or self.box_format in ('dets', 'yolov8', 'end_to_end'),
            'box_format of a one_stage network is dets, yolov8 or end_to_end',
        )
        sizes = (*self.input_size, self.stride, self.multiple_of)
        require(
            all(isinstance(n, int) for n in sizes)
            and min(self.input_size) > 0
            and self.stride >= least_stride
            and self.multiple_of >= 0
            and max(self.input_size) <= 4096,
            'input width, height and stride are integers above 0, multiple_of 0 or more',
        )
        if self.decoder == 'centers':
            require(
                isinstance(self.weighting, dict)
                and self.weighting.get('kind') in ('reciprocal', 'gaussian')
                and number(self.weighting.get('value'))
                and self.weighting['value'] > 0,
                'weighting is {"kind": "reciprocal" or "gaussian", "value": above 0}',
            )
        require(
            isinstance(self.outputs, dict)
            and all(isinstance(name, str) for name in self.outputs.values()),
            'outputs is a tensor name for each role',
        )
        require(
            isinstance(self.calibration, dict) and all(
                isinstance(entry, dict) and set(entry) == {'person', 'keypoint'} and all(
                    isinstance(weights, dict) and number(weights.get('bias'))
                    and all(number(weight) for weight in weights.values())
                    for weights in entry.values()
                ) for entry in self.calibration.values()
            ),
            'calibration is {mode: {"person": {"bias": number, evidence: number, ...}, '
            '"keypoint": {...}}, ...}: pose_ros evaluate --calibrate writes it',
        )
        missing = sorted(set(self._roles()) - set(self.outputs))
        require(not missing, f'the decoder {self.decoder!r} needs the outputs {missing}')
        wrong = wrong_names(self.keypoints)
        require(not wrong, wrong)


def _names(keypoints: Any) -> tuple[str, ...]:
    if not isinstance(keypoints, str):
        return tuple(keypoints)
    if keypoints not in ORDERS:
        raise ModelSpecError(
            f'no order of keypoints is called {keypoints!r}: give a list of names, or one of '
            f'{", ".join(ORDERS)}'
        )
    return ORDERS[keypoints]
