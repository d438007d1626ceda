# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where a zone is: a fixed pose, or a frame of the robot through tf2 where that is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
from rclpy.duration import Duration
from rclpy.time import Time

from pose_ros.core.volume import camera_from_pose

# tf2_ros (BSD) is part of every ROS 2 desktop and base, and not among the wheels of PyPI.


class ZonePlaceError(RuntimeError):
    """The zone's frame cannot be looked up at the moment; the message says why."""


class FixedPlace:
    """A zone at a pose that a parameter gives."""

    def __init__(self, pose: tuple[float, ...]) -> None:
        self._transform = camera_from_pose(pose)

    def look_up(self, frame_id: str, stamp: Any, wait_s: float) -> np.ndarray:
        """Return the zone's frame in any frame, (4, 4)."""
        return self._transform

    def close(self) -> None:
        """Nothing is open."""


class TfPlace:
    """
    A zone in a frame that tf2 knows.

    Raises
    ------
    ImportError
        Without tf2_ros.
    """

    def __init__(self, node: Any, zone_frame: str) -> None:
        from tf2_ros import Buffer, TransformException, TransformListener

        self._frame, self._error = zone_frame, TransformException
        self._buffer = Buffer()
        # In a thread of its own: a callback of the node may wait for it.
        self._listener = TransformListener(self._buffer, node, spin_thread=True)

    def look_up(self, frame_id: str, stamp: Any, wait_s: float) -> np.ndarray:
        """
        Return the zone's frame in `frame_id` at `stamp`, (4, 4).

        Raises
        ------
        ZonePlaceError
            When tf2 does not know it within `wait_s`.
        """
        try:
            found = self._buffer.lookup_transform(
                frame_id, self._frame, Time.from_msg(stamp), Duration(seconds=wait_s)
            ).transform
        except self._error as error:
            raise ZonePlaceError(
                f'no transform from {self._frame!r} to {frame_id!r}: {error}'
            ) from error
        t, q = found.translation, found.rotation
        return camera_from_pose((t.x, t.y, t.z, q.x, q.y, q.z, q.w))

    def close(self) -> None:
        """Stop listening."""
        self._listener.unregister()
