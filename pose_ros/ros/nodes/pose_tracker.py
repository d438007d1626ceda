# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_tracker`: people of single images in, people with identity, velocity and covariance out.

Subscribes `pose`. Publishes `pose/tracked`, one message for each one with the same stamp, and one
with status STALE when none comes; `pose/predicted`, the people CONFIRMED or LOST carried forward;
`pose/target`, the person chosen by the service `pose/lock_target`, STALE likewise. Where `pose`
has positions in 3-D they are filtered as well; `camera_info` then tells the rays of keypoints
without depth. With tf2 the output may be in another frame, each body gets a TF frame
(`tf_output`), and velocities are relative to a frame that stands still (`camera_pose`).
"""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import KeyValue
import numpy as np
from std_msgs.msg import Header

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.config import TrackerConfig
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.body_frame import moved
from pose_ros.core.pose3d.tracker3d import Tracker3D
from pose_ros.core.pose3d.tracks3d import Tracks3D
from pose_ros.core.tracking.target_lock import TargetLock, TargetMode
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import Tracks, TrackState
from pose_ros.diagnostics.findings import Finding
from pose_ros.diagnostics.stream_checks import ClockFacts
from pose_ros.msg import SkeletonArray, Target
from pose_ros.ros.camera_input import CameraInput
from pose_ros.ros.camera_pose import CameraPose
from pose_ros.ros.conversions import (
    camera_motion_from_msg,
    joints_from_msg,
    keypoints_from_msg,
    seconds_since,
    stamp_from_ns,
    stamp_ns,
    stamp_seconds,
    tracks_to_msg,
)
from pose_ros.ros.diagnostics import OK, WARN, stale_findings
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.tf_output import FrameOutput
from pose_ros.ros.transforms import Transforms, transforms_of
from pose_ros.srv import LockTarget

_KNOWN_S = 0.3
"""Without the camera's motion for longer, velocities count as relative to the camera."""
_OTHER_CLOCK_S = 10.0
"""Images whose stamps are as far from this node's clock were stamped by another one."""


