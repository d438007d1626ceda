# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Depth beside the image: paired by stamp, lifted, or a reason why not.

Depth of the same moment may come a little after the image. Then the skeletons wait for it, no
longer than `depth.wait_s` and only while depth comes at all; what comes first decides: the depth
that fits, later depth, the next image or the end of the wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import time

import numpy as np
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.core.pose3d.depth_lifting import lift
from pose_ros.core.pose3d.depth_noise import DepthError, DepthNoise
from pose_ros.core.pose3d.joints3d import Joints3D
from pose_ros.ros.camera_input import CameraInput
from pose_ros.ros.conversions import stamp_ns
from pose_ros.ros.depth_images import DepthImageError, depth_from_msg
from pose_ros.ros.images import transport_topic
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.stamp_sync import StampSync
from pose_ros.ros.transforms import NoTransform, Transforms, plain_frame, transforms_of

_KEPT = 8  # depth images waiting for theirs
_LATEST = 10  # images that `problem` speaks of
_GONE_S = 1.0  # without depth for so long nothing waits for it any more

_SAME_M, _SAME_RAD = 1e-3, 1e-3  # what calibrations and numbers of a description differ by
_FARTHEST_M, _NEAREST_MM = 100.0, 100.0  # no depth camera for people sees there

_Publish = Callable[[Joints3D | None], None]


