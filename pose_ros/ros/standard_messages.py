# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Skeletons as PointCloud2, and as messages of hri_msgs (REP-155) and vision_msgs where installed.

hri_msgs/Skeleton2D is filled by the names of its constants: its comment claims OpenPose's order,
but its eyes and ears are the other way round. Coordinates are normalised so that
floor(x * width) is the column of the pixel, as MediaPipe and the tools of ROS4HRI read them. The
message has no rule for a point that is not there; as the other publishers do, it is x = y = c = 0.
Only points seen in the image are given: the message cannot say that one is predicted.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from pose_ros.core.skeleton import (
    KEYPOINT_NAMES,
    LEFT_SHOULDER,
    NUM_KEYPOINTS,
    RIGHT_SHOULDER,
)
from pose_ros.msg import Skeleton, SkeletonArray

_NECK = 'NECK'

POINT = np.dtype({
    'names': ['x', 'y', 'z', 'vx', 'vy', 'vz', 'id', 'keypoint'],
    'formats': ['<f4'] * 6 + ['<u4', 'u1'],
    'offsets': [0, 4, 8, 12, 16, 20, 24, 28],
    'itemsize': 32,
})
"""A point of the cloud: m and m/s in header.frame_id, the person's id, the index of Skeleton."""

_KINDS = {'f4': PointField.FLOAT32, 'u4': PointField.UINT32, 'u1': PointField.UINT8}


def package_messages(package: str) -> Any | None:
    """Return the module of a package's messages, None where it is not installed."""
    try:
        return import_module(f'{package}.msg')
    except ImportError:
        return None


def people_points(skeletons: list[Skeleton], header: Header) -> PointCloud2:
    """Write the keypoints that have a 3-D position as points: dense, unorganised, none is NaN."""
    names = ('x', 'y', 'z', 'dx', 'dy', 'dz')
    values = np.array([[getattr(s, name) for name in names] for s in skeletons], np.float32)
    values = values.reshape(-1, 6, NUM_KEYPOINTS)
    known = np.isfinite(values[:, :3]).all(axis=1)
    person, keypoint = np.nonzero(known)
    points = np.zeros(len(person), POINT)
    for i, name in enumerate(('x', 'y', 'z', 'vx', 'vy', 'vz')):
        points[name] = values[person, i, keypoint]
    points['id'] = np.array([s.id for s in skeletons], np.uint32)[person]
    points['keypoint'] = keypoint
    fields = [
        PointField(name=name, offset=POINT.fields[name][1], count=1,
                   datatype=_KINDS[POINT.fields[name][0].str[1:]])
        for name in POINT.names]
    cloud = PointCloud2(
        header=header, height=1, width=len(points), fields=fields, is_bigendian=False,
        point_step=POINT.itemsize, row_step=points.nbytes, is_dense=True)
    cloud.data.frombytes(points.tobytes())
    return cloud


def ids_list(hri_msgs: Any, ids: list[str], header: Header) -> Any:
    """Write hri_msgs/IdsList."""
    return hri_msgs.IdsList(header=header, ids=ids)


def skeleton2d(hri_msgs: Any, skeleton: Skeleton, msg: SkeletonArray) -> Any:
    """
    Write a person as hri_msgs/Skeleton2D.

    Parameters
    ----------
    hri_msgs : module
        hri_msgs.msg.
    skeleton : Skeleton
        Of `msg`.
    msg : SkeletonArray
        Its header goes on; its image size is what coordinates are normalised by, and not 0.
    """
    kind, point = hri_msgs.Skeleton2D, hri_msgs.NormalizedPointOfInterest2D
    index = {name: int(getattr(kind, name.upper())) for name in KEYPOINT_NAMES}
    points = [point() for _ in range(1 + max(*index.values(), int(getattr(kind, _NECK))))]
    found = {}
    observed = (skeleton.keypoint_state == Skeleton.OBSERVED).tolist()
    scores = skeleton.keypoint_score.tolist()
    for k, (name, u, v) in enumerate(
        zip(KEYPOINT_NAMES, skeleton.u.tolist(), skeleton.v.tolist())
    ):
        x, y = (u + 0.5) / msg.image_width, (v + 0.5) / msg.image_height
        # NaN is not between 0 and 1.
        if observed[k] and 0.0 <= x <= 1.0 and 0.0 <= y <= 1.0:
            found[k] = x, y, min(max(scores[k], 0.0), 1.0)
            points[index[name]] = point(x=x, y=y, c=found[k][2])
    if LEFT_SHOULDER in found and RIGHT_SHOULDER in found:
        left, right = found[LEFT_SHOULDER], found[RIGHT_SHOULDER]
        points[int(getattr(kind, _NECK))] = point(
            x=(left[0] + right[0]) / 2, y=(left[1] + right[1]) / 2, c=min(left[2], right[2]))
    return kind(header=msg.header, skeleton=points)


def region2d(hri_msgs: Any, skeleton: Skeleton, msg: SkeletonArray) -> Any:
    """Write a person's box as hri_msgs/NormalizedRegionOfInterest2D, the part inside the image."""
    x_min, y_min, x_max, y_max = (float(v) for v in skeleton.box)
    width, height = msg.image_width, msg.image_height

    def inside(value: float) -> float:
        return min(max(value, 0.0), 1.0)

    return hri_msgs.NormalizedRegionOfInterest2D(
        header=msg.header,
        xmin=inside((x_min + 0.5) / width), ymin=inside((y_min + 0.5) / height),
        xmax=inside((x_max + 0.5) / width), ymax=inside((y_max + 0.5) / height),
        c=inside(skeleton.score),
    )


def detections(
    vision_msgs: Any, skeletons: list[Skeleton], header: Header, class_id: str = 'person'
) -> Any:
    """
    Write people as vision_msgs/Detection2DArray.

    Parameters
    ----------
    vision_msgs : module
        vision_msgs.msg of 4.x.
    skeletons : list of Skeleton
        With a box each.
    header : Header
        Of the image.
    class_id : str
        Of each.
    """
    found = []
    for skeleton in skeletons:
        x_min, y_min, x_max, y_max = (float(v) for v in skeleton.box)
        hypothesis = vision_msgs.ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id = class_id
        hypothesis.hypothesis.score = float(skeleton.score)
        detection = vision_msgs.Detection2D(
            header=header, results=[hypothesis], id=str(skeleton.id) if skeleton.id else '')
        detection.bbox.center.position.x = (x_min + x_max) / 2
        detection.bbox.center.position.y = (y_min + y_max) / 2
        detection.bbox.size_x, detection.bbox.size_y = x_max - x_min, y_max - y_min
        found.append(detection)
    return vision_msgs.Detection2DArray(header=header, detections=found)
