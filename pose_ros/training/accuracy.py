# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well a network finds the keypoints of crops, read by the decoder that ships."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from pose_ros.core import geometry
from pose_ros.core.decode.movenet import decode_person
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER
from pose_ros.evaluation.scores import CocoFolder
from pose_ros.training.network import PoseNetwork, normalised
from pose_ros.training.samples import Loader, SampleMaker

PCK_ALPHA = 0.2
DIAGONALS = ((LEFT_SHOULDER, RIGHT_HIP), (RIGHT_SHOULDER, LEFT_HIP))


@dataclass(frozen=True, eq=False)
class Predictions:
    """
    What a network sees in the crops of N people, in their order.

    Attributes
    ----------
    found : Keypoints
        N people, pixels of the crops.
    xy : (N, 17, 2) float32
        The labels, pixels of the crops; NaN where not labelled.
    """

    found: Keypoints
    xy: np.ndarray


@torch.no_grad()
def predict(network: PoseNetwork, loader: Loader, device: torch.device) -> Predictions:
    """Run the network, in 32 bits as it ships, on everybody's crop."""
    network.eval()
    found, labels = [], []
    for batch in loader.once():
        images = normalised(batch.crops.to(device), network.spec)
        maps = {role: m.float().cpu().numpy() for role, m in network(images).items()}
        found.append(decode_person(maps, network.spec))
        labels.append(batch.xy.numpy())
    return Predictions(Keypoints.concatenate(found), np.concatenate(labels))


def torso_px(xy: np.ndarray) -> np.ndarray:
    """
    Return how long people's torsos are: shoulder to opposite hip, the longer one.

    Parameters
    ----------
    xy : (N, 17, 2) float
        Pixels, NaN where unknown.

    Returns
    -------
    (N,) float
        Pixels; NaN where neither diagonal is known.
    """
    lengths = np.stack([np.linalg.norm(xy[:, a] - xy[:, b], axis=1) for a, b in DIAGONALS])
    longest = np.where(np.isnan(lengths), -np.inf, lengths).max(axis=0)
    return np.where(np.isfinite(longest), longest, np.nan)


def pck(predictions: Predictions, size_px: np.ndarray, alpha: float = PCK_ALPHA) -> float:
    """
    Return the share of labelled keypoints that are found within alpha of a size.

    "Percentage of correct keypoints", Yang and Ramanan, PAMI 2013, section 6.1.

    Parameters
    ----------
    predictions : Predictions
        Of N people.
    size_px : (N,) float
        Pixels of the crops; people whose size is NaN are left out.
    alpha : float
        Of the size.

    Returns
    -------
    float
        0..1; NaN when nothing is labelled.
    """
    distance = np.linalg.norm(predictions.found.xy - predictions.xy, axis=2)
    counted = ~np.isnan(predictions.xy).any(axis=2) & ~np.isnan(size_px)[:, None]
    # What was not found is at distance NaN, and wrong.
    with np.errstate(invalid='ignore'):
        right = distance <= alpha * size_px[:, None]
    return float(right[counted].mean()) if counted.any() else float('nan')


def scores(predictions: Predictions, maker: SampleMaker, folder: CocoFolder) -> dict[str, float]:
    """
    Return COCO's scores of predictions, as `pose_ros evaluate --mode boxes` has them.

    Parameters
    ----------
    predictions : Predictions
        Of the people of `maker`.
    maker : SampleMaker
        Says who is in which photo, and where the crops are.
    folder : CocoFolder
        With the labels of those photos.
    """
    found = predictions.found
    affines = np.stack([maker.crop_from_image(person) for person in maker.people])
    xy = geometry.apply(geometry.invert(affines), found.xy).astype(np.float32)
    people = replace(found, xy=xy, person_score=found.score.mean(axis=1))
    image_ids = np.array([person.image_id for person in maker.people])
    return folder.scores(
        {int(i): people.select(image_ids == i) for i in np.unique(image_ids)}
    )
