# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How a camera turns between two images, by tf2: the motion of its whole image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from std_msgs.msg import Header

from pose_ros.core.geometry import apply_homography, homography_of_rotation, usable_homography
from pose_ros.core.pose3d.body_frame import turn_rad
from pose_ros.ros.camera_input import CameraInput
from pose_ros.ros.conversions import stamp_ns
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.transforms import NoTransform, Transforms, transforms_of

STILL_PX = 0.1
"""An image whose corners move by less stands still."""

MAX_TURN_RAD_S = 12.0
"""A faster turn is a jump of the odometry: the fastest pan-tilt heads reach 8."""


class CameraRotation:
    """
    Looks up the camera's rotation in a frame in which the world stands still.

    Its translation is left out: how far that moves the image depends on how far things are.

    Parameters
    ----------
    node : ManagedNode
    fixed_frame : str
    camera : CameraInput
    connect : callable
        Makes the Transforms of a node; ModuleNotFoundError when tf2 is not here.

    Attributes
    ----------
    reason : str
        Why the motion since the latest image is not known; empty when it is.
    """

    def __init__(
        self,
        node: ManagedNode,
        fixed_frame: str,
        camera: CameraInput,
        connect: Callable[[ManagedNode], Transforms] = transforms_of,
    ) -> None:
        self._node, self._fixed_frame, self._camera = node, fixed_frame, camera
        self._before: tuple[str, int] | None = None
        self._transforms: Transforms | None = None
        self.reason = ''
        try:
            self._transforms = connect(node)
        except ModuleNotFoundError as error:
            self.reason = f'camera_motion by tf: not without {error.name}'
            node.get_logger().warning(self.reason)

    def close(self) -> None:
        """Stop listening."""
        if self._transforms is not None:
            self._transforms.close()
            self._transforms = None

    def motion(self, header: Header, size: tuple[int, int]) -> np.ndarray | None:
        """
        Return how the image moved since the image of the call before.

        Parameters
        ----------
        header : Header
            Of the image.
        size : (width, height)
            Of the image, pixels.

        Returns
        -------
        (3, 3) float64 or None
            As of `CameraMotion.update`; None, with the reason, when tf or the camera is not known.
        """
        now = (header.frame_id, stamp_ns(header.stamp))
        before, self._before = self._before, now
        if self._transforms is None or before is None or before[0] != now[0]:
            return None
        try:
            # Looked up again: the one for the image before may have come late.
            then, here = (self._transforms.lookup(self._fixed_frame, *at) for at in (before, now))
            turn = here.rotation.T @ then.rotation
            over_s = (now[1] - before[1]) * 1e-9
            if turn_rad(turn) > MAX_TURN_RAD_S * max(over_s, 0.0) + 0.05:
                raise NoTransform(
                    f'{now[0]} turned by {np.degrees(turn_rad(turn)):.0f} degrees in '
                    f'{self._fixed_frame} within {over_s:.3f} s: a jump of the odometry')
            self.reason = self._camera.problem_with(size)
        except NoTransform as error:
            self.reason = str(error)
        if self.reason or self._camera.camera is None:
            self._node.complain('without_camera_tf', f'camera_motion not by tf: {self.reason}')
            return None
        motion = homography_of_rotation(self._camera.camera.matrix, turn)
        corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size], np.float64)
        if np.abs(apply_homography(motion, corners) - corners).max() < STILL_PX:
            return np.eye(3)
        return usable_homography(motion, size)