class DepthInput:
    """
    The depth of a pose_estimator.

    Parameters
    ----------
    node : ManagedNode
    config : EstimatorConfig
    camera : CameraInput
        Of the image.

    Attributes
    ----------
    reason : str
        Why the latest skeletons have no 3-D positions; empty when they have.
    """

    def __init__(self, node: ManagedNode, config: EstimatorConfig, camera: CameraInput) -> None:
        self._node = node
        self._camera = camera
        self._config = config
        self.reason = self._why = 'no depth has come yet'
        self._failed: deque[bool] = deque(maxlen=_LATEST)
        self._heard_s = float('-inf')
        self._sync: StampSync[Image | CompressedImage] = StampSync(
            1, _KEPT, config.depth_tolerance_s, in_order=True, once=False)
        self._sync.watch(node, max(config.depth_wait_s, 0.001))
        kind, topic = transport_topic(node, 'depth', config.depth_transport)
        qos = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._transforms: Transforms | None = None  # listened to when frames differ
        self._same_frames = ('', '')
        self._subscription = node.create_subscription(
            kind, topic, self._on_depth, qos,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def close(self) -> None:
        """Unsubscribe; what still waits is published without 3-D."""
        self._sync.close()
        self._node.destroy_subscription(self._subscription)
        if self._transforms is not None:
            self._transforms.close()

    def apply(self, config: EstimatorConfig) -> None:
        """Use other parameters from the next image on."""
        self._config = config
        self._sync.tolerance_s = config.depth_tolerance_s

    def problem(self) -> str:
        """Return for how many of the latest images there are no 3-D, and why; or nothing."""
        failed = sum(self._failed)
        if self._failed and not failed:
            return ''
        part = f' for {failed} of {len(self._failed)} images' if failed < len(self._failed) else ''
        return f'{part}: {self._why}'

    def offer(
        self, people: Keypoints, header: Header, size: tuple[int, int], publish: _Publish
    ) -> None:
        """
        Take the skeletons of an image; `publish` is called once, now or when depth has come.

        Parameters
        ----------
        people : Keypoints
        header : Header
            Of the image.
        size : (width, height)
            Of the image, px.
        publish : callable
            Takes their Joints3D, or None where there are no positions.
        """
        def done(depth: Image | CompressedImage | None) -> None:
            if depth is None:
                joints, reason = None, self._why_none(stamp_ns(header.stamp))
            else:
                joints, reason = self._lift(depth, people, header, size)
            self._note(reason)
            publish(joints)

        wait_s = 0.0 if self._is_silent() else self._config.depth_wait_s
        self._sync.offer(stamp_ns(header.stamp), done, wait_s)

    def _on_depth(self, msg: Image | CompressedImage) -> None:
        self._heard_s = time.monotonic()
        self._node.statistics.counts['depth_received'] += 1
        self._sync.came(stamp_ns(msg.header.stamp), msg)

    def _is_silent(self) -> bool:
        return time.monotonic() - self._heard_s > _GONE_S

    def _why_none(self, wanted_ns: int) -> str:
        off_s = self._sync.off_s(wanted_ns)
        if off_s is not None and off_s > self._config.depth_tolerance_s:
            return (
                'no depth within depth.tolerance_s of the image: the nearest is '
                f'{off_s * 1e3:+.1f} ms from it'
            )
        if self._is_silent():
            return f'no depth on {self._subscription.topic_name}'
        return 'no depth near the stamp of the image came in time'

    def _lift(
        self, msg: Image | CompressedImage, people: Keypoints, header: Header,
        size: tuple[int, int],
    ) -> tuple[Joints3D | None, str]:
        """Return the positions of people, and why there are none, or nothing."""
        problem = self._camera.problem_with(size) or self._frames_differ(msg.header, header)
        if problem:
            return None, problem
        camera = self._camera.camera
        assert camera is not None
        try:
            depth = _in_rep_118(depth_from_msg(msg), self._config.depth_unit_m)
            started_s = time.perf_counter()
            lifted = lift(depth, camera, people, self._noise(camera))
        except (DepthImageError, DepthError) as error:
            return None, str(error)
        self._node.statistics.add('lift', time.perf_counter() - started_s)
        counts = lifted.counts()
        for name, count in counts.items():
            self._node.statistics.counts[f'depth_{name}'] += count
        return lifted.joints, _nothing_lifted(counts, depth)

    def _frames_differ(self, depth: Header, image: Header) -> str:
        """Return why depth is not taken as registered to the image, or nothing."""
        frames = plain_frame(image.frame_id), plain_frame(depth.frame_id)
        if frames[0] == frames[1] or self._config.depth_registered or frames == self._same_frames:
            return ''
        try:
            if self._transforms is None:
                self._transforms = transforms_of(self._node, sends=False)
            transform = self._transforms.lookup(*frames, stamp_ns(image.stamp))
        except (ImportError, NoTransform) as error:
            why = f'tf does not say that they are one ({error})'
        else:
            if _is_identity(transform):
                self._same_frames = frames  # of one camera: they stay so
                return ''
            why = 'tf says that they are not one'
        return (
            f'depth is in frame {depth.frame_id!r}, the image in {image.frame_id!r}, and {why}: '
            'depth must be registered to the image; if it is, set depth.registered'
        )

    def _noise(self, camera: CameraModel) -> DepthNoise:
        config = self._config
        if config.depth_sensor == 'stereo':
            return DepthNoise.stereo(float(camera.focal[0]), config.depth_stereo_baseline_m)
        if config.depth_sensor == 'time-of-flight':
            return DepthNoise.time_of_flight()
        return DepthNoise.structured_light()

    def _note(self, reason: str) -> None:
        """Keep why the latest image has no 3-D, or that it has."""
        self.reason = reason
        self._why = reason or self._why
        self._failed.append(bool(reason))
        if reason and reason == self._camera.reason:
            self._node.statistics.counts['without_3d'] += 1  # said once, when it came
        elif reason:
            self._node.complain('without_3d', f'no 3-D: {reason}')


def _is_identity(transform: Transform) -> bool:
    moved_m = float(np.abs(transform.translation).max())
    return moved_m < _SAME_M and float(np.abs(transform.rotation - np.eye(3)).max()) < _SAME_RAD


def _in_rep_118(depth: np.ndarray, unit_m: float) -> np.ndarray:
    """Return depth in the unit that belongs to its type: uint16 in mm, float32 in m."""
    if not unit_m or unit_m == (0.001 if depth.dtype == np.uint16 else 1.0):
        return depth
    return depth.astype(np.float32) * np.float32(unit_m)


def _nothing_lifted(counts: dict[str, int], depth: np.ndarray) -> str:
    """Return why none of the keypoints seen was lifted, or nothing."""
    seen = sum(counts.values()) - counts['no_keypoint'] - counts['border']
    if not seen or counts['lifted']:
        return ''
    if hint := _unit_hint(depth):
        return hint
    if counts['no_depth'] > seen // 2:
        return f'depth is missing (0, NaN or infinite) at {counts["no_depth"]} of {seen} keypoints'
    return (
        f'depth fits none of {seen} keypoints ({counts["background"]} on the background, '
        f'{counts["bone"]} at impossible bones): is it registered to the image?'
    )


def _unit_hint(depth: np.ndarray) -> str:
    """Say that depth is in another unit than it should be, if its values look so."""
    known = depth[np.isfinite(depth) & (depth > 0)]
    middle = float(np.median(known)) if known.size else 0.0
    if depth.dtype != np.uint16 and middle > _FARTHEST_M:
        return (f'depth lies around {middle:.0f}: is it in millimetres? Then set depth.unit_m to '
                '0.001')
    if depth.dtype == np.uint16 and 0 < middle < _NEAREST_MM:
        return (f'depth lies around {middle:.0f} mm: is it in another unit? Then set depth.unit_m '
                'to the metres of one')
    return ''
