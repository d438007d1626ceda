# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Markers and overlay: right, paired by stamp, and only while someone listens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builtin_interfaces.msg import Time
import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState
from pose_ros.media.palette import RED
from pose_ros.msg import SkeletonArray
from pose_ros.ros.conversions import tracks_to_msg
from pose_ros.ros.images import image_from_msg, image_to_msg
from pose_ros.ros.nodes.pose_visualizer import PoseVisualizerNode

PICTURE = np.full((480, 640, 3), 90, np.uint8)
K = np.array([[500.0, 0, 300], [0, 520.0, 250], [0, 0, 1]])


def header(sec: int) -> Header:
    return Header(stamp=Time(sec=sec, nanosec=5), frame_id='camera')


@pytest.fixture
def tracks(make_people: Any) -> Tracks:
    """Return two confirmed people with ids 3 and 8."""
    people = make_people(2)
    return Tracks(
        0.0, np.array([3, 8]), np.full(2, TrackState.CONFIRMED, np.int8), people.person_score,
        np.ones(2), np.zeros(2), people.xy, np.zeros_like(people.xy),
        np.zeros((2, 17, 2, 2), np.float32), np.full((2, 17), KeypointState.OBSERVED, np.int8),
        people.score, np.arange(2), np.zeros((2, 17), bool),
    )


def of(markers: MarkerArray, namespace: str, action: int = Marker.ADD) -> dict[int, Marker]:
    return {m.id: m for m in markers.markers if m.ns == namespace and m.action == action}


class Stage:
    """Publishes images and tracks for an active visualizer."""

    def __init__(self, ros: Any, **parameters: Any) -> None:
        self.ros = ros
        self.node = ros.add(PoseVisualizerNode, parameters=parameters)
        assert self.node.start()
        self.images = ros.probe.create_publisher(Image, 'image', 1)
        self.infos = ros.probe.create_publisher(CameraInfo, 'camera_info', 1)
        self.tracked = ros.probe.create_publisher(SkeletonArray, 'pose/tracked', 10)

    def wait_for(self, publisher: Any, count: int = 1) -> None:
        assert self.ros.spin_until(lambda: publisher.get_subscription_count() == count)


def test_lazy(ros: Any) -> None:
    stage = Stage(ros)
    ros.spin_for(0.6)
    assert stage.images.get_subscription_count() == stage.tracked.get_subscription_count() == 0
    markers = ros.probe.create_subscription(MarkerArray, 'pose/markers', print, 10)
    stage.wait_for(stage.tracked)
    assert stage.images.get_subscription_count() == 0
    overlay = ros.probe.create_subscription(Image, 'pose/overlay', print, 1)
    stage.wait_for(stage.images)
    ros.probe.destroy_subscription(overlay)
    stage.wait_for(stage.images, 0)
    ros.probe.destroy_subscription(markers)
    stage.wait_for(stage.tracked, 0)


@pytest.mark.parametrize('image_first', [True, False])
def test_overlay_is_drawn_into_the_image_of_the_same_stamp(
    ros: Any, tracks: Tracks, image_first: bool
) -> None:
    stage = Stage(ros)
    overlays = ros.collect(Image, 'pose/overlay', 1)
    stage.wait_for(stage.images)
    stage.wait_for(stage.tracked)
    for sec, grey in ((1, 40), (2, 90), (3, 140)):
        image = image_to_msg(np.full_like(PICTURE, grey), header(sec))
        skeletons = tracks_to_msg(tracks, header(sec), (640, 480))
        # The middle one only gets skeletons: the estimator drops images.
        for publish in ((True, False) if image_first else (False, True)):
            if publish:
                stage.images.publish(image)
            elif sec == 2:
                stage.tracked.publish(skeletons)
            ros.spin_for(0.1)
    assert ros.spin_until(lambda: overlays)
    ros.spin_for(0.2)
    assert [o.header.stamp.sec for o in overlays] == [2]
    drawn = image_from_msg(overlays[0])
    assert (drawn[-1, -1] == 90).all()  # the image of that stamp, not another
    for x, y in tracks.xy[0][[5, 11, 15]]:
        assert (drawn[round(float(y)), round(float(x))] != 90).any()


