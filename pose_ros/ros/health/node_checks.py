# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The checks that every node makes: its clock, the shared memory, what the process takes."""

from __future__ import annotations

import os

from diagnostic_msgs.msg import KeyValue
from rclpy.node import Node
from rclpy.utilities import get_rmw_implementation_identifier

from pose_ros.core.health.findings import Finding
from pose_ros.core.health.load import process_findings
from pose_ros.core.health.stream import ClockFacts, clock_findings
from pose_ros.core.health.transport import shared_memory_findings
from pose_ros.ros.health.process_usage import UsageMeter
from pose_ros.ros.health.transport import segment_of, shared_memory


class NodeChecks:
    """The checks of one node."""

    CHECKS = ('clock', 'qos', 'transport', 'process')

    def __init__(self, node: Node) -> None:
        self._node = node
        self._meter = UsageMeter()
        self._usage = self._meter.read()
        self._middleware = get_rmw_implementation_identifier()
        # Fast DDS takes its segment once, at the start: what is said about it stays so.
        self._segment = segment_of(os.environ)
        self._memory = shared_memory()

    def clock(self) -> ClockFacts:
        """Return what the node's clock is and says."""
        node = self._node
        simulated = bool(node.get_parameter('use_sim_time').value)
        return ClockFacts(
            use_sim_time=simulated,
            now_s=node.get_clock().now().nanoseconds * 1e-9,
            clock_publishers=node.count_publishers('/clock') if simulated else 0,
        )

    def findings(self, clock: ClockFacts) -> list[Finding]:
        """Judge; to be called about once a second."""
        self._usage = self._meter.read()
        found = clock_findings(clock) + process_findings(self._usage)
        if 'fastrtps' in self._middleware:
            found += shared_memory_findings(self._memory, self._segment)
        return found

    def values(self) -> list[KeyValue]:
        """Return what is measured and what this process runs on."""
        usage = self._usage
        pairs = {
            'rmw': self._middleware,
            'domain': str(self._node.context.get_domain_id()),
            'shm_segment_bytes': str(self._segment.bytes),
            'shm_profile': self._segment.profile,
            'cpu_share': f'{usage.cpu_share:.3f}',
            'memory_mb': f'{usage.memory_bytes / 1e6:.1f}',
            'load': f'{usage.load:.2f}',
            'cores': str(usage.cores),
        }
        return [KeyValue(key=key, value=value) for key, value in pairs.items()]
