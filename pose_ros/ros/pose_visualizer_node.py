# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_visualizer`: skeletons as markers for RViz, and drawn into the image they were seen in.

Publishes `pose/markers` and `pose/overlay`, and works only while someone listens: without
subscribers it subscribes nothing itself, so that a robot pays nothing for it.
"""

from __future__ import annotations

from collections import OrderedDict
import time
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from visualization_msgs.msg import MarkerArray

from pose_ros.core.config import VisualizerConfig
from pose_ros.core.tracks import Tracks, TrackState
from pose_ros.media.overlay import draw_keypoints, draw_tracks, people_in
from pose_ros.msg import SkeletonArray
from pose_ros.ros.calibration import camera_matrix, default_camera_matrix
from pose_ros.ros.images import (
    ImageError,
    image_from_compressed_msg,
    image_from_msg,
    image_to_msg,
)
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.markers import MarkerWriter
from pose_ros.ros.messages import keypoints_from_msg, stamp_ns, tracks_from_msg
from pose_ros.ros.spin import spin

_LISTENERS_EVERY_S = 0.25
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
        self._images: OrderedDict[int, Image | CompressedImage] = OrderedDict()
        self._skeletons: OrderedDict[int, SkeletonArray] = OrderedDict()
        self._matrix: np.ndarray | None = None
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
            _LISTENERS_EVERY_S, self._follow_listeners, clock=self._steady_clock
        )
        self._follow_listeners()

    def deactivate(self) -> None:
        """Unsubscribe everything."""
        if self._listener_timer is not None:
            self.destroy_timer(self._listener_timer)
            self._listener_timer = None
        for name in list(self._listening):
            self._stop(name)

    def cleanup(self) -> None:
        """Withdraw the topics."""
        for publisher in (self._markers, self._overlay):
            if publisher is not None:
                self.destroy_publisher(publisher)
        self._markers = self._overlay = None

    def _follow_listeners(self) -> None:
        """Subscribe what is needed for those who listen to us, and nothing else."""
        overlay = self._overlay.get_subscription_count() > 0
        markers = self._markers.get_subscription_count() > 0
        compressed = self.config.image_transport == 'compressed'
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        subscriptions = {
            'skeletons': (overlay or markers, SkeletonArray, _TOPICS[self.config.skeletons],
                          self._on_skeletons, QoSProfile(depth=10)),
            'image': (overlay, CompressedImage if compressed else Image,
                      'image/compressed' if compressed else 'image', self._on_image, best_effort),
            'camera_info': (markers, CameraInfo, 'camera_info', self._on_camera_info,
                            best_effort),
        }
        for name, (wanted, kind, topic, callback, qos) in subscriptions.items():
            if wanted and name not in self._listening:
                self._listening[name] = self.create_subscription(kind, topic, callback, qos)
            elif not wanted and name in self._listening:
                self._stop(name)

    def _stop(self, name: str) -> None:
        self.destroy_subscription(self._listening.pop(name))
        if name == 'image':
            self._images.clear()
            self._skeletons.clear()

    def _on_camera_info(self, msg: CameraInfo) -> None:
        self._matrix = camera_matrix(msg)

    def _on_image(self, msg: Image | CompressedImage) -> None:
        self.statistics.counts['images'] += 1
        stamp = stamp_ns(msg.header.stamp)
        skeletons = self._skeletons.pop(stamp, None)
        if skeletons is not None:
            self._draw(msg, skeletons)
            return
        self._images[stamp] = msg
        _keep_latest(self._images, self.config.image_buffer)

    def _on_skeletons(self, msg: SkeletonArray) -> None:
        self.statistics.counts['skeletons'] += 1
        if self._markers.get_subscription_count() > 0:
            self._publish_markers(msg)
        if 'image' not in self._listening:
            return
        if self.config.skeletons == 'predicted':
            # Carried forward to a moment without an image: drawn into the newest, once.
            if self._images:
                newest = self._images.popitem()[1]
                self._images.clear()
                self._draw(newest, msg)
            return
        stamp = stamp_ns(msg.header.stamp)
        image = self._images.get(stamp)
        if image is None:
            # It may be still on its way.
            self._skeletons[stamp] = msg
            if _keep_latest(self._skeletons, self.config.image_buffer):
                self.statistics.counts['without_image'] += 1
            return
        # Older images have been skipped by the estimator: nothing will come for them.
        while next(iter(self._images)) != stamp:
            self._images.popitem(last=False)
        del self._images[stamp]
        self._draw(image, msg)

    def _draw(self, msg: Image | CompressedImage, skeletons: SkeletonArray) -> None:
        started_s = time.perf_counter()
        try:
            view = image_from_msg(msg) if isinstance(msg, Image) else (
                image_from_compressed_msg(msg))
        except ImageError as error:
            self.complain('bad_images', f'image not drawn: {error}')
            return
        image = np.array(view, order='C')
        stale = skeletons.status == SkeletonArray.STALE
        if self.config.skeletons == 'observed':
            keypoints = keypoints_from_msg(skeletons)
            who = f'{len(keypoints)} {"person" if len(keypoints) == 1 else "people"}'
            draw_keypoints(image, keypoints, self._status_line(skeletons, who), stale)
        else:
            tracks = self._shown(tracks_from_msg(skeletons))
            predicted = self.config.skeletons == 'predicted'
            line = self._status_line(skeletons, people_in(tracks, predicted))
            draw_tracks(image, tracks, line, stale, predicted)
        self._overlay.publish(image_to_msg(image, skeletons.header))
        self.statistics.counts['overlays'] += 1
        self.statistics.add('draw', time.perf_counter() - started_s)

    def _status_line(self, msg: SkeletonArray, who: str) -> str:
        now_s = time.monotonic()
        self._drawn_s = [t for t in self._drawn_s if now_s - t < 2.0] + [now_s]
        span_s = now_s - self._drawn_s[0]
        rate = f'{(len(self._drawn_s) - 1) / span_s:.1f} Hz' if span_s > 0 else ''
        busy_ms = msg.convert_ms + msg.detect_ms + msg.refine_ms + msg.track_ms
        return '  '.join(part for part in (who, f'{busy_ms:.0f} ms', rate) if part)

    def _publish_markers(self, msg: SkeletonArray) -> None:
        size = (int(msg.image_width), int(msg.image_height))
        matrix = self._matrix
        if matrix is None:
            if min(size) <= 0:
                return
            matrix = default_camera_matrix(size)
            self.get_logger().warning(
                'no calibrated camera_info: markers are drawn as if the camera had a horizontal '
                'field of view of 60 degrees', once=True,
            )
        config = self.config
        self._markers.publish(self._writer.write(
            self._shown(tracks_from_msg(msg)), msg.header, matrix, config.plane_distance_m,
            config.line_width_m, config.marker_lifetime_s,
        ))

    def _shown(self, tracks: Tracks) -> Tracks:
        """Leave out who is not confirmed, unless `tentative`."""
        if self.config.tentative:
            return tracks
        return tracks.select(tracks.state != TrackState.TENTATIVE)


def _keep_latest(buffer: OrderedDict[int, Any], count: int) -> int:
    """Drop the oldest entries beyond `count`; return how many."""
    dropped = 0
    while len(buffer) > count:
        buffer.popitem(last=False)
        dropped += 1
    return dropped


def main(args: list[str] | None = None) -> int:
    """Run the node; return the exit status."""
    return spin(PoseVisualizerNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
