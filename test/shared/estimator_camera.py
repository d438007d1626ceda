# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera for the estimator as a node, made of the probe of a test."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_ros.msg import SkeletonArray

PICTURE = np.full((480, 640, 3), 90, np.uint8)


class Camera:
    """Publishes images and waits for what comes of each."""

    def __init__(self, ros: Any, topic: str = 'image', kind: Any = Image) -> None:
        self.ros = ros
        self.publisher = ros.probe.create_publisher(kind, topic, 1)
        self.poses = ros.collect(SkeletonArray, 'pose')
        assert ros.spin_until(lambda: self.publisher.get_subscription_count() == 1)

    def send(self, msg: Any, expect: bool = True) -> SkeletonArray | None:
        del self.poses[:]
        self.publisher.publish(msg)
        came = self.ros.spin_until(lambda: self.poses, 5.0 if expect else 0.3)
        assert came == expect
        return self.poses[-1] if came else None


def header(sec: int, nanosec: int = 0) -> Header:
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id='front_optical_frame')
