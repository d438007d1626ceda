# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The doctor's own look at a topic of images: with a QoS that takes from every publisher."""

from __future__ import annotations

import math
import time
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from pose_ros.core.health.findings import Finding, Level
from pose_ros.core.health.qos import Endpoint
from pose_ros.core.health.stream import (
    CameraInfoFacts,
    ClockFacts,
    camera_info_findings,
    drop_findings,
    rate_findings,
    stamp_findings,
)
from pose_ros.core.health.stream_watch import StreamWatch
from pose_ros.core.health.topic import IMAGE_KINDS, TopicFacts, silent_findings
from pose_ros.core.health.transport import segment_findings
from pose_ros.ros.health.drops import DropCounter, takes_message_info
from pose_ros.ros.health.input_checks import image_topics, publishers_segments
from pose_ros.ros.health.qos_events import endpoints
from pose_ros.ros.images import ENCODINGS

_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


class ImageSampler:
    """
    Subscribes a topic of images and the camera_info beside it.

    Parameters
    ----------
    node : Node
        The doctor's.
    topic, kind : str
        Full name and type.
    """

    def __init__(self, node: Node, topic: str, kind: str) -> None:
        self._node, self._topic, self._kind = node, topic, kind
        self._watch, self._drops = StreamWatch(), DropCounter()
        self._began_s = time.monotonic()
        self._encodings: set[str] = set()
        self._size: tuple[int, int] | None = None
        self._info: CameraInfo | None = None
        base = topic.removesuffix('/compressed')
        self._info_topic = f'{base.rpartition("/")[0]}/camera_info'
        node.create_subscription(
            Image if kind == IMAGE_KINDS[0] else CompressedImage, topic,
            self._on_image_with_info if takes_message_info() else self._on_image, _QOS)
        node.create_subscription(CameraInfo, self._info_topic, self._on_info, _QOS)

    def _on_image_with_info(self, msg: Any, info: Any) -> None:
        self._on_image(msg, self._drops.dropped_before(info))

    def _on_image(self, msg: Any, dropped: int | None = None) -> None:
        if dropped and self._node.count_publishers(self._topic) != 1:
            dropped = 0  # the numbers of one publisher say nothing about the other
        stamp = msg.header.stamp
        self._watch.add(
            stamp.sec * 10**9 + stamp.nanosec, self._node.get_clock().now().nanoseconds,
            time.monotonic_ns(), dropped, msg.header.frame_id, len(msg.data))
        if isinstance(msg, Image):
            self._encodings.add(msg.encoding)
            self._size = (int(msg.width), int(msg.height))
        else:
            self._encodings.add(msg.format)

    def _on_info(self, msg: CameraInfo) -> None:
        self._info = msg

    def judge(self) -> tuple[list[Finding], dict[str, Any]]:
        """Return what is wrong with the images, and facts about them."""
        stream, topic = self._watch.summary(), self._topic
        publishers, _ = endpoints(self._node, topic)
        facts = {
            'publishers': ', '.join(
                f'{p.node} ({p.reliability}, {p.durability})' for p in publishers) or 'none',
            'received': stream.frames,
        }
        if not stream.frames:
            me = Endpoint(self._node.get_fully_qualified_name(), self._kind, 'best_effort')
            waited = TopicFacts(topic, self._kind, me, publishers, image_topics(self._node))
            silent_s = time.monotonic() - self._began_s
            return silent_findings(waited, silent_s, ever=False), facts
        facts |= {
            'type': self._kind,
            'encoding': ', '.join(sorted(self._encodings)),
            'size': 'x'.join(map(str, self._size)) if self._size else 'compressed',
            'frame_id': stream.frame_id,
            'rate_hz': _rounded(stream.rate_hz),
            'uneven': _rounded(stream.uneven),
            'age_s': _rounded(stream.age_s),
            'lost': f'{100 * stream.drop_share:.0f} %',
        }
        segments = segment_findings(
            stream.bytes, publishers_segments(self._node, topic), topic)
        found = segments + self._encoding_findings()
        found += stamp_findings(stream, self._clock(stream.stamp_s), topic)
        found += rate_findings(stream, 0.0, math.nan, topic)
        found += drop_findings(stream, 0.0, segments[0] if segments else None, topic)
        return found + camera_info_findings(self._info_facts(), self._size), facts

    def _clock(self, stamp_s: float) -> ClockFacts:
        """Return our clock; in simulated time the nodes judge the stamps, we cannot."""
        now_s = self._node.get_clock().now().nanoseconds * 1e-9
        if self._node.count_publishers('/clock') and abs(now_s - stamp_s) > 10.0:
            return ClockFacts(use_sim_time=True)
        return ClockFacts(now_s=now_s)

    def _encoding_findings(self) -> list[Finding]:
        unknown = sorted(self._encodings - set(ENCODINGS))
        if self._kind != IMAGE_KINDS[0] or not unknown:
            return []
        return [Finding(
            Level.WARN, 'image', 'encoding',
            f'images on {self._topic} have the encoding {", ".join(unknown)}',
            "set the driver's pixel format to bgr8 or rgb8; others need cv_bridge")]

    def _info_facts(self) -> CameraInfoFacts:
        info, publishers = self._info, self._node.count_publishers(self._info_topic)
        if info is None:
            return CameraInfoFacts(self._info_topic, publishers=publishers)
        return CameraInfoFacts(
            self._info_topic, publishers=publishers, seen=True, calibrated=info.k[0] != 0,
            size=(int(info.width), int(info.height)))


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
