# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well a network finds the keypoints of crops, read by the decoder that ships."""

from __future__ import annotations

from dataclasses import replace

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


@torch.no_grad()
def predict(
    network: PoseNetwork, loader: Loader, device: torch.device
) -> tuple[Keypoints, np.ndarray]:
    """
    Run the network, in 32 bits as it ships, on everybody's crop.

    Returns
    -------
    found : Keypoints
        Of N people in their order, pixels of the crops.
    xy : (N, 17, 2) float32
        The labels, pixels of the crops; NaN where not labelled.
    """
    network.eval()
    found, labels = [], []
    for batch in loader.once():
        images = normalised(batch.crops.to(device), network.spec)
        maps = {role: m.float().cpu().numpy() for role, m in network(images).items()}
        found.append(decode_person(maps, network.spec))
        labels.append(batch.xy.numpy())
    return Keypoints.concatenate(found), np.concatenate(labels)


def pck(found: Keypoints, xy: np.ndarray) -> float:
    """
    Return the share of labelled keypoints that are found within a fifth of the torso, PCK@0.2.

    "Percentage of correct keypoints", Yang and Ramanan, PAMI 2013, section 6.1. The torso is from
    a shoulder to the opposite hip, the longer one; people without are left out.

    Parameters
    ----------
    found : Keypoints
        Of N people, pixels.
    xy : (N, 17, 2) float
        The labels, pixels; NaN where not labelled.

    Returns
    -------
    float
        0..1; NaN when nothing is labelled.
    """
    diagonals = np.stack([np.linalg.norm(xy[:, a] - xy[:, b], axis=1) for a, b in DIAGONALS])
    torso_px = np.where(np.isnan(diagonals), 0.0, diagonals).max(axis=0)
    counted = ~np.isnan(xy).any(axis=2) & (torso_px > 0)[:, None]
    # What was not found is at distance NaN, and wrong.
    with np.errstate(invalid='ignore'):
        right = np.linalg.norm(found.xy - xy, axis=2) <= PCK_ALPHA * torso_px[:, None]
    return float(right[counted].mean()) if counted.any() else float('nan')


def scores(found: Keypoints, maker: SampleMaker, folder: CocoFolder) -> dict[str, float]:
    """
    Return COCO's scores, as `pose_ros evaluate --mode boxes` has them.

    Parameters
    ----------
    found : Keypoints
        The people of `maker`, pixels of their crops.
    maker : SampleMaker
        Says who is in which photo, and where the crops are.
    folder : CocoFolder
        With the labels of those photos.
    """
    affines = np.stack([maker.crop_from_image(person) for person in maker.people])
    xy = geometry.apply(geometry.invert(affines), found.xy).astype(np.float32)
    people = replace(found, xy=xy, person_score=found.score.mean(axis=1))
    image_ids = np.array([person.image_id for person in maker.people])
    return folder.scores(
        {int(i): people.select(image_ids == i) for i in np.unique(image_ids)}
    )
