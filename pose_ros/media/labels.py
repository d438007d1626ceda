# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where people's labels go: near their boxes, off faces and other labels, inside the image."""

from __future__ import annotations

import cv2
import numpy as np

from pose_ros.core.skeleton import LEFT_SHOULDER
from pose_ros.media.palette import Color, text_color
from pose_ros.media.text import draw_text, text_scale, text_size

_ON_A_FACE, _ON_A_LABEL, _ON_A_KEYPOINT, _LESS_LIKED = 4.0, 2.0, 0.1, 0.02
"""Costs of a label wholly on a face or on a label, of one keypoint, and of the next place."""

NO_KEYPOINTS = np.empty((0, 2))

_FACE = 0.75  # half a face's side over the distance of its outermost keypoints
_LEAST_FACE = 0.06  # the same over the diagonal of the person: from the side, or one point


def faces(xy: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """
    Return a square around each face.

    Parameters
    ----------
    xy : (N, 17, 2) float
        Keypoints, pixels; NaN where not drawn.
    boxes : (N, 4) float
        Around each person's keypoints, pixels.

    Returns
    -------
    (M, 4) float64
        x_min, y_min, x_max, y_max of those with a keypoint of the face.
    """
    found = []
    for points, box in zip(xy[:, :LEFT_SHOULDER].astype(np.float64), boxes):
        points = points[np.isfinite(points).all(axis=1)]
        if not len(points):
            continue
        low, high = points.min(axis=0), points.max(axis=0)
        diagonal = float(np.hypot(box[2] - box[0], box[3] - box[1]))
        half = max(_FACE * float((high - low).max()), _LEAST_FACE * diagonal)
        found.append(np.concatenate([(low + high) / 2 - half, (low + high) / 2 + half]))
    return np.array(found).reshape(-1, 4)


def label_places(
    sizes: list[tuple[int, int]],
    boxes: np.ndarray,
    faces_xyxy: np.ndarray,
    keypoints: np.ndarray,
    area: tuple[int, int, int, int],
) -> list[tuple[int, int]]:
    """
    Choose a place for each label, one after the other.

    Parameters
    ----------
    sizes : list of (width, height)
        Of the labels, px.
    boxes : (N, 4) float
        Of the people they belong to: x_min, y_min, x_max, y_max, px.
    faces_xyxy : (M, 4) float
        To be left free where there is room.
    keypoints : (K, 2) float
        Drawn ones, px; better not covered. NaN are left out.
    area : (x_min, y_min, x_max, y_max)
        What labels may not leave, px.

    Returns
    -------
    list of (left, top)
        Pixels. A label larger than the area begins at its corner.
    """
    low = np.array(area[:2], np.float64)
    taken = np.empty((0, 4))
    places = []
    for (width, height), box in zip(sizes, boxes):
        size = np.array((width, height))
        high = np.maximum(low, np.array(area[2:]) - size)
        near = np.round(np.clip(_corners(width, height, box), low, high))
        place, hidden = _best(near, size, faces_xyxy, taken, keypoints)
        if hidden:
            # The nearest free place anywhere.
            steps = [np.arange(low[k], high[k] + 1, max(height, 1)) for k in (0, 1)]
            everywhere = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 2)
            distance = np.abs(everywhere - box[:2]).sum(axis=1)
            everywhere = everywhere[np.argsort(distance, kind='stable')]
            other, still_hidden = _best(everywhere, size, faces_xyxy, taken, NO_KEYPOINTS, 1e-6)
            place = place if still_hidden else other
        taken = np.concatenate([taken, [[*place, *(place + size)]]])
        places.append((int(place[0]), int(place[1])))
    return places


def _best(
    corners: np.ndarray, size: np.ndarray, faces_xyxy: np.ndarray, taken: np.ndarray,
    keypoints: np.ndarray, less_liked: float = _LESS_LIKED,
) -> tuple[np.ndarray, bool]:
    """Return the best of the places, and whether something is hidden there."""
    labels = np.concatenate([corners, corners + size], axis=1)
    hidden = (
        _ON_A_FACE * _overlap(labels, faces_xyxy) + _ON_A_LABEL * _overlap(labels, taken)
    ) / max(float(size.prod()), 1.0)
    covered = (keypoints >= labels[:, None, :2]) & (keypoints <= labels[:, None, 2:])
    cost = hidden + _ON_A_KEYPOINT * covered.all(axis=2).sum(axis=1)
    best = int((cost + less_liked * np.arange(len(labels))).argmin())
    return corners[best], bool(hidden[best] > 0)


def draw_label(
    image: np.ndarray, label: str, left_top: tuple[int, int], color: Color
) -> None:
    """Write a label on a field of a colour, in place."""
    (left, top), (width, height) = left_top, label_size(image, label)
    pad, scale = _pad(image), text_scale(image)
    cv2.rectangle(image, (left, top), (left + width - 1, top + height - 1), color, -1)
    draw_text(image, label, (left + pad, top + pad), text_color(color), scale)


def label_size(image: np.ndarray, label: str) -> tuple[int, int]:
    """Return width and height of a label with its field, px."""
    width, height = text_size(label, text_scale(image))
    return width + 2 * _pad(image), height + 2 * _pad(image)


def _pad(image: np.ndarray) -> int:
    return max(2, round(4 * text_scale(image)))


def _corners(width: int, height: int, box: np.ndarray) -> np.ndarray:
    """Return left and top of the possible places, those most liked first."""
    x0, y0, x1, y1 = box.tolist()
    return np.array([
        (x0, y0 - height), (x1 - width, y0 - height),  # above
        (x0, y1), (x1 - width, y1),  # below
        (x1, y0), (x0 - width, y0), (x1, y1 - height), (x0 - width, y1 - height),  # beside
        (x0, y1 - height), (x1 - width, y1 - height), (x0, y0), (x1 - width, y0),  # inside
        (x0, (y0 + y1) / 2), (x1 - width, (y0 + y1) / 2),
    ])


def _overlap(labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the area in px^2 that each label shares with others, summed over them."""
    low = np.maximum(labels[:, None, :2], others[None, :, :2])
    high = np.minimum(labels[:, None, 2:], others[None, :, 2:])
    return np.maximum(high - low, 0.0).prod(axis=2).sum(axis=1)