def test_predicted_people_are_drawn_into_the_newest_image(ros: Any, tracks: Tracks) -> None:
    stage = Stage(ros, skeletons='predicted')
    overlays = ros.collect(Image, 'pose/overlay', 1)
    stage.wait_for(stage.images)
    for sec, grey in ((1, 40), (2, 90)):
        stage.node._on_image(image_to_msg(np.full_like(PICTURE, grey), header(sec)))
    for sec in (3, 4):
        stage.node._on_skeletons(tracks_to_msg(tracks, header(sec), (640, 480)))
    assert ros.spin_until(lambda: overlays)
    ros.spin_for(0.2)
    assert len(overlays) == 1
    assert (image_from_msg(overlays[0])[-1, -1] == 90).all()


def test_buffers_stay_bounded(ros: Any, tracks: Tracks) -> None:
    stage = Stage(ros, image_buffer=3)
    ros.collect(Image, 'pose/overlay', 1)
    stage.wait_for(stage.images)
    for sec in range(1, 12):
        stage.node._on_image(image_to_msg(PICTURE, header(sec)))
    assert len(stage.node._sync._partners) == 3
    for sec in range(21, 32):
        stage.node._on_skeletons(tracks_to_msg(tracks, header(sec), (640, 480)))
    assert len(stage.node._sync) == 3
    assert stage.node.statistics.counts['without_image'] == 8


def test_markers_use_camera_info(
    ros: Any, tracks: Tracks, capfd: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(ros, plane_distance_m=4.0)
    markers = ros.collect(MarkerArray, 'pose/markers')
    stage.wait_for(stage.tracked)
    stage.wait_for(stage.infos)
    msg = tracks_to_msg(tracks, header(1), (640, 480))
    for _ in range(2):
        stage.tracked.publish(msg)
        assert ros.spin_until(markers.__len__)
        del markers[:]
    assert capfd.readouterr().err.count('no camera_info has come yet') == 1
    assert stage.node.statistics.counts['markers_without_calibration'] == 2
    d = [-0.3, 0.1, 0.001, 0.002, 0.0]
    for info, size_fits in ((CameraInfo(width=640, height=480, k=K.ravel().tolist(), d=d,
                                        distortion_model='plumb_bob'), True),
                            (CameraInfo(width=320, height=240, k=K.ravel().tolist()), False)):
        stage.infos.publish(info)
        assert ros.spin_until(lambda: stage.node._camera._last == info)  # noqa: B023
        del markers[:]
        stage.tracked.publish(msg)
        assert ros.spin_until(markers.__len__)
        points = np.array([(p.x, p.y, p.z) for p in of(markers[-1], 'joints')[3].points])
        np.testing.assert_allclose(points[:, 2], 4.0)
        drawn, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), K, np.array(d))
        assert np.allclose(drawn[:, 0], tracks.xy[0], atol=0.01) == size_fits
    assert 'camera_info is of an image of 320x240' in capfd.readouterr().err


def test_tentative_people_are_hidden_unless_asked_for(ros: Any, tracks: Tracks) -> None:
    tentative = replace(tracks, state=np.array([TrackState.TENTATIVE, TrackState.CONFIRMED]))
    for show, expected in ((False, {8}), (True, {3, 8})):
        stage = Stage(ros, tentative=show)
        markers = ros.collect(MarkerArray, 'pose/markers')
        stage.wait_for(stage.tracked)
        stage.tracked.publish(tracks_to_msg(tentative, header(1), (640, 480)))
        assert ros.spin_until(markers.__len__)
        assert set(of(markers[-1], 'joints')) == expected
        stage.node.trigger_deactivate()
        for subscription in list(ros.probe.subscriptions):
            ros.probe.destroy_subscription(subscription)


