# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a node counts, measures and checks of itself, and how /diagnostics shows it."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
import os
import re
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np
from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rclpy.utilities import get_rmw_implementation_identifier

from pose_ros.backends import has_nvidia_gpu
from pose_ros.core.backend import Backend
from pose_ros.diagnostics.findings import CHECKS, Finding, Level, ordered, worst
from pose_ros.diagnostics.stream_checks import ClockFacts, clock_findings
from pose_ros.diagnostics.topic_checks import Endpoint, qos_findings
from pose_ros.diagnostics.transport import profile_of, shared_memory_findings

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
PERCENTILES = (50, 95, 99)
NODE_CHECKS = ('node', 'health', 'clock', 'qos', 'transport')
"""The checks that every node makes."""
_FOREVER_NS = 2**63 - 1
_SILENT_AFTER_S = 2.0


class Statistics:
    """
    Counters and durations of a node.

    Attributes
    ----------
    counts : Counter
        Since the start of the node, by name.
    """

    def __init__(self, window: int = 1000) -> None:
        """Keep the latest `window` durations of each name."""
        self.counts: Counter[str] = Counter()
        self._durations_s: defaultdict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=window))

    def add(self, name: str, duration_s: float) -> None:
        """Note one duration in seconds."""
        self._durations_s[name].append(duration_s)

    def values(self) -> list[KeyValue]:
        """
        Write everything as key and value.

        Returns
        -------
        list of KeyValue
            Each counter under its name; each duration as `<name>_p50_ms`, `_p95_ms`, `_p99_ms`
            over the latest window.
        """
        found = [KeyValue(key=name, value=str(n)) for name, n in sorted(self.counts.items())]
        for name, durations in sorted(self._durations_s.items()):
            for percent, value in zip(PERCENTILES, np.percentile(durations, PERCENTILES)):
                found.append(KeyValue(key=f'{name}_p{percent}_ms', value=f'{value * 1e3:.3f}'))
        return found


class Throttle:
    """
    Lets one line in a while through and counts the rest.

    Lines that differ in their numbers only are the same line.
    """

    MOST_KINDS = 64

    def __init__(self, period_s: float = 5.0) -> None:
        """Let each kind of line through once per `period_s`."""
        self.period_s = period_s
        self._seen: dict[str, tuple[float, int]] = {}  # kind -> (said at, held back since)

    def pass_(self, line: str, now_s: float) -> str | None:
        """Return what to say at `now_s` (any steady clock), or None to keep quiet."""
        kind = re.sub(r'\d+', '#', line)
        said_s, held_back = self._seen.get(kind, (-float('inf'), 0))
        if now_s - said_s < self.period_s:
            self._seen[kind] = said_s, held_back + 1
            return None
        if kind not in self._seen and len(self._seen) >= self.MOST_KINDS:
            # Lines that never repeat (random input) would fill the memory.
            self._seen.clear()
        self._seen[kind] = now_s, 0
        return f'{line} ({held_back} more like this)' if held_back else line


class LastingProblem:
    """
    Chooses what /diagnostics says all the time that is worth a line on the console.

    Parameters
    ----------
    after_s : float
        How long one kind of finding must have been the worst.
    period_s : float
        Between the first two lines about it; twice as long each time after.
    """

    def __init__(self, after_s: float, period_s: float) -> None:
        self._after_s, self._period_s = after_s, period_s
        self._code, self._due_s, self._wait_s = '', 0.0, period_s

    def line(self, findings: Sequence[Finding], now_s: float) -> str:
        """Return what to say at `now_s` (any steady clock), empty for nothing."""
        bad = [f for f in ordered(findings) if f.level != Level.OK]
        code = bad[0].code if bad else ''
        if code != self._code:
            self._code, self._due_s, self._wait_s = code, now_s + self._after_s, self._period_s
        if not bad or now_s < self._due_s:
            return ''
        self._due_s, self._wait_s = now_s + self._wait_s, 2 * self._wait_s
        return bad[0].line()


def diagnostic_array(
    name: str, findings: Sequence[Finding], values: list[KeyValue], checks: Sequence[str]
) -> DiagnosticArray:
    """
    Write what a node has to say; the stamp is not filled.

    Parameters
    ----------
    name : str
        Of the node, without the leading slash.
    findings : sequence of Finding
        What its checks found.
    values : list of KeyValue
        What it counts and measures.
    checks : sequence of str
        Those it makes: each gets a status of its own, also while there is nothing to say.

    Returns
    -------
    DiagnosticArray
        First the status of the node, with all values, the level of the worst finding and its
        text; then `<name>: <check>` for each check, with the code and hint of what was found.
    """
    def status(suffix: str, level: Level, message: str, pairs: list[KeyValue]) -> DiagnosticStatus:
        return DiagnosticStatus(level=bytes([level]), name=f'{name}{suffix}', message=message,
                                hardware_id='pose_ros', values=pairs)

    found = ordered(findings)
    reasons = [f for f in found if f.level != Level.OK]
    message = reasons[0].line() if reasons else 'working'
    if len(reasons) > 1:
        message += f' (and {len(reasons) - 1} more)'
    statuses = [status('', worst(found), message, values)]
    for check in checks:
        own = [f for f in found if f.check == check]
        statuses.append(status(
            f': {check}', worst(own), '; '.join(f.line() for f in own) or 'fine',
            [KeyValue(key=f.code, value=f'{f.level.name} {f.text}|{f.hint}') for f in own]))
    return DiagnosticArray(status=statuses)


