# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whom a training learns from, and whom it is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pose_ros.evaluation.scores import CocoFolder
from pose_ros.training.labels import Labels, Person, read_labels, split_by_photo
from pose_ros.training.settings import TrainingSettings


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
    return f'{text}; left out: {left_out}' if left_out else text
