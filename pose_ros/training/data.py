# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The labelled people of folders in COCO form: those to learn from, those to measure on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose_ros.core.colors import decoded
from pose_ros.core.geometry import box_intersection
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.evaluation.annotation_file import coco_form, read_annotations
from pose_ros.evaluation.scores import CocoFolder, path_of, size_of
from pose_ros.training.settings import TrainingError, TrainingSettings


@dataclass(frozen=True, eq=False)
class Person:
    """
    One labelled person.

    Attributes
    ----------
    image_id : int
    path : Path
        Of the photo.
    box_xyxy : (4,) float64
        As labelled, cut off at the photo's edge, image pixels.
    xy : (17, 2) float32
        Image pixels; NaN where not labelled.
    weight : float
        How much this person counts beside others.
    size : (width, height), optional
        Of the photo, pixels, as the labels have it.
    crowding : float
        Share of the box that the box of one other labelled person covers at most, 0 to 1.
    """

    image_id: int
    path: Path
    box_xyxy: np.ndarray
    xy: np.ndarray
    weight: float = 1.0
    size: tuple[int, int] | None = None
    crowding: float = 0.0


@dataclass(frozen=True, eq=False)
class Labels:
    """
    What a folder holds for training.

    Attributes
    ----------
    people : tuple of Person
        Those that can be learnt from.
    left_out : dict
        Why people were left out: how many. Words for a sentence.
    notes : tuple of str
        What is odd in the file but does no harm, a sentence each.
    """

    people: tuple[Person, ...]
    left_out: dict[str, int]
    notes: tuple[str, ...] = ()

    @property
    def num_photos(self) -> int:
        """Count the photos that these people are in."""
        return len({person.path for person in self.people})


def read_labels(annotations: Path, images: Path, weight: float = 1.0) -> Labels:
    """
    Read the people of a data set.

    Parameters
    ----------
    annotations : Path
        File in COCO's person-keypoints form.
    images : Path
        Folder of the photos.
    weight : float
        How much its people count.

    Raises
    ------
    TrainingError
        When a photo or the file is missing, or nobody is left.
    DataError
        When the file is malformed.
    """
    if not annotations.is_file():
        raise TrainingError(
            f'no annotations: there is no {annotations}; COCO has them under other names, which '
            '--annotations FILE and --images DIR tell'
        )
    data, _, notes = read_annotations(annotations)
    people: list[Person] = []
    left_out: dict[str, int] = {}
    with coco_form(annotations):
        listed = {i['id']: (path_of(i, images), size_of(i)) for i in data['images']}
        for annotation in data['annotations']:
            person, reason = _person(annotation, *listed[annotation['image_id']], weight)
            if person is not None:
                people.append(person)
            else:
                left_out[reason] = left_out.get(reason, 0) + 1
    _check_photos({person.path for person in people}, images)
    if not people:
        reasons = ', '.join(f'{count} {reason}' for reason, count in left_out.items())
        raise TrainingError(f'{annotations} has nobody to learn from: {reasons}')
    return Labels(_with_crowding(people), left_out, tuple(notes))


def _with_crowding(people: list[Person]) -> tuple[Person, ...]:
    """Return the people, each with the share of the box that another one covers."""
    boxes: dict[Path, list[np.ndarray]] = {}
    for person in people:
        boxes.setdefault(person.path, []).append(person.box_xyxy)

    def crowding(person: Person) -> float:
        others = np.array([b for b in boxes[person.path] if b is not person.box_xyxy])
        if not len(others):
            return 0.0
        own = person.box_xyxy
        return float(box_intersection(own, others).max() / (own[2:] - own[:2]).prod())

    return tuple(replace(person, crowding=crowding(person)) for person in people)


def _check_photos(paths: set[Path], folder: Path) -> None:
    missing = sorted(path.name for path in paths if not path.is_file())
    if missing:
        raise TrainingError(
            f'{len(missing)} of {len(paths)} images are not in {folder}, for example '
            f'{missing[0]}: put them there, or take their entries out of the annotations'
        )
    # Now, not hours later when the first of them is wanted.
    broken = sorted(str(path) for path in paths if _is_broken(path))
    if broken:
        raise TrainingError(
            f'{len(broken)} of {len(paths)} images cannot be read, for example {broken[0]}: '
            'replace them, or take their entries out of the annotations'
        )


def _is_broken(path: Path) -> bool:
    """Whether a photo is none, or cut short: by its ends, and only if these look odd in whole."""
    if not cv2.haveImageReader(str(path)):
        return True
    with path.open('rb') as file:
        start = file.read(2)
        file.seek(max(0, path.stat().st_size - 2))
        if start != b'\xff\xd8' or file.read() == b'\xff\xd9':
            return False
    return decoded(np.fromfile(path, np.uint8)) is None


