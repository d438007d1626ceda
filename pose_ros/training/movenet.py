# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A MoveNet network in PyTorch, read from its ONNX file and written back to it, and its loss.

The graph stays as it is: what is trained are the numbers in its initialisers, under their names.
The first part of the trunk stays as it is, too: on a few hundred people it would only forget, and
the backward pass takes half the time without it.

The loss draws the heatmaps of the labelled person only (squared error on Gaussians, as in
top-down networks), and asks how wrong the maps are of what `core/decode/movenet.py` reads from
them. The decoder takes the arg max of two products: of `centers` and the closeness to the crop's
middle, and of each heatmap and the closeness to the point that `regress` names. An arg max has no
gradient; a product of positive numbers is a probability once it is divided by its sum. This part
of the loss is the negative logarithm of the probability to take a pixel, times how good that pixel
is. Maps of the original network are kept where people are alone in their crop or a keypoint is not
labelled (distillation: Hinton et al., 2015; Li and Hoiem, Learning without Forgetting, ECCV 2016).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pose_ros.backends.model_files import read_spec
from pose_ros.core.backend import BackendError
from pose_ros.core.decode.movenet import MIDDLE_PRIOR_PX
from pose_ros.core.skeleton import OKS_SIGMAS
from pose_ros.training.network import PoseNetwork
from pose_ros.training.settings import TrainingError

if TYPE_CHECKING:
    import onnx

    from pose_ros.training.samples import Batch


class MoveNet(PoseNetwork):
    """
    The graph of a MoveNet ONNX file, its weights as parameters.

    While it trains, `forward` also gives the maps of the network that it was, as 'original ...':
    the loss holds on to them where nothing is labelled.

    Parameters
    ----------
    path : Path
        NAME.onnx as `models/convert` writes it, with its ModelSpec NAME.json.
    learn_from : str
        First block of the trunk that learns: from block_13 on (stride 32) unless told otherwise.

    Raises
    ------
    TrainingError
        When it cannot be read, or is no such network; the message says what is wrong with it.
    """

    def __init__(self, path: Path, learn_from: str = 'block_13') -> None:
        from google.protobuf.message import DecodeError
        import onnx
        from onnx import numpy_helper

        super().__init__()
        try:
            spec = read_spec(path)
            self._model = onnx.load(str(path))
        except (BackendError, OSError, ValueError, DecodeError) as error:
            raise TrainingError(f'cannot train {path}: {error}') from error
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
            self._freeze(learn_from)
        except (KeyError, ValueError, StopIteration) as error:
            raise TrainingError(
                f'cannot train {path}: it is no MoveNet as models/convert writes it ({error})'
            ) from error

    def _freeze(self, learn_from: str) -> None:
        """Choose what learns, and keep what the original had there."""
        first = next(n for n, step in enumerate(self._steps) if f'{learn_from}_' in step[1])
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
        """Return how wrong the maps are: `drawn_loss` and `read_loss`."""
        drawn = drawn_loss(maps, batch.heatmaps, batch.weight, batch.crowding, sigma_px)
        return drawn + read_loss(
            maps, batch.xy / self.spec.stride, batch.weight, self._softening
        )

    def rate_of(self, name: str) -> float:
        """
        Return the share of the learning rate: in proportion to the weights, less in the trunk.

        No normalisation holds the layers: their weights are of 0.003 to 2 on average (root mean
        square). Steps of AdamW are about as large as its rate, whatever the gradient: one rate for
        all would turn some layers over and leave others as they are.
        """
        parameter = self.get_parameter(name).detach()
        smallest = 1e-5 if parameter.ndim > 1 else 0.01
        size = max(float(parameter.square().mean().sqrt()), smallest)
        return size * (TRUNK_RATE if 'block_' in name else 1.0)

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

