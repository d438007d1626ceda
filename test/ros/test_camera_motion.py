# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The camera's own motion from images and tf into `pose`, and from `pose` into the tracker."""

from __future__ import annotations

from typing import Any

import cv2
from estimator_camera import Camera, header
import numpy as np
import pytest
from replay_backend import ReplayBackend
from sensor_msgs.msg import CameraInfo

from pose_ros.core.geometry import apply_homography, homography_of_rotation
from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.msg import SkeletonArray
from pose_ros.ros.conversions import keypoints_to_msg, stamp_ns
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode
from pose_ros.ros.transforms import NoTransform

pytestmark = pytest.mark.ros
K = np.array([[512.0, 0.0, 319.5], [0.0, 512.0, 239.5], [0.0, 0.0, 1.0]])
CORNERS = np.array([[0.0, 0.0], [639.0, 0.0], [0.0, 479.0], [639.0, 479.0]])
TURN = cv2.Rodrigues(np.array([0.0, 0.02, 0.0]))[0]
"""Of the optical frame's axes as the camera sees them, from image to image."""


class Odometry:
    """Where the camera is, by stamp, as far as a test gives it."""

    def __init__(self) -> None:
        self.known: dict[int, np.ndarray] = {}

    def connect(self, node: Any) -> Odometry:
        return self

    def lookup(self, target: str, source: str, stamp: int) -> Transform:
        if (target, source) != ('odom', 'front_optical_frame') or stamp not in self.known:
            raise NoTransform('would require extrapolation into the future')
        return Transform(self.known[stamp], np.zeros(3))

    def close(self) -> None:
        pass


def scenery() -> np.ndarray:
    rng = np.random.default_rng(0)
    layers = [
        cv2.resize(rng.uniform(0, 255, (h, h * 4 // 3, 3)).astype(np.float32), (640, 480),
                   interpolation=cv2.INTER_CUBIC) for h in (6, 24, 96)]
    return np.clip(sum(layers) / 3, 0, 255).astype(np.uint8)


class Turning:
    """An estimator whose camera turns by TURN from image to image."""

    def __init__(self, ros: Any, backend: ReplayBackend, **parameters: Any) -> None:
        self.ros, self.odometry = ros, Odometry()
        self.node = ros.add(PoseEstimatorNode, load=lambda config: backend,
                            connect=self.odometry.connect, parameters=parameters)
        assert self.node.start()
        self.camera, self.turned = Camera(ros), np.eye(3)
        if parameters.get('fixed_frame'):
            info = ros.probe.create_publisher(CameraInfo, 'camera_info', 1)
            assert ros.spin_until(lambda: info.get_subscription_count() == 1)
            info.publish(CameraInfo(width=640, height=480, k=K.ravel()))
            assert ros.spin_until(lambda: self.node._camera.camera is not None)

    def send(self, second: int, known: bool = True, jump: np.ndarray | None = None) -> Any:
        self.turned = TURN @ self.turned
        moved = homography_of_rotation(K, self.turned)
        image = cv2.warpPerspective(scenery(), moved, (640, 480), borderMode=cv2.BORDER_REFLECT)
        head = header(second)
        if known:
            # odom_from_optical; what the camera sees turns the other way.
            self.odometry.known[stamp_ns(head.stamp)] = (
                np.eye(3) if jump is None else jump) @ self.turned.T
        return self.camera.send(image_to_msg(image, head))


@pytest.fixture
def backend(make_people: Any) -> ReplayBackend:
    return ReplayBackend(make_people(2))


def error_px(msg: Any) -> float:
    true = apply_homography(homography_of_rotation(K, TURN), CORNERS)
    found = apply_homography(np.array(msg.camera_motion).reshape(3, 3), CORNERS)
    return float(np.hypot(*(found - true).T).max())


def test_the_message_says_how_the_camera_moved(ros: Any, backend: ReplayBackend) -> None:
    camera = Turning(ros, backend)
    first = camera.send(5)
    assert first.camera_motion_source == SkeletonArray.CAMERA_MOTION_UNKNOWN
    assert np.isnan([*first.camera_motion, first.camera_motion_s]).all()
    second = camera.send(6)
    assert second.camera_motion_source == SkeletonArray.CAMERA_MOTION_IMAGE
    assert second.camera_motion_s == 1.0 and error_px(second) < 1.5


def test_not_asked_for_is_not_known(ros: Any, backend: ReplayBackend) -> None:
    camera = Turning(ros, backend, camera_motion='off')
    for second in (5, 6):
        msg = camera.send(second)
    assert msg.camera_motion_source == SkeletonArray.CAMERA_MOTION_UNKNOWN


@pytest.mark.parametrize('mode', ['auto', 'tf'])
def test_the_rotation_by_tf_and_without(ros: Any, backend: ReplayBackend, mode: str) -> None:
    otherwise = {
        'auto': SkeletonArray.CAMERA_MOTION_IMAGE, 'tf': SkeletonArray.CAMERA_MOTION_UNKNOWN}[mode]
    camera = Turning(ros, backend, camera_motion=mode, fixed_frame='odom')
    camera.send(5)
    msg = camera.send(6)
    assert msg.camera_motion_source == SkeletonArray.CAMERA_MOTION_TF
    assert msg.camera_motion_s == 1.0 and error_px(msg) < 1e-3
    # Late: not known for this image, but by the next one, for which it is needed again.
    assert camera.send(7, known=False).camera_motion_source == otherwise
    assert 'extrapolation' in camera.node._pose.reason
    camera.odometry.known[7_000_000_000] = camera.turned.T
    msg = camera.send(8)
    assert msg.camera_motion_source == SkeletonArray.CAMERA_MOTION_TF and error_px(msg) < 1e-3
    assert camera.node._pose.reason == ''
    # A reset of the odometry.
    about = cv2.Rodrigues(np.array([0.0, 0.0, 2.0]))[0]
    camera.camera.send(image_to_msg(scenery(), header(8, 900_000_000)))
    camera.odometry.known[8_900_000_000] = camera.turned.T
    msg = camera.send(9, jump=about)
    assert msg.camera_motion_source != SkeletonArray.CAMERA_MOTION_TF
    assert 'jump of the odometry' in camera.node._pose.reason
    assert camera.node.statistics.counts['without_camera_tf'] == 3


def test_the_tracker_takes_it_from_the_message_before(ros: Any, make_people: Any) -> None:
    node = ros.add(PoseTrackerNode)
    assert node.start()
    publisher = ros.probe.create_publisher(SkeletonArray, 'pose', 10)
    tracked = ros.collect(SkeletonArray, 'pose/tracked')
    assert ros.spin_until(lambda: publisher.get_subscription_count() == 1)
    taken: list[Any] = []
    update = node._tracker.update
    node._tracker.update = lambda *given: taken.append(given[3]) or update(*given)
    motion = homography_of_rotation(K, TURN)
    for second, since in ((5, 4), (6, 5), (7, 5), (8, 7)):
        msg = keypoints_to_msg(
            make_people(1), header(second), (640, 480), camera_motion=motion.ravel(),
            camera_motion_s=float(second - since),
            camera_motion_source=SkeletonArray.CAMERA_MOTION_IMAGE)
        if second == 8:
            msg.camera_motion[:] = np.nan
        publisher.publish(msg)
        assert ros.spin_until(lambda s=second: len(tracked) == s - 4)
    assert [given is not None for given in taken] == [False, True, False, True]
    assert np.allclose(taken[1], motion)
    assert node._tracker.counters['bad_camera_motion'] == 1
