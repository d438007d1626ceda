# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_recorder`: keeps what the other nodes say, in files that other tools open.

Subscribes `pose`, `pose/tracked`, `pose/overlay` and `/diagnostics`. Writes into `folder`, done
when the node is deactivated or ends: annotated.mp4, contact_sheet.png, skeletons.jsonl, the MCAP
bag `bag/` of `pose` and `pose/tracked`, summary.json. Prints a live line meanwhile.

When a file cannot be written (the disk is full) it is said once, /diagnostics is ERROR, and what
comes after is counted as `not_recorded`; what was written before is finished as well as possible.
"""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path
import sys
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from pose_ros.core.config import RecorderConfig
from pose_ros.media.contact_sheet import ContactSheet
from pose_ros.media.skeleton_lines import SkeletonLines
from pose_ros.media.video import VideoRecorder
from pose_ros.msg import SkeletonArray
from pose_ros.ros.conversions import stamp_seconds, tracks_from_msg
from pose_ros.ros.diagnostics import ERROR
from pose_ros.ros.images import ImageError, image_from_msg
from pose_ros.ros.managed_node import ManagedNode, StartError
from pose_ros.ros.process import take_your_time
from pose_ros.ros.recording.bag import BagError, SkeletonBag
from pose_ros.ros.recording.summary import RecordingSummary

POSE, TRACKED, OVERLAY = 'pose', 'pose/tracked', 'pose/overlay'


class PoseRecorderNode(ManagedNode):
    """Writes skeletons and overlay to files while active."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('pose_recorder', RecorderConfig, **kwargs)
        self._folder = Path()
        self._summary = RecordingSummary()
        self._listening: list[Any] = []
        self._line_timer: Any = None
        self._lines: SkeletonLines | None = None
        self._bag: SkeletonBag | None = None
        self._video: VideoRecorder | None = None
        self._sheet = ContactSheet()
        self._first_stamp_s: float | None = None
        self._last_stamp_s = 0.0
        self._overlays = 0
        self._write_failure = ''

    def configure(self) -> None:
        """Make the folder."""
        self._folder = Path(self.config.folder).expanduser()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartError(f'cannot make the folder {self._folder}: {error.strerror}') from error

    def activate(self) -> None:
        """Open the files and listen."""
        self._summary, self._write_failure = RecordingSummary(), ''
        self._sheet, self._first_stamp_s, self._overlays = ContactSheet(), None, 0
        self._last_stamp_s = 0.0
        topics = {name: self.resolve_topic_name(name) for name in (POSE, TRACKED)}
        try:
            self._lines = SkeletonLines(self._folder / 'skeletons.jsonl')
            if self.config.bag:
                self._bag = SkeletonBag(self._folder / 'bag', list(topics.values()))
        except (BagError, OSError) as error:
            raise StartError(f'cannot record: {error}') from error
        # Raw: the bag gets the bytes as they came.
        self._listen(SkeletonArray, POSE, self._on_pose, QoSProfile(depth=50), raw=True)
        self._listen(SkeletonArray, TRACKED, self._on_tracked, QoSProfile(depth=50), raw=True)
        self._listen(DiagnosticArray, '/diagnostics', self._on_diagnostics, QoSProfile(depth=50))
        if self.config.video:
            self._video = VideoRecorder(self._folder / 'annotated.mp4', self.config.video_hz)
            reliable = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
            self._listen(Image, OVERLAY, self._on_overlay, reliable)
        if self.config.line_period_s:
            self._line_timer = self.create_timer(
                self.config.line_period_s, self._print_line, clock=self._steady_clock
            )

    def deactivate(self) -> None:
        """Stop listening and finish the files."""
        # Half a file is worse than ending late: no alarm of `spin` while they are finished.
        take_your_time()
        if self._line_timer is not None:
            self._print_line()
            self.destroy_timer(self._line_timer)
            self._line_timer = None
        for subscription in self._listening:
            self.destroy_subscription(subscription)
        self._listening = []
        if self._lines is None:
            return
        endings = [self._lines.close]
        if self._bag is not None:
            endings.append(self._bag.close)
        if self._video is not None:
            endings.append(self._video.close)
        if self._overlays:
            endings.append(lambda: self._sheet.write(self._folder / 'contact_sheet.png'))
        for finish in (*endings, self._write_summary):
            # Each by itself: what can be finished is.
            self._or_say(finish)
        self._lines = self._bag = self._video = None

    def health(self) -> tuple[bytes, str]:
        """Tell when nothing is recorded any more."""
        return (ERROR, self._write_failure) if self._write_failure else super().health()

    def _write_summary(self) -> None:
        report = {'overlays': self._overlays, **self._summary.report()}
        text = json.dumps(report, indent=1, allow_nan=False) + '\n'
        (self._folder / 'summary.json').write_text(text, encoding='utf-8')

    def _or_say(self, write: Callable[[], None]) -> None:
        """Write something; say once when it cannot be written."""
        try:
            write()
        except OSError as error:
            failure = f'cannot write into {self._folder}: {error.strerror or error}'
            if not self._write_failure:
                self.get_logger().error(f'{failure}; nothing more is recorded')
            self._write_failure = failure

    def _record(self, write: Callable[[], None]) -> None:
        """Write something that came, unless writing has failed before."""
        if not self._write_failure:
            self._or_say(write)
        if self._write_failure:
            self.statistics.counts['not_recorded'] += 1

    def _listen(self, kind: type[Any], topic: str, callback: Any, qos: QoSProfile,
                raw: bool = False) -> None:
        self._listening.append(self.create_subscription(kind, topic, callback, qos, raw=raw))

    def _on_pose(self, data: bytes) -> None:
        self._keep(POSE, data)
        msg = deserialize_message(data, SkeletonArray)
        stamp_s = stamp_seconds(msg.header.stamp)
        self._summary.count_pose(stamp_s, msg.latency_s, float(msg.network_ms))

    def _on_tracked(self, data: bytes) -> None:
        self._keep(TRACKED, data)
        msg = deserialize_message(data, SkeletonArray)
        if self._lines is None or msg.status == SkeletonArray.STALE:
            return
        tracks = tracks_from_msg(msg)
        lines, size = self._lines, (int(msg.image_width), int(msg.image_height))
        self._record(lambda: lines.write(tracks, size))
        self._summary.count_tracked(tracks, msg.latency_s, float(msg.track_ms), time.monotonic())

    def _keep(self, topic: str, data: bytes) -> None:
        bag = self._bag
        if bag is not None:
            now_ns = self.get_clock().now().nanoseconds
            self._record(lambda: bag.write(self.resolve_topic_name(topic), now_ns, data))

    def _on_overlay(self, msg: Image) -> None:
        if self._video is None:
            return
        try:
            image = np.ascontiguousarray(image_from_msg(msg))
            stamp_s = stamp_seconds(msg.header.stamp)
            if self._first_stamp_s is None:
                self._first_stamp_s = stamp_s
            elif stamp_s == self._last_stamp_s != 0.0:
                return  # the same image again, with a banner that says STALE
            self._last_stamp_s = stamp_s
            video = self._video
            self._record(lambda: video.write(image, stamp_s))
        except ImageError as error:
            self.complain('bad_overlays', f'an overlay is not recorded: {error}')
            return
        # The overlay is drawn when the skeletons are there: the newest ones are those of it.
        self._sheet.add(image, f'{stamp_s - self._first_stamp_s:.2f} s', stamp_s,
                        self._summary.people)
        self._overlays += 1

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.hardware_id == 'pose_ros' and ': ' not in status.name:
                name = status.name.rpartition('/')[2]
                self._summary.nodes[name] = {v.key: v.value for v in status.values}
                if status.level == ERROR:
                    self._summary.failures[name] = status.message
                else:
                    self._summary.failures.pop(name, None)

    def _print_line(self) -> None:
        line = self._summary.line(time.monotonic())
        # On a terminal the line stays in its place.
        print(f'\r{line:<78}' if sys.stdout.isatty() else line,
              end='' if sys.stdout.isatty() else '\n', flush=True)
