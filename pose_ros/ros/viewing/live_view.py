# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The live topics of one camera into a RerunLog."""

from __future__ import annotations

import argparse
import time
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from pose_ros.media.rerun_log import RerunLog
from pose_ros.msg import ProximityArray, SkeletonArray
from pose_ros.ros.viewing.view_messages import write_message

_TOPICS = (
    ('observed', SkeletonArray, 'pose'), ('tracked', SkeletonArray, 'pose/tracked'),
    ('predicted', SkeletonArray, 'pose/predicted'),
    ('proximity', ProximityArray, 'pose/proximity'),
)


class LiveView(Node):  # type: ignore[misc]
    """Subscribes the topics and writes what comes; a message that cannot be shown is said once."""

    def __init__(
        self, log: RerunLog, image: str | None = None, images: bool = True, **kwargs: Any
    ) -> None:
        super().__init__('pose_view', **kwargs)
        self._log = log
        self._info: CameraInfo | None = None
        self._said: set[str] = set()
        for kind, message, topic in _TOPICS:
            self._listen(kind, message, topic, QoSProfile(depth=10))
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        topic = image or 'image'
        beside = topic.removesuffix('/compressed').rpartition('/')
        info = f'{beside[0]}{beside[1]}camera_info'
        self.create_subscription(CameraInfo, info, self._on_info, best_effort)
        if images:
            kind = CompressedImage if topic.endswith('/compressed') else Image
            self._listen('image', kind, topic, best_effort)

    def _listen(self, kind: str, message: type[Any], topic: str, qos: QoSProfile) -> None:
        self.create_subscription(message, topic, lambda msg: self._write(kind, msg), qos)

    def _on_info(self, msg: CameraInfo) -> None:
        if msg != self._info:
            self._info = msg
            self._write('camera_info', msg)

    def _write(self, kind: str, msg: Any) -> None:
        try:
            write_message(self._log, kind, msg)
        except ValueError as error:
            line = f'{kind} not shown: {error}'
            if line not in self._said:
                self._said.add(line)
                self.get_logger().warning(line)


def show_live(log: RerunLog, args: argparse.Namespace) -> None:
    """Write what comes until Ctrl-C, or for `args.seconds`."""
    context = Context()
    rclpy.init(context=context)
    node = LiveView(log, args.image, not args.no_image, context=context,
                    namespace=args.namespace or '')
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    end_s = None if args.seconds is None else time.monotonic() + args.seconds
    waited_s = time.monotonic()
    try:
        while end_s is None or time.monotonic() < end_s:
            executor.spin_once(timeout_sec=0.1)
            if not log.counts and time.monotonic() - waited_s > 5.0:
                waited_s = time.monotonic()
                node.get_logger().warning(
                    f'nothing on {node.resolve_topic_name("pose/tracked")} yet: do the nodes run '
                    '(pose_ros up), in this namespace and ROS domain?'
                )
    except ExternalShutdownException:
        pass
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown(context=context)
