# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Messages, live or from a bag, into a RerunLog: only the names of the fields are used."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pose_ros.core.camera_image import CameraImage
from pose_ros.core.colors import bgr_from
from pose_ros.media.rerun_log import RerunLog, SeenPeople, SeenProximity
from pose_ros.ros.conversions import (
    camera_from_info,
    stamp_ns,
    tracks3d_from_msg,
    tracks_from_msg,
)

_STAGES = ('convert', 'detect', 'refine', 'network', 'track')
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
        log.proximity(_proximity_from(msg))
    elif kind == 'camera_info':
        model = camera_from_info(msg)
        if model is not None:
            log.camera(model)
    elif kind == 'image':
        _write_image(log, msg)
    else:
        log.people(kind, _people_from(kind, msg))


def _write_image(log: RerunLog, msg: Any) -> None:
    stamp = stamp_ns(msg.header.stamp)
    if hasattr(msg, 'format'):
        data = bytes(msg.data)
        media = [name for head, name in _MEDIA if data.startswith(head)]
        if not media:
            raise ValueError(f'compressed image of format {str(msg.format)!r}: no JPEG or PNG')
        log.encoded_image(stamp, data, media[0])
        return
    frame = CameraImage.from_fields(
        np.frombuffer(msg.data, np.uint8), str(msg.encoding), int(msg.width), int(msg.height),
        int(msg.step), bool(msg.is_bigendian),
    )
    log.image(stamp, bgr_from(frame))


def _people_from(kind: str, msg: Any) -> SeenPeople:
    """Read a SkeletonArray with everything that the viewer shows."""
    joints = tracks3d_from_msg(msg)
    stages = {name: float(getattr(msg, f'{name}_ms')) for name in _STAGES}
    at_ns, latency_s = stamp_ns(msg.header.stamp), float(msg.latency_s)
    stale = int(msg.status) != 0
    if math.isfinite(latency_s):
        stages['age'] = 1e3 * latency_s
        if stale and kind != 'predicted':  # its stamp is that of the latest image
            at_ns += round(1e9 * latency_s)
    return SeenPeople(
        at_ns, tracks_from_msg(msg), joints.position,
        joints.covariance, (int(msg.image_width), int(msg.image_height)), stages, stale,
    )


def _proximity_from(msg: Any) -> SeenProximity:
    """Read a ProximityArray."""
    later_ns = int(float(msg.stale_s) * 1e9)
    return SeenProximity(
        stamp_ns(msg.header.stamp) + later_ns, str(msg.zone), int(msg.status) != 0,
        [(int(p.id), float(p.distance_m), float(p.bound_m), float(p.rate_m_s))
         for p in msg.people],
    )