# Weights of the parts, beside the heatmaps that are drawn: docs/training.md has the trial.
READ, PICK, REGRESS, OFFSET = 0.3, 0.15, 0.15, 0.2
# Pixels of a heatmap count 1 + 10 g, g the Gaussian: nearly all others are empty.
PEAK_WEIGHT = 10.0
# A Gaussian of sigma 2 px squared has the sum 4 pi: one wrong hill costs 1.
HILL_PX2 = 4 * math.pi
# How much of the original's heatmap is kept where the keypoint is labelled.
KEEP_LABELLED = 0.3
# How much of a person's box a neighbour's covers until nothing of the original's is kept.
CROWDED = 0.25
TRUNK_RATE = 0.3

ORIGINAL = 'original '


def original(maps: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the maps that are to be kept as `drawn_loss` wants them."""
    return {ORIGINAL + role: maps[role].float() for role in ('heatmaps', 'centers')}


def drawn_loss(
    maps: dict[str, Tensor], targets: Tensor, weight: Tensor, crowding: Tensor, sigma_px: float
) -> Tensor:
    """
    Return how far the heatmaps are from those of the labelled person, and from the original.

    Parameters
    ----------
    maps : dict of (B, C, H, W)
        'heatmaps' (C = K) and 'centers' (1), and what the original network gives for both, as
        `original` names it.
    targets : (B, K, H, W)
        Gaussians of height 1.
    weight : (B, K)
        0 where not labelled.
    crowding : (B,)
        How crowded each crop is (`Person.crowding`): the more, the less of the original's
        heatmaps is kept, which have the neighbours' hills as well.
    sigma_px : float
        Of the Gaussians, map pixels.

    Returns
    -------
    scalar
        At least 0; 1 for empty maps and nothing kept.
    """
    heatmaps, centers = maps['heatmaps'].float(), maps['centers'].float()
    drawn = _mean(hill_error(heatmaps, targets, sigma_px).sum(dim=(2, 3)), weight)
    changed = (heatmaps - maps[ORIGINAL + 'heatmaps']).square().sum(dim=(2, 3))
    labelled = (weight > 0).float()
    alone = (1 - crowding / CROWDED).clamp(min=0.0)[:, None]
    kept = (changed * alone * (1 - labelled + KEEP_LABELLED * labelled)).sum()
    kept = kept + (centers - maps[ORIGINAL + 'centers']).square().sum()
    return drawn + kept / (HILL_PX2 * len(heatmaps))


def hill_error(drawn: Tensor, target: Tensor, sigma_px: float) -> Tensor:
    """Return the weighted squared error of each pixel: its sum is 1 for a hill that is missing."""
    # Sums of g^2 and g^3 over the map: pi sigma^2, and two thirds of it.
    empty = math.pi * sigma_px**2 * (1 + PEAK_WEIGHT * 2 / 3)
    return (drawn - target).square() * (1 + PEAK_WEIGHT * target) / empty


def read_loss(
    maps: dict[str, Tensor], xy: Tensor, weight: Tensor, softening: float
) -> Tensor:
    """
    Return how wrong is what the decoder reads from the maps.

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
    picked = -log_expected(chance, -2 * mean_missed)
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
    read = _mean(-log_expected(chance, -squared / (2 * tolerance**2)), weight)

    # Where in that pixel.
    offsets = maps['offsets'].float().reshape(batch, count, 2, height, width)
    off = (offsets[:, :, 0] - (y - rows)).abs() + (offsets[:, :, 1] - (x - columns)).abs()
    near = (squared < OFFSET_REACH_PX**2) * weight[..., None, None]
    offset = (off * near).sum() / near.sum().clamp(min=1e-6)

    return READ * read + PICK * pick + REGRESS * regress + OFFSET * offset


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)


def log_expected(chance: Tensor, log_good: Tensor) -> Tensor:
    """Return log sum softmax(chance) exp(log_good) over the last two axes."""
    log_chance = chance.flatten(-2).log_softmax(dim=-1)
    log_good = log_good.flatten(-2).clamp(min=math.log(1e-6))
    return torch.logsumexp(log_chance + log_good, dim=-1)
