# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Incompatible QoS: the events of the middleware, and the graph that tells who with whom.

An event says that a policy did not fit, not with whom, and never that it is over: the graph does.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo

from pose_ros.core.health.findings import Finding
from pose_ros.core.health.qos import Endpoint, qos_findings

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

_FOREVER_NS = 2**63 - 1


class QosEvents:
    """
    Listens to the events of every subscription and publisher of a node.

    Attributes
    ----------
    counts : Counter
        Incompatible peers met so far, by the full name of the topic.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._overridable: set[str] = set()

    def listen_subscription(self, node: Node, topic: str, options: dict[str, Any]) -> None:
        """Add our callbacks to the arguments of create_subscription."""
        options.setdefault('event_callbacks', SubscriptionEventCallbacks(
            incompatible_qos=self._note(node, topic, options)))

    def listen_publisher(self, node: Node, topic: str, options: dict[str, Any]) -> None:
        """Add our callbacks to the arguments of create_publisher."""
        options.setdefault('event_callbacks', PublisherEventCallbacks(
            incompatible_qos=self._note(node, topic, options)))

    def _note(self, node: Node, topic: str, options: dict[str, Any]) -> Any:
        name = node.resolve_topic_name(topic)
        if options.get('qos_overriding_options') is not None:
            self._overridable.add(name)

        def on_event(event: Any) -> None:
            self.counts[name] += event.total_count_change

        return on_event

    def findings(self, node: Node) -> list[Finding]:
        """Say which policies do not fit at the moment, on topics that had an event."""
        me = node.get_fully_qualified_name()
        found = []
        for topic in self.counts:
            publishers, subscriptions = endpoints(node, topic)
            if all(p.node != me for p in publishers):
                subscriptions = [s for s in subscriptions if s.node == me]
            elif all(s.node != me for s in subscriptions):
                publishers = [p for p in publishers if p.node == me]
            found += qos_findings(
                topic, publishers, subscriptions, [me] if topic in self._overridable else [])
        return found


def endpoints(node: Node, topic: str) -> tuple[list[Endpoint], list[Endpoint]]:
    """Return publishers and subscriptions of a topic (full name), as the graph knows them."""
    return (
        [endpoint(info) for info in node.get_publishers_info_by_topic(topic)],
        [endpoint(info) for info in node.get_subscriptions_info_by_topic(topic)],
    )


def endpoint(info: TopicEndpointInfo) -> Endpoint:
    """Describe an endpoint of the graph."""
    qos = info.qos_profile
    namespace = info.node_namespace.rstrip('/')
    return Endpoint(
        node=f'{namespace}/{info.node_name}',
        kind=info.topic_type,
        reliability=qos.reliability.name.lower(),
        durability=qos.durability.name.lower(),
        liveliness=qos.liveliness.name.lower(),
        deadline_s=_seconds(qos.deadline.nanoseconds),
        lease_s=_seconds(qos.liveliness_lease_duration.nanoseconds),
    )


def _seconds(duration_ns: int) -> float:
    """Return a duration of a QoS profile, s; none and the largest are infinite."""
    return duration_ns * 1e-9 if 0 < duration_ns < _FOREVER_NS else float('inf')