class PoseTrackerNode(ManagedNode):
    """
    Runs Tracker on every message of `pose`.

    Parameters
    ----------
    connect : callable
        Makes the Transforms of this node, when they are asked for.
    """

    def __init__(
        self, connect: Callable[[Any], Transforms] = transforms_of, **kwargs: Any
    ) -> None:
        super().__init__('pose_tracker', TrackerConfig, **kwargs)
        self._connect = connect
        self._tracker: Tracker | None = None
        self._space = Tracker3D()
        self._target = TargetLock()
        self._outputs: dict[str, Any] = {}
        self._subscription: Any = None
        self._camera: CameraInput | None = None
        self._frames: FrameOutput | None = None
        self._pose: CameraPose | None = None
        self._transforms: Transforms | None = None
        self._velocity_frame, self._moved_s = '', 0.0
        self._lock_service: Any = None
        self._periodic: list[Any] = []
        self._last: SkeletonArray | None = None
        self._last_pose_s = 0.0
        self._stale_said_s = 0.0

    def configure(self) -> None:
        """Begin without tracks and without a target."""
        self._tracker = Tracker(self.config)
        self._space = Tracker3D()
        self._target = TargetLock()
        self._last = None
        self._outputs = {
            'tracked': self.create_publisher(SkeletonArray, 'pose/tracked', 10),
            'predicted': self.create_publisher(SkeletonArray, 'pose/predicted', 10),
            'target': self.create_publisher(Target, 'pose/target', 10),
        }

    def activate(self) -> None:
        """Subscribe, serve and start the clocks."""
        self._last_pose_s = self._stale_said_s = time.monotonic()
        self._subscription = self.create_subscription(SkeletonArray, 'pose', self._on_pose, 10)
        if self.config.track_3d:
            self._camera = CameraInput(self, self.config.rectified, self._use_camera)
        self._frames = FrameOutput(self, self.config, self._connected)
        if self.config.fixed_frame and self.config.track_3d:
            self._pose = CameraPose(self, self.config.fixed_frame, self._connected)
        self._lock_service = self.create_service(LockTarget, 'pose/lock_target', self._on_lock)
        self._start_timers(self.config)

    def _connected(self, node: ManagedNode) -> Transforms:
        """Return the one listener to tf of this node."""
        self._transforms = self._transforms or self._connect(node)
        return self._transforms

    def deactivate(self) -> None:
        """Unsubscribe and stop."""
        self._stop_timers()
        self.let_go('_lock_service', '_subscription', '_camera', '_pose', '_frames')
        self._transforms = None

    def cleanup(self) -> None:
        """Forget the tracks."""
        for publisher in self._outputs.values():
            self.destroy_publisher(publisher)
        self._outputs = {}
        self._tracker = None

    def apply(self, config: TrackerConfig) -> None:
        """Use other parameters from the next message on; the tracks stay."""
        if self._tracker is not None:
            self._tracker.configure(config)
        if self._frames is not None:
            self._frames.apply(config)
        if self.is_active and (config.prediction_rate_hz, config.stale_after_s) != (
            self.config.prediction_rate_hz, self.config.stale_after_s
        ):
            self._stop_timers()
            self._start_timers(config)

    def _start_timers(self, config: TrackerConfig) -> None:
        if config.prediction_rate_hz > 0:
            self._periodic.append(
                self.create_timer(1.0 / config.prediction_rate_hz, self._publish_predicted)
            )
        if config.stale_after_s > 0:
            # Steady: a simulation that stands still gives no images either.
            self._periodic.append(
                self.create_timer(
                    min(config.stale_after_s / 4, 0.25), self._watch, clock=self._steady_clock
                )
            )

    def _stop_timers(self) -> None:
        for timer in self._periodic:
            self.destroy_timer(timer)
        self._periodic = []

    def health(self) -> tuple[bytes, str]:
        """Warn when TF lacks something."""
        for transforms in (self._frames, self._pose):
            if transforms is not None and transforms.reason:
                return WARN, transforms.reason
        return OK, 'working'

    def findings(self, clock: ClockFacts) -> list[Finding]:
        """Say that nothing comes, and why that may be."""
        return stale_findings(self, self._subscription.topic_name, 'pose_estimator',
                              self._last_pose_s, self.config.stale_after_s)

    def details(self) -> list[KeyValue]:
        """Show the age of what is known, what the tracker refused, and the target."""
        if self._tracker is None:
            return []
        counters = sorted(self._tracker.counters.items())
        found = [KeyValue(key=name, value=str(count)) for name, count in counters]
        found.append(KeyValue(key='stale_s', value=f'{time.monotonic() - self._last_pose_s:.3f}'))
        found.append(KeyValue(key='target', value=f'{self._target.state.name} {self._target.id}'))
        if self._frames is not None and self._frames.reason:
            found.append(KeyValue(key='frames', value=self._frames.reason))
        if self._pose is not None:
            found.append(KeyValue(
                key='fixed_frame', value=self._pose.reason or self.config.fixed_frame))
        return found

    def _on_pose(self, msg: SkeletonArray) -> None:
        self.statistics.counts['received'] += 1
        if self._tracker is None:
            return
        if msg.status == SkeletonArray.STALE:
            return  # no image bore it: what stands in it is old
        self._last_pose_s = time.monotonic()
        if self._pose is None:
            self._take(msg)
            return
        # What has no positions waits for no transform.
        waits = any(np.isfinite(skeleton.z).any() for skeleton in msg.skeletons)
        self._pose.when_known(
            msg.header, self.config.transform_timeout_s if waits else 0.0,
            lambda: self._take(msg))

    def _take(self, msg: SkeletonArray) -> None:
        """Track the people of a message, and publish."""
        started_s = time.perf_counter()
        tracker = self._tracker
        assert tracker is not None
        if self._last is not None and self._last.header.frame_id != msg.header.frame_id:
            # Tracks of different cameras never mix.
            self.complain(
                'frame_id_change',
                f'frame_id {self._last.header.frame_id!r} became {msg.header.frame_id!r}: '
                'all tracks end; one tracker follows one camera',
            )
            tracker.end_all()
            self._space.reset()
        image_size = (int(msg.image_width), int(msg.image_height))
        keypoints = keypoints_from_msg(msg)
        updated_s = time.perf_counter()
        tracks = tracker.update(
            stamp_seconds(msg.header.stamp), keypoints, image_size,
            camera_motion_from_msg(msg, self._last))
        track_s = time.perf_counter() - updated_s
        self._last = msg
        joints = self._track_3d(msg, keypoints, tracks) if self.config.track_3d else None
        self._target.update(tracks, image_size, self._hold_s())
        target = self._target_msg(image_size)
        facts = {**self._facts(msg), 'track_ms': track_s * 1e3}
        assert self._frames is not None
        self._frames.give(
            msg.header, joints,
            lambda joints, frame: self._publish_tracked(
                tracks, joints, Header(stamp=msg.header.stamp, frame_id=frame), facts, target))
        if joints is not None:
            self._frames.send_bodies(tracks, joints, msg.header)
        self.statistics.add('track', track_s)
        self.statistics.add('callback', time.perf_counter() - started_s)

    def _track_3d(
        self, msg: SkeletonArray, keypoints: Keypoints, tracks: Tracks
    ) -> Tracks3D | None:
        """Filter the positions of `pose`; None where it never had any."""
        motion = None if self._pose is None else self._pose.motion(msg.header)
        if motion is not None:
            self._moved_s = tracks.stamp_s
        # One transform that is late makes no other velocities.
        known = self._moved_s and 0.0 <= tracks.stamp_s - self._moved_s <= _KNOWN_S
        self._velocity_frame = self.config.fixed_frame if known else ''
        measured = joints_from_msg(msg)
        if self._space.is_empty and not np.isfinite(measured.position).any():
            return None
        started_s = time.perf_counter()
        self._space.process_noise = self.config.process_noise
        joints = self._space.update(
            tracks.stamp_s, tracks, *measured.of(tracks), camera_motion=motion
        ).of(tracks)
        self.statistics.add('3d', time.perf_counter() - started_s)
        return joints

    def _publish_tracked(
        self, tracks: Tracks, joints: Tracks3D | None, header: Header, facts: dict[str, Any],
        target: Target,
    ) -> None:
        tracked = tracks_to_msg(
            tracks, header, (target.image_width, target.image_height), joints,
            latency_s=seconds_since(header.stamp, self.get_clock().now().nanoseconds), **facts,
        )
        self._outputs['tracked'].publish(tracked)
        target.header = header
        target.skeletons = [s for s in tracked.skeletons if s.id == target.id]
        self._outputs['target'].publish(target)
        self.statistics.counts['stale' if 'status' in facts else 'published'] += 1

    def _use_camera(self, camera: CameraModel | None) -> None:
        self._space.camera = camera

    def _publish_predicted(self) -> None:
        publisher = self._outputs['predicted']
        tracker, last = self._tracker, self._last
        if tracker is None or last is None or not publisher.get_subscription_count():
            return
        started_s = time.perf_counter()
        now = self.get_clock().now()
        later_ns = int(now.nanoseconds + self.config.lead_time_s * 1e9)
        image_ns = stamp_ns(last.header.stamp)
        if abs(now.nanoseconds - image_ns) > _OTHER_CLOCK_S * 1e9 and not self._is_stale():
            self.complain(
                'other_clock',
                'the images are stamped by another clock '
                f'({(now.nanoseconds - image_ns) * 1e-9:.1f} s behind this one): nothing can be '
                'predicted to now. Is use_sim_time as it should be?',
            )
        # Relative to the image's stamp as the tracker holds it, so that no digit is lost.
        image_s = stamp_seconds(last.header.stamp)
        tracks = tracker.predict(image_s + (later_ns - image_ns) * 1e-9)
        tracks = tracks.select(tracks.state != TrackState.TENTATIVE)
        joints = None
        if not self._space.is_empty:
            joints = self._space.predict(tracks.stamp_s).of(tracks)
        assert self._frames is not None
        # Where the camera is by now, if tf knows.
        frame = self._frames.target or last.header.frame_id
        there = None if joints is None or self._pose is None else (
            self._pose.frame_now(frame, last.header))
        if joints is not None and there is not None:
            joints = moved(joints, there)
        else:
            joints, frame = self._frames.now(joints, last.header.frame_id, image_ns)
        publisher.publish(tracks_to_msg(
            tracks, Header(stamp=stamp_from_ns(later_ns), frame_id=frame),
            (int(last.image_width), int(last.image_height)), joints,
            latency_s=seconds_since(last.header.stamp, now.nanoseconds),
            **self._facts(last), **self._staleness(),
        ))
        self.statistics.add('predict', time.perf_counter() - started_s)

    def _facts(self, pose: SkeletonArray) -> dict[str, Any]:
        """Return what a message of `pose` tells of its making, for those that follow it."""
        names = ('model', 'transport_s', 'convert_ms', 'detect_ms', 'refine_ms', 'network_ms')
        return {
            'image_frame_id': pose.header.frame_id,
            'velocity_frame_id': self._velocity_frame or pose.header.frame_id,
            **{name: getattr(pose, name) for name in names},
        }

    def _is_stale(self) -> bool:
        limit_s = self.config.stale_after_s
        return limit_s > 0 and time.monotonic() - self._last_pose_s > limit_s

    def _staleness(self) -> dict[str, Any]:
        if not self._is_stale():
            return {}
        return {
            'status': SkeletonArray.STALE, 'stale_s': time.monotonic() - self._last_pose_s,
        }

    def _watch(self) -> None:
        """Say STALE on `pose/tracked` and `pose/target`, once per `stale_after_s`."""
        now_s = time.monotonic()
        waited_s = now_s - max(self._stale_said_s, self._last_pose_s)
        if not self._is_stale() or waited_s < self.config.stale_after_s or self._tracker is None:
            return
        self._stale_said_s = now_s
        last = self._last or SkeletonArray(header=Header(stamp=Time()))
        size = (int(last.image_width), int(last.image_height))
        image_s = stamp_seconds(last.header.stamp)
        tracks = self._tracker.predict(image_s + now_s - self._last_pose_s)
        assert self._frames is not None
        frame = self._frames.target or last.header.frame_id
        stale = {
            'image_frame_id': last.header.frame_id,
            'velocity_frame_id': self._velocity_frame or last.header.frame_id,
            **self._staleness()}
        self._publish_tracked(
            tracks, None, Header(stamp=last.header.stamp, frame_id=frame), stale,
            self._target_msg(size, stale['stale_s']))

    def _on_lock(self, request: Any, response: Any) -> Any:
        try:
            self._target.choose(TargetMode(request.mode), int(request.id))
        except ValueError as error:
            response.success, response.message = False, str(error)
            return response
        if self._tracker is not None and self._last is not None:
            size = (int(self._last.image_width), int(self._last.image_height))
            tracks = self._tracker.predict(stamp_seconds(self._last.header.stamp))
            self._target.update(tracks, size, self._hold_s())
        response.success, response.id = True, self._target.id
        response.message = f'{self._target.state.name} {self._target.id or ""}'.strip()
        return response

    def _hold_s(self) -> float:
        """Return how long the target is waited for: longer where its looks are known."""
        config = self.config
        if self._tracker is None or not self._tracker.waits_for(self._target.id):
            return config.target_hold_s
        return max(config.target_hold_s, config.reidentify_s)

    def _target_msg(self, image_size: tuple[int, int], stale_s: float = 0.0) -> Target:
        """Return it without its header and skeleton."""
        target = self._target
        return Target(
            state=Target.STALE if stale_s else int(target.state), id=target.id,
            lost_s=target.lost_s + (stale_s if target.id else 0.0), stale_s=stale_s,
            image_width=image_size[0], image_height=image_size[1],
        )
