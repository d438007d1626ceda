# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A MoveNet network in PyTorch, read from its ONNX file and written back to it, and its loss.

The graph stays as it is: what is trained are the numbers in its initialisers, under their names.
The first part of the trunk stays as it is, too: it would only forget, and the backward pass takes
half the time without it.

The loss asks how wrong the maps are of what `core/decode/movenet.py` reads from them. The decoder
takes the arg max of two products: of `centers` and the closeness to the crop's middle, and of each
heatmap and the closeness to the point that `regress` names. An arg max has no gradient; a product
of positive numbers is a probability once it is divided by its sum. The loss is the negative
logarithm of the probability to take a pixel, times how good that pixel is. Besides, each heatmap
is to be a Gaussian at the keypoint of the crop's own person and nothing else, as in top-down
networks (Xiao et al., Simple Baselines, ECCV 2018). Where nothing is labelled the maps of the
original network are kept (distillation: Hinton et al., 2015; Li and Hoiem, Learning without
Forgetting, ECCV 2016).
"""

from __future__ import annotations

from dataclasses import replace
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn import functional

from pose_ros.backends.model_files import read_spec
from pose_ros.core.backend import BackendError
from pose_ros.core.decode.movenet import MIDDLE_PRIOR_PX
from pose_ros.core.skeleton import OKS_SIGMAS
from pose_ros.training.network import PoseNetwork
from pose_ros.training.samples import Batch
from pose_ros.training.settings import TrainingError

if TYPE_CHECKING:
    import onnx

ORIGINAL = 'original '
"""What the maps of the network that it was are called by, before their role."""
FROZEN_UNTIL = 'block_6_'
"""The first layer that learns, by its name: those at strides 16 and 32, and all on the way up."""
TRUNK = ('block_', 'out_relu')
"""Layers on the way down, by their names: they learn at a lower rate."""
TRUNK_RATE = 0.5
INPUT_SIZE = (192, 256)
"""Of the crops, width and height: three quarters of the cost of 256x256, at no lower AP."""


class MoveNet(PoseNetwork):
    """
    The graph of a MoveNet ONNX file, its weights as parameters.

    While it trains on a CPU or GPU, `forward` also gives the maps of the network that it was, as
    'original ...': the loss holds on to them where nothing is labelled.

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
        from onnx.utils import Extractor

        super().__init__()
        try:
            spec = read_spec(path)
            self._model = onnx.load(str(path))
            extractor = Extractor(onnx.shape_inference.infer_shapes(self._model))
        except (BackendError, OSError, ValueError, DecodeError) as error:
            raise TrainingError(f'cannot train {path}: {error}') from error
        if spec.decoder != 'centers' or spec.weighting['kind'] != 'reciprocal':
            raise TrainingError(
                f'cannot train {path}: its decoder is not that of a network for one person '
                "(centers, with the weighting 'reciprocal')"
            )
        self.spec = replace(spec, input_size=INPUT_SIZE, calibration={}, onnx_sha256='')
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
            first = next(n for n, step in enumerate(self._steps) if FROZEN_UNTIL in step[1])
        except (KeyError, ValueError, StopIteration) as error:
            raise TrainingError(
                f'cannot train {path}: it is no MoveNet as models/convert writes it ({error})'
            ) from error
        self._freeze(first)
        frozen = {step[1] for step in self._steps[:first]}
        features = sorted({name for n in self._learning for name in self._steps[n][2]} & frozen)
        roles = ('heatmaps', 'centers')
        kept = [spec.outputs[role] for role in roles]
        self._front = _Frozen(extractor.extract_model([spec.input_name], features), features)
        self._original = _Frozen(
            extractor.extract_model([spec.input_name], features + kept),
            features + [ORIGINAL + role for role in roles],
        )

    def _freeze(self, first: int) -> None:
        """Choose what learns."""
        self._learning = range(first, len(self._steps))
        self._trunk = set()
        for n, (_, layer, inputs, _) in enumerate(self._steps):
            for weight in (name for name in inputs if name in self._casts):
                self.get_parameter(_key(weight)).requires_grad_(n >= first)
                if any(part in layer for part in TRUNK):
                    self._trunk.add(_key(weight))

    def rate(self, name: str) -> float:
        """Return the factor of the learning rate of a parameter, see the base class."""
        return TRUNK_RATE if name in self._trunk else 1.0

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Draw the maps, see the base class; H and W of the images are multiples of 32."""
        tensors = (self._original if self.training else self._front)(images)
        original = {name: t for name, t in tensors.items() if name.startswith(ORIGINAL)}
        for op, output, inputs, attributes in (self._steps[n] for n in self._learning):
            x = tensors[inputs[0]]
            if op == 'Conv':
                weights = [getattr(self, _key(name)) for name in inputs[1:]]
                tensors[output] = _convolution(x, weights, attributes)
            elif op == 'Add':
                tensors[output] = x + tensors[inputs[1]]
            else:
                tensors[output] = _POINTWISE[op](x)
        return {role: tensors[name] for role, name in self.spec.outputs.items()} | original

    def loss(self, maps: dict[str, Tensor], batch: Batch, sigma_px: float) -> Tensor:
        """Return how wrong the maps are for the decoder that reads them, and as heatmaps."""
        softening = float(self.spec.weighting['value'])
        read = read_loss(maps, batch.xy / self.spec.stride, batch.weight, softening)
        return read + drawn_loss(maps, batch.heatmaps, batch.weight, sigma_px)

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


class _Frozen:
    """
    Layers that do not learn, run by ONNX Runtime: four times as quick on a CPU.

    Parameters
    ----------
    model : ModelProto
        With one input.
    names : list of str
        What its outputs are called.
    """

    def __init__(self, model: onnx.ModelProto, names: list[str]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        self._input, self._names = model.graph.input[0].name, names
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=['CPUExecutionProvider']
        )

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        values = self._session.run(None, {self._input: images.cpu().contiguous().numpy()})
        return {
            name: torch.from_numpy(value).to(
                images.device, memory_format=torch.channels_last
            )
            for name, value in zip(self._names, values)
        }

    def __deepcopy__(self, memo: dict[int, Any]) -> _Frozen:
        return self


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


# A person's area decides how far off a keypoint may be (OKS). In a crop all are about the same
# size: 900 of 64 x 64 map pixels is the median over the people of COCO train2017 in crops x 1.15.
AREA_PX2 = 900.0
# The logarithms are of values that the sigmoid may make 0.
SMALLEST = 1e-5
# The products are sharpened before they are made to probabilities: an arg max looks at the
# highest pixel only, not at the sum over a wide hill.
SHARPNESS = 2.0
# The offset is read at the pixel that was taken, which is the right one or one nearby.
OFFSET_REACH_PX = 2.7

# Weights of the parts.
PICK, REGRESS, OFFSET, DRAWN = 0.5, 0.3, 0.2, 1.0
# Pixels of a heatmap count 1 + 3 g, g the Gaussian: all but few are to be empty.
PEAK_WEIGHT = 3.0


def read_loss(maps: dict[str, Tensor], xy: Tensor, weight: Tensor, softening: float) -> Tensor:
    """
    Return the loss.

    Parameters
    ----------
    maps : dict of (B, C, H, W)
        'heatmaps' (C = K), 'centers' (1), 'regress' and 'offsets' (2K, pairs dy dx in map px).
    xy : (B, K, 2)
        The labelled keypoints, map pixels; NaN where not labelled.
    weight : (B, K)
        0 where not labelled.
    softening : float
        Of the heatmaps' weight 1 / (d + softening), map pixels.

    Returns
    -------
    scalar
        At least 0.
    """
    heatmaps, centers = maps['heatmaps'].float(), maps['centers'][:, 0].float()
    batch, count, height, width = heatmaps.shape
    rows = torch.arange(height, device=xy.device, dtype=torch.float32)[:, None]
    columns = torch.arange(width, device=xy.device, dtype=torch.float32)
    labelled = weight > 0
    xy = torch.where(labelled[..., None], xy.float(), torch.zeros_like(xy))
    x, y = xy[..., 0, None, None], xy[..., 1, None, None]
    sigmas = torch.tensor(OKS_SIGMAS, device=xy.device, dtype=torch.float32)
    tolerance = (2 * sigmas * AREA_PX2**0.5)[:, None, None]

    # Whose centre: the pixel whose regressed skeleton is that of the labelled person.
    towards = maps['regress'].float().reshape(batch, count, 2, height, width)
    missed = torch.hypot(towards[:, :, 0] - (y - rows) + 1e-6, towards[:, :, 1] - (x - columns))
    missed = torch.log1p(missed / tolerance)
    total = weight.sum(dim=1).clamp(min=1e-6)
    mean_missed = (missed * weight[..., None, None]).sum(dim=1) / total[:, None, None]
    from_middle = torch.hypot(rows - height // 2, columns - width // 2) + MIDDLE_PRIOR_PX
    chance = SHARPNESS * (centers.clamp(min=SMALLEST) / from_middle).log()
    picked = -_log_expected(chance, -2 * mean_missed)
    pick = (picked * labelled.any(dim=1)).mean()

    # The skeleton regressed at the pixel that the decoder does take.
    best = (centers / from_middle).flatten(1).argmax(dim=1)
    person = torch.arange(batch, device=xy.device)
    regress = _mean(missed.flatten(2)[person, :, best], weight)
    guess = towards.flatten(3)[person, :, :, best]
    y_guess = (best // width)[:, None] + guess[..., 0]
    x_guess = (best % width)[:, None] + guess[..., 1]

    # Which pixel of each heatmap.
    distance = torch.hypot(
        rows - y_guess[..., None, None] + 1e-6, columns - x_guess[..., None, None]
    )
    chance = SHARPNESS * (heatmaps.clamp(min=SMALLEST).log() - (distance + softening).log())
    squared = (rows - y) ** 2 + (columns - x) ** 2
    read = _mean(-_log_expected(chance, -squared / (2 * tolerance**2)), weight)

    # Where in that pixel.
    offsets = maps['offsets'].float().reshape(batch, count, 2, height, width)
    off = (offsets[:, :, 0] - (y - rows)).abs() + (offsets[:, :, 1] - (x - columns)).abs()
    near = (squared < OFFSET_REACH_PX**2) * weight[..., None, None]
    offset = (off * near).sum() / near.sum().clamp(min=1e-6)

    return read + PICK * pick + REGRESS * regress + OFFSET * offset


def drawn_loss(
    maps: dict[str, Tensor], targets: Tensor, weight: Tensor, sigma_px: float
) -> Tensor:
    """
    Return how far the heatmaps are from Gaussians, and from the original where none is labelled.

    Squared, in units of what an empty map costs. The centers stay those of the original.

    Parameters
    ----------
    maps : dict of (B, C, H, W)
        'heatmaps', 'centers', and the same of the original.
    targets : (B, K, H, W)
        Gaussians at the labelled keypoints.
    weight : (B, K)
        0 where not labelled.
    sigma_px : float
        Of the Gaussians, map pixels.
    """
    # Sums of g^2 and g^3 over the map: pi sigma^2 and 2/3 of it.
    empty = math.pi * sigma_px**2 * (1 + PEAK_WEIGHT * 2 / 3)
    labelled = (weight > 0)[..., None, None]
    targets = torch.where(labelled, targets, maps[ORIGINAL + 'heatmaps'])
    squared = (maps['heatmaps'].float() - targets).square() * (1 + PEAK_WEIGHT * targets)
    counted = torch.where(weight > 0, weight, weight.amax(dim=1, keepdim=True))
    drawn = (squared.sum(dim=(2, 3)) * counted).sum() / counted.sum().clamp(min=1e-6)
    moved = (maps['centers'].float() - maps[ORIGINAL + 'centers']).square().sum() / len(weight)
    return DRAWN * (drawn + moved / 17) / empty


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)


def _log_expected(chance: Tensor, log_good: Tensor) -> Tensor:
    """Return log sum softmax(chance) exp(log_good) over the last two axes."""
    log_chance = chance.flatten(-2).log_softmax(dim=-1)
    log_good = log_good.flatten(-2).clamp(min=math.log(1e-6))
    return torch.logsumexp(log_chance + log_good, dim=-1)
