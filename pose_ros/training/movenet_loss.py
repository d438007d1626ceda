# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
How wrong the maps of a MoveNet are, asked of what `core/decode/movenet.py` reads from them.

The decoder takes the arg max of two products: of `centers` and the closeness to the crop's middle,
and of each heatmap and the closeness to the point that `regress` names. An arg max has no
gradient; a product of positive numbers is a probability once it is divided by its sum. The loss
is the negative logarithm of the probability to take a pixel, times how good that pixel is. It asks
for nothing that the decoder does not need, so that little has to be learnt; squared differences
from Gaussians change every pixel of every map, and forget.

Where nothing is labelled, and in all that the decoder looks at by its height, the maps of the
original network are kept (distillation: Hinton et al., 2015; Li and Hoiem, Learning without
Forgetting, ECCV 2016).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from pose_ros.core.decode.movenet import MIDDLE_PRIOR_PX
from pose_ros.core.skeleton import OKS_SIGMAS

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

# Weights of the parts. Chosen on photos set aside: docs/pose_thunder.md.
PICK, REGRESS, OFFSET = 0.5, 0.3, 0.2
# A Gaussian of sigma 2 px squared has the sum 4 pi: one wrong hill costs 1.
HILL_PX2 = 4 * math.pi

ORIGINAL = 'original '


def original(maps: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the maps that are to be kept as `read_loss` wants them."""
    return {ORIGINAL + role: maps[role].float() for role in ('heatmaps', 'centers')}


def read_loss(maps: dict[str, Tensor], xy: Tensor, weight: Tensor, softening: float) -> Tensor:
    """
    Return the loss.

    Parameters
    ----------
    maps : dict of (B, C, H, W)
        'heatmaps' (C = K), 'centers' (1), 'regress' and 'offsets' (2K, pairs dy dx in map px),
        and what the original network gives for the first two, as `original` names it.
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

    kept = sum(
        functional.mse_loss(maps[role].float(), maps[ORIGINAL + role], reduction='sum')
        for role in ('heatmaps', 'centers')
    ) / (HILL_PX2 * batch)
    return read + PICK * pick + REGRESS * regress + OFFSET * offset + kept


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)


def _log_expected(chance: Tensor, log_good: Tensor) -> Tensor:
    """Return log sum softmax(chance) exp(log_good) over the last two axes."""
    log_chance = chance.flatten(-2).log_softmax(dim=-1)
    log_good = log_good.flatten(-2).clamp(min=math.log(1e-6))
    return torch.logsumexp(log_chance + log_good, dim=-1)
