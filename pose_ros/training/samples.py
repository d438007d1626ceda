# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Labelled people -> crops with targets -> batches, made by threads ahead of the network.

Every sample is a function of (seed, epoch, place), so that the number of threads changes nothing.
Threads, not processes: OpenCV works outside of Python's lock, nothing has to be copied between
processes, and Ctrl-C leaves none behind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from pose_ros.core import geometry
from pose_ros.core.decode.encode import SIGMA_PX, encode_heatmaps
from pose_ros.core.estimator import preprocess
from pose_ros.core.model_spec import ModelSpec
from pose_ros.evaluation.scores import read_photo
from pose_ros.training import augment
from pose_ros.training.augment import Augmentation
from pose_ros.training.data import Person

if TYPE_CHECKING:
    from typing_extensions import Self


class OnDevice:
    """A dataclass of tensors."""

    def to(self, device: torch.device) -> Self:
        """Return it on a device."""
        tensors = (getattr(self, f.name) for f in fields(self))  # type: ignore[arg-type]
        return type(self)(*(tensor.to(device, non_blocking=True) for tensor in tensors))


@dataclass(frozen=True, eq=False)
class Batch(OnDevice):
    """
    B crops, one person each.

    Attributes
    ----------
    crops : (B, height, width, 3) uint8
        BGR.
    xy : (B, 17, 2) float32
        Keypoints, pixels of the crop; NaN where not labelled.
    weight : (B, 17) float32
        How much each keypoint counts; 0 where it is not labelled.
    heatmaps : (B, 17, map height, map width) float32
        The targets.
    crowding : (B,) float32
        Of each person (`Person.crowding`).
    """

    crops: Tensor
    xy: Tensor
    weight: Tensor
    heatmaps: Tensor
    crowding: Tensor


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
    crowding : float
        Of the person.
    """

    crop: np.ndarray
    xy: np.ndarray
    weight: np.ndarray
    heatmaps: np.ndarray
    crowding: float


class PhotoCache:
    """Photos by path, decoded once while there is room; used by several threads."""

    def __init__(self, capacity_bytes: int = CACHE_BYTES) -> None:
        self._room = capacity_bytes
        self._photos: dict[Path, np.ndarray] = {}
        self._lock = threading.Lock()

    def read(self, person: Person) -> np.ndarray:
        """Return the photo that a person is in, (H, W, 3) uint8 BGR, see `read_photo`."""
        path = person.path
        photo = self._photos.get(path)
        if photo is not None:
            return photo
        photo = read_photo(path, person.size)
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
        self.seed = seed
        self._sigma_px = sigma_px
        self._photos = photos or PhotoCache()

    def __len__(self) -> int:
        """Count the people."""
        return len(self.people)

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
        rng = np.random.default_rng([self.seed, epoch, 1, place])
        person = self.people[index]
        size = self._spec.input_size
        changed_from_crop, is_mirrored = augment.random_affine(self._augmentation, size, rng)
        crop_from_image = self._crop_from_image(person, rng)
        changed_from_image = geometry.compose(changed_from_crop, crop_from_image)
        part, crop_from_part = augment.degraded_part(
            self._photos.read(person), changed_from_image, size, self._augmentation, rng
        )
        crop = preprocess.warp(part, crop_from_part, size)
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
        return Sample(crop, xy, weight, maps, person.crowding)

    def place_of(self, index: int) -> tuple[int, np.ndarray]:
        """Return the id of a sample's photo, and the affine of its crop, nothing changed."""
        person = self.people[index]
        return person.image_id, self.crop_from_image(person)

    def crop_from_image(self, person: Person) -> np.ndarray:
        """Return the (2, 3) affine of a person's crop, nothing changed: as the node crops."""
        return geometry.crop(person.box_xyxy, self._spec.input_size, self._spec.crop_scale)

    @staticmethod
    def batch(samples: Sequence[Sample]) -> Batch:
        """Put samples into one batch, in order."""
        return Batch(
            torch.from_numpy(np.stack([sample.crop for sample in samples])),
            torch.from_numpy(np.stack([sample.xy for sample in samples])),
            torch.from_numpy(np.stack([sample.weight for sample in samples])),
            torch.from_numpy(np.stack([sample.heatmaps for sample in samples])),
            torch.tensor([sample.crowding for sample in samples], dtype=torch.float32),
        )

    def _crop_from_image(self, person: Person, rng: np.random.Generator) -> np.ndarray:
        """Return the affine of a person's crop, or of half of him."""
        half = augment.half_body_box(person.xy, self._augmentation, rng)
        if half is None:
            return self.crop_from_image(person)
        return geometry.crop(half, self._spec.input_size, self._spec.crop_scale)

    def _still_crop(self, person: Person) -> np.ndarray:
        return preprocess.warp(
            self._photos.read(person), self.crop_from_image(person), self._spec.input_size
        )


class Maker(Protocol):
    """Makes samples: of people in crops (`SampleMaker`), of whole photos (`PhotoMaker`)."""

    seed: int

    def __len__(self) -> int: ...
    def sample(self, index: int, epoch: int = 0, place: int = 0) -> Any: ...
    def place_of(self, index: int) -> tuple[int, np.ndarray]: ...
    def batch(self, samples: Sequence[Any]) -> Any: ...


AHEAD = 3
"""Batches that are made before they are wanted."""


class Loader:
    """
    Makes the batches of an epoch.

    Parameters
    ----------
    maker : Maker
        Makes the samples.
    batch_size : int
        Samples; the last batch of an epoch may be smaller.
    threads : int
        That make samples.
    """

    def __init__(self, maker: Maker, batch_size: int, threads: int = 2) -> None:
        self.maker = maker
        self._batch_size = batch_size
        self._threads = threads

    def num_batches(self, passes: int = 1) -> int:
        """Count the batches of an epoch."""
        return -(-len(self.maker) * passes // self._batch_size)

    def epoch(self, epoch: int, passes: int = 1) -> Iterator[Any]:
        """Yield the batches of a training epoch, in random order."""
        return self._batches(self.order(epoch, passes), epoch)

    def order(self, epoch: int, passes: int = 1) -> np.ndarray:
        """Return the (passes * samples,) int order of an epoch: each pass is a permutation."""
        rng = np.random.default_rng([self.maker.seed, epoch, 0])
        return np.concatenate([rng.permutation(len(self.maker)) for _ in range(passes)])

    def once(self) -> Iterator[Any]:
        """Yield everybody once, in order."""
        return self._batches(np.arange(len(self.maker)), 0)

    def _batches(self, order: np.ndarray, epoch: int) -> Iterator[Any]:
        places = iter(range(0, len(order), self._batch_size))
        waiting: deque[list[Future[Any]]] = deque()
        with ThreadPoolExecutor(self._threads, thread_name_prefix='samples') as threads:
            try:
                for first in places:
                    part = range(first, min(first + self._batch_size, len(order)))
                    waiting.append([
                        threads.submit(self.maker.sample, int(order[place]), epoch, place)
                        for place in part
                    ])
                    if len(waiting) > AHEAD:
                        yield self.maker.batch([sample.result() for sample in waiting.popleft()])
                while waiting:
                    yield self.maker.batch([sample.result() for sample in waiting.popleft()])
            finally:
                # Also when the epoch is left in the middle: nothing more is begun.
                threads.shutdown(wait=False, cancel_futures=True)
