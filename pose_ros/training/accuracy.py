# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well a network finds keypoints, read by the decoder that ships."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pose_ros.core import geometry, oks
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import (
    LEFT_HIP,
    LEFT_SHOULDER,
    NUM_KEYPOINTS,
    RIGHT_HIP,
    RIGHT_SHOULDER,
)
from pose_ros.evaluation.scores import CocoFolder
from pose_ros.training.network import PoseNetwork, normalised
from pose_ros.training.samples import Loader, Maker

PCK_ALPHA = 0.2
DIAGONALS = ((LEFT_SHOULDER, RIGHT_HIP), (RIGHT_SHOULDER, LEFT_HIP))


@torch.no_grad()
def predict(
    network: PoseNetwork, loader: Loader, device: torch.device
) -> tuple[np.ndarray, Keypoints, list[np.ndarray]]:
    """
    Run the network, in 32 bits as it ships, on every sample.

    Returns
    -------
    view : (N,) int
        In which sample a person was found.
    found : Keypoints
        N people, pixels of the samples' crops.
    labels : list of (P, 17, 2) float32
        Of each sample the labels, pixels of the crop; NaN where not labelled.
    """
    network.eval()
    views, found, labels = [], [], []
    for batch in loader.once():
        images = normalised(batch.crops.to(device), network.spec)
        maps = {role: m.float().cpu().numpy() for role, m in network(images).items()}
        view, people = network.read(maps)
        views.append(view + len(labels))
        found.append(people)
        labels += list(batch.xy.numpy().reshape(len(batch.crops), -1, NUM_KEYPOINTS, 2))
    return np.concatenate(views), Keypoints.concatenate(found), labels


def of_labelled(
    view: np.ndarray, found: Keypoints, labels: list[np.ndarray]
) -> tuple[Keypoints, np.ndarray]:
    """
    Choose whom the labels mean: of the people in that sample the one of the highest OKS.

    Parameters
    ----------
    view, found, labels
        As `predict` gives them.

    Returns
    -------
    Keypoints
        A person per labelled one, N in all; keypoints are NaN where nobody was found.
    xy : (N, 17, 2) float32
        The labels.
    """
    chosen, wanted = [Keypoints.empty()], [np.empty((0, NUM_KEYPOINTS, 2), np.float32)]
    for n, xy in enumerate(labels):
        xy = xy[~np.isnan(xy).any(axis=2).all(axis=1)]
        here = found.select(view == n)
        if not len(here):
            here = Keypoints(
                np.full((1, NUM_KEYPOINTS, 2), np.nan, np.float32),
                np.zeros((1, NUM_KEYPOINTS), np.float32), np.zeros(1, np.float32))
        chosen.append(here.select(oks.symmetric_oks(xy, here.xy).argmax(axis=1)))
        wanted.append(xy)
    return Keypoints.concatenate(chosen), np.concatenate(wanted)


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


def scores(
    view: np.ndarray, found: Keypoints, maker: Maker, folder: CocoFolder
) -> dict[str, float]:
    """
    Return COCO's scores, as `pose_ros evaluate` has them: of crops as with `--mode boxes`.

    Parameters
    ----------
    view, found
        As `predict` gives them.
    maker : Maker
        Of the samples: says which photo each is of, and where its crop is.
    folder : CocoFolder
        With the labels of those photos.
    """
    places = [maker.place_of(n) for n in range(len(maker))]
    image_ids = np.array([image_id for image_id, _ in places])
    affines = geometry.invert(np.stack([affine for _, affine in places]))
    xy = geometry.apply(affines[view], found.xy).astype(np.float32)
    people = replace(found, xy=xy)
    return folder.scores({
        int(i): people.select(image_ids[view] == i) for i in np.unique(image_ids)
    })
