# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Publishes the images of a .npy file, (N, H, W, 3) uint8 BGR, again and again, stamped as they go.

Reliable, keep-last 1: it serves every subscriber, and a slow one cannot hold it up for long.
"""

from __future__ import annotations

import sys

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_ros.ros.image_memory import keep_image_memory
from pose_ros.ros.images import image_to_msg


class PlayerNode(Node):  # type: ignore[misc]
    """Plays images at a rate in Hz."""

    def __init__(self, file: str, rate_hz: float) -> None:
        super().__init__('player')
        header = Header(frame_id='camera_optical_frame')
        # Made before: what is timed begins with the stamp.
        self._messages = [image_to_msg(image, header) for image in np.load(file)]
        self._next = 0
        self._publisher = self.create_publisher(
            Image, 'image', QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE))
        self.create_timer(1.0 / rate_hz, self._play)

    def _play(self) -> None:
        msg = self._messages[self._next % len(self._messages)]
        self._next += 1
        msg.header.stamp = self.get_clock().now().to_msg()
        self._publisher.publish(msg)


if __name__ == '__main__':
    keep_image_memory()  # as pose_camera does
    rclpy.init()
    rclpy.spin(PlayerNode(sys.argv[1], float(sys.argv[2])))
