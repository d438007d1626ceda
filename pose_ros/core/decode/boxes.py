# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Outputs of person detectors and of one-stage pose networks -> boxes, people.

What exporters give, by `box_format` of the ModelSpec, for each view of the batch:

* dets: (n, 5) x_min, y_min, x_max, y_max, score after NMS, with labels (n,) or keypoints
  (n, K, 3): mmdeploy (RTMDet, YOLOX, RTMO).
* yolox: (n, 5 + C) raw grids of strides 8, 16, 32: centre and log size in cells, objectness,
  class scores (Ge et al., YOLOX, arXiv 2107.08430).
* yolov5: (n, 5 + C) centre, size, objectness, class scores.
* yolov8: (4 + C, n) centre, size, class scores; (4 + C + 3 K, n) with keypoints (YOLOv8, 11).
* end_to_end: (n, 6) corners, score, class; (n, 6 + 3 K) with keypoints (YOLOv10, YOLO26,
  RT-DETR); no NMS is needed.

Coordinates are pixels of the network's input.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from pose_ros.core.geometry import box_iou
from pose_ros.core.joint_names import in_our_order
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.model_spec import ModelSpec

# Boxes of one person overlap by more than this IoU: YOLOX's own evaluation.
NMS_IOU = 0.65
# Enough for 30 people; a raw grid may hold thousands of boxes.
_MAX_ROWS = 300
_YOLOX_STRIDES = (8, 16, 32)
_HIGHEST_SCORE = 1.1  # half precision rounds


