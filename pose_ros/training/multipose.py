# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A MoveNet that sees everybody in a whole image, the first pass, and its loss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pose_ros.backends.model_files import read_spec
from pose_ros.core.backend import BackendError
from pose_ros.core.decode.movenet import MAX_CANDIDATES, MIN_CENTER, decode_people
from pose_ros.core.estimator.person_score import candidate_score
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import OKS_SIGMAS
from pose_ros.training.augment import Augmentation
from pose_ros.training.data import Person
from pose_ros.training.movenet import (
    HILL_PX2,
    OFFSET_REACH_PX,
    ORIGINAL,
    SHARPNESS,
    SMALLEST,
    MoveNet,
    hill_error,
    log_expected,
)
from pose_ros.training.samples import PhotoCache
from pose_ros.training.settings import TrainingError
from pose_ros.training.whole_photos import PhotoBatch, PhotoMaker

# As wide as the hills of MoveNet's own centres, map pixels (those of keypoints: --sigma).
CENTER_SIGMA_PX = 1.3
# A keypoint's tolerance is not taken for less, map pixels: labels are no surer.
LEAST_TOLERANCE_PX = 0.7
# Weights of the parts, beside the heatmaps that are drawn.
CENTERS, READ, PICK, REGRESS, OFFSET = 0.5, 0.3, 0.15, 0.3, 0.2


class MultiPose(MoveNet):
    """The graph of a MoveNet for several people, its decoder weighted by a Gaussian."""

    sees = 'photo'

    def loss(self, maps: dict[str, Tensor], batch: PhotoBatch, sigma_px: float) -> Tensor:
        """Return how wrong the maps are, see `people_loss`."""
        stride = self.spec.stride
        return people_loss(
            maps, (batch.xy - self.spec.offset_px) / stride, batch.weight, batch.area / stride**2,
            float(self.spec.weighting['value']), sigma_px,
        )

    def read(self, maps: dict[str, np.ndarray]) -> tuple[np.ndarray, Keypoints]:
        """Read everybody from maps, see the base class."""
        view, found = decode_people(maps, self.spec, MAX_CANDIDATES, MIN_CENTER)
        return view, Keypoints(found.xy, found.score, candidate_score(found))

    def maker(
        self, people: Sequence[Person], augmentation: Augmentation, seed: int, sigma_px: float,
        photos: PhotoCache,
    ) -> PhotoMaker:
        """Return what makes whole photos, see the base class."""
        return PhotoMaker(people, augmentation, seed, photos)


def movenet(path: Path, learn_from: str) -> MoveNet:
    """Return the network of an ONNX file, for one person or for several; TrainingError if none."""
    try:
        kind = read_spec(path).weighting.get('kind')
    except (BackendError, OSError, ValueError) as error:
        raise TrainingError(f'cannot train {path}: {error}') from error
    if kind == 'gaussian':
        return MultiPose(path, learn_from)
    if kind == 'reciprocal':
        return MoveNet(path, learn_from)
    raise TrainingError(
        f'cannot train {path}: its decoder is not that of a MoveNet (centers, with a weighting)')


