# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_tracker`: people of single images in, people with identity, velocity and covariance out.

Subscribes `pose`, publishes `pose/tracked`: one message for each one, with the same stamp.
"""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import KeyValue

from pose_ros.core.config import TrackerConfig
from pose_ros.core.tracker import Tracker
from pose_ros.msg import SkeletonArray
from pose_ros.ros.diagnostics import OK, WARN
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.messages import keypoints_from_msg, stamp_seconds, tracks_to_msg
from pose_ros.ros.spin import spin

_SILENT_AFTER_S = 2.0


class PoseTrackerNode(ManagedNode):
    """Runs Tracker on every message of `pose`."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('pose_tracker', TrackerConfig, **kwargs)
        self._tracker: Tracker | None = None
        self._publisher: Any = None
        self._subscription: Any = None
        self._last_pose_s = 0.0

    def configure(self) -> None:
        """Begin without tracks."""
        self._tracker = Tracker(self.config)
        self._publisher = self.create_publisher(SkeletonArray, 'pose/tracked', 10)

    def activate(self) -> None:
        """Subscribe."""
        self._last_pose_s = time.monotonic()
        self._subscription = self.create_subscription(SkeletonArray, 'pose', self._on_pose, 10)

    def deactivate(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self.destroy_subscription(self._subscription)
            self._subscription = None

    def cleanup(self) -> None:
        """Forget the tracks."""
        if self._publisher is not None:
            self.destroy_publisher(self._publisher)
            self._publisher = None
        self._tracker = None

    def apply(self, config: TrackerConfig) -> None:
        """Use other parameters from the next message on; the tracks stay."""
        if self._tracker is not None:
            self._tracker.configure(config)

    def health(self) -> tuple[bytes, str]:
        """Warn when nothing comes."""
        silent_s = time.monotonic() - self._last_pose_s
        if silent_s < _SILENT_AFTER_S:
            return OK, 'working'
        return WARN, f'nothing on {self._subscription.topic_name} for {silent_s:.0f} s'

    def details(self) -> list[KeyValue]:
        """Show what the tracker refused."""
        if self._tracker is None:
            return []
        counters = sorted(self._tracker.counters.items())
        return [KeyValue(key=name, value=str(count)) for name, count in counters]

    def _on_pose(self, msg: SkeletonArray) -> None:
        started_s = time.perf_counter()
        self._last_pose_s = time.monotonic()
        self.statistics.counts['received'] += 1
        tracker = self._tracker
        if tracker is None:
            return
        image_size = (int(msg.image_width), int(msg.image_height))
        keypoints = keypoints_from_msg(msg)
        updated_s = time.perf_counter()
        tracks = tracker.update(stamp_seconds(msg.header.stamp), keypoints, image_size)
        track_s = time.perf_counter() - updated_s
        tracked = tracks_to_msg(tracks, msg.header, image_size)
        tracked.track_ms = track_s * 1e3
        tracked.model = msg.model
        tracked.received = msg.received
        tracked.convert_ms, tracked.network_ms = msg.convert_ms, msg.network_ms
        tracked.detect_ms, tracked.refine_ms = msg.detect_ms, msg.refine_ms
        tracked.published = self.get_clock().now().to_msg()
        self._publisher.publish(tracked)
        self.statistics.counts['published'] += 1
        self.statistics.add('track', track_s)
        self.statistics.add('callback', time.perf_counter() - started_s)


def main(args: list[str] | None = None) -> int:
    """Run the node; return the exit status."""
    return spin(PoseTrackerNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
