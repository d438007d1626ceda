# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Markers and overlay: right, paired by stamp, and only while someone listens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from pose_ros.core import geometry
from pose_ros.core.skeleton import EDGES
from pose_ros.core.tracks import KeypointState, Tracks, TrackState
from pose_ros.msg import SkeletonArray
from pose_ros.ros.images import image_from_msg, image_to_msg
from pose_ros.ros.markers import MarkerWriter
from pose_ros.ros.messages import tracks_to_msg
from pose_ros.ros.pose_visualizer_node import PoseVisualizerNode

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
        people.score,
    )


def of(markers: MarkerArray, namespace: str, action: int = Marker.ADD) -> dict[int, Marker]:
    return {m.id: m for m in markers.markers if m.ns == namespace and m.action == action}


def test_markers_lie_where_the_pixels_are(tracks: Tracks) -> None:
    markers = MarkerWriter().write(tracks, header(1), K, 3.0, 0.05, 0.25)
    joints, bones, labels = (of(markers, name) for name in ('joints', 'bones', 'label'))
    assert set(joints) == set(bones) == set(labels) == {3, 8}
    for person, track_id in enumerate((3, 8)):
        points = np.array([(p.x, p.y, p.z) for p in joints[track_id].points])
        np.testing.assert_allclose(points[:, 2], 3.0)
        np.testing.assert_allclose(geometry.project(K, points), tracks.xy[person], atol=1e-3)
        ends = np.array([(p.x, p.y, p.z) for p in bones[track_id].points]).reshape(-1, 2, 3)
        expected = points[np.array(EDGES)]
        np.testing.assert_allclose(ends, expected)
        assert str(track_id) in labels[track_id].text
        assert bones[track_id].type == Marker.LINE_LIST and bones[track_id].scale.x == 0.05
        assert joints[track_id].lifetime.nanosec == 250_000_000
        assert joints[track_id].header == header(1)
        assert joints[track_id].color.a == 1.0
    one, other = joints[3].color, joints[8].color
    assert (one.r, one.g, one.b) != (other.r, other.g, other.b)


def test_who_is_gone_is_deleted(tracks: Tracks) -> None:
    writer = MarkerWriter()
    writer.write(tracks, header(1), K)
    markers = writer.write(tracks.select(slice(1)), header(2), K)
    for namespace in ('bones', 'joints', 'label'):
        assert set(of(markers, namespace, Marker.DELETE)) == {8}
        assert set(of(markers, namespace)) == {3}
    assert not of(writer.write(tracks.select(slice(1)), header(3), K), 'bones', Marker.DELETE)
    assert set(of(writer.clear(header(4)), 'label', Marker.DELETE)) == {3}


def test_missing_keypoints_and_people_are_not_drawn(tracks: Tracks) -> None:
    tracks.keypoint_state[0, 5:], tracks.xy[0, 5:] = KeypointState.MISSING, np.nan
    tracks.keypoint_state[1], tracks.xy[1] = KeypointState.MISSING, np.nan
    markers = MarkerWriter().write(tracks, header(1), K)
    assert set(of(markers, 'joints')) == {3}
    assert len(of(markers, 'joints')[3].points) == 5
    assert len(of(markers, 'bones')[3].points) == 2 * 4
    values = [v for p in of(markers, 'bones')[3].points for v in (p.x, p.y, p.z)]
    assert np.isfinite(values).all()


def test_lost_people_are_faded(tracks: Tracks) -> None:
    tracks.state[1] = TrackState.LOST
    markers = of(MarkerWriter().write(tracks, header(1), K), 'joints')
    assert markers[3].color.a == 1.0 and markers[8].color.a < 0.5


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
    assert len(stage.node._images) == 3
    for sec in range(21, 32):
        stage.node._on_skeletons(tracks_to_msg(tracks, header(sec), (640, 480)))
    assert len(stage.node._skeletons) == 3
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
    assert capfd.readouterr().err.count('no calibrated camera_info') == 1
    stage.infos.publish(CameraInfo(width=640, height=480, k=K.ravel().tolist()))
    assert ros.spin_until(lambda: stage.node._matrix is not None)
    stage.tracked.publish(msg)
    assert ros.spin_until(markers.__len__)
    points = np.array([(p.x, p.y, p.z) for p in of(markers[-1], 'joints')[3].points])
    np.testing.assert_allclose(points[:, 2], 4.0)
    np.testing.assert_allclose(geometry.project(K, points), tracks.xy[0], atol=1e-3)


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
