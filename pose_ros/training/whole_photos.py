# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Labelled people -> whole photos as the first pass sees them, with everybody in them -> batches.

What `samples.py` is for networks that see one person per crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pose_ros.core import geometry
from pose_ros.core.estimator import preprocess
from pose_ros.training import augment
from pose_ros.training.augment import Augmentation
from pose_ros.training.data import Person
from pose_ros.training.samples import OnDevice, PhotoCache

INPUT_SIZE = 448, 352
"""Width and height of what the network sees: the first pass's default for 4:3 images."""
# Photos are made so much larger or smaller, unless nothing is changed: the first pass looks at a
# second, smaller size as well.
ZOOMS = (1.0, 1.0, 1.25, 0.75, 0.5, 0.43)
# COCO's areas are those of outlines: so much of a box, in the mean over the people.
AREA_OF_BOX = 0.53
# People in fewer pixels, or of whom less than two joints are labelled and inside, count nowhere.
MIN_AREA_PX2, MIN_JOINTS = 64.0, 2


@dataclass(frozen=True, eq=False)
class PhotoBatch(OnDevice):
    """
    B photos with up to P people each.

    Attributes
    ----------
    crops : (B, height, width, 3) uint8
        BGR: the whole photos, at one size.
    xy : (B, P, 17, 2) float32
        Keypoints, pixels of the crop; NaN where not labelled.
    weight : (B, P, 17) float32
        How much each keypoint counts; 0 where it is not labelled.
    area : (B, P) float32
        Of the people, pixels squared.
    """

    crops: Tensor
    xy: Tensor
    weight: Tensor
    area: Tensor


@dataclass(frozen=True, eq=False)
class PhotoSample:
    """One photo and its P people, as in `PhotoBatch`."""

    crop: np.ndarray
    xy: np.ndarray
    weight: np.ndarray
    area: np.ndarray


class PhotoMaker:
    """
    Makes samples of whole photos; otherwise as `SampleMaker`.

    Parameters
    ----------
    people : sequence of Person
        Of all data sets.
    augmentation : Augmentation
        What is changed at random: `occlusion` and `half_body` are for crops.
    seed : int
        Of all that is random.
    photos : PhotoCache, optional
    """

    def __init__(
        self,
        people: Sequence[Person],
        augmentation: Augmentation,
        seed: int = 0,
        photos: PhotoCache | None = None,
    ) -> None:
        groups: dict[object, list[Person]] = {}
        for person in people:
            groups.setdefault(person.path, []).append(person)
        self._groups = list(groups.values())
        self._augmentation = augmentation
        self.seed = seed
        self._photos = photos or PhotoCache()

    def __len__(self) -> int:
        """Count the photos."""
        return len(self._groups)

    def sample(self, index: int, epoch: int = 0, place: int = 0) -> PhotoSample:
        """Make one sample, of the photo `index`; `place` is its place in the epoch."""
        rng = np.random.default_rng([self.seed, epoch, 1, place])
        group, augmentation = self._groups[index], self._augmentation
        photo = self._photos.read(group[0])
        changed, is_mirrored = augment.random_affine(augmentation, INPUT_SIZE, rng)
        if augmentation != Augmentation.none():
            changed = geometry.compose(changed, _zoomed(float(rng.choice(ZOOMS))))
        changed_from_image = geometry.compose(changed, self.place_of(index)[1])
        part, crop_from_part = augment.degraded_part(
            photo, changed_from_image, INPUT_SIZE, augmentation, rng
        )
        crop = preprocess.warp(part, crop_from_part, INPUT_SIZE)
        crop = augment.change_color(crop, augmentation, rng)
        xy = np.stack([
            augment.changed_keypoints(p.xy, changed_from_image, is_mirrored) for p in group])
        boxes = np.stack([p.box_xyxy for p in group])
        area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) * AREA_OF_BOX
        area *= abs(np.linalg.det(changed_from_image[:, :2]))
        with np.errstate(invalid='ignore'):
            inside = ((xy >= -0.5) & (xy <= np.array(INPUT_SIZE) - 0.5)).all(axis=2)
        counts = (inside.sum(axis=1) >= MIN_JOINTS) & (area >= MIN_AREA_PX2)
        weight = (inside & counts[:, None]) * np.array([[p.weight] for p in group])
        return PhotoSample(crop, xy, weight.astype(np.float32), area.astype(np.float32))

    def place_of(self, index: int) -> tuple[int, np.ndarray]:
        """Return the id of a photo, and its (2, 3) affine, nothing changed."""
        person = self._groups[index][0]
        photo = self._photos.read(person)
        return person.image_id, geometry.letterbox((photo.shape[1], photo.shape[0]), INPUT_SIZE)

    @staticmethod
    def batch(samples: Sequence[PhotoSample]) -> PhotoBatch:
        """Put samples into one batch, in order."""
        most = max(len(sample.xy) for sample in samples)

        def padded(values: np.ndarray, fill: float) -> np.ndarray:
            missing = [(0, most - len(values)), *[(0, 0)] * (values.ndim - 1)]
            return np.pad(values, missing, constant_values=fill)

        return PhotoBatch(*(torch.from_numpy(np.stack(part)) for part in (
            [sample.crop for sample in samples],
            [padded(sample.xy, np.nan) for sample in samples],
            [padded(sample.weight, 0.0) for sample in samples],
            [padded(sample.area, 1.0) for sample in samples],
        )))


def _zoomed(factor: float) -> np.ndarray:
    middle = (np.array(INPUT_SIZE) - 1) / 2
    return np.column_stack([factor * np.eye(2), middle * (1 - factor)])
