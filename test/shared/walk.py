# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""For tests: somebody who walks before a pose_tracker, in 3-D."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
from std_msgs.msg import Header

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.joints3d import Joints3D
from pose_ros.core.skeleton import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER
from pose_ros.core.tracking.tracks import PositionSource
from pose_ros.msg import SkeletonArray
from pose_ros.ros.conversions import keypoints_to_msg
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode
from pose_ros.ros.transforms import transforms_of

K = [525.0, 0.0, 320.0, 0.0, 525.0, 240.0, 0.0, 0.0, 1.0]
CAMERA = CameraModel.from_camera_info(640, 480, '', (), K)
TRUNK = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]
SPEED_M_S = 0.6


class Walk:
    """Sends `pose` of somebody who walks to the right; the clock of the stamps is the node's."""

    def __init__(self, ros: Any, connect: Any = transforms_of, **parameters: Any) -> None:
        self.ros = ros
        self.node = ros.add(PoseTrackerNode, connect=connect, parameters=parameters)
        assert self.node.start()
        self.publisher = ros.probe.create_publisher(SkeletonArray, 'pose', 10)
        self.tracked = ros.collect(SkeletonArray, 'pose/tracked')
        self.predicted = ros.collect(SkeletonArray, 'pose/predicted')
        assert ros.spin_until(lambda: self.publisher.get_subscription_count() == 1)
        assert ros.spin_until(
            lambda: self.node._outputs['tracked'].get_subscription_count() == 1
        )
        self.begin_ns = self.node.get_clock().now().nanoseconds
        self.rng = np.random.default_rng(1)

    def truth(self, t_s: float) -> np.ndarray:
        return joints(Figure(-0.4 + SPEED_M_S * t_s, 2.6))

    def pose(self, frame: int, depth: bool = True) -> SkeletonArray:
        place = self.truth(frame / 30)[None]
        noisy = place + self.rng.normal(0, 0.01, place.shape)
        stamp_ns = self.begin_ns + frame * 33_333_333
        head = Header(stamp=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9),
                      frame_id='optical')
        xy = CAMERA.project(noisy).astype(np.float32)
        people = Keypoints(xy, np.full((1, 17), 0.9, np.float32), np.ones(1, np.float32))
        found = Joints3D(
            noisy, np.broadcast_to(np.eye(3) * 1e-4, (1, 17, 3, 3)),
            np.full((1, 17), PositionSource.DEPTH, np.int8))
        return keypoints_to_msg(people, head, (640, 480), found if depth else None)

    def send(self, frame: int, depth: bool = True) -> SkeletonArray:
        """Send a frame; return what the tracker makes of it."""
        del self.tracked[:]
        self.publisher.publish(self.pose(frame, depth))
        assert self.ros.spin_until(lambda: self.tracked)
        return self.tracked[-1]
