# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The estimator as a node: images in, skeletons out."""

from __future__ import annotations

from array import array
from typing import Any

from builtin_interfaces.msg import Time
from compressed_images import image_to_compressed_msg
from demo_footage import demo_footage
from diagnostic_msgs.msg import DiagnosticArray
from estimator_camera import PICTURE, Camera, header
import numpy as np
import pytest
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from replay_backend import ReplayBackend
from sensor_msgs.msg import CompressedImage, Image

from benchmarks.people_images import people_images
from pose_ros.msg import SkeletonArray
from pose_ros.ros.cameras import Camera as NamedCamera
from pose_ros.ros.conversions import keypoints_from_msg
from pose_ros.ros.diagnostics import OK, WARN
from pose_ros.ros.image_checks import DropCounter, takes_message_info
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.nodes import pose_estimator as pose_estimator_node
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode


@pytest.fixture
def backend(make_people: Any) -> ReplayBackend:
    """Return a backend that finds two people everywhere."""
    return ReplayBackend(make_people(2))


@pytest.fixture
def node(ros: Any, backend: ReplayBackend) -> Any:
    """Return an active estimator."""
    estimator = ros.add(PoseEstimatorNode, load=lambda config: backend)
    assert estimator.start()
    return estimator


def test_image_to_skeletons(ros: Any, node: Any, backend: ReplayBackend) -> None:
    camera = Camera(ros)
    pose = camera.send(image_to_msg(PICTURE, header(1_700_000_000, 123_456_789)))
    assert pose is not None
    assert pose.header == header(1_700_000_000, 123_456_789)
    assert (pose.image_width, pose.image_height, pose.model) == (640, 480, 'replay')
    assert pose.status == SkeletonArray.OK
    found = keypoints_from_msg(pose)
    order = found.xy[:, 0, 0].argsort()
    np.testing.assert_allclose(found.xy[order], backend.people.xy, atol=1e-3)
    assert pose.latency_s >= pose.transport_s + 1e-3 * pose.convert_ms > 0
    assert pose.convert_ms > 0


@pytest.mark.parametrize('takes', [('yuv422_yuy2',), ('bgr8',)])
def test_frames_are_handed_over_as_the_backend_takes_them(
    ros: Any, node: Any, backend: ReplayBackend, takes: tuple[str, ...]
) -> None:
    taken: list[Any] = []
    backend.encodings = takes
    backend.load = taken.append  # type: ignore[method-assign]
    data = array('B', bytes(640 * 480 * 2))
    Camera(ros).send(Image(
        header=header(5), width=640, height=480, encoding='yuv422_yuy2', step=1280, data=data))
    if takes == ('bgr8',):
        assert taken[-1].encoding == 'bgr8' and taken[-1].size == (640, 480)
    else:
        assert taken[-1].encoding == 'yuv422_yuy2'


def test_images_that_wait_do_without_a_first_pass(ros: Any) -> None:
    """The shipped networks, one image right after the other; never two in a row without."""
    node = ros.add(PoseEstimatorNode, parameters={'backend': 'onnx'})
    assert node.start()
    poses = ros.collect(SkeletonArray, 'pose')
    demo_footage()
    messages = [image_to_msg(image, header(7)) for image in people_images(1)]
    sent, followed = 0, 0
    # On a busy machine something may come between two images, and the second is not late.
    while followed < 3 and sent < 60:
        for _ in range(3):
            msg = messages[sent % len(messages)]
            msg.header.stamp.nanosec = 40_000_000 * sent % 1_000_000_000
            msg.header.stamp.sec = 7 + 40 * sent // 1000
            node._on_image(msg)
            sent += 1
        assert ros.spin_until(lambda sent=sent: len(poses) == sent)
        followed = node.statistics.counts['followed']
    assert followed >= 3
    without = [pose.detect_ms == 0.0 for pose in poses]
    assert without.count(True) == followed
    assert not any(a and b for a, b in zip(without, without[1:]))
    assert all(max(s.score for s in pose.skeletons) > 0.2 for pose in poses)


