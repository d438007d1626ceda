# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The doctor's look at ROS: what the nodes say, the endpoints of each topic, and some images."""

from __future__ import annotations

from collections import Counter
import math
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from pose_ros.core.camera_image import ENCODINGS, standard_encoding
from pose_ros.diagnostics.findings import Finding, Level
from pose_ros.diagnostics.report import Report
from pose_ros.diagnostics.stream_checks import ClockFacts, camera_info_findings, uncalibrated
from pose_ros.diagnostics.topic_checks import (
    IMAGE_TYPES,
    qos_findings,
    similar_topics,
    video_findings,
)
from pose_ros.ros.diagnostics import endpoints, findings_of
from pose_ros.ros.image_checks import ImageChecks, image_topics
from pose_ros.ros.nodes import NODES

_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)  # takes from all
_DISCOVERY_S = 0.6  # on a quiet machine all is known within 0.2 s
_LONGER_S = 3.0  # discovery may take 2.2 s, and a node speaks once a second
_MOST_TOPICS = 4  # of images that are looked at
_STEP_S = 0.1


def look_at_graph(report: Report, seconds: float, image: str | None, namespace: str) -> None:
    """
    Look at everything that runs for a while, and write it into the report.

    Parameters
    ----------
    report : Report
        Gets findings, values and what could not be seen.
    seconds : float
        How long; up to 3 s longer while a node that is there has not spoken, or images that
        are published have not come.
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
        _GraphProbe(report, node, executor, namespace).look(seconds, image)
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)


class _GraphProbe:
    """One look."""

    def __init__(
        self, report: Report, node: Node, executor: SingleThreadedExecutor, namespace: str
    ) -> None:
        self._report, self._node, self._executor = report, node, executor
        self._prefix = f'/{namespace}/' if namespace else '/'
        self._probes: dict[str, _ImageProbe] = {}
        node.create_subscription(
            DiagnosticArray, '/diagnostics', self._on_diagnostics, QoSProfile(depth=50))

    def look(self, seconds: float, image: str | None) -> None:
        """Look for so many seconds, or a little longer."""
        report = self._report
        report.machine['rmw'] = get_rmw_implementation_identifier()
        began_s = time.monotonic()
        while (passed_s := time.monotonic() - began_s) < seconds or (
                passed_s < seconds + _LONGER_S and self._waits()):
            if image or passed_s >= min(_DISCOVERY_S, seconds / 2):
                self._probe_images(image)
            until_s = time.monotonic() + _STEP_S
            while (left_s := until_s - time.monotonic()) > 0:
                self._executor.spin_once(timeout_sec=left_s)
        for topic, probe in self._probes.items():
            report.findings += probe.findings()
            report.images[topic] = probe.facts()
        if not self._probes:
            report.findings += video_findings(image_topics(self._node))
        self._judge_nodes()
        self._judge_qos()

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

    def _waits(self) -> bool:
        """Whether something that is there has not been heard yet."""
        return any(name not in self._report.by_node for name in self._our_names()) or any(
            probe.waits() for probe in self._probes.values())

    def _probe_images(self, wanted: str | None) -> None:
        """Subscribe the topics of images to look at, as soon as they are known."""
        node = self._node
        known = {name: types[0] for name, types in node.get_topic_names_and_types()
                 if types[0] in IMAGE_TYPES}
        found = {}
        if wanted:
            topic = node.resolve_topic_name(wanted)
            found = {topic: known.get(topic, IMAGE_TYPES[topic.endswith('/compressed')])}
        for name, namespace in () if wanted else self._our_nodes():
            if name != 'pose_estimator':
                continue
            for topic, types in node.get_subscriber_names_and_types_by_node(name, namespace):
                if types[0] in IMAGE_TYPES and 'depth' not in topic.rpartition('/')[2].lower():
                    found[topic] = types[0]
        if not found and not self._probes:
            images = {n: kind for n, kind in image_topics(node).items() if kind in IMAGE_TYPES}
            found = {name: images[name] for name in similar_topics('', images)}
        for topic, kind in found.items():
            if topic not in self._probes and len(self._probes) < _MOST_TOPICS:
                self._probes[topic] = _ImageProbe(node, topic, kind)

    def _our_nodes(self) -> list[tuple[str, str]]:
        return [
            (name, namespace) for name, namespace in self._node.get_node_names_and_namespaces()
            if name in NODES and f'{namespace.rstrip("/")}/'.startswith(self._prefix)
        ]

    def _our_names(self) -> list[str]:
        """Return the full names of our nodes, as they stand on /diagnostics."""
        return [f'{ns.rstrip("/")}/{name}'.lstrip('/') for name, ns in self._our_nodes()]

    def _judge_nodes(self) -> None:
        """Say which nodes are missing, twice there, or mute."""
        counts, report = Counter(self._our_names()), self._report
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
        """Say what QoS keeps apart on the topics of our nodes and of the images."""
        node, topics = self._node, set(self._probes)
        for name, namespace in self._our_nodes():
            for listing in (node.get_publisher_names_and_types_by_node,
                            node.get_subscriber_names_and_types_by_node):
                topics |= {topic for topic, _ in listing(name, namespace)}
        me = node.get_fully_qualified_name()
        for topic in sorted(topics - {'/rosout', '/parameter_events'}):
            publishers, subscriptions = endpoints(node, topic)
            self._report.findings += qos_findings(
                topic, publishers, [s for s in subscriptions if s.node != me])


class _ImageProbe:
    """A look at a topic of images and at the camera_info beside it."""

    def __init__(self, node: Node, topic: str, kind: str) -> None:
        self._node, self._topic, self._kind = node, topic, kind
        self._encodings: set[str] = set()
        self._size: tuple[int, int] | None = None
        self._info: CameraInfo | None = None
        self._received = 0
        base = topic.removesuffix('/compressed')
        self._info_topic = f'{base.rpartition("/")[0]}/camera_info'
        self._checks = ImageChecks(node, lambda: subscription)
        subscription = node.create_subscription(
            Image if kind == IMAGE_TYPES[0] else CompressedImage, topic,
            self._checks.counting(self._on_image), _QOS)
        node.create_subscription(CameraInfo, self._info_topic, self._on_info, _QOS)

    def _on_image(self, msg: Any, dropped: int | None = None) -> None:
        self._checks.came(msg, self._node.get_clock().now().nanoseconds, dropped)
        self._received += 1
        if isinstance(msg, Image):
            self._encodings.add(standard_encoding(msg.encoding))
            self._size = (int(msg.width), int(msg.height))
        else:
            self._encodings.add(msg.format)

    def _on_info(self, msg: CameraInfo) -> None:
        self._info = msg

    def waits(self) -> bool:
        """Whether images are published and too few have come to judge them."""
        return self._received < 10 and self._node.count_publishers(self._topic) > 0

    def findings(self) -> list[Finding]:
        """Judge the images and their camera_info."""
        if not self._received:
            return self._checks.silent_findings()
        found = self._checks.findings(self._clock(), 0.0)
        unknown = sorted(self._encodings - set(ENCODINGS))
        if self._kind == IMAGE_TYPES[0] and unknown:
            found.append(Finding(
                Level.WARN, 'image', 'encoding',
                f'images on {self._topic} have the encoding {", ".join(unknown)}',
                "set the driver's pixel format to bgr8 or rgb8; others need cv_bridge"))
        info, publishers = self._info, self._node.count_publishers(self._info_topic)
        if info is None:
            return found + camera_info_findings(self._info_topic, publishers, None)
        # Whether the nodes take K or P is theirs to say: one of the two is enough here.
        problem = uncalibrated(info.k, info.p, False) and uncalibrated(info.k, info.p, True)
        return found + camera_info_findings(
            self._info_topic, publishers, problem, (int(info.width), int(info.height)), self._size)

    def facts(self) -> dict[str, Any]:
        """Return what the images are, for the report; to be called after `findings`."""
        publishers, _ = endpoints(self._node, self._topic)
        facts: dict[str, Any] = {
            'publishers': ', '.join(
                f'{p.node} ({p.reliability}, {p.durability})' for p in publishers) or 'none',
            'received': self._received,
        }
        if self._received:
            stream = self._checks.stream
            facts |= {
                'type': self._kind,
                'encoding': ', '.join(sorted(self._encodings)),
                'size': 'x'.join(map(str, self._size)) if self._size else 'compressed',
                'rate_hz': _rounded(stream.rate_hz),
                'uneven': _rounded(stream.uneven),
                'age_s': _rounded(stream.age_s),
                'lost': f'{100 * stream.drop_share:.0f} %',
            }
        return facts

    def _clock(self) -> ClockFacts:
        """Return our clock; in simulated time the nodes judge the stamps, we cannot."""
        now_s = self._node.get_clock().now().nanoseconds * 1e-9
        simulated = self._node.count_publishers('/clock') > 0
        return ClockFacts(use_sim_time=simulated, now_s=0.0 if simulated else now_s)


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
