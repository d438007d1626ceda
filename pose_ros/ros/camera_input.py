# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The camera of a node: `camera_info`, checked when it changes, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from pose_ros.core.camera_model import CameraError, CameraModel
from pose_ros.diagnostics.findings import Finding
from pose_ros.diagnostics.stream_checks import camera_info_findings, uncalibrated
from pose_ros.ros.conversions import camera_from_info
from pose_ros.ros.managed_node import ManagedNode


class CameraInput:
    """
    Listens to `camera_info`.

    Parameters
    ----------
    node : ManagedNode
    rectified : bool
        Take P, as of an image of the `image_rect` kind.
    changed : callable, optional
        Called with the camera, or None, whenever another camera_info comes.

    Attributes
    ----------
    camera : CameraModel or None
        None while there is none that can be used.
    reason : str
        Why there is no camera; empty when there is.
    received : int
        Messages so far.
    """

    def __init__(
        self,
        node: ManagedNode,
        rectified: bool,
        changed: Callable[[CameraModel | None], None] | None = None,
    ) -> None:
        self._node = node
        self._rectified = rectified
        self._changed = changed
        self.camera: CameraModel | None = None
        self.reason = 'no camera_info has come yet'
        self.received = 0
        self._last: CameraInfo | None = None
        self._subscription = node.create_subscription(
            CameraInfo, 'camera_info', self._on_info,
            QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def problem_with(self, size: tuple[int, int]) -> str:
        """Return why there is no camera for images of a (width, height), or nothing."""
        if self.camera is None:
            return self.reason
        own = self.camera.image_size
        if own == size:
            return ''
        return (
            f'camera_info is of an image of {own[0]}x{own[1]}, this one is {size[0]}x{size[1]}'
        )

    def findings(self, image_size: tuple[int, int] | None) -> list[Finding]:
        """Say what keeps images of a (width, height) from having rays."""
        topic, info, camera = self._subscription.topic_name, self._last, self.camera
        publishers = self._node.count_publishers(topic)
        if info is None:
            return camera_info_findings(topic, publishers, None, wanted=True)
        return camera_info_findings(
            topic, publishers, uncalibrated(info.k, info.p, self._rectified),
            camera.image_size if camera is not None else (int(info.width), int(info.height)),
            image_size, wanted=True)

    def _on_info(self, msg: CameraInfo) -> None:
        self.received += 1
        msg.header = Header()  # its stamp is another each time
        if msg == self._last:
            return
        self._last = msg
        try:
            self.camera = camera_from_info(msg, self._rectified)
            self.reason = uncalibrated(msg.k, msg.p, self._rectified)
        except CameraError as error:
            self.camera, self.reason = None, str(error)
        if self.reason:
            # Once for each camera_info that differs.
            self._node.complain('bad_camera_info', f'no 3-D: {self.reason}')
        if self._changed is not None:
            self._changed(self.camera)
