# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where a zone in a frame of the robot is, through tf2."""

from __future__ import annotations

from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.core.proximity.zones import HERE
from pose_ros.ros.transforms import NoTransform, Transforms


class FramePlace:
    """A zone in a frame that moves against the camera's, or is only known to tf2."""

    def __init__(self, transforms: Transforms, zone_frame: str) -> None:
        self._transforms, self._frame = transforms, zone_frame
        self._latest: tuple[str, int, Transform] | None = None

    def look_up(self, frame_id: str, stamp_ns: int, hold_s: float) -> Transform:
        """
        Return the zone's frame in `frame_id` at `stamp_ns`.

        Where it is not known for that moment (yet), the latest one found holds for `hold_s`.

        Raises
        ------
        NoTransform
            When it is not known; the message says why.
        """
        if frame_id == self._frame:
            return HERE
        try:
            found = self._transforms.lookup(frame_id, self._frame, stamp_ns)
        except NoTransform as error:
            latest = self._latest
            if latest is not None and latest[0] == frame_id and (
                0 <= stamp_ns - latest[1] <= hold_s * 1e9
            ):
                return latest[2]
            raise NoTransform(
                f'no transform from {self._frame!r} to {frame_id!r}: {error}') from error
        self._latest = (frame_id, stamp_ns, found)
        return found

    def close(self) -> None:
        """Stop listening."""
        self._transforms.close()
