# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Tests of people from another node, by vision_msgs: test_standards.py builds it and runs this file.

By hand, where it is installed: ./run pytest test/ros/detections_checks.py
"""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
import pytest
from replay_backend import ReplayBackend
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from pose_ros.media.sources import open_source
from pose_ros.msg import SkeletonArray
from pose_ros.ros.conversions import keypoints_from_msg
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_standards import PoseStandardsNode
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode


def header(ms: int = 1000, frame: str = 'camera') -> Header:
    return Header(stamp=Time(sec=ms // 1000, nanosec=ms % 1000 * 1_000_000), frame_id=frame)


def detection(
    box: Any, score: float = 0.9, class_id: str | None = 'person', theta: float = 0.0
) -> Detection2D:
    x0, y0, x1, y1 = (float(v) for v in box)
    made = Detection2D()
    made.bbox.center.position.x, made.bbox.center.position.y = (x0 + x1) / 2, (y0 + y1) / 2
    made.bbox.center.theta = theta
    made.bbox.size_x, made.bbox.size_y = x1 - x0, y1 - y0
    if class_id is not None:
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id, result.hypothesis.score = class_id, score
        made.results = [result]
    return made


class Estimator:
    """An estimator that takes its people from `detections`, and what it publishes."""

    def __init__(self, ros: Any, load: Any = None, **parameters: Any) -> None:
        self.ros = ros
        self.node = ros.add(
            PoseEstimatorNode, load=load,
            parameters={'detections_enabled': True, 'detections_wait_s': 2.0} | parameters)
        assert self.node.start()
        self.images = ros.probe.create_publisher(Image, 'image', 1)
        self.detections = ros.probe.create_publisher(Detection2DArray, 'detections', 5)
        self.poses = ros.collect(SkeletonArray, 'pose')
        assert ros.spin_until(lambda: self.images.get_subscription_count() == 1
                              and self.detections.get_subscription_count() == 1)

    @property
    def counts(self) -> Any:
        return self.node.statistics.counts

    def see(self, image: np.ndarray, ms: int) -> None:
        before = self.counts['received']
        self.images.publish(image_to_msg(image, header(ms)))
        assert self.ros.spin_until(lambda: self.counts['received'] > before)

    def tell(self, found: list[Detection2D], ms: int, frame: str = 'camera') -> None:
        before = self.counts['detections_received']
        self.detections.publish(Detection2DArray(header=header(ms, frame), detections=found))
        assert self.ros.spin_until(lambda: self.counts['detections_received'] > before)

    def pose(self) -> SkeletonArray:
        assert self.ros.spin_until(lambda: self.poses, 20.0)
        return self.poses.pop(0)


@pytest.fixture(scope='module')
def cyclist() -> np.ndarray:
    """Return an image of the demo's footage with one man in it, 640x272."""
    with open_source('demo') as source:
        return next(f.image.copy() for i, f in enumerate(source) if i == 125)


MAN = (350, 0, 530, 272)
CAR = (10, 20, 290, 230)


def test_a_detected_person_is_found_tracked_and_said_again(ros: Any, cyclist: np.ndarray) -> None:
    """From boxes to boxes through the real networks and nodes: estimator, tracker, standards."""
    stage = Estimator(ros)
    assert ros.add(PoseTrackerNode).start() and ros.add(PoseStandardsNode).start()
    out = ros.collect(Detection2DArray, 'pose/detections')
    node = ros.nodes[-1]
    assert ros.spin_until(lambda: node._subscription is not None)
    assert ros.spin_until(lambda: stage.node._publisher.get_subscription_count() == 2)
    for i in range(6):
        ms = 1000 + 40 * i
        if i % 2:
            stage.see(cyclist, ms)
        stage.tell([detection(MAN)], ms)  # the car's box is not given: nobody looks there
        if not i % 2:
            stage.see(cyclist, ms)
        pose = stage.pose()
        assert pose.header == header(ms) and pose.model == stage.node._backend.refiner.name
        people = keypoints_from_msg(pose)
        assert len(people) == 1 and (people.score[0] > 0.3).sum() >= 8
        xy = people.xy[0][people.score[0] > 0.3]
        assert (xy[:, 0] > 330).all() and (xy[:, 0] < 550).all()
        assert people.xy[0, 0, 1] < 60 < people.xy[0, 11, 1], 'the head is above the hips'
    assert ros.spin_until(lambda: out and out[-1].detections, 10.0)
    box = out[-1].detections[0].bbox
    assert abs(box.center.position.x - 440) < 50 and out[-1].detections[0].id == '1'
    assert stage.node.health() == (b'\x00', 'working')
    stage.see(cyclist, 2000)
    stage.tell([], 2000)
    assert stage.pose().skeletons == [], 'somebody looked, and nobody is there'


