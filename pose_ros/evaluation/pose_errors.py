# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Which found person is which labelled one, how alike they are, and PCK of each joint.

PCK@0.2 is the share of labelled joints that were found within 0.2 of a length: of the longer side
of the person's box (the usual one for COCO, as in mmpose), or of the torso, from the left shoulder
to the right hip (Yang and Ramanan, PAMI 2013), of people who have both labelled. A labelled person
without a detection has all joints wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_ros.core.keypoints import Keypoints
from pose_ros.core.oks import oks
from pose_ros.core.skeleton import KEYPOINT_NAMES, LEFT_SHOULDER, NUM_KEYPOINTS, RIGHT_HIP
from pose_ros.evaluation.scores import Photo

PCK_FRACTION = 0.2
# A detection less similar than this is of another person.
LEAST_OKS = 0.01


@dataclass(frozen=True, eq=False)
class PersonError:
    """
    One labelled person beside the detection paired with it.

    Attributes
    ----------
    photo : Photo
    person : int
        Index into `photo.truth`.
    found : int
        Index into the people found in the photo; -1 for none.
    oks : float
        0 for none.
    distance_px : (17,) float64
        Of each joint; NaN where it is not labelled, infinite where it was not found.
    """

    photo: Photo
    person: int
    found: int
    oks: float
    distance_px: np.ndarray


def pair(photo: Photo, people: Keypoints) -> list[PersonError]:
    """
    Give each labelled person of a photo at most one found one, the most alike first.

    Parameters
    ----------
    photo : Photo
    people : Keypoints
        Found, image pixels.

    Returns
    -------
    list of PersonError
        One per labelled person, in their order.
    """
    truth = photo.truth
    alike = oks(truth.xy, truth.area, people.xy)
    # A missing keypoint is wrong, while `oks` averages over those that both have.
    labelled = ~np.isnan(truth.xy).any(axis=2)
    has = ~np.isnan(people.xy).any(axis=2)
    alike *= (labelled.astype(float) @ has.T) / np.maximum(labelled.sum(axis=1), 1)[:, None]
    found = np.full(len(truth), -1)
    for flat in np.argsort(-alike, axis=None, kind='stable'):
        person, other = divmod(int(flat), len(people))
        if alike[person, other] >= LEAST_OKS and found[person] < 0 and other not in found:
            found[person] = other
    errors = []
    for person, other in enumerate(found):
        distance = np.full(NUM_KEYPOINTS, np.inf)
        if other >= 0:
            distance = np.linalg.norm(people.xy[other] - truth.xy[person], axis=1)
            distance = np.where(np.isnan(distance), np.inf, distance)
        distance = np.where(labelled[person], distance, np.nan)
        score = float(alike[person, other]) if other >= 0 else 0.0
        errors.append(PersonError(photo, person, int(other), score, distance))
    return errors


def pck(errors: list[PersonError]) -> dict[str, dict[str, float]]:
    """
    Return PCK@0.2 of each joint.

    Parameters
    ----------
    errors : list of PersonError
        Of all photos.

    Returns
    -------
    dict
        'box' and 'torso' to the share of each joint by name, and of 'all'; NaN where no person has
        it labelled.
    """
    distance = np.array([e.distance_px for e in errors]).reshape(-1, NUM_KEYPOINTS)
    boxes = np.array([e.photo.truth.boxes_xyxy[e.person] for e in errors]).reshape(-1, 4)
    xy = np.array([e.photo.truth.xy[e.person] for e in errors]).reshape(-1, NUM_KEYPOINTS, 2)
    lengths = {
        'box': (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0),
        'torso': np.linalg.norm(xy[:, LEFT_SHOULDER] - xy[:, RIGHT_HIP], axis=1),
    }
    return {name: _shares(distance, length) for name, length in lengths.items()}


def _shares(distance: np.ndarray, length: np.ndarray) -> dict[str, float]:
    counted = ~np.isnan(distance) & (length > 0)[:, None]
    right = counted & (distance <= PCK_FRACTION * np.nan_to_num(length)[:, None])
    number = np.append(counted.sum(axis=0), counted.sum())
    share = np.append(right.sum(axis=0), right.sum()) / np.where(number, number, np.nan)
    return {name: round(float(s), 4) for name, s in zip((*KEYPOINT_NAMES, 'all'), share)}


def worst(errors: list[PersonError], number: int) -> list[PersonError]:
    """Return the people with the lowest OKS, among equals those with most joints labelled."""
    def rank(error: PersonError) -> tuple[float, int, float]:
        labelled = int((~np.isnan(error.distance_px)).sum())
        return round(error.oks, 3), -labelled, -error.photo.truth.area[error.person]

    return sorted(errors, key=rank)[:number]