def people_loss(
    maps: dict[str, Tensor], xy: Tensor, weight: Tensor, area: Tensor, window_px: float,
    sigma_px: float,
) -> Tensor:
    """
    Return how wrong the maps of whole photos are of what the decoder reads from them.

    As `drawn_loss` and `read_loss` for everybody: in the boxes of labelled people the heatmaps and
    centres are drawn, elsewhere those of the original are kept, since photos show people whom
    nobody labelled.

    Parameters
    ----------
    maps : dict of (B, C, H, W)
        'heatmaps' (C = K), 'centers' (1), 'regress' and 'offsets' (2K, pairs dy dx in map px), and
        what the original network gives for the first two, as `original` names it.
    xy : (B, P, K, 2)
        The labelled keypoints of up to P people, map pixels; NaN where not labelled.
    weight : (B, P, K)
        0 where not labelled.
    area : (B, P)
        Of the people, map pixels squared.
    window_px : float
        Sigma of the decoder's Gaussian around the keypoints that a centre names, map pixels.
    sigma_px : float
        Of the Gaussians that are drawn, map pixels.

    Returns
    -------
    scalar
        At least 0.
    """
    heatmaps, centers = maps['heatmaps'].float(), maps['centers'][:, 0].float()
    _, count, height, width = heatmaps.shape
    device = heatmaps.device
    rows = torch.arange(height, device=device, dtype=torch.float32)[:, None]
    columns = torch.arange(width, device=device, dtype=torch.float32)
    photo, person = (weight > 0).any(dim=2).nonzero(as_tuple=True)
    labelled, weight = (weight > 0)[photo, person], weight[photo, person]
    xy = torch.where(labelled[..., None], xy[photo, person], torch.zeros((), device=device))
    sigmas = torch.tensor(OKS_SIGMAS, device=device, dtype=torch.float32)
    tolerance = (2 * sigmas * area[photo, person, None].sqrt()).clamp(min=LEAST_TOLERANCE_PX)
    regress = maps['regress'].float().unflatten(1, (count, 2))
    offsets = maps['offsets'].float().unflatten(1, (count, 2))

    heatmap_targets = torch.zeros_like(heatmaps)
    center_targets = torch.zeros_like(centers)
    heatmaps_drawn = torch.zeros_like(heatmaps, dtype=torch.bool)
    centers_drawn = torch.zeros_like(centers, dtype=torch.bool)
    told = torch.zeros((), device=device)
    for n, b in enumerate(photo.tolist()):
        there, share = labelled[n], weight[n] / weight[n].sum()
        x, y = xy[n, :, 0, None, None], xy[n, :, 1, None, None]
        squared = (rows - y) ** 2 + (columns - x) ** 2
        low, high = xy[n][there].amin(dim=0), xy[n][there].amax(dim=0)
        top, left, bottom, right = _pixels(low, high + 1, height, width)

        # Whose centre: in the box around the keypoints, the pixel that names them best.
        towards = regress[b, :, :, top:bottom, left:right]
        missed = torch.hypot(
            towards[:, 0] - (y - rows[top:bottom]) + 1e-6,
            towards[:, 1] - (x - columns[left:right]),
        )
        missed = torch.log1p(missed / tolerance[n, :, None, None])
        mean = (missed * share[:, None, None]).sum(dim=0)
        center = centers[b, top:bottom, left:right]
        chance = SHARPNESS * center.clamp(min=SMALLEST).log()
        pick = -log_expected(chance, -2 * mean)
        best = int((center * torch.exp(-2 * mean)).argmax())
        cy, cx = divmod(best, right - left)
        height_there = center[cy, cx].clamp(SMALLEST, 1 - SMALLEST)
        pick = pick - 0.5 * (1 - height_there) ** 2 * height_there.log()

        # Which pixel of each heatmap, near where that centre says.
        guess = towards[:, :, cy, cx]
        from_guess = (
            (rows - (top + cy + guess[:, 0, None, None])) ** 2
            + (columns - (left + cx + guess[:, 1, None, None])) ** 2
        )
        chance = SHARPNESS * (
            heatmaps[b].clamp(min=SMALLEST).log() - from_guess / (2 * window_px**2))
        read = -log_expected(chance, -squared / (2 * tolerance[n, :, None, None] ** 2))

        # Where in that pixel.
        off = (offsets[b, :, 0] - (y - rows)).abs() + (offsets[b, :, 1] - (x - columns)).abs()
        near = (squared < OFFSET_REACH_PX**2) * there[:, None, None]
        offset = (off * near).sum() / near.sum().clamp(min=1)

        told = told + (
            READ * (read * share).sum() + PICK * pick
            + REGRESS * (missed[:, cy, cx] * share).sum() + OFFSET * offset
        )
        hills = torch.exp(-squared / (2 * sigma_px**2)) * there[:, None, None]
        heatmap_targets[b] = torch.maximum(heatmap_targets[b], hills)
        from_center = (rows - top - cy) ** 2 + (columns - left - cx) ** 2
        center_targets[b] = torch.maximum(
            center_targets[b], torch.exp(-from_center / (2 * CENTER_SIGMA_PX**2)))
        margin = 0.1 * (high - low) + 1
        top, left, bottom, right = _pixels(low - margin, high + margin, height, width)
        box = torch.zeros_like(centers_drawn[b])
        box[top:bottom, left:right] = True
        centers_drawn[b] |= box
        heatmaps_drawn[b] |= (box | (squared < (3 * sigma_px) ** 2)) & there[:, None, None]

    changed = (heatmaps - maps[ORIGINAL + 'heatmaps']).square() * ~heatmaps_drawn
    moved = (centers - maps[ORIGINAL + 'centers'][:, 0]).square() * ~centers_drawn
    kept = (changed.sum() / count + moved.sum()) / (HILL_PX2 * len(heatmaps))
    people = max(1, len(photo))
    wrong = (hill_error(heatmaps, heatmap_targets, sigma_px) * heatmaps_drawn).sum()
    misplaced = (hill_error(centers, center_targets, CENTER_SIGMA_PX) * centers_drawn).sum()
    return (
        wrong / labelled.sum().clamp(min=1) + CENTERS * misplaced / people + told / people + kept
    )


def _pixels(low: Tensor, high: Tensor, height: int, width: int) -> tuple[int, int, int, int]:
    """Return top, left, bottom, right of the pixels from low to high, x and y."""
    left, top = (max(0, int(v)) for v in low.floor())
    right, bottom = (int(v) + 1 for v in high.ceil())
    return top, left, min(bottom, height), min(right, width)
