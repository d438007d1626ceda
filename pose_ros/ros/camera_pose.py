# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How a camera moves from image to image in a frame in which the world stands still, by tf2."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from std_msgs.msg import Header

from pose_ros.core.geometry import apply_homography, homography_of_rotation, usable_homography
from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.ros.camera_input import CameraInput
from pose_ros.ros.conversions import stamp_ns
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.stamp_sync import StampSync
from pose_ros.ros.transforms import NoTransform, Transforms, transforms_of

STILL_PX = 0.1
"""An image whose corners move by less stands still."""

MAX_TURN_RAD_S, MAX_SPEED_M_S = 12.0, 10.0
"""Faster is a jump of the odometry; the fastest pan-tilt heads turn by 8 rad/s."""

SLACK_RAD, SLACK_M = 0.05, 0.1
"""Smaller steps are none, however little time is between the images."""

_LOOK_AGAIN_S = 0.005
_MOST_WAITING = 200


class CameraPose:
    """
    Looks up the camera in a frame in which the world stands still.

    Parameters
    ----------
    node : ManagedNode
    fixed_frame : str
    connect : callable
        Makes the Transforms of a node; ModuleNotFoundError when tf2 is not here.

    Attributes
    ----------
    reason : str
        Why the motion before the latest image is not known; empty when it is.
    """

    def __init__(
        self,
        node: ManagedNode,
        fixed_frame: str,
        connect: Callable[[ManagedNode], Transforms] = transforms_of,
    ) -> None:
        self._node, self._fixed_frame = node, fixed_frame
        self._before: tuple[str, int] | None = None
        self._transforms: Transforms | None = None
        self._waiting: StampSync[bool] = StampSync(_MOST_WAITING)
        self._waiting.watch(node, _LOOK_AGAIN_S)
        self.reason = ''
        try:
            self._transforms = connect(node)
        except ModuleNotFoundError as error:
            self.reason = f'fixed_frame: not without {error.name}'
            node.get_logger().warning(f"{self.reason}; the camera's motion by tf is not known")

    def close(self) -> None:
        """Go on with what waits, and stop listening."""
        self._waiting.close()
        if self._transforms is not None:
            self._transforms.close()
            self._transforms = None

    def when_known(self, header: Header, wait_s: float, go_on: Callable[[], None]) -> None:
        """
        Go on when the camera's pose of an image is known, or after a time; in order.

        There is no wait after one in vain, until a transform is there at once again.
        """
        at = (header.frame_id, stamp_ns(header.stamp))

        def find() -> bool | None:
            try:
                self._lookup(at)
            except NoTransform:
                return None
            return True

        wait_s = 0.0 if self.reason else wait_s
        self._waiting.offer(at[1], lambda _: go_on(), wait_s, find if wait_s else lambda: True)

    def motion(self, header: Header) -> Transform | None:
        """
        Return how the camera moved since the image of the call before.

        Returns
        -------
        Transform or None
            optical_from_optical_before; None, with a reason and a line in the log, where tf does
            not know one of the two or the odometry jumped, and for the first image.
        """
        now = (header.frame_id, stamp_ns(header.stamp))
        before, self._before = self._before, now
        if self._transforms is None or before is None or before[0] != now[0]:
            return None
        try:
            # Looked up again: the one for the image before may have come late.
            moved = self._lookup(now).inverse() @ self._lookup(before)
            over_s = max((now[1] - before[1]) * 1e-9, 0.0)
            turn_rad, way_m = moved.angle_rad(), float(np.linalg.norm(moved.translation))
            if (turn_rad > MAX_TURN_RAD_S * over_s + SLACK_RAD
                    or way_m > MAX_SPEED_M_S * over_s + SLACK_M):
                raise NoTransform(
                    f'{now[0]} moved by {way_m:.2f} m and {np.degrees(turn_rad):.0f} degrees in '
                    f'{self._fixed_frame} within {over_s:.3f} s: a jump of the odometry')
        except NoTransform as error:
            self._say(str(error))
            return None
        self.reason = ''
        return moved

    def image_motion(self, header: Header, camera: CameraInput, size: tuple[int, int]
                     ) -> np.ndarray | None:
        """
        Return how the image moved by the camera's rotation since the image of the call before.

        Its translation is left out: how far that moves the image depends on how far things are.

        Returns
        -------
        (3, 3) float64 or None
            As of `CameraMotion.update`.
        """
        moved = self.motion(header)
        if moved is None:
            return None
        problem = camera.problem_with(size)
        if problem or camera.camera is None:
            self._say(problem)
            return None
        motion = homography_of_rotation(camera.camera.matrix, moved.rotation)
        corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size], np.float64)
        if np.abs(apply_homography(motion, corners) - corners).max() < STILL_PX:
            return np.eye(3)
        return usable_homography(motion, size)

    def frame_now(self, frame: str, header: Header) -> Transform | None:
        """Return the latest pose of a frame against the camera's at an image; None if unknown."""
        try:
            if self._transforms is None:
                return None
            latest = self._transforms.lookup(frame, self._fixed_frame, 0)
            return latest @ self._lookup((header.frame_id, stamp_ns(header.stamp)))
        except NoTransform:
            return None

    def _lookup(self, at: tuple[str, int]) -> Transform:
        if self._transforms is None:
            raise NoTransform(self.reason)
        return self._transforms.lookup(self._fixed_frame, *at)

    def _say(self, reason: str) -> None:
        self.reason = reason
        self._node.complain(
            'without_camera_tf', f"the camera's motion in {self._fixed_frame} is not known: "
            f'{reason}')
