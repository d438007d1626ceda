# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A folder in COCO's person-keypoints form, and the scores of results on it, by pycocotools."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import KEYPOINT_NAMES

PERSON = 1
"""COCO's category of people."""

# The rows of COCOeval.stats for keypoints (cocoeval.py, _summarizeKps).
STATS = ('AP', 'AP50', 'AP75', 'APm', 'APl', 'AR', 'AR50', 'AR75', 'ARm', 'ARl')


class DataError(ValueError):
    """The folder is not what it should be; the message says which file and why."""


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
    """

    image_id: int
    path: Path
    boxes_xyxy: np.ndarray


class CocoFolder:
    """
    `annotations.json` and `images/`.

    Parameters
    ----------
    folder : Path
        Where both are.

    Raises
    ------
    DataError
        When something is missing or malformed.
    """

    def __init__(self, folder: Path) -> None:
        file = folder / 'annotations.json'
        if not file.is_file():
            raise DataError(f'no annotations: there is no {file}')
        try:
            # pycocotools prints about its progress.
            with contextlib.redirect_stdout(io.StringIO()):
                self._coco = COCO(str(file))
            self._check_keypoints()
            self.photos = [self._photo(folder, image) for image in self._images()]
        except json.JSONDecodeError as error:
            raise DataError(f'{file} is not JSON: {error}') from error
        except (KeyError, TypeError, IndexError) as error:
            raise DataError(f'{file} is not in COCO form: {error!r}') from error
        if not self.photos:
            raise DataError(f'{file} lists no images')
        missing = [photo.path.name for photo in self.photos if not photo.path.is_file()]
        if missing:
            raise DataError(
                f'{len(missing)} of {len(self.photos)} images are not in {folder / "images"}, '
                f'for example {missing[0]}'
            )

    def _images(self) -> list[dict[str, Any]]:
        return list(self._coco.loadImgs(sorted(self._coco.getImgIds())))

    def _check_keypoints(self) -> None:
        names = self._coco.cats[PERSON].get('keypoints', KEYPOINT_NAMES)
        if tuple(names) != KEYPOINT_NAMES:
            raise DataError(f'the keypoints are {", ".join(names)}: not those of COCO')

    def _photo(self, folder: Path, image: dict[str, Any]) -> Photo:
        people = self._coco.loadAnns(self._coco.getAnnIds(image['id'], iscrowd=False))
        boxes = np.array([person['bbox'] for person in people], np.float64).reshape(-1, 4)
        boxes = boxes[(boxes[:, 2:] > 0).all(axis=1) & np.isfinite(boxes).all(axis=1)]
        boxes[:, 2:] += boxes[:, :2]
        return Photo(image['id'], folder / 'images' / image['file_name'], boxes)

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
                'category_id': PERSON,
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
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        return {name: round(float(s), 4) for name, s in zip(STATS, evaluation.stats)}