def test_nobody_is_an_empty_message(ros: Any, node: Any, backend: ReplayBackend) -> None:
    backend.people = backend.people.select(slice(0))
    pose = Camera(ros).send(image_to_msg(PICTURE, header(5)))
    assert pose is not None and not pose.skeletons and pose.header == header(5)


def test_low_scores_are_missing(ros: Any, node: Any, backend: ReplayBackend) -> None:
    backend.people.score[:, 9] = 0.01
    pose = Camera(ros).send(image_to_msg(PICTURE, header(5)))
    assert pose is not None and len(pose.skeletons) == 2
    for skeleton in pose.skeletons:
        assert skeleton.keypoint_state.tolist() == [1] * 9 + [0] + [1] * 7
        assert np.isnan([skeleton.u[9], skeleton.v[9]]).all()


@pytest.mark.parametrize('transport', ['raw', 'compressed'])
def test_a_compressed_topic_named_as_the_image_is_taken_as_that(
    ros: Any, backend: ReplayBackend, transport: str
) -> None:
    remaps = [word for text in NamedCamera('', '/cam/image_raw/compressed').remaps()
              for word in ('-r', text)]
    estimator = ros.add(
        PoseEstimatorNode, load=lambda config: backend, cli_args=['--ros-args', *remaps],
        parameters={'image_transport': transport, 'depth.enabled': True})
    assert estimator.start()
    camera = Camera(ros, '/cam/image_raw/compressed', CompressedImage)
    pose = camera.send(image_to_compressed_msg(PICTURE, header(3)))
    assert pose is not None and len(pose.skeletons) == 2
    assert ros.probe.count_subscribers('/cam/camera_info') == 1


def test_compressed(ros: Any, backend: ReplayBackend) -> None:
    node = ros.add(PoseEstimatorNode, load=lambda config: backend,
                   parameters={'image_transport': 'compressed'})
    assert node.start()
    camera = Camera(ros, 'image/compressed', CompressedImage)
    whole = image_to_compressed_msg(PICTURE, header(3))
    pose = camera.send(whole)
    assert pose is not None and (pose.image_width, pose.image_height) == (640, 480)
    half = array('B', bytes(whole.data)[:100])
    camera.send(CompressedImage(header=header(4), format='jpeg', data=half), expect=False)
    assert node.statistics.counts['bad_images'] == 1
    assert camera.send(whole) is not None


@pytest.mark.skipif(not takes_message_info(), reason='this rclpy gives no MessageInfo (Humble)')
def test_drops_are_counted(ros: Any, node: Any) -> None:
    camera = Camera(ros)
    camera.send(image_to_msg(PICTURE, header(1)))
    # Nobody spins: of these, keep-last 1 holds the newest only.
    for sec in range(2, 10):
        camera.publisher.publish(image_to_msg(PICTURE[:120, :160], header(sec)))
    del camera.poses[:]
    assert ros.spin_until(lambda: any(p.header.stamp.sec == 9 for p in camera.poses))
    counts = node.statistics.counts
    assert counts['dropped'] >= 1
    assert counts['received'] + counts['dropped'] == 9


def test_drop_counter() -> None:
    counter = DropCounter()

    def dropped(number: int) -> int:
        return counter.dropped_before({'publication_sequence_number': number})

    assert [dropped(n) for n in (5, 6, 9, 9, 2, 3)] == [0, 0, 2, 0, 0, 0]
    assert [dropped(n) for n in (2**64 - 1, 2**64 - 1, 0, 0)] == [0, 0, 0, 0]
    assert counter.dropped_before({}) == 0


