# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_estimator`: images in, the people in each of them out.

Subscribes `image` (or `image/compressed`), publishes `pose`. Inference runs in the callback: with
keep-last 1 the middleware holds the newest image meanwhile, and older ones are dropped, counted.

/diagnostics, besides the counters: `cost` is callback entry to return of publish without the time
inside the networks, `callback` is with it; `convert`, `detect`, `refine` and `publish` are its
parts, `network` is inside detect and refine, `around` their rest; `age` is publication minus
stamp. Each as `_p50_ms`, `_p95_ms`, `_p99_ms`. `followed` counts images without a first pass.

With `detections.enabled: true` another node finds the people (`detections_input`), and an image is
worked on when its detections have come. With the parameter `depth` it subscribes `depth` and
`camera_info` as well and gives 3-D positions (`depth_input`); where they cannot be had the
reason is on /diagnostics. With `monocular` people without any depth get positions from an assumed
stature (`core/pose3d/monocular.py`), marked as such.
"""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from diagnostic_msgs.msg import KeyValue
import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.time import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from pose_ros.backends import load_backend
from pose_ros.core.backend import Backend, BackendError, BackendLostError
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.late_frames import LateFrames
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.intensity_range import IntensityRange
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.joints3d import Joints3D
from pose_ros.core.pose3d.monocular import lift_monocular
from pose_ros.diagnostics.findings import Finding
from pose_ros.diagnostics.stream_checks import ClockFacts
from pose_ros.msg import SkeletonArray
from pose_ros.ros.camera_input import CameraInput
from pose_ros.ros.camera_pose import CameraPose
from pose_ros.ros.conversions import (
    keypoints_to_msg,
    seconds_since,
    stamp_ns,
    stamp_seconds,
)
from pose_ros.ros.depth_input import DepthInput
from pose_ros.ros.detections_input import Boxes, DetectionsInput
from pose_ros.ros.diagnostics import OK, WARN, runtime_findings
from pose_ros.ros.image_checks import ImageChecks
from pose_ros.ros.images import ImageError, camera_image, transport_topic
from pose_ros.ros.managed_node import ManagedNode, StartError
from pose_ros.ros.transforms import Transforms, transforms_of


class PoseEstimatorNode(ManagedNode):
    """
    Runs TwoPassEstimator on every image.

    Parameters
    ----------
    load : callable
        Makes the backend from the parameters, when configuring; by default `load_backend`.
    connect : callable
        Makes the Transforms of this node, when they are asked for.
    """

    CHECKS = ('image', 'stamps', 'rate', 'drops', 'camera_info', 'backend')

    def __init__(
        self, load: Callable[[EstimatorConfig], Backend] | None = None,
        connect: Callable[[Any], Transforms] = lambda node: transforms_of(node, sends=False),
        **kwargs: Any,
    ) -> None:
        super().__init__('pose_estimator', EstimatorConfig, **kwargs)
        self._connect = connect
        self._load = load or (lambda config: load_backend(config, self._note_progress))
        self._progress = ''
        self._backend: Backend | None = None
        self._estimator: TwoPassEstimator | None = None
        self._publisher: Any = None
        self._subscription: Any = None
        self._camera: CameraInput | None = None
        self._depth: DepthInput | None = None
        self._detections: DetectionsInput | None = None
        self._pose: CameraPose | None = None
        self._late_frames = LateFrames()
        self._begin()

    def _begin(self) -> None:
        """Know of no image yet."""
        self._intensity = IntensityRange()
        self._last_ns: int | None = None
        self._last_size: tuple[int, int] | None = None
        self._input = ImageChecks(self, lambda: self._subscription)

    def configure(self) -> None:
        """Load the networks; an engine may have to be built, which takes minutes."""
        started_s = time.monotonic()
        self._progress = ''
        try:
            self.wait_for(
                self._load_networks, lambda: f'configuring: {self._progress or "loading"}'
            )
        except (BackendError, ValueError) as error:
            raise StartError(f'cannot load the networks: {error}') from error
        assert self._backend is not None
        self._publisher = self.create_publisher(
            SkeletonArray, 'pose', 10,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self.get_logger().info(
            f'{self._model()} on {self._backend.name}, loaded in '
            f'{time.monotonic() - started_s:.1f} s'
        )
        for finding in runtime_findings(self._backend):
            self.get_logger().info(finding.text)
        assert self._estimator is not None
        lack = self._estimator.lack()
        if lack:
            self.get_logger().warning(lack)
        if self.config.camera_motion == 'tf' and not self.config.fixed_frame:
            self.get_logger().warning(
                "camera_motion tf needs fixed_frame, odom for example: the camera's motion is not "
                'known')

    def _load_networks(self) -> None:
        self._backend = self._load(self.config)
        self._estimator = TwoPassEstimator(self._backend, self.config)
        # The first run of a network allocates: better here than on the first image.
        self._estimator.estimate(np.zeros((480, 640, 3), np.uint8), 0.0)
        self._estimator = TwoPassEstimator(self._backend, self.config)

    def _note_progress(self, what: str, fraction: float) -> None:
        self._progress = f'building the engine of {what}, {fraction:.0%}'

    def activate(self) -> None:
        """Subscribe."""
        kind, topic = transport_topic(self, 'image', self.config.image_transport)
        self._begin()
        if self.config.detections_enabled:
            self._detections = DetectionsInput(self, self.config)
        by_tf = self.config.camera_motion in ('tf', 'auto') and self.config.fixed_frame != ''
        if self._wants_3d() or by_tf:
            self._camera = CameraInput(self, self.config.rectified)
            if by_tf:
                self._pose = CameraPose(self, self.config.fixed_frame, self._connect)
            if self.config.depth_enabled:
                self._depth = DepthInput(self, self.config, self._camera)
        self._subscription = self.create_subscription(
            kind, topic,
            self._input.counting(self._on_image),
            QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def deactivate(self) -> None:
        """Unsubscribe."""
        self.let_go('_subscription', '_detections', '_depth', '_pose', '_camera')

    def cleanup(self) -> None:
        """Free the networks."""
        self.let_go('_publisher', '_backend')
        self._estimator = None

    def apply(self, config: EstimatorConfig) -> None:
        """Use other parameters from the next image on."""
        if self._estimator is not None:
            self._estimator.config = config
        if self._detections is not None:
            self._detections.apply(config)
        if self._depth is not None:
            self._depth.apply(config)

    def health(self) -> tuple[bytes, str]:
        """Warn when there should be people, or 3-D, and are none."""
        if self._detections is not None and self._detections.reason:
            return WARN, f'no skeletons: {self._detections.reason}'
        reason = self._without_depth()
        return (WARN, f'working without {reason}') if reason else (OK, 'working')

    def findings(self, clock: ClockFacts) -> list[Finding]:
        """Judge the images, their camera_info and the runtime."""
        found = self._input.findings(clock, self.config.expected_rate_hz)
        if self._camera is not None:
            found += self._camera.findings(self._last_size)
        if self._backend is not None:
            found += runtime_findings(self._backend)
        return found

    def _wants_3d(self) -> bool:
        return self.config.depth_enabled or self.config.monocular_enabled

    def _without_depth(self) -> str:
        """Return what is missing and why, or nothing."""
        problem = self._camera.problem_with(self._last_size) if (
            self._wants_3d() and self._camera is not None and self._last_size is not None
        ) else ''
        if problem:
            return f'3-D: {problem}'
        problem = '' if self._depth is None else self._depth.problem()
        if not problem:
            return ''
        what = 'depth (assumed stature instead)' if self.config.monocular_enabled else '3-D'
        return what + problem

    def details(self) -> list[KeyValue]:
        """Say what runs."""
        if self._backend is None:
            return []
        return [
            KeyValue(key='backend', value=self._backend.name),
            KeyValue(key='model', value=self._model()),
            KeyValue(key='mode', value=self.config.mode),
            *(KeyValue(key=key, value=value) for key, value in self._input.values().items()),
            KeyValue(key='camera_motion', value=self._camera_motion()),
            KeyValue(
                key='detections', value='topic' if self.config.detections_enabled else 'network'),
        ]

    def _camera_motion(self) -> str:
        """Say how the camera's motion was found, of the latest image."""
        if self._pose is not None and self._pose.reason:
            return f'not by tf: {self._pose.reason}'
        known = self._estimator is not None and self._estimator.camera_motion is not None
        return self.config.camera_motion + ('' if known else ', not known')

    def _model(self) -> str:
        if self._backend is None:
            return ''
        if self.config.detections_enabled:
            return self._backend.refiner.name
        names = [self._backend.detector.name]
        if self.config.mode != 'one-pass' and self._backend.refiner.name != names[0]:
            names.append(self._backend.refiner.name)
        return '+'.join(names)

    def _on_image(self, msg: Image | CompressedImage, dropped: int | None = None) -> None:
        entered_s = time.perf_counter()
        received = self.get_clock().now()
        self._input.came(msg, received.nanoseconds, dropped)
        self.statistics.counts['received'] += 1
        self.statistics.counts['dropped'] += dropped or 0
        self._late_frames.begin(entered_s)
        if self._detections is None:
            self._estimate(msg, received, entered_s)
        else:
            self._detections.offer(
                msg.header,
                lambda boxes_in: self._estimate(msg, received, time.perf_counter(), boxes_in))
        self._late_frames.end(time.perf_counter())

    def _estimate(
        self,
        msg: Image | CompressedImage,
        received: Time,
        entered_s: float,
        boxes_in: Callable[[tuple[int, int]], Boxes] | None = None,
    ) -> None:
        """Find the people; if given, in the boxes that `boxes_in` returns for the image's size."""
        if (estimator := self._estimator) is None:
            return
        try:
            image = camera_image(msg, estimator.backend.encodings, self._intensity)
            converted_s = time.perf_counter()
            size = image.size
            before_ns = self._check_header(msg.header, size)
            boxes, scores = (None, None) if boxes_in is None else boxes_in(size)
            moved = None if self._pose is None or self._camera is None else (
                self._pose.image_motion(msg.header, self._camera, size))
            people = estimator.estimate(
                image, stamp_seconds(msg.header.stamp), boxes, scores, self._late_frames.late,
                moved)
        except ImageError as error:
            self._input.unusable(str(error))
            self.complain('bad_images', f'image not used: {error}')
            return
        except BackendLostError as error:
            self.give_up(f'the networks cannot run any more: {error}')
            return
        except (BackendError, ValueError) as error:
            self._input.unusable(f'the networks failed: {error}')
            self.complain('failed', f'no result for an image: {error}')
            return
        estimated_s = time.perf_counter()
        times = estimator.times
        facts = {
            'model': self._model(),
            'transport_s': seconds_since(msg.header.stamp, received.nanoseconds),
            'convert_ms': (converted_s - entered_s) * 1e3, 'detect_ms': times.detect_s * 1e3,
            'refine_ms': times.refine_s * 1e3, 'network_ms': times.network_s * 1e3,
        }
        if estimator.camera_motion is not None and before_ns is not None:
            facts |= {
                'camera_motion': estimator.camera_motion.ravel(),
                'camera_motion_s': (stamp_ns(msg.header.stamp) - before_ns) * 1e-9,
                'camera_motion_source': SkeletonArray.CAMERA_MOTION_IMAGE if moved is None
                else SkeletonArray.CAMERA_MOTION_TF,
            }
        header = msg.header
        if self._depth is None:
            self._publish(people, header, size, facts, None)
        else:
            self._depth.offer(
                people, header, size,
                lambda joints: self._publish(people, header, size, facts, joints))
        callback_s = time.perf_counter() - entered_s
        self._input.used(callback_s, image, len(people))
        statistics = self.statistics
        statistics.counts['followed'] += self._detections is None and not times.detect_s
        statistics.add('callback', callback_s)
        statistics.add('cost', callback_s - times.network_s)
        statistics.add('convert', converted_s - entered_s)
        for part in ('detect', 'refine', 'network'):
            statistics.add(part, getattr(times, f'{part}_s'))
        statistics.add('around', times.detect_s + times.refine_s - times.network_s)
        statistics.add('publish', time.perf_counter() - estimated_s)

    def _publish(
        self, people: Keypoints, header: Header, size: tuple[int, int], facts: dict[str, Any],
        joints: Joints3D | None,
    ) -> None:
        if self.config.monocular_enabled:
            joints = self._assume(people, size, joints)
        latency_s = seconds_since(header.stamp, self.get_clock().now().nanoseconds)
        self._publisher.publish(
            keypoints_to_msg(people, header, size, joints, latency_s=latency_s, **facts))
        self.statistics.counts['published'] += 1
        if np.isfinite(latency_s):
            self.statistics.add('age', latency_s)

    def _assume(
        self, people: Keypoints, size: tuple[int, int], joints: Joints3D | None
    ) -> Joints3D | None:
        """Add positions by the assumed stature of the people without any depth."""
        assert self._camera is not None
        if not len(people) or self._camera.problem_with(size):
            return joints
        assert self._camera.camera is not None
        started_s = time.perf_counter()
        placed = lift_monocular(
            self._camera.camera, people, self.config.monocular_height_m,
            self.config.monocular_height_sigma_m,
        )
        if joints is not None:
            lifted = np.isfinite(joints.position).all(axis=2).any(axis=1)
            for own, measured in zip(placed, joints):
                own[lifted] = measured[lifted]
        self.statistics.add('monocular', time.perf_counter() - started_s)
        return placed

    def _check_header(self, header: Header, size: tuple[int, int]) -> int | None:
        """Say what is odd about a usable image; return the stamp of the image before, ns."""
        now_ns, before_ns = stamp_ns(header.stamp), self._last_ns
        self._last_ns = now_ns
        if now_ns == 0:
            self.complain('zero_stamps', 'images have stamp 0: no age, no tracking')
        elif before_ns is not None and now_ns < before_ns:
            back_s = (before_ns - now_ns) * 1e-9
            self.complain('backward_stamps', f'the stamp of an image went back by {back_s:.3f} s')
        if self._last_size not in (None, size):
            before = 'x'.join(map(str, self._last_size or ()))
            self.complain('size_changes', f'image size is {size[0]}x{size[1]}, was {before}')
        self._last_size = size
        return before_ns