@pytest.mark.data
def test_a_foreign_top_down_network_looks_into_the_boxes(
    ros: Any, cyclist: np.ndarray, tmp_path: Path
) -> None:
    network = Path(os.environ.get('POSE_ROS_DATA', '')) / 'models/simplepose_256x192.onnx'
    if not network.is_file():
        pytest.skip('POSE_ROS_DATA does not name the evaluation data')
    model = tmp_path / 'net.onnx'
    model.symlink_to(network)
    spec = Path(__file__).parents[1] / 'backends/simplepose_256x192.json'
    model.with_suffix('.json').write_text(spec.read_text())
    stage = Estimator(ros, refiner_model=str(model))
    stage.tell([detection(MAN)], 1000)
    stage.see(cyclist, 1000)
    pose = stage.pose()
    people = keypoints_from_msg(pose)
    assert pose.model == 'simplepose' and len(people) == 1
    assert (people.score[0] > 0.3).sum() >= 12
    ours = people.xy[0][people.score[0] > 0.3]
    assert (ours[:, 0] > 330).all() and (ours[:, 0] < 550).all()


@pytest.fixture
def replayed(ros: Any, make_people: Any) -> Iterator[Estimator]:
    """Give an estimator whose second pass sees one person in whatever box it gets."""
    yield Estimator(ros, load=lambda config: ReplayBackend(make_people(1)), max_crops=10)


PICTURE = np.full((480, 640, 3), 90, np.uint8)


def test_bad_boxes_are_counted_and_left_out(replayed: Estimator) -> None:
    nan, inf = float('nan'), float('inf')
    good = detection((100, 90, 150, 310))
    bad = {
        'detections_bad_boxes': [
            detection((nan, 0, 10, 10)), detection((0, 0, inf, 10)), detection((5, 5, 5, 90)),
            detection((90, 90, 20, 20)), detection((0, 0, 9, 9), nan),
            detection((0, 0, 9, 9), theta=nan)],
        'detections_off_image': [
            detection((-90, 0, -10, 80)), detection((641, 0, 700, 80)),
            detection((0, 481, 90, 900)), detection((1e30, 0, 2e30, 80))],
        'detections_low_score': [detection((0, 0, 90, 90), 0.1)],
        'detections_other_class': [
            detection((0, 0, 90, 90), 0.9, 'car'), detection((0, 0, 90, 90), class_id=None)],
    }
    given: list[np.ndarray] = []
    estimate = replayed.node._estimator.estimate

    def remember(
        image: Any, stamp_s: Any, boxes: np.ndarray, scores: np.ndarray, *more: Any
    ) -> Any:
        given.append(np.hstack([boxes, scores[:, None]]))
        return estimate(image, stamp_s, boxes, scores, *more)

    replayed.node._estimator.estimate = remember
    replayed.see(PICTURE, 1000)
    replayed.tell([*(d for kind in bad.values() for d in kind), good], 1000)
    replayed.pose()
    np.testing.assert_allclose(given[0], [[100, 90, 150, 310, 0.9]])
    for name, some in bad.items():
        assert replayed.counts[name] == len(some), name
    # Only bad ones: the image was looked at, and nobody is there.
    replayed.see(PICTURE, 1040)
    replayed.tell([d for kind in bad.values() for d in kind], 1040)
    assert replayed.pose().skeletons == []
    assert "'car'" in replayed.node.health()[1]
    # Partly outside, and turned by a quarter.
    turned = detection((100, 150, 300, 200), theta=np.pi / 2)
    replayed.see(PICTURE, 1080)
    replayed.tell([detection((-50, -50, 1e6, 100)), turned], 1080)
    replayed.pose()
    np.testing.assert_allclose(
        given[2][:, :4], [[-0.5, -0.5, 639.5, 100], [175, 75, 225, 275]], atol=1e-3)
    # Hundreds: the best are looked at.
    replayed.see(PICTURE, 1120)
    replayed.tell([detection((i, i, i + 90, i + 200), 0.5) for i in range(300)], 1120)
    replayed.pose()
    assert replayed.counts['detections_too_many'] == 290