def findings_of(status: DiagnosticStatus) -> list[Finding]:
    """Read the findings of the status of a check, as `diagnostic_array` wrote them."""
    check = status.name.rpartition(': ')[2]
    found = []
    for pair in status.values:
        level, _, rest = pair.value.partition(' ')
        text, _, hint = rest.partition('|')
        if check in CHECKS and level in Level.__members__:
            found.append(Finding(Level[level], check, pair.key, text, hint))
    return found


class NodeChecks:
    """
    The checks that every node makes: its clock, its QoS, the shared memory.

    Incompatible QoS is an event of the middleware, which says that a policy did not fit, not of
    which peer, and never that it is over: the graph says that.

    Attributes
    ----------
    incompatible : Counter
        Peers with an incompatible QoS met so far, by the full name of the topic.
    """

    def __init__(self, node: Node) -> None:
        """Take the node before its own constructor runs: that one publishes already."""
        self._node = node
        self.incompatible: Counter[str] = Counter()
        self._overridable: set[str] = set()
        self._middleware = get_rmw_implementation_identifier()
        # Fast DDS takes its segment once, at the start: what is said about it stays so.
        self._profile = profile_of(os.environ)
        self._memory = shared_memory_findings(self._profile) if (
            'fastrtps' in self._middleware) else []

    def listen(self, topic: str, options: dict[str, Any], publishes: bool) -> None:
        """Add our callbacks to the arguments of create_publisher or create_subscription."""
        name = self._node.resolve_topic_name(topic)
        if options.get('qos_overriding_options') is not None:
            self._overridable.add(name)

        def on_event(event: Any) -> None:
            self.incompatible[name] += event.total_count_change

        callbacks = PublisherEventCallbacks if publishes else SubscriptionEventCallbacks
        options.setdefault('event_callbacks', callbacks(incompatible_qos=on_event))

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
        found = clock_findings(clock) + self._memory
        me = self._node.get_fully_qualified_name()
        for topic in self.incompatible:
            publishers, subscriptions = endpoints(self._node, topic)
            if all(p.node != me for p in publishers):
                subscriptions = [s for s in subscriptions if s.node == me]
            elif all(s.node != me for s in subscriptions):
                publishers = [p for p in publishers if p.node == me]
            found += qos_findings(
                topic, publishers, subscriptions, [me] if topic in self._overridable else [])
        return found

    def values(self) -> list[KeyValue]:
        """Return what this process runs on."""
        pairs = {
            'rmw': self._middleware,
            'domain': str(self._node.context.get_domain_id()),
            'shm_profile': self._profile,
        }
        return [KeyValue(key=key, value=value) for key, value in pairs.items()]


def stale_findings(
    node: Node, topic: str, source: str, heard_s: float, stale_after_s: float
) -> list[Finding]:
    """
    Say that the node `source` is not heard on a topic, and what to look at.

    Parameters
    ----------
    node : Node
        That listens.
    topic, source : str
        Full name of the topic; name of the node that should publish on it.
    heard_s : float
        When it was heard, time.monotonic().
    stale_after_s : float
        The parameter; two seconds are too long in any case.
    """
    silent_s = time.monotonic() - heard_s
    if silent_s < min(stale_after_s or _SILENT_AFTER_S, _SILENT_AFTER_S):
        return []
    hint = (f'is {source} active, and does it get images? pose_ros doctor says'
            if node.count_publishers(topic) else
            f'it has no publisher: start {source} in the same namespace and ROS_DOMAIN_ID')
    return [Finding(
        Level.WARN, 'health', 'stale', f'STALE: nothing on {topic} for {silent_s:.1f} s', hint)]


def runtime_findings(backend: Backend) -> list[Finding]:
    """Say when the networks run on the CPU though the kernel shows an NVIDIA GPU, and why."""
    instead = str(getattr(backend, 'instead', ''))
    if not instead:
        return []
    if has_nvidia_gpu():
        return [Finding(
            Level.WARN, 'backend', 'gpu_unused', f'the GPU is not used: {instead}',
            'mend it, or set backend: onnx if that is wanted')]
    return [Finding(
        Level.OK, 'backend', 'no_gpu', 'the networks run on the CPU: there is no NVIDIA GPU here')]


def endpoints(node: Node, topic: str) -> tuple[list[Endpoint], list[Endpoint]]:
    """Return publishers and subscriptions of a topic (full name), as the graph knows them."""
    return (
        [_endpoint(info) for info in node.get_publishers_info_by_topic(topic)],
        [_endpoint(info) for info in node.get_subscriptions_info_by_topic(topic)],
    )


def _endpoint(info: TopicEndpointInfo) -> Endpoint:
    def seconds(duration_ns: int) -> float:  # none and the largest are infinite
        return duration_ns * 1e-9 if 0 < duration_ns < _FOREVER_NS else float('inf')

    qos = info.qos_profile
    return Endpoint(
        node=f'{info.node_namespace.rstrip("/")}/{info.node_name}',
        type=info.topic_type,
        reliability=qos.reliability.name.lower(),
        durability=qos.durability.name.lower(),
        liveliness=qos.liveliness.name.lower(),
        deadline_s=seconds(qos.deadline.nanoseconds),
        lease_s=seconds(qos.liveliness_lease_duration.nanoseconds),
    )
