# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""For tests: a synthetic person before a wall, an estimator that sees him, and its topics."""

from __future__ import annotations

from array import array
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
from replay_backend import ReplayBackend
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from benchmarks.depth_worlds.synthetic_rgbd import Figure, observe, render
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import Keypoints
from pose_ros.msg import SkeletonArray
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode

K = [525.0, 0.0, 320.0, 0.0, 525.0, 240.0, 0.0, 0.0, 1.0]
CAMERA = CameraModel.from_camera_info(640, 480, '', (), K)
PICTURE = np.full((480, 640, 3), 90, np.uint8)


def header(ms: int, frame_id: str = 'optical') -> Header:
    return Header(stamp=Time(sec=10 + ms // 1000, nanosec=ms % 1000 * 1_000_000),
                  frame_id=frame_id)


def depth_msg(depth: np.ndarray, head: Header) -> Image:
    encoding = '16UC1' if depth.dtype == np.uint16 else '32FC1'
    return Image(header=head, height=depth.shape[0], width=depth.shape[1], encoding=encoding,
                 step=depth.shape[1] * depth.itemsize, data=array('B', depth.tobytes()))


def info_msg(**change: Any) -> CameraInfo:
    return CameraInfo(header=header(0), **{'width': 640, 'height': 480, 'k': K} | change)


class World:
    """A person before a wall, an estimator that sees him, and the topics."""

    def __init__(self, ros: Any, **parameters: Any) -> None:
        rng = np.random.default_rng(1)
        self.scene = render([Figure()], CAMERA, rng, 4.0, holes=0)
        seen = observe(self.scene, CAMERA, rng, 0.5)
        backend = ReplayBackend(Keypoints(seen.xy, seen.score, seen.person_score))
        self.ros = ros
        # Long waits: on a busy machine a test must not depend on 50 ms.
        self.node = ros.add(
            PoseEstimatorNode, load=lambda config: backend,
            parameters={
                'depth_enabled': True, 'depth_wait_s': 0.5, 'mode': 'one-pass', **parameters},
        )
        assert self.node.start()
        probe = ros.probe
        self.image = probe.create_publisher(Image, 'image', 1)
        self.depth = probe.create_publisher(Image, 'depth', 5)
        self.info = probe.create_publisher(CameraInfo, 'camera_info', 5)
        self.poses = ros.collect(SkeletonArray, 'pose')
        wanted = [self.image, self.info] + [self.depth] * parameters.get('depth_enabled', True)
        assert ros.spin_until(lambda: all(p.get_subscription_count() == 1 for p in wanted))

    def tell_camera(self, msg: CameraInfo) -> None:
        before = self.node._camera.received
        self.info.publish(msg)
        assert self.ros.spin_until(lambda: self.node._camera.received > before)

    def send_depth(self, depth: np.ndarray | Image, head: Header | None = None) -> None:
        count = self.node.statistics.counts['depth_received']
        self.depth.publish(depth_msg(depth, head) if head is not None else depth)
        assert self.ros.spin_until(
            lambda: self.node.statistics.counts['depth_received'] > count
        )

    def send_image(self, ms: int) -> None:
        count = self.node.statistics.counts['received']
        self.image.publish(image_to_msg(PICTURE, header(ms)))
        assert self.ros.spin_until(lambda: self.node.statistics.counts['received'] > count)

    def pose(self) -> SkeletonArray:
        assert self.ros.spin_until(lambda: self.poses)
        return self.poses.pop(0)

    @property
    def reason(self) -> str:
        return self.node._depth.reason
