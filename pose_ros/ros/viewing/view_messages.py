# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Messages, live or from a bag, into a RerunLog: only the names of the fields are used."""

from __future__ import annotations

from typing import Any

import numpy as np

from pose_ros.core.camera_image import CameraImage
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.colors import bgr_from
from pose_ros.media.rerun_log import RerunLog
from pose_ros.media.skeleton_arrays import people_from, proximity_from, stamp_ns

_MEDIA = ((b'\xff\xd8', 'image/jpeg'), (b'\x89PNG', 'image/png'))


def write_message(log: RerunLog, kind: str, msg: Any) -> None:
    """
    Write one message.

    Parameters
    ----------
    kind : str
        'observed', 'tracked', 'predicted', 'proximity', 'image' or 'camera_info'.

    Raises
    ------
    ValueError
        When it cannot be shown: an image that is damaged or of an unknown encoding, a camera_info
        that contradicts itself.
    """
    if kind == 'proximity':
        log.proximity(proximity_from(msg))
    elif kind == 'camera_info':
        model = _camera(msg)
        if model is not None:
            log.camera(model)
    elif kind == 'image':
        _write_image(log, msg)
    else:
        log.people(kind, people_from(msg))


def _write_image(log: RerunLog, msg: Any) -> None:
    stamp = stamp_ns(msg.header.stamp)
    if hasattr(msg, 'format'):
        data = bytes(msg.data)
        media = [name for head, name in _MEDIA if data.startswith(head)]
        if not media:
            raise ValueError(f'compressed image of format {str(msg.format)!r}: no JPEG or PNG')
        log.encoded_image(stamp, data, media[0])
        return
    frame = CameraImage(
        np.frombuffer(msg.data, np.uint8), str(msg.encoding), int(msg.width), int(msg.height),
        int(msg.step), bool(msg.is_bigendian),
    )
    log.image(stamp, bgr_from(frame))


def _camera(msg: Any) -> CameraModel | None:
    # rosbags writes the upper-case fields of CameraInfo so, rclpy does not.
    d, k, r, p = (getattr(msg, name, None) for name in 'dkrp')
    roi = msg.roi
    return CameraModel.from_camera_info(
        int(msg.width), int(msg.height), str(msg.distortion_model), list(d), list(k), list(r),
        list(p), (int(msg.binning_x), int(msg.binning_y)),
        (int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)),
    )
