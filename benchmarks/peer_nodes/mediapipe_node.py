# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A plain node around MediaPipe Pose, as tutorials write it. One person; 33 keypoints.

MediaPipe 0.10 carries the network (BlazePose full) in its package; newer ones download it.
"""

from __future__ import annotations

import cv2
from geometry_msgs.msg import Point, Pose, PoseArray
import mediapipe
import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image


class MediapipeNode(Node):  # type: ignore[misc]
    """Finds one person in the image's callback."""

    def __init__(self) -> None:
        super().__init__('mediapipe_pose')
        self._pose = mediapipe.solutions.pose.Pose(model_complexity=1)
        self._publisher = self.create_publisher(PoseArray, 'poses', 10)
        self.create_subscription(Image, 'image', self._on_image, 10)

    def _on_image(self, msg: Image) -> None:
        image = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.width, 3)
        result = self._pose.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        found = result.pose_landmarks.landmark if result.pose_landmarks else []
        self._publisher.publish(PoseArray(header=msg.header, poses=[
            Pose(position=Point(x=p.x * msg.width, y=p.y * msg.height, z=p.visibility))
            for p in found]))


if __name__ == '__main__':
    rclpy.init()
    rclpy.spin(MediapipeNode())