def test_bad_image_is_said(
    ros: Any, tracks: Tracks, capfd: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(ros)
    overlays = ros.collect(Image, 'pose/overlay', 1)
    stage.wait_for(stage.images)
    broken = image_to_msg(PICTURE, header(1))
    broken.step = 7
    stage.node._on_image(broken)
    stage.node._on_skeletons(tracks_to_msg(tracks, header(1), (640, 480)))
    assert 'step 7' in capfd.readouterr().err
    stage.node._on_image(image_to_msg(PICTURE, header(2)))
    stage.node._on_skeletons(tracks_to_msg(tracks, header(2), (640, 480)))
    assert ros.spin_until(lambda: overlays)


def is_red(overlay: Image) -> bool:
    """Whether the banner is the red one."""
    corner = image_from_msg(overlay)[2, -3].astype(int)
    return bool(np.abs(corner - RED).max() < 45)


def test_stale_skeletons_redden_the_image_that_was_drawn_before(ros: Any, tracks: Tracks) -> None:
    stage = Stage(ros)
    overlays, markers = ros.collect(Image, 'pose/overlay', 1), ros.collect(
        MarkerArray, 'pose/markers')
    stage.wait_for(stage.images)
    stage.wait_for(stage.tracked)
    stage.node._on_image(image_to_msg(np.full_like(PICTURE, 40), header(1)))
    stage.node._on_skeletons(tracks_to_msg(tracks, header(1), (640, 480)))
    assert ros.spin_until(lambda: overlays and markers)
    assert not is_red(overlays[0])
    del overlays[:], markers[:]
    stale = tracks_to_msg(tracks, header(1), (640, 480))
    stale.status, stale.stale_s = SkeletonArray.STALE, 1.2
    for _ in range(4):  # on pose/predicted it comes 50 times a second
        stage.node._on_skeletons(stale)
    assert ros.spin_until(lambda: overlays and markers)
    ros.spin_for(0.2)
    assert len(overlays) == 1 and is_red(overlays[0])
    assert (image_from_msg(overlays[0])[-1, -1] == 40).all() and overlays[0].header == header(1)
    assert [m.action for m in markers[0].markers] == [Marker.DELETEALL] and len(markers) == 1
    # A newer image that nobody has looked at is shown instead.
    stage.node._on_image(image_to_msg(np.full_like(PICTURE, 70), header(2)))
    stage.node._banner_s = 0.0
    stage.node._on_skeletons(stale)
    assert ros.spin_until(lambda: len(overlays) == 2)
    assert (image_from_msg(overlays[1])[-1, -1] == 70).all() and overlays[1].header == header(2)


def test_skeletons_that_stop_coming_redden_the_image_and_leave_no_markers(
    ros: Any, tracks: Tracks
) -> None:
    stage = Stage(ros, marker_lifetime_s=0.0)
    overlays, markers = ros.collect(Image, 'pose/overlay', 1), ros.collect(
        MarkerArray, 'pose/markers')
    stage.wait_for(stage.images)
    stage.node._on_image(image_to_msg(PICTURE, header(1)))
    stage.node._on_skeletons(tracks_to_msg(tracks, header(1), (640, 480)))
    assert ros.spin_until(lambda: overlays and markers)
    assert ros.spin_until(lambda: is_red(overlays[-1]) and len(markers) == 2)
    assert [m.action for m in markers[1].markers] == [Marker.DELETEALL]
    ros.spin_for(0.6)
    assert len(markers) == 2


def test_a_node_that_is_deactivated_takes_its_markers_along(ros: Any, tracks: Tracks) -> None:
    stage = Stage(ros)
    markers = ros.collect(MarkerArray, 'pose/markers')
    stage.wait_for(stage.tracked)
    stage.node._on_skeletons(tracks_to_msg(tracks, header(1), (640, 480)))
    assert ros.spin_until(lambda: markers)
    stage.node.trigger_deactivate()
    assert ros.spin_until(lambda: len(markers) == 2)
    assert [m.action for m in markers[1].markers] == [Marker.DELETEALL]


def test_switches_are_live(ros: Any, tracks: Tracks) -> None:
    stage = Stage(ros)
    markers = ros.collect(MarkerArray, 'pose/markers')
    stage.wait_for(stage.tracked)
    moving = replace(
        tracks, velocity=np.full_like(tracks.velocity, 200.0),
        covariance=np.tile(np.eye(2, dtype=np.float32) * 9, (2, 17, 1, 1)))
    msg = tracks_to_msg(moving, header(1), (640, 480))
    for on in (False, True, False):
        for name in ('covariance', 'velocity'):
            assert stage.node.set_parameters([Parameter(name, value=on)])[0].successful
        del markers[:]
        stage.node._on_skeletons(msg)
        assert ros.spin_until(lambda: markers)
        for name in ('covariance', 'velocity'):
            assert len(of(markers[0], name)) == (34 if on else 0)
    assert len(of(markers[0], 'velocity', Marker.DELETE)) == 34
