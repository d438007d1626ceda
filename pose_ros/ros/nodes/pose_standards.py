# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_standards`: tracked people in the messages that other packages understand.

`pose/points`, sensor_msgs/PointCloud2: the keypoints in 3-D of the people CONFIRMED or LOST, for
Nav2. With hri_msgs, in the style of REP-155 (https://ros.org/reps/rep-0155.html, a draft): the
ids on `humans/bodies/tracked`, and `humans/bodies/<id>/skeleton2d` and `/roi` for each. Not
`/cropped`, which full conformance asks for. With vision_msgs: `pose/detections`, a box for each.
It works only while someone listens to one of them.

An empty cloud says that an image shows no person. Without an image there is no cloud either: what
waits for it shall notice the silence, not take it for free space.
"""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np
from rclpy.exceptions import InvalidTopicNameException
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from pose_ros.core.config import StandardsConfig
from pose_ros.msg import Skeleton, SkeletonArray
from pose_ros.ros.diagnostics import OK, WARN
from pose_ros.ros.managed_node import ManagedNode, StartError
from pose_ros.ros.standard_messages import (
    detections,
    ids_list,
    package_messages,
    people_points,
    region2d,
    skeleton2d,
)

_LISTENERS_EVERY_S = 0.25
_SILENT_AFTER_S = 2.0  # without skeletons for so long no person is tracked any more


class PoseStandardsNode(ManagedNode):
    """Rewrites every message of `pose/tracked`."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('pose_standards', StandardsConfig, **kwargs)
        self._hri_msgs: Any = None
        self._vision_msgs: Any = None
        self._tracked: Any = None
        self._detections: Any = None
        self._points: Any = None
        self._without_3d = False
        self._bodies: dict[str, dict[str, Any]] = {}
        self._subscription: Any = None
        self._timer: Any = None
        self._heard_s = 0.0
        self._last_header = Header()

    def configure(self) -> None:
        """Offer the topics of the packages that are installed."""
        prefix = self.config.body_id_prefix
        if not re.fullmatch(r'[A-Za-z][A-Za-z0-9_]*', prefix):
            raise StartError(
                f'body_id_prefix is {prefix!r}: REP-155 and topic names want a letter first, then '
                'letters, digits and underscores')
        self._points = self.create_publisher(PointCloud2, 'pose/points', 10)
        self._hri_msgs = package_messages('hri_msgs')
        self._vision_msgs = package_messages('vision_msgs')
        if self._hri_msgs is not None:
            try:
                self._tracked = self.create_publisher(
                    self._hri_msgs.IdsList, f'{self.config.bodies}/tracked', 10)
            except InvalidTopicNameException as error:
                raise StartError(f'bodies is {self.config.bodies!r}: {error}') from error
        if self._vision_msgs is not None:
            self._detections = self.create_publisher(
                self._vision_msgs.Detection2DArray, 'pose/detections', 10)
        if self._missing():
            self.get_logger().warning(self._missing())

    def activate(self) -> None:
        """Look for listeners."""
        self._timer = self.create_timer(
            _LISTENERS_EVERY_S, self._watch, clock=self._steady_clock
        )
        self._follow_listeners()

    def deactivate(self) -> None:
        """Say that no person is tracked, unsubscribe."""
        self.let_go('_timer')
        self._track_nobody()
        self._stop()

    def cleanup(self) -> None:
        """Withdraw the topics."""
        self.let_go('_tracked', '_detections', '_points')

    def health(self) -> tuple[bytes, str]:
        """Warn of people who are not in the cloud, and of what is not installed."""
        if self._without_3d:
            return WARN, ('people without 3-D positions are not on pose/points: '
                          'needs depth and camera_info')
        missing = self._missing()
        return (WARN, missing) if missing else (OK, 'working')

    def _missing(self) -> str:
        lacking = [
            f'{name} is not installed: no {topic}' for name, module, topic in (
                ('hri_msgs', self._hri_msgs, f'{self.config.bodies}/...'),
                ('vision_msgs', self._vision_msgs, 'pose/detections'),
            ) if module is None
        ]
        if not lacking:
            return ''
        return '; '.join(lacking) + ' (packages ros-<distro>-hri-msgs, ros-<distro>-vision-msgs)'

    def _watch(self) -> None:
        self._follow_listeners()
        if self._subscription is not None and (
            time.monotonic() - self._heard_s > _SILENT_AFTER_S
        ):
            self._track_nobody()

    def _bodies_wanted(self) -> bool:
        publishers = [p for body in self._bodies.values() for p in body.values()]
        return any(map(_is_heard, [*publishers, self._tracked]))

    def _follow_listeners(self) -> None:
        wanted = (
            self._bodies_wanted() or _is_heard(self._detections) or _is_heard(self._points))
        if wanted and self._subscription is None:
            self._heard_s = time.monotonic()
            self._subscription = self.create_subscription(
                SkeletonArray, 'pose/tracked', self._on_skeletons, 10)
        elif not wanted:
            self._stop()

    def _stop(self) -> None:
        self.let_go('_subscription')
        self._without_3d = False
        self._keep_bodies(set())

    def _on_skeletons(self, msg: SkeletonArray) -> None:
        started_s = time.perf_counter()
        self._heard_s = time.monotonic()
        self._last_header = msg.header
        if msg.status == SkeletonArray.STALE or 0 in (msg.image_width, msg.image_height):
            self._track_nobody()
            return
        self.statistics.counts['skeletons'] += 1
        certain = [
            s for s in msg.skeletons if s.track_state in (Skeleton.CONFIRMED, Skeleton.LOST)]
        seen = [s for s in certain if s.since_seen_s == 0 and bool(np.isfinite(s.box).all())]
        if self._bodies_wanted():
            self._publish_bodies(certain, seen, msg)
        if _is_heard(self._detections):
            self._detections.publish(detections(self._vision_msgs, seen, msg.header))
            self.statistics.counts['detections'] += 1
        heard = _is_heard(self._points)
        self._without_3d = heard and any(not np.isfinite(s.x).any() for s in certain)
        if heard:
            self._points.publish(people_points(certain, msg.header))
            self.statistics.counts['clouds'] += 1
        self.statistics.add('callback', time.perf_counter() - started_s)

    def _publish_bodies(
        self, certain: list[Skeleton], seen: list[Skeleton], msg: SkeletonArray
    ) -> None:
        names = {int(s.id): f'{self.config.body_id_prefix}{s.id}' for s in certain}
        self._keep_bodies(set(names.values()))
        self._tracked.publish(ids_list(self._hri_msgs, sorted(names.values()), msg.header))
        self.statistics.counts['ids_lists'] += 1
        for skeleton in seen:
            topics = self._bodies[names[int(skeleton.id)]]
            if _is_heard(topics['skeleton2d']):
                topics['skeleton2d'].publish(skeleton2d(self._hri_msgs, skeleton, msg))
                self.statistics.counts['skeletons2d'] += 1
            if _is_heard(topics['roi']):
                topics['roi'].publish(region2d(self._hri_msgs, skeleton, msg))

    def _keep_bodies(self, names: set[str]) -> None:
        """Have publishers for these people and for no one else."""
        for gone in set(self._bodies) - names:
            for publisher in self._bodies.pop(gone).values():
                self.destroy_publisher(publisher)
        for name in sorted(names - set(self._bodies)):
            below = f'{self.config.bodies}/{name}'
            self._bodies[name] = {
                'skeleton2d': self.create_publisher(
                    self._hri_msgs.Skeleton2D, f'{below}/skeleton2d', 10),
                'roi': self.create_publisher(
                    self._hri_msgs.NormalizedRegionOfInterest2D, f'{below}/roi', 10),
            }

    def _track_nobody(self) -> None:
        """Say once that the people of before are not tracked any more."""
        if self._bodies and self._tracked is not None:
            self._tracked.publish(ids_list(self._hri_msgs, [], self._last_header))
        self._keep_bodies(set())


def _is_heard(publisher: Any) -> bool:
    return publisher is not None and publisher.get_subscription_count() > 0
