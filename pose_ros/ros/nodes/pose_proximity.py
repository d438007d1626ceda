# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_proximity`: how near people are to a zone, and whether they come nearer.

Subscribes `pose/tracked` and publishes `pose/proximity`, one message for each one with the same
stamp, and one with status STALE when none comes. Information, not certified safety.
"""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from diagnostic_msgs.msg import KeyValue
from geometry_msgs.msg import Point
import numpy as np
from std_msgs.msg import Header

from pose_ros.core.config import ProximityConfig
from pose_ros.core.pose3d.tracks3d import Tracks3D
from pose_ros.core.proximity.distance import proximity
from pose_ros.core.proximity.last_seen import LastSeenTracks
from pose_ros.core.proximity.zones import Zone, camera_from_pose, make_zone
from pose_ros.core.tracking.tracks import KeypointState, PositionSource, Tracks
from pose_ros.diagnostics.findings import Finding
from pose_ros.diagnostics.stream_checks import ClockFacts
from pose_ros.msg import Proximity, ProximityArray, SkeletonArray
from pose_ros.ros.conversions import stamp_ns, tracks3d_from_msg, tracks_from_msg
from pose_ros.ros.diagnostics import OK, WARN, stale_findings
from pose_ros.ros.managed_node import ManagedNode, StartError
from pose_ros.ros.transforms import NoTransform, Transforms, transforms_of
from pose_ros.ros.zone_place import FramePlace

_NAN = float('nan')


class PoseProximityNode(ManagedNode):
    """Measures every message of `pose/tracked` against one zone."""

    def __init__(
        self, connect: Callable[[ManagedNode], Transforms] = transforms_of, **kwargs: Any
    ) -> None:
        """Declare the parameters; `connect` gives the transforms, when they are wanted."""
        super().__init__('pose_proximity', ProximityConfig, **kwargs)
        self._connect = connect
        self._place: FramePlace | None = None
        self._last_seen = LastSeenTracks()
        self._output: Any = None
        self._subscription: Any = None
        self._timer: Any = None
        self._last: SkeletonArray | None = None
        self._heard_s = self._said_s = 0.0
        self._without_3d = False
        self._nowhere = ''

    def configure(self) -> None:
        """Check the zone, and find where it is."""
        try:
            self._check(self.config)
        except ValueError as error:
            raise StartError(str(error)) from error
        self._place = self._find_place(self.config)
        self._last, self._last_seen = None, LastSeenTracks()
        self._output = self.create_publisher(ProximityArray, 'pose/proximity', 10)

    def activate(self) -> None:
        """Subscribe, and watch that something comes."""
        self._heard_s = self._said_s = time.monotonic()
        self._subscription = self.create_subscription(
            SkeletonArray, 'pose/tracked', self._on_tracked, 10
        )
        self._start_watch(self.config)

    def deactivate(self) -> None:
        """Unsubscribe."""
        self.let_go('_timer', '_subscription')

    def cleanup(self) -> None:
        """Withdraw the topic."""
        self.let_go('_place', '_output')

    def apply(self, config: ProximityConfig) -> None:
        """Use another zone from the next message on; ValueError when it is none."""
        self._check(config)
        if self.is_active and config.stale_after_s != self.config.stale_after_s:
            self.let_go('_timer')
            self._start_watch(config)

    @staticmethod
    def _check(config: ProximityConfig) -> None:
        try:
            make_zone(config.zone_shape, config.zone)
        except ValueError as error:
            raise ValueError(f'zone: {error}') from error
        try:
            camera_from_pose(config.zone_pose)
        except ValueError as error:
            raise ValueError(f'zone_pose: {error}') from error

    def _find_place(self, config: ProximityConfig) -> FramePlace | None:
        """Return where the zone's frame is; None where the parameter zone_pose holds."""
        if not config.zone_frame:
            return None
        try:
            return FramePlace(self._connect(self), config.zone_frame)
        except ModuleNotFoundError as error:
            self.complain(
                'without_tf2',
                f'zone_frame {config.zone_frame!r}: not without {error.name}; the fixed '
                'zone_pose is taken instead',
            )
            return None

    def _start_watch(self, config: ProximityConfig) -> None:
        if config.stale_after_s > 0:
            self._timer = self.create_timer(
                min(config.stale_after_s / 4, 0.25), self._watch, clock=self._steady_clock
            )

    def health(self) -> tuple[bytes, str]:
        """Warn when nothing comes in 3-D."""
        if self._nowhere:
            return WARN, self._nowhere
        if self._without_3d:
            return WARN, 'people without 3-D positions: needs depth and camera_info'
        return OK, 'working'

    def findings(self, clock: ClockFacts) -> list[Finding]:
        """Say that nothing comes, and why that may be."""
        return stale_findings(self, self._subscription.topic_name, 'pose_tracker', self._heard_s,
                              self.config.stale_after_s)

    def details(self) -> list[KeyValue]:
        """Show the zone."""
        config = self.config
        return [KeyValue(key='zone', value=f'{config.zone_name} {config.zone_shape}')]

    def _on_tracked(self, msg: SkeletonArray) -> None:
        started_s = time.perf_counter()
        self.statistics.counts['received'] += 1
        if self._last is not None and self._last.header.frame_id != msg.header.frame_id:
            self._last_seen = LastSeenTracks()
        self._last = msg
        if msg.status != SkeletonArray.STALE:
            self._heard_s = time.monotonic()
        self._publish(msg, float(msg.stale_s), msg.status == SkeletonArray.STALE)
        self.statistics.add('measure', time.perf_counter() - started_s)

    def _watch(self) -> None:
        """Say STALE, once per `stale_after_s`."""
        now_s, limit_s = time.monotonic(), self.config.stale_after_s
        if now_s - max(self._heard_s, self._said_s) < limit_s or self._output is None:
            return
        last = self._last or SkeletonArray(header=Header())
        self._publish(last, now_s - self._heard_s, True)
        self.statistics.counts['stale'] += 1

    def _publish(self, msg: SkeletonArray, later_s: float, stale: bool) -> None:
        """Measure people as they are `later_s` after the stamp of `msg`, and send it."""
        self._said_s = time.monotonic()
        config = self.config
        answer = ProximityArray(
            header=msg.header, zone=config.zone_name, shape=config.zone_shape,
            confidence=config.confidence,
        )
        if stale:
            answer.status, answer.stale_s = ProximityArray.STALE, later_s
        zone = self._zone(msg)
        tracks, joints = tracks_from_msg(msg), tracks3d_from_msg(msg)
        seen = self._last_seen.update(
            joints.stamp_s, later_s, joints.id, joints.position, joints.velocity,
            joints.covariance,
        )
        people = [self._person(skeleton, later_s if stale else 0.0) for skeleton in msg.skeletons]
        if zone is None:
            for person in people:
                person.state = Proximity.NO_ZONE
        elif people:
            found = proximity(
                zone, seen.position, seen.velocity, seen.covariance, config.confidence,
                config.unseen_limbs, seen.sigma_m,
            )
            measured = _measured(tracks, joints) & (seen.sigma_m == 0.0)[:, None]
            for i, person in enumerate(people):
                if found.joint[i] >= 0:
                    _write(person, found, i, bool(measured[i, found.joint[i]]))
        self._without_3d = any(p.state == Proximity.NO_3D for p in people)
        if self._without_3d:
            self.statistics.counts['without_3d'] += 1
        answer.people = people
        self._output.publish(answer)
        self.statistics.counts['published'] += 1

    @staticmethod
    def _person(skeleton: Any, older_s: float) -> Proximity:
        nowhere = Point(x=_NAN, y=_NAN, z=_NAN)
        return Proximity(
            id=skeleton.id, track_state=skeleton.track_state, state=Proximity.NO_3D,
            since_seen_s=max(float(skeleton.since_seen_s), older_s), joint=Proximity.NO_JOINT,
            on_person=nowhere, on_zone=nowhere, distance_m=_NAN, distance_sigma_m=_NAN,
            bound_m=_NAN, rate_m_s=_NAN, rate_sigma_m_s=_NAN, time_to_contact_s=_NAN,
        )

    def _zone(self, msg: SkeletonArray) -> Zone | None:
        """Return the zone in the frame of the message; None, and said, when it is not known."""
        config = self.config
        try:
            where = camera_from_pose(config.zone_pose) if self._place is None else (
                self._place.look_up(
                    msg.header.frame_id, stamp_ns(msg.header.stamp), config.transform_hold_s))
        except NoTransform as error:
            self._nowhere = f'the zone is nowhere: {error}'
            self.complain('without_zone', self._nowhere)
            return None
        self._nowhere = ''
        return make_zone(config.zone_shape, config.zone, where)


def _measured(tracks: Tracks, joints: Tracks3D) -> np.ndarray:
    """Return which keypoints were measured in 3-D in this very image, (N, 17) bool."""
    observed = tracks.keypoint_state == int(KeypointState.OBSERVED)
    return observed & np.isin(joints.source, [PositionSource.DEPTH, PositionSource.MONOCULAR])


def _write(person: Proximity, found: Any, i: int, measured: bool) -> None:
    person.state = Proximity.MEASURED if measured else Proximity.PREDICTED
    person.joint, person.keypoints_known = int(found.joint[i]), int(found.joints[i])
    person.on_person = Point(**dict(zip('xyz', found.on_person[i].tolist())))
    person.on_zone = Point(**dict(zip('xyz', found.on_zone[i].tolist())))
    person.distance_m = float(found.distance_m[i])
    person.distance_sigma_m = float(found.sigma_m[i])
    person.bound_m = float(found.bound_m[i])
    person.rate_m_s = float(found.rate_m_s[i])
    person.rate_sigma_m_s = float(found.rate_sigma_m_s[i])
    person.time_to_contact_s = float(found.contact_s[i])