def _person(
    annotation: dict[str, Any], path: Path, size: tuple[int, int] | None, weight: float
) -> tuple[Person | None, str]:
    """Read one annotation; None and why when there is nothing to learn from it."""
    if annotation['iscrowd']:
        return None, 'a crowd'
    keypoints = np.array(annotation['keypoints'], np.float64).reshape(NUM_KEYPOINTS, 3)
    labelled = keypoints[:, 2] > 0
    if not labelled.any():
        return None, 'without visible joints'
    x, y, width, height = annotation['bbox']
    box = np.array([x, y, x + width, y + height], np.float64)
    if width <= 0 or height <= 0:
        return None, 'with a box without area'
    # Pixel centres are integers: the photo reaches from -0.5 to its size - 0.5.
    box = np.clip(box, 0.0, np.array([*size, *size]) if size else np.inf)
    if box[0] >= box[2] or box[1] >= box[3]:
        return None, 'with a box outside of the image'
    xy = np.where(labelled[:, None], keypoints[:, :2], np.nan).astype(np.float32)
    return Person(annotation['image_id'], path, box, xy, weight, size), ''


def split_by_photo(
    people: tuple[Person, ...], fraction: float, seed: int
) -> tuple[tuple[Person, ...], tuple[Person, ...]]:
    """
    Set photos aside: nobody of one photo is on both sides.

    Parameters
    ----------
    people : tuple of Person
        All of them.
    fraction : float
        Of the photos, 0 to 1, that is set aside; at least one photo when it is above 0.
    seed : int
        Which ones.

    Returns
    -------
    training, validation : tuple of Person
        In the given order.

    Raises
    ------
    TrainingError
        When no photo would be left to learn from.
    """
    paths = sorted({person.path for person in people})
    count = min(len(paths), max(1, round(fraction * len(paths)))) if fraction > 0 else 0
    if count == len(paths):
        raise TrainingError(
            f'{len(paths)} photo(s) cannot be split: --val DIR names other photos, '
            '--val-fraction 0 goes without'
        )
    order = np.random.default_rng(seed).permutation(len(paths))
    aside = {paths[i] for i in order[:count]}
    return (
        tuple(person for person in people if person.path not in aside),
        tuple(person for person in people if person.path in aside),
    )


@dataclass(frozen=True, eq=False)
class TrainingData:
    """
    The data sets of a training.

    Attributes
    ----------
    training, validation : tuple of Person
        The second may be empty.
    val_folder : CocoFolder or None
        The labels of those in `validation`.
    notes : tuple of str
        A line on each folder.
    """

    training: tuple[Person, ...]
    validation: tuple[Person, ...]
    val_folder: CocoFolder | None
    notes: tuple[str, ...]

    @property
    def num_people(self) -> int:
        """Count everybody."""
        return len(self.training) + len(self.validation)

    @property
    def num_photos(self) -> int:
        """Count the photos of everybody."""
        return len({person.path for person in (*self.training, *self.validation)})


def read_data(settings: TrainingSettings) -> TrainingData:
    """Read all folders; TrainingError or DataError when one of them cannot be used."""
    weights = settings.weights or (1.0,) * len(settings.data)
    people: list[Person] = []
    notes: list[str] = []
    validation: tuple[Person, ...] = ()
    val_folder: CocoFolder | None = None
    for n, (name, weight) in enumerate(zip(settings.data, weights)):
        folder = Path(name)
        names = (settings.annotations, settings.images) if n == 0 else ('', '')
        annotations = folder / (names[0] or 'annotations.json')
        images = folder / (names[1] or 'images')
        labels = read_labels(annotations, images, weight)
        notes.append(_note(folder, labels))
        part = labels.people
        if n == 0 and not settings.val and settings.val_fraction > 0:
            part, validation = split_by_photo(part, settings.val_fraction, settings.seed)
            val_folder = CocoFolder(folder, annotations, images)
        people += part
    if settings.val:
        folder = Path(settings.val)
        labels = read_labels(folder / 'annotations.json', folder / 'images')
        notes.append(_note(folder, labels))
        validation, val_folder = labels.people, CocoFolder(folder)
    return TrainingData(tuple(people), validation, val_folder, tuple(notes))


def _note(folder: Path, labels: Labels) -> str:
    left_out = ', '.join(f'{count} {reason}' for reason, count in labels.left_out.items())
    text = f'{folder}: {len(labels.people)} people in {labels.num_photos} photos'
    return '; '.join([text, *([f'left out: {left_out}'] if left_out else []), *labels.notes])
