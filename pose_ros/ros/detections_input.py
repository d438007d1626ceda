# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
People found by another node: vision_msgs/Detection2DArray, paired with images by stamp.

Images wait for the detections of the same stamp, no longer than `detections.wait_s`; when some
have come for an image, older ones are dropped. Without detections there are no skeletons, not
even an empty message: the tracker says STALE.
"""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import Header

from pose_ros.core.config import EstimatorConfig
from pose_ros.ros.conversions import stamp_ns
from pose_ros.ros.managed_node import ManagedNode, StartError
from pose_ros.ros.stamp_sync import StampSync
from pose_ros.ros.standard_messages import package_messages

_KEPT_DETECTIONS = 8
_MOST_IMAGES = 32
_SILENT_AFTER_S = 2.0

Boxes = tuple[np.ndarray, np.ndarray]
"""(N, 4) x_min, y_min, x_max, y_max px, and (N,) scores."""

_Use = Callable[[Callable[[tuple[int, int]], Boxes]], None]


class DetectionsInput:
    """
    The detections of a pose_estimator.

    Raises
    ------
    StartError
        When vision_msgs is not installed.
    """

    def __init__(self, node: ManagedNode, config: EstimatorConfig) -> None:
        """Subscribe `detections`."""
        vision_msgs = package_messages('vision_msgs')
        if vision_msgs is None:
            raise StartError(
                'detections.enabled is true, but vision_msgs is not installed: install '
                'ros-<distro>-vision-msgs, or set detections.enabled: false')
        self._node = node
        self._config = config
        self._began_s = time.monotonic()
        self._heard_s: float | None = None
        self._problem = ''
        self._image = Header()  # of the newest
        self._sync: StampSync[Any] = StampSync(
            _MOST_IMAGES, _KEPT_DETECTIONS, config.detections_tolerance_s)
        self._subscription = node.create_subscription(
            vision_msgs.Detection2DArray, 'detections', self._on_detections,
            QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def close(self) -> None:
        """Unsubscribe; images that wait are dropped."""
        self._node.destroy_subscription(self._subscription)
        self._sync.clear()

    def apply(self, config: EstimatorConfig) -> None:
        """Use other parameters from the next image on."""
        self._config = config
        self._sync.tolerance_s = config.detections_tolerance_s

    @property
    def reason(self) -> str:
        """Why there are no skeletons at the moment; empty when there are."""
        topic = self._subscription.topic_name
        silent_s = time.monotonic() - (self._heard_s or self._began_s)
        if self._heard_s is None or silent_s > _SILENT_AFTER_S:
            count = self._node.count_publishers(topic)
            return (
                f'no detections on {topic} for {silent_s:.0f} s; '
                f'{count} publisher{"" if count == 1 else "s"} there')
        return self._problem

    def offer(self, header: Header, use: _Use) -> None:
        """
        Take an image; `use` is called once if its detections come, now or later.

        Parameters
        ----------
        header : Header
            Of the image.
        use : callable
            Takes a function that returns the boxes for an image of a (width, height).
        """
        self._image = header

        def done(detections: Any) -> None:
            if detections is None:
                self._node.statistics.counts['without_detections'] += 1
                self._say_why()
            elif self._is_of(detections, header):
                self._problem = ''
                use(lambda size: self._boxes(detections, size))

        self._sync.look()  # before a newer one decides what becomes of those that wait too long
        self._sync.offer(stamp_ns(header.stamp), done, self._config.detections_wait_s)

    def _on_detections(self, msg: Any) -> None:
        self._heard_s = time.monotonic()
        self._node.statistics.counts['detections_received'] += 1
        # Of another camera on the same topic: the images go on waiting for theirs.
        if not len(self._sync) or self._is_of(msg, self._image):
            self._sync.came(stamp_ns(msg.header.stamp), msg)

    def _is_of(self, detections: Any, image: Header) -> bool:
        """Say whether detections are in the frame of an image, aloud when not."""
        if detections.header.frame_id == image.frame_id:
            return True
        self._problem = (
            f'detections are in frame {detections.header.frame_id!r}, the image in '
            f'{image.frame_id!r}: they must be of the same image')
        self._node.complain('detections_wrong_frame', f'no skeletons: {self._problem}')
        return False

    def _say_why(self) -> None:
        """Say that detections do come, but of other stamps."""
        off_s = self._sync.off_s(stamp_ns(self._image.stamp))
        if off_s is None:
            return
        self._problem = (
            'no detections within detections.tolerance_s of an image: the nearest are '
            f'{off_s * 1e3:+.1f} ms from the latest image')
        self._node.complain('unpaired_detections', f'no skeletons: {self._problem}')

    def _boxes(self, detections: Any, size: tuple[int, int]) -> Boxes:
        """Return the boxes of people that can be used; count the others, by what is wrong."""
        counts = self._node.statistics.counts
        classes = {name.strip() for name in self._config.detections_class_id.split(',')} - {''}
        boxes, scores, others = [], [], set()
        for detection in detections.detections:
            known = [h.hypothesis for h in detection.results
                     if not classes or h.hypothesis.class_id in classes]
            if not known and classes:
                counts['detections_other_class'] += 1
                others |= {h.hypothesis.class_id for h in detection.results}
                continue
            score = max((h.score for h in known), default=1.0)
            box = _box(detection.bbox)
            if not np.isfinite([*box, score]).all() or not (box[2:] > box[:2]).all():
                counts['detections_bad_boxes'] += 1
            elif score < self._config.detections_min_score:
                counts['detections_low_score'] += 1
            elif (box[2:] <= -0.5).any() or (box[:2] >= np.array(size) - 0.5).any():
                counts['detections_off_image'] += 1
            else:
                boxes.append(box)
                scores.append(score)
        if others and not boxes:
            self._problem = (
                f'no detection has class_id {self._config.detections_class_id!r}, but '
                + ', '.join(repr(name) for name in sorted(others)[:5]))
        counts['detections_too_many'] += max(0, len(boxes) - self._config.max_crops)
        # Pixel 0 reaches from -0.5 to 0.5. What lies outside the image shows nothing.
        inside = np.array(boxes, np.float64).reshape(-1, 4).clip(
            -0.5, np.tile(np.array(size) - 0.5, 2))
        return inside, np.array(scores, np.float64)


def _box(bbox: Any) -> np.ndarray:
    """Return the upright box around a vision_msgs/BoundingBox2D, (4,) float64, px."""
    x, y, theta = bbox.center.position.x, bbox.center.position.y, bbox.center.theta
    if theta:
        with np.errstate(invalid='ignore'):
            cos, sin = abs(np.cos(theta)), abs(np.sin(theta))
        width = cos * bbox.size_x + sin * bbox.size_y
        height = sin * bbox.size_x + cos * bbox.size_y
    else:
        width, height = bbox.size_x, bbox.size_y
    return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