def decode_boxes(
    outputs: Mapping[str, np.ndarray],
    spec: ModelSpec,
    input_size: tuple[int, int],
    max_people: int,
    min_score: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Read the boxes of people.

    Parameters
    ----------
    outputs : dict of float32
        By role.
    spec : ModelSpec
        Of a 'boxes' or 'one_stage' network.
    input_size : (width, height)
        Of the input, pixels.
    max_people : int
        Largest number of boxes per view.
    min_score : float
        Boxes of lower score are left out, as are those that are not finite or have no area.

    Returns
    -------
    view : (N,) int
        Which view a box was found in, ascending.
    boxes : (N, 4) float32
        x_min, y_min, x_max, y_max in input pixels, best first within a view.
    score : (N,) float32
        In [0, 1].

    Raises
    ------
    ValueError
        When scores or shapes are not those of such a network.
    """
    found = _found(outputs, spec, input_size, max_people, min_score)
    return found[0], found[1], found[2]


def decode_one_stage(
    outputs: Mapping[str, np.ndarray],
    spec: ModelSpec,
    input_size: tuple[int, int],
    max_people: int,
    min_score: float,
) -> tuple[np.ndarray, Keypoints]:
    """
    Read people with their keypoints.

    Parameters
    ----------
    outputs, spec, input_size, max_people, min_score
        As for `decode_boxes`.

    Returns
    -------
    view : (N,) int
        Which view a person was found in, ascending.
    keypoints : Keypoints
        N people in input pixels; the person score is the box's. A keypoint that is not finite is
        missing.
    """
    view, _, score, joints = _found(outputs, spec, input_size, max_people, min_score)
    if not len(view):
        return view, Keypoints.empty()
    there = np.isfinite(joints).all(axis=2)
    xy = np.where(there[..., None], joints[..., :2], np.float32(np.nan))
    xy = xy + np.float32(spec.offset_px)
    joint_score = np.where(there, joints[..., 2], np.float32(0)).clip(0.0, 1.0)
    return view, in_our_order(spec.keypoints, xy, joint_score, score)


def _found(
    outputs: Mapping[str, np.ndarray], spec: ModelSpec, input_size: tuple[int, int],
    max_people: int, min_score: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return view, boxes, scores and joints (N, K, 3) of the best people."""
    boxes, score, joints = _rows(outputs, spec, input_size)
    if np.isnan(score).any():
        raise ValueError('scores that are not numbers: its weights are damaged, or mean and std '
                         'of its description are not its own')
    if score.max(initial=0.0) > _HIGHEST_SCORE:
        raise ValueError(f'scores up to {score.max():.3g}, not between 0 and 1: export it with '
                         'its sigmoid, or box_format of its description is not its own')
    views, kept = [], []
    size = boxes[..., 2:] - boxes[..., :2]
    usable = np.isfinite(boxes).all(axis=2) & (size > 0).all(axis=2) & (score >= min_score)
    for n in range(len(boxes)):
        rows = np.flatnonzero(usable[n])
        rows = rows[np.argsort(-score[n, rows], kind='stable')[:_MAX_ROWS]]
        if spec.box_format not in ('dets', 'end_to_end'):
            rows = rows[_nms(boxes[n, rows])]
        rows = rows[:max_people]
        views.append(np.full(len(rows), n))
        kept.append(rows)
    view, row = np.concatenate(views), np.concatenate(kept)
    return (view, boxes[view, row].astype(np.float32, copy=False),
            score[view, row].clip(0.0, 1.0).astype(np.float32, copy=False), joints[view, row])


def _rows(
    outputs: Mapping[str, np.ndarray], spec: ModelSpec, input_size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return boxes (B, n, 4), their score as a person (B, n) and joints (B, n, K, 3)."""
    count = len(spec.keypoints) if spec.decoder == 'one_stage' else 0
    if spec.box_format == 'dets':
        dets = outputs['dets']
        score = dets[..., 4]
        for role, values in outputs.items():
            if values.shape[1] != dets.shape[1]:
                raise ValueError(f'{dets.shape[1]} dets, but {values.shape[1]} {role}')
        if 'labels' in outputs:
            score = np.where(outputs['labels'] == spec.person_class, score, np.float32(0))
        joints = outputs.get('keypoints', np.zeros((*score.shape, 0, 3), np.float32))
        return dets[..., :4], score, joints
    values, cells = outputs['output'], yolox_rows(input_size)
    rows, other = values.shape[1:] if spec.box_format != 'yolov8' else values.shape[:0:-1]
    if (rows != cells and spec.box_format == 'yolox') or (rows != cells and other == cells):
        raise ValueError(f'{rows} boxes of {other} numbers, but strides 8, 16 and 32 make {cells} '
                         'boxes: box_format or input of its description is not its own')
    if spec.box_format == 'yolov8':
        values = values.transpose(0, 2, 1)
    fields = other - 3 * count
    if spec.box_format == 'end_to_end':
        is_person = values[..., 5] == spec.person_class
        score = np.where(is_person, values[..., 4], np.float32(0))
        return values[..., :4], score, _joints(values, fields, count)
    first = 4 if spec.box_format == 'yolov8' else 5
    if first + spec.person_class >= fields:
        raise ValueError(
            f'{other} numbers for each box: no room for the person_class {spec.person_class} of '
            f'its description' + (f' and {count} keypoints' if count else ''))
    score = values[..., first + spec.person_class]
    joints = _joints(values, fields, count)
    if first == 5:
        with np.errstate(over='ignore'):
            score = score * values[..., 4]
    centre, size = values[..., :2], values[..., 2:4]
    if spec.box_format == 'yolox':
        cell, stride = _yolox_grid(input_size)
        with np.errstate(over='ignore'):
            centre, size = (centre + cell) * stride, np.exp(size) * stride
    return np.concatenate([centre - size / 2, centre + size / 2], axis=2), score, joints


def _joints(values: np.ndarray, first: int, count: int) -> np.ndarray:
    """Return the joints (B, n, K, 3) that stand in rows from a field on."""
    return values[..., first:].reshape(*values.shape[:2], count, 3)


@lru_cache(maxsize=4)
def _yolox_grid(input_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the cell (n, 2) float32 and the stride (n, 1) of each row of YOLOX's output."""
    cells, strides = [], []
    for stride in _YOLOX_STRIDES:
        y, x = np.mgrid[:input_size[1] // stride, :input_size[0] // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def yolox_rows(input_size: tuple[int, int]) -> int:
    """Return how many rows YOLOX's raw output has."""
    return len(_yolox_grid(input_size)[0])


def _nms(boxes: np.ndarray) -> np.ndarray:
    """Return which of the boxes (n, 4), best first, are no duplicates of better ones."""
    is_same = box_iou(boxes[:, None], boxes[None]) > NMS_IOU
    kept = np.ones(len(boxes), bool)
    for row in range(len(boxes)):
        if kept[row]:
            kept[row + 1:] &= ~is_same[row, row + 1:]
    return np.flatnonzero(kept)
