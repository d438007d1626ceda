# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a node that takes images knows of them: noted image by image, judged once a second."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from rclpy.node import Node

from pose_ros.core.health.findings import Finding, Level
from pose_ros.core.health.qos import Endpoint
from pose_ros.core.health.stream import (
    ClockFacts,
    drop_findings,
    rate_findings,
    stamp_findings,
)
from pose_ros.core.health.stream_watch import StreamSummary, StreamWatch
from pose_ros.core.health.topic import IMAGE_KINDS, TopicFacts, silent_findings
from pose_ros.core.health.transport import Segment, segment_findings
from pose_ros.ros.health.qos_events import endpoints
from pose_ros.ros.health.transport import segment_of_peer

SILENT_AFTER_S = 2.0
_PEERS_EVERY_S = 10.0  # looking into other processes takes milliseconds
_OUTPUTS = ('/pose/overlay',)


class InputChecks:
    """
    Watches the images of one subscription.

    Parameters
    ----------
    node : Node
        Whose they are.
    subscription : callable
        Returns the subscription, or None.
    """

    def __init__(self, node: Node, subscription: Callable[[], Any]) -> None:
        self._node = node
        self._subscription = subscription
        self._watch, self._stream = StreamWatch(), StreamSummary()
        self._good_s = self._last_s = time.monotonic()
        self._ever = False
        self._busy_s, self._busy_since_s, self._busy_share = 0.0, time.monotonic(), 0.0
        self._problem, self._problems, self._good = '', 0, 0
        self._peers: list[Segment] = []
        self._peers_at_s = float('-inf')

    # -- for every image ------------------------------------------------------------------------

    def came(self, msg: Any, now_ns: int, dropped: int | None) -> None:
        """Note an image that came at `now_ns` of the node's clock, `dropped` before it."""
        steady_ns = time.monotonic_ns()
        stamp = msg.header.stamp
        self._watch.add(
            stamp.sec * 1_000_000_000 + stamp.nanosec, now_ns, steady_ns, dropped,
            msg.header.frame_id, len(msg.data),
        )
        self._last_s = steady_ns * 1e-9
        self._ever = True

    def used(self, callback_s: float) -> None:
        """Note that an image was worked on for so long and could be used."""
        self._busy_s += callback_s
        self._good += 1
        self._good_s = time.monotonic()

    def unusable(self, problem: str) -> None:
        """Note that an image could not be used."""
        self._problem = problem
        self._problems += 1

    # -- once a second --------------------------------------------------------------------------

    def silent_s(self) -> float:
        """Return for how long no image has come, s."""
        return time.monotonic() - self._last_s

    def since_good_s(self) -> float:
        """Return for how long no image could be used, s; since the start, when none ever could."""
        return time.monotonic() - self._good_s

    def values(self) -> dict[str, str]:
        """Return what is measured, for /diagnostics."""
        stream = self._stream
        return {
            'image_rate_hz': f'{stream.rate_hz:.2f}',
            'image_uneven': f'{stream.uneven:.2f}',
            'image_age_s': f'{stream.age_s:.4f}',
            'image_bytes': str(stream.bytes),
            'image_drop_share': f'{stream.drop_share:.3f}',
            'busy_share': f'{self._busy_share:.2f}',
            'since_good_image_s': f'{self.since_good_s():.3f}',
        }

    def findings(self, clock: ClockFacts, expected_hz: float) -> list[Finding]:
        """Judge; to be called about once a second."""
        subscription = self._subscription()
        if subscription is None:
            return []
        self._measure_busy()
        topic = subscription.topic_name
        found = self._encoding_findings(topic)
        if self.silent_s() >= SILENT_AFTER_S:
            return found + silent_findings(self.topic_facts(), self.silent_s(), self._ever)
        stream = self._stream = self._watch.summary()
        segments = segment_findings(stream.bytes, self._segments(topic), topic)
        found += segments
        found += stamp_findings(stream, clock, topic, self._busy_share)
        found += rate_findings(stream, expected_hz, self._watch.learned_hz(stream), topic)
        found += drop_findings(
            stream, self._busy_share, segments[0] if segments else None, topic)
        return found

    def topic_facts(self) -> TopicFacts:
        """Return who else is on the topic, and where there are images instead."""
        subscription, node = self._subscription(), self._node
        topic = subscription.topic_name
        me = node.get_fully_qualified_name()
        publishers, subscriptions = endpoints(node, topic)
        kind = IMAGE_KINDS['Compressed' in subscription.msg_type.__name__]
        mine = next((s for s in subscriptions if s.node == me and s.kind == kind), None)
        return TopicFacts(
            topic, kind, mine or Endpoint(me, kind, 'best_effort'), publishers,
            image_topics(node),
        )

    def _measure_busy(self) -> None:
        now_s = time.monotonic()
        passed_s = now_s - self._busy_since_s
        if passed_s > 0.5:
            self._busy_share = min(1.0, self._busy_s / passed_s)
            self._busy_s, self._busy_since_s = 0.0, now_s

    def _encoding_findings(self, topic: str) -> list[Finding]:
        problems, good = self._problems, self._good
        self._problems = self._good = 0
        if not problems:
            return []
        if good:
            return [Finding(
                Level.WARN, 'image', 'some_unusable',
                f'{problems} of the last {problems + good} images on {topic} could not be used: '
                f'{self._problem}')]
        hint = 'look at the driver: it sends broken images'
        if 'encoding' in self._problem:
            hint = "set the driver's pixel format to bgr8 or rgb8, or install cv_bridge"
        return [Finding(
            Level.ERROR, 'image', 'unusable', f'no image on {topic} can be used: {self._problem}',
            hint)]

    def _segments(self, topic: str) -> list[Segment]:
        """Return the shared memory of the publishers, looked at now and then."""
        now_s = time.monotonic()
        if now_s - self._peers_at_s > _PEERS_EVERY_S:
            self._peers_at_s = now_s
            self._peers = publishers_segments(self._node, topic)
        return self._peers


def image_topics(node: Node) -> dict[str, str]:
    """Return the topics of images that somebody publishes, with their types; not our own ones."""
    return {
        name: kinds[0]
        for name, kinds in node.get_topic_names_and_types()
        if kinds[0] in IMAGE_KINDS and not name.endswith(_OUTPUTS) and node.count_publishers(name)
    }


def publishers_segments(node: Node, topic: str) -> list[Segment]:
    """Return the shared memory of the publishers of a topic that `node` subscribes itself."""
    if not fast_dds(node):
        return []
    me, namespace = node.get_name(), node.get_namespace()
    own = next(
        (bytes(i.endpoint_gid) for i in node.get_subscriptions_info_by_topic(topic)
         if (i.node_name, i.node_namespace) == (me, namespace)), None)
    if own is None:
        return []
    found = []
    for info in node.get_publishers_info_by_topic(topic):
        who = f'{info.node_namespace.rstrip("/")}/{info.node_name}'
        segment = segment_of_peer(bytes(info.endpoint_gid), own, who)
        if segment is not None:
            found.append(segment)
    return found


def fast_dds(node: Node) -> bool:
    """Whether the middleware is Fast DDS, whose shared memory is what we know about."""
    from rclpy.utilities import get_rmw_implementation_identifier

    return 'fastrtps' in get_rmw_implementation_identifier()
