# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A folder in COCO form, drawn here: stick figures whose joints have a colour each."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_ros.core.skeleton import EDGES, KEYPOINT_NAMES

BODY = np.array([
    [0, -84], [5, -89], [-5, -89], [11, -86], [-11, -86], [22, -60], [-22, -60], [34, -25],
    [-34, -25], [38, 8], [-38, 8], [14, 4], [-14, 4], [18, 46], [-18, 46], [18, 88], [-18, 88],
], np.float64)
"""Pixels around the middle of a person 190 px tall, who looks at the camera: left is right."""
COLORS = np.array([
    [(37 * k) % 200 + 55, (91 * k + 60) % 200 + 55, (151 * k + 120) % 200 + 55] for k in range(17)
])
"""(17, 3) BGR of the joints."""


def draw_person(image, xy):
    """Draw bones, then a disc of its own colour at each joint."""
    for a, b in EDGES:
        ends = [tuple(int(v) for v in np.rint(xy[k])) for k in (a, b)]
        cv2.line(image, *ends, (150, 150, 150), 3)
    for k, (x, y) in enumerate(xy):
        centre = (int(round(x * 8)), int(round(y * 8)))
        cv2.circle(image, centre, 4 * 8, COLORS[k].tolist(), -1, cv2.LINE_AA, 3)


def pose(rng):
    """Return one person's joints, (17, 2), somewhere in an image of 320x260."""
    limbs = BODY + rng.normal(0, 4, BODY.shape) * (np.arange(17) >= 7)[:, None]
    size = rng.uniform(0.7, 1.0)
    return limbs * size + np.array([rng.uniform(100, 220), rng.uniform(115, 140)])


def write_folder(folder: Path, photos: int, seed: int = 0) -> Path:
    """Write a folder with one person per photo."""
    rng = np.random.default_rng(seed)
    (folder / 'images').mkdir(parents=True)
    images, annotations = [], []
    for i in range(1, photos + 1):
        image = rng.integers(0, 60, (260, 320, 3)).astype(np.uint8)
        xy = pose(rng)
        draw_person(image, xy)
        cv2.imwrite(str(folder / 'images' / f'{i}.png'), image)
        low, high = xy.min(axis=0) - 6, xy.max(axis=0) + 6
        visible = np.full(17, 2)
        visible[rng.integers(17)] = 0  # one joint of each is not labelled
        keypoints = np.column_stack([xy, visible]) * (visible > 0)[:, None]
        images.append({'id': i, 'file_name': f'{i}.png', 'width': 320, 'height': 260})
        annotations.append({
            'id': i, 'image_id': i, 'category_id': 1, 'iscrowd': 0,
            'bbox': [*low, *(high - low)], 'area': float(np.prod(high - low) * 0.53),
            'keypoints': keypoints.ravel().tolist(), 'num_keypoints': int((visible > 0).sum()),
        })
    category = {'id': 1, 'name': 'person', 'keypoints': list(KEYPOINT_NAMES)}
    data = {'images': images, 'annotations': annotations, 'categories': [category]}
    (folder / 'annotations.json').write_text(json.dumps(data))
    return folder


@pytest.fixture(scope='session')
def stick_folder(tmp_path_factory):
    """Eight photos."""
    return write_folder(tmp_path_factory.mktemp('sticks') / 'sticks', 8)


@pytest.fixture
def change_labels(stick_folder, tmp_path):
    """Return a function that gives a copy of the folder, its annotations changed."""

    def change(edit):
        folder = tmp_path / 'changed'
        folder.mkdir()
        (folder / 'images').symlink_to(stick_folder / 'images')
        data = json.loads((stick_folder / 'annotations.json').read_text())
        edit(data)
        (folder / 'annotations.json').write_text(json.dumps(data))
        return folder

    return change
