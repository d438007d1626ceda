# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Labelled people -> crops with targets. Every sample is a function of (seed, epoch, place)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
import threading

import cv2
import numpy as np

from pose_ros.core import geometry
from pose_ros.core.decode.encode import SIGMA_PX, encode_heatmaps
from pose_ros.core.estimator import preprocess
from pose_ros.core.model_spec import ModelSpec
from pose_ros.training import augment
from pose_ros.training.augment import Augmentation
from pose_ros.training.errors import TrainingError
from pose_ros.training.labels import Person

CACHE_BYTES = 1_500_000_000
"""Decoded photos that are kept; beyond this every sample reads its photo anew."""


@dataclass(frozen=True, eq=False)
class Sample:
    """
    One crop.

    Attributes
    ----------
    crop : (height, width, 3) uint8
        BGR.
    xy : (17, 2) float32
        Pixels of the crop; NaN where not labelled.
    weight : (17,) float32
        0 where not labelled or outside of the crop.
    heatmaps : (17, map height, map width) float32
    """

    crop: np.ndarray
    xy: np.ndarray
    weight: np.ndarray
    heatmaps: np.ndarray


class PhotoCache:
    """Photos by path, decoded once while there is room; used by several threads."""

    def __init__(self, capacity_bytes: int = CACHE_BYTES) -> None:
        self._room = capacity_bytes
        self._photos: dict[Path, np.ndarray] = {}
        self._lock = threading.Lock()

    def read(self, path: Path) -> np.ndarray:
        """Return a photo, (H, W, 3) uint8 BGR; TrainingError when it cannot be read."""
        photo = self._photos.get(path)
        if photo is not None:
            return photo
        photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if photo is None:
            raise TrainingError(f'{path} cannot be read as an image: replace or remove it')
        with self._lock:
            if path not in self._photos and photo.nbytes <= self._room:
                self._room -= photo.nbytes
                self._photos[path] = photo
        return photo


class SampleMaker:
    """
    Makes samples of people for one network.

    Parameters
    ----------
    people : sequence of Person
        Of all data sets.
    spec : ModelSpec
        Of the network: size, stride, offset, padding of the box.
    augmentation : Augmentation
        What is changed at random.
    seed : int
        Of all that is random.
    sigma_px : float
        Of the targets, map pixels.
    """

    def __init__(
        self,
        people: Sequence[Person],
        spec: ModelSpec,
        augmentation: Augmentation,
        seed: int = 0,
        sigma_px: float = SIGMA_PX,
        photos: PhotoCache | None = None,
    ) -> None:
        self.people = people
        self._spec = spec
        self._augmentation = augmentation
        self._seed = seed
        self._sigma_px = sigma_px
        self._photos = photos or PhotoCache()

    def __len__(self) -> int:
        """Count the people."""
        return len(self.people)

    def order(self, epoch: int, passes: int = 1) -> np.ndarray:
        """Return the (passes * people,) int order of an epoch: each pass is a permutation."""
        rng = np.random.default_rng([self._seed, epoch, 0])
        return np.concatenate([rng.permutation(len(self.people)) for _ in range(passes)])

    def sample(self, index: int, epoch: int = 0, place: int = 0) -> Sample:
        """
        Make one sample.

        Parameters
        ----------
        index : int
            Of the person.
        epoch, place : int
            The seed of what is random: place is the sample's in the epoch.
        """
        rng = np.random.default_rng([self._seed, epoch, 1, place])
        person = self.people[index]
        size = self._spec.input_size
        changed_from_crop, is_mirrored = augment.random_affine(self._augmentation, size, rng)
        changed_from_image = geometry.compose(changed_from_crop, self.crop_from_image(person))
        crop = preprocess.warp(self._photos.read(person.path), changed_from_image, size)
        crop = augment.change_color(crop, self._augmentation, rng)
        if self._augmentation.occlusion > 0:
            other = self.people[int(rng.integers(len(self.people)))]
            augment.occlude(crop, lambda: self._still_crop(other), self._augmentation, rng)
        xy = augment.changed_keypoints(person.xy, changed_from_image, is_mirrored)
        with np.errstate(invalid='ignore'):
            inside = ((xy >= -0.5) & (xy <= np.array(size) - 0.5)).all(axis=1)
        maps = encode_heatmaps(
            xy, (size[0] // self._spec.stride, size[1] // self._spec.stride), self._spec.stride,
            self._spec.offset_px, self._sigma_px,
        )
        weight = np.where(inside, np.float32(person.weight), np.float32(0))
        return Sample(crop, xy, weight, maps)

    def crop_from_image(self, person: Person) -> np.ndarray:
        """Return the (2, 3) affine of a person's crop, nothing changed: as the node crops."""
        return geometry.crop(person.box_xyxy, self._spec.input_size, self._spec.crop_scale)

    def _still_crop(self, person: Person) -> np.ndarray:
        return preprocess.warp(
            self._photos.read(person.path), self.crop_from_image(person), self._spec.input_size
        )