def test_diagnostics(ros: Any, node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Camera(ros)
    diagnostics = ros.collect(DiagnosticArray, '/diagnostics')
    for _ in range(5):
        now = ros.probe.get_clock().now().to_msg()
        camera.send(image_to_msg(PICTURE, header(now.sec, now.nanosec)))
    del diagnostics[:]
    assert ros.spin_until(lambda: diagnostics)
    status = diagnostics[0].status[0]
    values = {v.key: v.value for v in status.values}
    assert (status.level, status.name) == (OK, 'pose_estimator')
    assert values['received'] == values['published'] == '5'
    for name in ('cost', 'callback', 'convert', 'network', 'age'):
        for percent in (50, 95, 99):
            assert float(values[f'{name}_p{percent}_ms']) >= 0
    assert (values['backend'], values['model']) == ('replay', 'replay')
    monkeypatch.setattr('pose_ros.ros.image_checks.SILENT_AFTER_S', 0.0)
    del diagnostics[:]
    assert ros.spin_until(lambda: diagnostics)
    status = diagnostics[0].status[0]
    assert status.level == WARN and '/image' in status.message and '1 publisher' in status.message


def test_inactive_publishes_nothing(ros: Any, node: Any) -> None:
    camera = Camera(ros)
    camera.send(image_to_msg(PICTURE, header(1)))
    node.trigger_deactivate()
    camera.send(image_to_msg(PICTURE, header(2)), expect=False)
    node.trigger_activate()
    assert ros.spin_until(lambda: camera.publisher.get_subscription_count() == 1)
    camera.send(image_to_msg(PICTURE, header(3)))


def test_qos_can_be_overridden(ros: Any, backend: ReplayBackend) -> None:
    node = ros.add(PoseEstimatorNode, load=lambda config: backend, parameters={
        'qos_overrides./image.subscription.reliability': 'reliable'})
    node.start()
    found = ros.probe.get_subscriptions_info_by_topic('/image')
    assert ros.spin_until(lambda: ros.probe.get_subscriptions_info_by_topic('/image'))
    found = ros.probe.get_subscriptions_info_by_topic('/image')[0]
    assert found.qos_profile.reliability == ReliabilityPolicy.RELIABLE


def test_image_qos_takes_every_camera(ros: Any, node: Any) -> None:
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = ros.probe.create_publisher(Image, 'image', best_effort)
    assert ros.spin_until(lambda: publisher.get_subscription_count() == 1)


def test_sim_time_stamps_messages(ros: Any, backend: ReplayBackend) -> None:
    from rosgraph_msgs.msg import Clock

    node = ros.add(PoseEstimatorNode, load=lambda config: backend)
    assert node.set_parameters([Parameter('use_sim_time', value=True)])[0].successful
    assert node.start()
    clock = ros.probe.create_publisher(Clock, '/clock', 1)
    assert ros.spin_until(lambda: clock.get_subscription_count() >= 1)
    clock.publish(Clock(clock=Time(sec=42)))
    assert ros.spin_until(lambda: node.get_clock().now().nanoseconds == 42 * 10**9)
    pose = Camera(ros).send(image_to_msg(PICTURE, header(41)))
    assert pose is not None and pose.transport_s == pose.latency_s == 1.0


def test_diagnostics_go_on_while_an_engine_is_built(
    ros: Any, make_people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = ros.collect(DiagnosticArray, '/diagnostics')

    def load(config: Any, progress: Any) -> ReplayBackend:
        progress('thunder', 0.4)
        # As long as it takes: two messages come although nobody spins the node.
        assert ros.spin_until(lambda: len(building()) >= 2, 30.0)
        progress('thunder', 1.0)
        return ReplayBackend(make_people(1))

    def building() -> list[Any]:
        return [a for a in heard if '40%' in a.status[0].message]

    monkeypatch.setattr(pose_estimator_node, 'load_backend', load)
    # The probe of `ros` is spun by the thread that loads, the node by nobody.
    node = PoseEstimatorNode(context=ros.context)
    ros.nodes.append(node)
    assert node.start() and node.is_active
    status = building()[0].status[0]
    assert status.level == WARN
    assert status.message == 'configuring: building the engine of thunder, 40%'
    node.publish_diagnostics()
    assert ros.spin_until(lambda: 'configuring' not in heard[-1].status[0].message)
