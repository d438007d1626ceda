# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_camera`: a webcam, network camera, video, image or folder as a camera.

Publishes `image`, and `camera_info` when there is a calibration. For trying things out: a real
camera's own driver is better.
"""

from __future__ import annotations

from collections.abc import Iterator
import time
from typing import Any

from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from pose_ros.core.config import CameraConfig
from pose_ros.media.sources import LiveSource, Source, SourceError, SourceImage, open_source
from pose_ros.ros.calibration import CalibrationError, camera_info_from_yaml
from pose_ros.ros.diagnostics import ERROR, OK, WARN
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.managed_node import ManagedNode, StartError

_SETTLE_S = 2.5  # from the last awaited subscriber to the first image: discovery takes up to 2.2 s
_LINGER_S = 1.0  # between the last image and the end of the process
_LIVE_POLL_S = 0.001  # a camera's own pace is kept by waiting for its next image
_LIVE_WAIT_S = 0.1  # ... but not so long that the node would not answer


class PoseCameraNode(ManagedNode):
    """Publishes the images of a source at their rate."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameters."""
        super().__init__('pose_camera', CameraConfig, **kwargs)
        self._source: Source | None = None
        self._frames: Iterator[SourceImage] | None = None
        self._camera_info: CameraInfo | None = None
        self._publisher: Any = None
        self._info_publisher: Any = None
        self._timer: Any = None
        self._ended = self._trouble = ''
        self._awaited_since_s = 0.0

    def configure(self) -> None:
        """Open the source and the calibration."""
        try:
            self._source = open_source(self.config.source, self.config.loop)
            self._frames = iter(self._source)
            if self.config.camera_info:
                self._camera_info = camera_info_from_yaml(self.config.camera_info)
        except (SourceError, CalibrationError) as error:
            raise StartError(str(error)) from error
        self._ended = ''
        reliability = (
            ReliabilityPolicy.RELIABLE if self.config.reliable else ReliabilityPolicy.BEST_EFFORT
        )
        qos = QoSProfile(depth=1, reliability=reliability)
        self._publisher = self.create_publisher(
            Image, 'image', qos,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        if self._camera_info is not None:
            self._info_publisher = self.create_publisher(CameraInfo, 'camera_info', qos)
        width, height = self._source.size
        self.get_logger().info(
            f'{self._source.name}: {width}x{height} at {self._rate_hz(self._source):g} Hz'
        )

    def start(self) -> bool:
        """Configure and activate; without a source there is nothing to wait for."""
        started = super().start()
        if not started and self.config.exit_at_end:
            self.finished, self.exit_status = True, 1
        return started

    def activate(self) -> None:
        """Begin to send."""
        assert self._source is not None  # configured
        self._awaited_since_s = time.monotonic()
        live = self._source.live and self.config.rate_hz == 0
        period_s = _LIVE_POLL_S if live else 1.0 / self._rate_hz(self._source)
        self._timer = self.create_timer(period_s, self._send, clock=self._steady_clock)

    def deactivate(self) -> None:
        """Stop sending; the place in the source is kept."""
        self.let_go('_timer')

    def cleanup(self) -> None:
        """Close the source."""
        self.let_go('_source', '_publisher', '_info_publisher')
        self._frames = self._camera_info = None

    def health(self) -> tuple[bytes, str]:
        """Say when there is nothing left, or the camera is away."""
        if self._ended:
            return ERROR, self._ended
        trouble = self._source.trouble if isinstance(self._source, LiveSource) else ''
        return (WARN, trouble) if trouble else (OK, 'working')

    def _rate_hz(self, source: Source) -> float:
        return float(self.config.rate_hz or source.fps)

    def _send(self) -> None:
        """Send the next image."""
        if self._frames is None or self._ended:
            return
        if not self.statistics.counts['published'] and not self._is_awaited():
            return
        started_s = time.perf_counter()
        if isinstance(self._source, LiveSource):
            frame = self._source.newest(_LIVE_WAIT_S)
            if self._source.trouble not in ('', self._trouble):
                self.complain('camera_losses', self._source.trouble)
            self._trouble = self._source.trouble
            if frame is None:
                return
        else:
            try:
                frame = next(self._frames, None)
            except SourceError as error:
                self._end(str(error))
                return
            if frame is None:
                self._end('the source has ended')
                return
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self.config.frame_id)
        self._publisher.publish(image_to_msg(frame.image, header))
        if self._info_publisher is not None and self._camera_info is not None:
            self._check_size(frame)
            self._camera_info.header = header
            self._info_publisher.publish(self._camera_info)
        self.statistics.counts['published'] += 1
        self.statistics.add('send', time.perf_counter() - started_s)

    def _is_awaited(self) -> bool:
        """Whether all awaited subscribers are there, and have had time to connect."""
        wanted, now_s = self.config.wait_for_subscribers, time.monotonic()
        if self._publisher.get_subscription_count() < wanted:
            self._awaited_since_s = now_s
        # What they publish would be lost as long as their own subscribers are not known to them.
        return not wanted or now_s - self._awaited_since_s > _SETTLE_S

    def _check_size(self, frame: SourceImage) -> None:
        info, (height, width) = self._camera_info, frame.image.shape[:2]
        if info is not None and (info.width, info.height) != (width, height):
            self.complain(
                'calibration_mismatches',
                f'the calibration is for {info.width}x{info.height}, images are {width}x{height}',
            )

    def _end(self, reason: str) -> None:
        self._ended = reason
        self.get_logger().info(f'{reason} ({self.statistics.counts["published"]} images sent)')
        self.deactivate()
        if self.config.exit_at_end:
            # A node busy with the image before has not fetched the last one yet.
            self.create_timer(_LINGER_S, self._finish, clock=self._steady_clock)

    def _finish(self) -> None:
        self.finished = True
