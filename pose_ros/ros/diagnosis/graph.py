# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The doctor's look at ROS: what the nodes say, who is on which topic, and some images."""

from __future__ import annotations

from collections import Counter
import time

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.utilities import get_rmw_implementation_identifier

from pose_ros.core.health.findings import Finding, Level
from pose_ros.core.health.qos import qos_findings
from pose_ros.core.health.topic import IMAGE_KINDS, similar_topics
from pose_ros.ros.diagnosis.image_sampler import ImageSampler
from pose_ros.ros.diagnosis.report import Report
from pose_ros.ros.health.diagnostics import findings_of
from pose_ros.ros.health.input_checks import image_topics
from pose_ros.ros.health.qos_events import endpoints
from pose_ros.ros.nodes import NODES

_DISCOVERY_S = 2.0  # discovery takes 0.05 to 2.2 s
_MOST_TOPICS = 4  # of images that are looked at


def look_at_graph(report: Report, seconds: float, image: str | None, namespace: str) -> None:
    """
    Look at everything that runs for a while, and write it into the report.

    Parameters
    ----------
    report : Report
        Gets findings, values and what could not be seen.
    seconds : float
        How long.
    image : str or None
        Topic of images; None: those that the nodes subscribe, or the likeliest.
    namespace : str
        Of the nodes, without slashes at its ends; empty: all.
    """
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node(
        'pose_ros_doctor', context=context, start_parameter_services=False, enable_rosout=False)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        _GraphLook(report, node, executor, namespace).look(seconds, image)
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)


class _GraphLook:
    """One look."""

    def __init__(
        self, report: Report, node: Node, executor: SingleThreadedExecutor, namespace: str
    ) -> None:
        self._report, self._node, self._executor = report, node, executor
        self._prefix = f'/{namespace}/' if namespace else '/'
        self._samplers: dict[str, ImageSampler] = {}
        node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, QoSProfile(depth=50))

    def look(self, seconds: float, image: str | None) -> None:
        """Look for so many seconds."""
        self._report.machine['rmw'] = get_rmw_implementation_identifier()
        end_s = time.monotonic() + seconds
        self._spin(min(_DISCOVERY_S, seconds / 2))
        for topic, kind in self._image_topics(image).items():
            self._samplers[topic] = ImageSampler(self._node, topic, kind)
        self._spin(end_s - time.monotonic())
        for topic, sampler in self._samplers.items():
            found, facts = sampler.judge()
            self._report.findings += found
            self._report.images[topic] = facts
        self._judge_nodes()
        self._judge_qos()

    def _spin(self, duration_s: float) -> None:
        end_s = time.monotonic() + duration_s
        while (left_s := end_s - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=min(left_s, 0.1))

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.hardware_id != 'pose_ros' or not f'/{status.name}'.startswith(self._prefix):
                continue
            name, _, check = status.name.partition(': ')
            if not check:
                self._report.by_node[name] = []
                self._report.values[name] = {v.key: v.value for v in status.values}
            elif name in self._report.by_node:
                self._report.by_node[name] += findings_of(status)

    def _image_topics(self, wanted: str | None) -> dict[str, str]:
        """Return the topics of images to look at, with their types."""
        known = {
            name: kinds[0] for name, kinds in self._node.get_topic_names_and_types()
            if kinds[0] in IMAGE_KINDS
        }
        if wanted:
            topic = self._node.resolve_topic_name(wanted)
            compressed = topic.endswith('/compressed')
            return {topic: known.get(topic, IMAGE_KINDS[compressed])}
        found: dict[str, str] = {}
        for name, namespace in self._our_nodes():
            if name != 'pose_estimator':
                continue
            for topic, kinds in self._node.get_subscriber_names_and_types_by_node(name, namespace):
                if kinds[0] in IMAGE_KINDS and 'depth' not in topic.rpartition('/')[2].lower():
                    found[topic] = kinds[0]
        if not found:
            images = image_topics(self._node)
            found = {name: images[name] for name in similar_topics('', images)}
        return dict(list(found.items())[:_MOST_TOPICS])

    def _our_nodes(self) -> list[tuple[str, str]]:
        return [
            (name, namespace) for name, namespace in self._node.get_node_names_and_namespaces()
            if name in NODES and f'{namespace.rstrip("/")}/'.startswith(self._prefix)
        ]

    def _judge_nodes(self) -> None:
        """Say which nodes are missing, twice there, or mute."""
        counts = Counter(f'{ns.rstrip("/")}/{name}'.lstrip('/') for name, ns in self._our_nodes())
        report = self._report
        if not counts and not report.by_node:
            where = f' in namespace {self._prefix}' if self._prefix != '/' else ''
            report.not_seen.append(
                f'nodes: none of pose_ros runs{where} in domain '
                f'{self._node.context.get_domain_id()}')
        for name, count in sorted(counts.items()):
            if count > 1:
                report.findings.append(Finding(
                    Level.WARN, 'node', 'twice', f'{count} nodes are called {name}',
                    'end the one that was left over, or give them namespaces'))
            if name not in report.by_node:
                report.findings.append(Finding(
                    Level.WARN, 'node', 'mute',
                    f'{name} is there but says nothing on /diagnostics',
                    'it loads, hangs or has just died: look at its log; a longer --seconds tells'))

    def _judge_qos(self) -> None:
        """Say who cannot talk to whom on the topics of our nodes and of the images."""
        topics = set(self._samplers)
        for name, namespace in self._our_nodes():
            for listing in (
                self._node.get_publisher_names_and_types_by_node,
                self._node.get_subscriber_names_and_types_by_node,
            ):
                topics |= {topic for topic, _ in listing(name, namespace)}
        me = self._node.get_fully_qualified_name()
        for topic in sorted(topics - {'/rosout', '/parameter_events'}):
            publishers, subscriptions = endpoints(self._node, topic)
            self._report.findings += qos_findings(
                topic, publishers, [s for s in subscriptions if s.node != me])

