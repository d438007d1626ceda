# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A folder in COCO's person-keypoints form, and the scores of results on it, by pycocotools."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
import io
from pathlib import Path, PureWindowsPath
from typing import Any

import cv2
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_ros.core.colors import decoded
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.evaluation.annotation_file import DataError as DataError
from pose_ros.evaluation.annotation_file import coco_form, read_annotations

# The rows of COCOeval.stats for keypoints (cocoeval.py, _summarizeKps).
STATS = ('AP', 'AP50', 'AP75', 'APm', 'APl', 'AR', 'AR50', 'AR75', 'ARm', 'ARl')


@dataclass(frozen=True, eq=False)
class Truth:
    """
    The labelled people of one image.

    Attributes
    ----------
    xy : (N, 17, 2) float64
        Image pixels, NaN where not labelled.
    area : (N,) float64
        Of the person's segment, pixels squared.
    boxes_xyxy : (N, 4) float64
    annotation_id : (N,) object
        As in the file.
    """

    xy: np.ndarray
    area: np.ndarray
    boxes_xyxy: np.ndarray
    annotation_id: np.ndarray

    def __len__(self) -> int:
        """Count the people."""
        return len(self.xy)


@dataclass(frozen=True, eq=False)
class Photo:
    """
    One image and the people labelled in it.

    Attributes
    ----------
    image_id : int
    path : Path
    boxes_xyxy : (N, 4) float64
        Labelled people that are no crowd, image pixels; only boxes that have an area.
    truth : Truth
        The same people and those whose box has no area, with at least one labelled joint.
    size : (width, height), optional
        Pixels, as the labels have it.
    """

    image_id: int
    path: Path
    boxes_xyxy: np.ndarray
    truth: Truth
    size: tuple[int, int] | None = None

    def read(self) -> np.ndarray:
        """Return the image, see `read_photo`."""
        return read_photo(self.path, self.size)


def read_photo(path: Path, size: tuple[int, int] | None) -> np.ndarray:
    """
    Return an image, (H, W, 3) uint8 BGR, turned as it was when it was labelled.

    Parameters
    ----------
    path : Path
    size : (width, height), optional
        Pixels, as the labels have it.

    Raises
    ------
    DataError
        When it cannot be read, or has another size than the labels are for.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError:
        data = np.empty(0, np.uint8)
    image = decoded(data)
    if image is None:
        raise DataError(f'{path} cannot be read as an image: replace or remove it')
    if size in (None, image.shape[1::-1]):
        return image
    # Labelled as stored, without the turn that its EXIF orientation asks for.
    stored = decoded(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if stored is not None and stored.shape[1::-1] == size:
        return stored
    raise DataError(
        f'{path} has {image.shape[1]}x{image.shape[0]} pixels, its labels are for '
        f'{size[0]}x{size[1]}: label it anew, or put back the image of that size'
    )


def is_there(path: Path) -> bool:
    """Whether there is such a file; also of names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def path_of(image: dict[str, Any], images: Path) -> Path:
    """Return where an image of an annotation file is; `images` is the folder of them."""
    path = images / image['file_name']
    if is_there(path):
        return path
    # Names that are given from the folder above, or from where they were labelled.
    name = PureWindowsPath(image['file_name'])  # both kinds of slashes
    others = (images.parent / name.as_posix(), images / name.name)
    return next((other for other in others if is_there(other)), path)


def size_of(image: dict[str, Any]) -> tuple[int, int] | None:
    """Return width and height of an image of an annotation file, pixels, if it tells."""
    sides = image.get('width'), image.get('height')
    return (int(sides[0]), int(sides[1])) if all(sides) else None


class CocoFolder:
    """
    `annotations.json` and `images/`.

    Parameters
    ----------
    folder : Path
        Where both are.
    annotations, images : Path, optional
        Where they have other names.

    Attributes
    ----------
    photos : list of Photo
    notes : list of str
        What is odd in the file but does no harm, a sentence each.

    Raises
    ------
    DataError
        When something is missing or malformed.
    """

    def __init__(
        self, folder: Path, annotations: Path | None = None, images: Path | None = None
    ) -> None:
        file, images = annotations or folder / 'annotations.json', images or folder / 'images'
        data, self._category, self.notes = read_annotations(file)
        # pycocotools prints about its progress.
        with contextlib.redirect_stdout(io.StringIO()):
            self._coco = COCO()
            self._coco.dataset = data
            self._coco.createIndex()
        with coco_form(file):
            listed = self._coco.loadImgs(sorted(self._coco.getImgIds()))
            self.photos = [self._photo(images, image) for image in listed]
        missing = [photo.path.name for photo in self.photos if not is_there(photo.path)]
        if missing:
            raise DataError(
                f'{len(missing)} of {len(self.photos)} images are not in {images}, '
                f'the first is {missing[0]}'
            )

    def _photo(self, images: Path, image: dict[str, Any]) -> Photo:
        people = self._coco.loadAnns(self._coco.getAnnIds(image['id'], iscrowd=False))
        boxes = np.array([person['bbox'] for person in people], np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        keypoints = np.array([person['keypoints'] for person in people], np.float64)
        keypoints = keypoints.reshape(-1, NUM_KEYPOINTS, 3)
        labelled = keypoints[..., 2] > 0
        counts = labelled.any(axis=1)
        truth = Truth(
            np.where(labelled[..., None], keypoints[..., :2], np.nan)[counts],
            np.array([person['area'] for person in people], np.float64)[counts],
            boxes[counts],
            np.array([person['source_id'] for person in people], object)[counts],
        )
        has_area = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return Photo(image['id'], path_of(image, images), boxes[has_area], truth, size_of(image))

    @property
    def num_people(self) -> int:
        """Count the labelled people."""
        return len(self._coco.getAnnIds(iscrowd=False))

    def scores(self, found: dict[int, Keypoints]) -> dict[str, float]:
        """
        Compare results with the labels.

        Parameters
        ----------
        found : dict
            Image id to the people found in it; a missing keypoint counts as one at (0, 0).

        Returns
        -------
        dict
            AP, AP50, AP75, APm, APl, AR, ... as COCO defines them; -1 where there is no label of
            that size.
        """
        results = [
            {
                'image_id': image_id,
                'category_id': self._category,
                'score': float(people.person_score[n]),
                'keypoints': np.column_stack(
                    [np.nan_to_num(people.xy[n]), people.score[n]]
                ).astype(float).ravel().tolist(),
            }
            for image_id, people in found.items()
            for n in range(len(people))
        ]
        if not results:
            return dict.fromkeys(STATS, 0.0)
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = COCOeval(self._coco, self._coco.loadRes(results), 'keypoints')
            evaluation.params.imgIds = sorted(found)
            evaluation.params.catIds = [self._category]
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        return {name: round(float(s), 4) for name, s in zip(STATS, evaluation.stats)}
