# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Outputs of detectors and one-stage pose networks, recognised by their shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pose_ros.core.decode.boxes import yolox_rows
from pose_ros.core.joint_names import ORDERS
from pose_ros.core.skeleton import NUM_KEYPOINTS

if TYPE_CHECKING:
    from pose_ros.model_import.spec_guess import Output

# What end-to-end networks give at most; a grid of cells has more.
_MOST_PEOPLE = 1000
_PIXELS: dict[str, Any] = {'color': 'bgr', 'mean': (0.0, 0.0, 0.0), 'std': (1.0, 1.0, 1.0)}
_UNIT: dict[str, Any] = {'color': 'rgb', 'mean': (0.0, 0.0, 0.0), 'std': (255.0, 255.0, 255.0)}
# configs/rtmdet of mmdetection: data_preprocessor.
_RTMDET: dict[str, Any] = {
    'color': 'bgr', 'mean': (103.53, 116.28, 123.675), 'std': (57.375, 57.12, 58.395),
}  # fmt: skip


def find_boxes(
    outputs: list[Output], size: tuple[int, int], unknown: list[str]
) -> dict[str, Any] | None:
    """
    Recognise boxes, alone or with keypoints.

    Parameters
    ----------
    outputs : list of Output
        Of a run on nothing.
    size : (width, height)
        Of the input of that run, pixels.
    unknown : list of str
        What is only usual is added.

    Returns
    -------
    dict or None
        Fields of the ModelSpec and 'count', the number of joints; None when it is another kind.
    """
    found = _dets(outputs) or _rows(outputs, size)
    if found is None:
        return None
    makers = {'dets': 'mmdeploy', 'yolox': 'YOLOX', 'yolov5': 'YOLOv5', 'yolov8': 'YOLOv8 and 11',
              'end_to_end': 'end-to-end YOLO'}  # fmt: skip
    unknown.append(
        f'mean, std and color: {found["color"]}, {found["mean"]}, {found["std"]} of 0..255 are '
        f'assumed, those of {makers[found["box_format"]]}. The preprocessing of its demo says it'
    )
    if found['decoder'] == 'boxes':
        unknown.append('person_class: 0 is assumed to be a person, as in COCO')
    return found


def _dets(outputs: list[Output]) -> dict[str, Any] | None:
    """Recognise what comes out of NMS: dets, and labels or keypoints."""
    by_dimensions = {len(o.shape): o for o in reversed(outputs)}
    dets = next((o for o in outputs if len(o.shape) == 3 and o.shape[2] == 5), None)
    if dets is None or dets.shape[1] > _MOST_PEOPLE:
        return None
    fields = {'box_format': 'dets', 'outputs': {'dets': dets.name}}
    joints, labels = by_dimensions.get(4), by_dimensions.get(2)
    if joints is not None and joints.shape[3] == 3:
        fields['outputs']['keypoints'] = joints.name
        return {**fields, **_PIXELS, 'decoder': 'one_stage', 'count': joints.shape[2]}
    if labels is not None:
        fields['outputs']['labels'] = labels.name
    return {**fields, **_RTMDET, 'decoder': 'boxes', 'count': NUM_KEYPOINTS}


def _rows(outputs: list[Output], size: tuple[int, int]) -> dict[str, Any] | None:
    """Recognise one output that holds everything."""
    output = next((o for o in outputs if len(o.shape) == 3), None)
    if output is None:
        return None
    fields = {'outputs': {'output': output.name}, 'decoder': 'boxes', 'count': NUM_KEYPOINTS}
    cells = yolox_rows(size)
    _, rows, columns = output.shape
    if columns == cells and rows > 4:
        fields.update(_UNIT, box_format='yolov8')
        return _with_joints(fields, rows - 5)
    if rows == cells and columns > 5:
        # Centres that the graph has put into pixels reach across the input.
        decoded = output.largest > max(size) / 2
        fields.update(_PIXELS, box_format='yolov5' if decoded else 'yolox')
        return fields
    if rows == 3 * cells and columns > 5:  # three anchors
        return {**fields, **_UNIT, 'box_format': 'yolov5'}
    if rows <= _MOST_PEOPLE and columns >= 6:
        fields.update(_UNIT, box_format='end_to_end')
        found = _with_joints(fields, columns - 6)
        return found if columns == 6 or found['decoder'] == 'one_stage' else None
    return None


def _with_joints(fields: dict[str, Any], numbers: int) -> dict[str, Any]:
    """Make it a one-stage network when the numbers are x, y and score of a known skeleton."""
    known = {len(names) for names in ORDERS.values()}
    if numbers % 3 == 0 and numbers // 3 in known:
        return {**fields, 'decoder': 'one_stage', 'count': numbers // 3}
    return fields
