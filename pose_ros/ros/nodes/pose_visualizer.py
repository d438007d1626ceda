# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_visualizer`: skeletons as markers for RViz, and drawn into the image they were seen in.

Publishes `pose/markers` and `pose/overlay`, and works only while someone listens: without
subscribers it subscribes nothing itself, so that a robot pays nothing for it. When skeletons say
STALE, or stop coming, the markers go and the latest image gets a red banner.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.config import VisualizerConfig
from pose_ros.core.intensity_range import IntensityRange
from pose_ros.core.pose3d.display_points import display_points
from pose_ros.core.tracking.tracks import Tracks, TrackState
from pose_ros.media.overlay import draw_keypoints, draw_tracks, people_in
from pose_ros.msg import SkeletonArray
from pose_ros.ros.calibration import default_camera
from pose_ros.ros.camera_input import CameraInput
from pose_ros.ros.conversions import (
    keypoints_from_msg,
    stamp_ns,
    tracks3d_from_msg,
    tracks_from_msg,
)
from pose_ros.ros.images import ImageError, image_from_msg, image_to_msg, transport_topic
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.markers import MarkerWriter
from pose_ros.ros.stamp_sync import StampSync

_LISTENERS_EVERY_S = 0.25
_SILENT_AFTER_S = 2.0  # skeletons that do not come for so long are STALE
_BANNER_EVERY_S = 0.5  # images with a STALE banner
_LONGEST_AGE_S = 10.0  # beyond this another clock stamped the images
_TOPICS = {
    'observed': 'pose', 'tracked': 'pose/tracked', 'predicted': 'pose/predicted',
}


