# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""An annotation file in COCO's person-keypoints form: read, checked, and what is odd named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import json
import math
from pathlib import Path
from typing import Any

from pose_ros.core.joint_names import meant_keypoint
from pose_ros.core.oks import AREA_OF_BOX
from pose_ros.core.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS


class DataError(ValueError):
    """The folder is not what it should be; the message says which file and why."""


def read_annotations(file: Path) -> tuple[dict[str, Any], int, list[str]]:
    """
    Read the people of an annotation file.

    Parameters
    ----------
    file : Path
        JSON.

    Returns
    -------
    data : dict
        'images', 'annotations' (of people only) and 'categories' (people only), as pycocotools
        wants them: area, iscrowd and num_keypoints are filled in where they are missing. An
        annotation's 'id' is a number from 1 on, since pycocotools takes 0 for none; 'source_id'
        is that of the file.
    category : int
        Of people.
    notes : list of str
        What is odd but does no harm, a sentence each.

    Raises
    ------
    DataError
        When it cannot be read or is not of that form.
    """
    data = _json(file)
    with coco_form(file):
        return _checked(file, data)


@contextmanager
def coco_form(file: Path) -> Iterator[None]:
    """Turn what comes of data in another form into a DataError: it is noticed where it is used."""
    try:
        yield
    except DataError:
        raise
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise DataError(f'{file} is not in COCO form: {error!r}'[:500]) from error


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding='utf-8-sig'))
    except FileNotFoundError as error:
        raise DataError(f'no annotations: there is no {file}') from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise DataError(f'{file} is not JSON: {error}') from error
    except json.JSONDecodeError as error:
        cut = error.pos >= len(error.doc.rstrip()) or error.msg.startswith('Unterminated')
        why = ': it ends in the middle, copy it again' if cut else ''
        raise DataError(f'{file} is not JSON{why} ({error})') from error


def _checked(file: Path, data: Any) -> tuple[dict[str, Any], int, list[str]]:
    category = _people_category(file, data)
    images = {image['id']: image for image in data['images']}
    if len(images) != len(data['images']):
        raise DataError(f'{file}: two images have the same id')
    people = [dict(a) for a in data['annotations'] if a['category_id'] == category]
    notes = _others(data, len(people))
    bare = [p for p in people if not p.get('keypoints') or not p.get('bbox')]
    if bare:
        notes.append(f'{len(bare)} of {len(people)} people have no keypoints or no box and are '
                     f'left out: the first is annotation {bare[0].get("id", "without id")}')
        people = [p for p in people if p.get('keypoints') and p.get('bbox')]
        if not people:
            raise DataError(f'{file}: none of its {len(bare)} people has keypoints and a box')
    for number, person in enumerate(people, 1):
        person['source_id'], person['id'] = person.get('id', number), number
        _complete(person, images)
    if not images:
        raise DataError(f'{file} lists no images')
    if not people:
        raise DataError(f'{file} has no people: no annotation of category {category}')
    kept = [c for c in data['categories'] if c['id'] == category]
    notes += _odd_people(people, images)
    return {'images': data['images'], 'annotations': people, 'categories': kept}, category, notes


def _people_category(file: Path, data: dict[str, Any]) -> int:
    """Return the category of people; COCO's is 1, other files may number it otherwise."""
    names = {c['id']: str(c.get('name', '')) for c in data['categories']}
    people = [c for c in data['categories'] if str(c.get('name', '')).lower() == 'person']
    if not people and len(names) == 1:
        people = [c for c in data['categories'] if c.get('keypoints')]
    if not people:
        raise DataError(
            f'{file} has no category "person", only '
            f'{", ".join(names.values())[:200] or "none at all"}'
        )
    given = people[0].get('keypoints') or KEYPOINT_NAMES
    found = tuple(meant_keypoint(str(name)) or str(name) for name in given)
    if found != KEYPOINT_NAMES:
        names = ', '.join(map(str, found))[:500]
        raise DataError(f'{file}: the keypoints are {names}: not the 17 of COCO')
    return int(people[0]['id'])


def _others(data: dict[str, Any], num_people: int) -> list[str]:
    names = {c['id']: c.get('name', '?') for c in data['categories']}
    others = len(data['annotations']) - num_people
    if not others:
        return []
    wrong = next((a['category_id'] for a in data['annotations']
                  if str(names.get(a['category_id'], '')).lower() != 'person'), '?')  # fmt: skip
    return [f'{others} annotations are of other categories ({names.get(wrong, wrong)}, ...) and '
            'not looked at']  # fmt: skip


def _complete(person: dict[str, Any], images: dict[int, dict[str, Any]]) -> None:
    """Check one annotation and fill in what pycocotools needs."""
    number = person['source_id']
    if person['image_id'] not in images:
        raise DataError(
            f'annotation {number} is of image {person["image_id"]}, which is not listed'
        )
    keypoints, box = person['keypoints'], person['bbox']
    if len(keypoints) != 3 * NUM_KEYPOINTS or len(box) != 4:
        raise DataError(
            f'annotation {number} has {len(keypoints)} numbers of keypoints and {len(box)} of a '
            f'box, not {3 * NUM_KEYPOINTS} and 4'
        )
    if not all(isinstance(n, (int, float)) and math.isfinite(n) for n in (*keypoints, *box)):
        raise DataError(f'annotation {number} has numbers that are none')
    person['num_keypoints'] = sum(v > 0 for v in keypoints[2::3])
    person['iscrowd'] = int(bool(person.get('iscrowd')))
    # Some tools write 0: not measured.
    if not float(person.get('area') or 0.0) > 0.0:
        person['area'] = max(box[2] * box[3], 0) * AREA_OF_BOX


def _odd_people(people: list[dict[str, Any]], images: dict[int, dict[str, Any]]) -> list[str]:
    """Name people that the figures leave out, and boxes that no crop can be made of."""
    odd: dict[str, list[Any]] = {
        'have no labelled joint and count for nothing': [],
        'have a box without area and are no crop': [],
        'have a box outside of their image and are no crop': [],
    }
    blind, flat, outside = odd.values()
    for person in people:
        x, y, width, height = person['bbox']
        image = images[person['image_id']]
        if not person['num_keypoints']:
            blind.append(person)
        if width <= 0 or height <= 0:
            flat.append(person)
        elif (
            x + width <= 0 or y + height <= 0
            or x >= (image.get('width') or math.inf) or y >= (image.get('height') or math.inf)
        ):  # fmt: skip
            outside.append(person)
    return [
        f'{len(found)} of {len(people)} people {what}: the first is annotation '
        f'{found[0]["source_id"]} '
        f'of {images[found[0]["image_id"]]["file_name"]}'
        for what, found in odd.items() if found
    ]  # fmt: skip
