# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The floor: a node that does nothing with an image but answer. No node can be quicker."""

from __future__ import annotations

from geometry_msgs.msg import PoseArray
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from pose_ros.ros.image_memory import keep_image_memory


class EchoNode(Node):  # type: ignore[misc]
    """Publishes an empty answer to each image."""

    def __init__(self) -> None:
        super().__init__('echo')
        self._publisher = self.create_publisher(PoseArray, 'poses', 10)
        self.create_subscription(
            Image, 'image', lambda msg: self._publisher.publish(PoseArray(header=msg.header)),
            QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
        )


if __name__ == '__main__':
    keep_image_memory()  # as our nodes do
    rclpy.init()
    rclpy.spin(EchoNode())