class PoseVisualizerNode(ManagedNode):
    """Draws every message of skeletons into the image of the same stamp, and as markers."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('pose_visualizer', VisualizerConfig, **kwargs)
        self._markers: Any = None
        self._overlay: Any = None
        self._listening: dict[str, Any] = {}
        self._listener_timer: Any = None
        self._sync: StampSync[Image | CompressedImage] = StampSync(
            self.config.image_buffer, self.config.image_buffer)
        self._last_image: Image | CompressedImage | None = None
        self._intensity = IntensityRange()
        self._last_header = Header()
        self._heard_s = 0.0
        self._banner_s = 0.0
        self._camera: CameraInput | None = None
        self._problem = ''  # with the camera, as said
        self._writer = MarkerWriter()
        self._drawn_s: list[float] = []

    def configure(self) -> None:
        """Offer the topics."""
        self._markers = self.create_publisher(MarkerArray, 'pose/markers', 10)
        self._overlay = self.create_publisher(
            Image, 'pose/overlay', 1,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def activate(self) -> None:
        """Look for listeners."""
        self._writer = MarkerWriter()
        self._listener_timer = self.create_timer(
            _LISTENERS_EVERY_S, self._watch, clock=self._steady_clock
        )
        self._follow_listeners()

    def deactivate(self) -> None:
        """Delete the markers, unsubscribe everything."""
        self.let_go('_listener_timer')
        self._clear_markers()
        self.let_go('_camera')
        for name in list(self._listening):
            self._stop(name)

    def cleanup(self) -> None:
        """Withdraw the topics."""
        self.let_go('_markers', '_overlay')

    def _watch(self) -> None:
        """Follow the listeners; when no skeletons come, do not leave the last ones standing."""
        self._follow_listeners()
        silent_s = time.monotonic() - self._heard_s
        if 'skeletons' not in self._listening or silent_s < _SILENT_AFTER_S:
            return
        self._clear_markers()
        topic = self._listening['skeletons'].topic_name
        self._draw_stale(
            SkeletonArray(status=SkeletonArray.STALE), f'nothing on {topic} for {silent_s:.0f} s'
        )

    def _follow_listeners(self) -> None:
        """Subscribe what is needed for our subscribers, and nothing else."""
        overlay = self._overlay.get_subscription_count() > 0
        markers = self._markers.get_subscription_count() > 0
        image_type, image_topic = transport_topic(self, 'image', self.config.image_transport)
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        subscriptions = {
            'skeletons': (overlay or markers, SkeletonArray, _TOPICS[self.config.skeletons],
                          self._on_skeletons, QoSProfile(depth=10)),
            'image': (overlay, image_type, image_topic, self._on_image, best_effort),
        }
        for name, (wanted, kind, topic, callback, qos) in subscriptions.items():
            if wanted and name not in self._listening:
                self._listening[name] = self.create_subscription(kind, topic, callback, qos)
                if name == 'skeletons':
                    self._heard_s = time.monotonic()
            elif not wanted and name in self._listening:
                self._stop(name)
        if markers and self._camera is None:
            self._camera = CameraInput(self, self.config.rectified)
        elif not markers:
            self.let_go('_camera')

    def _stop(self, name: str) -> None:
        self.destroy_subscription(self._listening.pop(name))
        if name == 'image':
            self._sync.clear()
            self._last_image = None

    def _on_image(self, msg: Image | CompressedImage) -> None:
        self.statistics.counts['images'] += 1
        self._sync.waiting = self._sync.kept = self.config.image_buffer
        self._sync.came(stamp_ns(msg.header.stamp), msg)

    def _on_skeletons(self, msg: SkeletonArray) -> None:
        self.statistics.counts['skeletons'] += 1
        self._heard_s = time.monotonic()
        if self._markers.get_subscription_count() > 0:
            self._publish_markers(msg)
        if 'image' not in self._listening:
            return
        if msg.status == SkeletonArray.STALE:
            # Its image, if there ever was one, has been drawn before.
            self._draw_stale(msg, f'no image for {msg.stale_s:.1f} s')
            return
        if self.config.skeletons == 'predicted':
            # Carried forward to a moment without an image: drawn into the newest, once.
            newest = self._sync.newest()
            if newest is not None:
                self._sync.clear()
                self._draw(newest, msg)
            return

        def done(image: Image | CompressedImage | None) -> None:
            if image is None:
                self.statistics.counts['without_image'] += 1
            else:
                self._draw(image, msg)

        # Its image may be still on its way; older ones have been skipped by the estimator.
        self._sync.offer(stamp_ns(msg.header.stamp), done)

    def _draw_stale(self, msg: SkeletonArray, why: str) -> None:
        """Draw into the newest image there is that what was seen is old, now and then."""
        now_s = time.monotonic()
        newest = self._sync.newest() or self._last_image
        if newest is None or now_s - self._banner_s < _BANNER_EVERY_S:
            return
        self._banner_s = now_s
        self._draw(newest, msg, why)

    def _draw(
        self, msg: Image | CompressedImage, skeletons: SkeletonArray, status_line: str = ''
    ) -> None:
        started_s = time.perf_counter()
        try:
            view = image_from_msg(msg, self._intensity)
        except ImageError as error:
            self.complain('bad_images', f'image not drawn: {error}')
            return
        self._last_image = msg
        image = np.array(view, order='C')
        stale = skeletons.status == SkeletonArray.STALE
        if self.config.skeletons == 'observed':
            keypoints = keypoints_from_msg(skeletons)
            who = f'{len(keypoints)} {"person" if len(keypoints) == 1 else "people"}'
            line = status_line or self._status_line(skeletons, who)
            draw_keypoints(image, keypoints, line, stale)
        else:
            tracks = tracks_from_msg(skeletons)
            tracks = tracks.select(self._is_shown(tracks))
            predicted = self.config.skeletons == 'predicted'
            line = status_line or self._status_line(skeletons, people_in(tracks, predicted))
            draw_tracks(image, tracks, line, stale, predicted)
        # Not the skeletons' frame: their positions may be in another one.
        stamp = msg.header.stamp if stale else skeletons.header.stamp
        self._overlay.publish(
            image_to_msg(image, Header(stamp=stamp, frame_id=msg.header.frame_id)))
        self.statistics.counts['stale_overlays' if stale else 'overlays'] += 1
        self.statistics.add('draw', time.perf_counter() - started_s)

    def _status_line(self, msg: SkeletonArray, who: str) -> str:
        now_s = time.monotonic()
        self._drawn_s = [t for t in self._drawn_s if now_s - t < 2.0] + [now_s]
        span_s = now_s - self._drawn_s[0]
        rate = f'{(len(self._drawn_s) - 1) / span_s:.1f} Hz' if span_s > 0 else ''
        busy_ms = msg.convert_ms + msg.detect_ms + msg.refine_ms + msg.track_ms
        age_s = msg.latency_s
        age = f'age {age_s * 1e3:.0f} ms' if 0 < age_s < _LONGEST_AGE_S else ''
        return '  '.join(part for part in (who, f'{busy_ms:.0f} ms', rate, age) if part)

    def _publish_markers(self, msg: SkeletonArray) -> None:
        size = (int(msg.image_width), int(msg.image_height))
        self._last_header = msg.header
        if msg.status == SkeletonArray.STALE or min(size) <= 0:
            self._clear_markers()
            return
        image_frame = msg.image_frame_id or msg.header.frame_id
        tracks, joints = tracks_from_msg(msg), tracks3d_from_msg(msg)
        placed = display_points(
            tracks, joints.position, joints.covariance, joints.velocity, self._camera_of(size),
            self.config.plane_distance_m, same_frame=image_frame == msg.header.frame_id,
        )
        shown = self._is_shown(tracks)
        self._markers.publish(self._writer.write(
            tracks.select(shown), placed.select(shown), msg.header,
            Header(stamp=msg.header.stamp, frame_id=image_frame), self.config,
        ))

    def _clear_markers(self) -> None:
        if self._markers is not None and not self._writer.is_empty:
            self._markers.publish(self._writer.clear(self._last_header))

    def _camera_of(self, size: tuple[int, int]) -> CameraModel:
        """Return the calibrated camera, or one to draw with."""
        camera = self._camera
        problem = camera.problem_with(size) if camera is not None else 'no camera_info'
        if camera is not None and camera.camera is not None and not problem:
            return camera.camera
        self.statistics.counts['markers_without_calibration'] += 1
        if problem != self._problem:
            # Once: many a webcam has no calibration, and needs none for this.
            self._problem = problem
            self.get_logger().warning(
                'markers are drawn as if the camera had a horizontal field of view of 60 degrees: '
                f'{problem}')
        return default_camera(size)

    def _is_shown(self, tracks: Tracks) -> np.ndarray:
        """Say for each whether it is drawn: all but TENTATIVE ones, these if asked for."""
        return (tracks.state != TrackState.TENTATIVE) | self.config.tentative