def test_the_class_filter_is_live_and_may_be_empty(replayed: Estimator) -> None:
    from rclpy.parameter import Parameter

    cases = (('person', 1), ('person, 0', 2), ('', 3))
    for i, (classes, people) in enumerate(cases):
        result = replayed.node.set_parameters([Parameter('detections.class_id', value=classes)])
        assert result[0].successful
        used: list[int] = []
        estimate = replayed.node._estimator.estimate
        replayed.node._estimator.estimate = lambda *a: used.append(len(a[2])) or estimate(*a)  # noqa: B023
        replayed.see(PICTURE, 1000 + 40 * i)
        replayed.tell([detection((9, 9, 90, 300)), detection((99, 9, 190, 300), class_id='0'),
                       detection((299, 9, 390, 300), class_id=None)], 1000 + 40 * i)
        replayed.pose()
        replayed.node._estimator.estimate = estimate
        assert used == [people]


def test_only_detections_of_the_same_image_count(replayed: Estimator) -> None:
    stage, someone = replayed, [detection((100, 90, 150, 310))]
    stage.see(PICTURE, 1000)
    stage.tell(someone, 1030)  # of another image
    stage.tell(someone, 1000, 'rear_camera')
    stage.ros.spin_for(0.2)
    assert not stage.poses
    assert stage.counts['detections_wrong_frame'] == 1
    assert "'rear_camera'" in stage.node.health()[1]
    stage.tell(someone, 1001)  # within the tolerance
    assert stage.pose().header == header(1000)
    assert stage.node.health()[1] == 'working'
    # Three images wait, the detections are of the second: the first is dropped.
    for ms in (2000, 2040, 2080):
        stage.see(PICTURE, ms)
    stage.tell(someone, 2040)
    stage.tell(someone, 2000)
    stage.tell(someone, 2080)
    assert [stage.pose().header for _ in range(2)] == [header(2040), header(2080)]
    stage.ros.spin_for(0.2)
    assert not stage.poses and stage.counts['without_detections'] == 1


def test_detections_that_stop_are_reported_and_nobody_is_made_up(
    ros: Any, make_people: Any
) -> None:
    stage = Estimator(
        ros, load=lambda config: ReplayBackend(make_people(1)), detections_wait_s=0.3)
    assert 'no detections on /detections' in stage.node.health()[1]
    stage.see(PICTURE, 1000)
    stage.tell([detection((100, 90, 150, 310))], 1000)
    assert len(stage.pose().skeletons) == 1
    # Detections of a clock that is off, and then none at all.
    stage.see(PICTURE, 2000)
    stage.tell([detection((100, 90, 150, 310))], 1700)
    ros.spin_for(0.4)
    stage.see(PICTURE, 2400)
    assert '-700.0 ms' in stage.node.health()[1]
    for ms in range(3000, 9000, 400):
        stage.see(PICTURE, ms)
        ros.spin_for(0.2)
        if 'no detections on' in stage.node.health()[1]:
            break
    assert stage.node.health()[0] == b'\x01'
    assert 'no detections on /detections for' in stage.node.health()[1]
    assert not stage.poses and stage.counts['without_detections'] >= 3
    assert len(stage.node._detections._sync) <= 3
    # They come again: so do the people.
    stage.see(PICTURE, 10_000)
    stage.tell([detection((100, 90, 150, 310))], 10_000)
    assert len(stage.pose().skeletons) == 1 and stage.node.health()[1] == 'working'
