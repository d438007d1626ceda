# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""/diagnostics of real nodes: every fault provoked and named, and none where all is well."""

from __future__ import annotations

from array import array
import itertools
import os
import subprocess
import sys
import time
from typing import Any

from builtin_interfaces.msg import Time
from demo_footage import demo_footage
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from replay_backend import ReplayBackend
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pose_ros.core.keypoints import Keypoints
from pose_ros.diagnostics.findings import Finding, Level
from pose_ros.msg import SkeletonArray
from pose_ros.ros.diagnostics import LastingProblem, findings_of
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode

PICTURE = np.full((48, 64, 3), 90, np.uint8)
BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


class Scene:
    """An estimator, a camera to play tricks with, and what /diagnostics says meanwhile."""

    def __init__(self, ros: Any, qos: QoSProfile = RELIABLE, topic: str = 'image',
                 slow_s: float = 0.0, **parameters: Any) -> None:
        self.ros, self.statuses = ros, ros.collect(DiagnosticArray, '/diagnostics')
        backend = ReplayBackend(Keypoints.empty())
        if slow_s:
            detect = backend.detect
            backend.detect = lambda *a: (time.sleep(slow_s), detect(*a))[1]
        self.node = ros.add(PoseEstimatorNode, load=lambda config: backend, parameters=parameters)
        assert self.node.start()
        self.camera = ros.probe.create_publisher(Image, topic, qos)
        self.stamps = lambda now_ns, i: now_ns
        self.frame_id, self.encoding, self.picture, self.sent = 'optical', '', PICTURE, 0

    def send(self, *_: Any) -> None:
        now_ns = self.ros.probe.get_clock().now().nanoseconds
        stamp_ns = self.stamps(now_ns, self.sent)
        header = Header(
            stamp=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9), frame_id=self.frame_id)
        msg = image_to_msg(self.picture, header)
        msg.encoding = self.encoding or msg.encoding
        self.camera.publish(msg)
        self.sent += 1

    def film(self, rate_hz: float = 40.0) -> Scene:
        """Send images at a rate from now on."""
        self.ros.probe.create_timer(1 / rate_hz, self.send)
        return self

    def latest(self) -> dict[str, DiagnosticStatus]:
        return {s.name: s for s in self.statuses[-1].status} if self.statuses else {}

    def findings(self) -> list[Finding]:
        return [f for s in self.latest().values() if ': ' in s.name for f in findings_of(s)]

    def problems(self) -> list[Finding]:
        return [f for f in self.findings() if f.level != Level.OK]

    def expect(self, code: str, timeout_s: float = 20.0) -> Finding:
        """Wait for a finding; fail with what there was instead."""
        def there() -> bool:
            return any(f.code == code for f in self.findings())

        assert self.ros.spin_until(there, timeout_s), (code, self.findings())
        return next(f for f in self.findings() if f.code == code)


@pytest.mark.parametrize('node_class', [PoseEstimatorNode, PoseTrackerNode])
def test_each_check_has_a_status_of_its_own(ros: Any, node_class: Any) -> None:
    node = ros.add(node_class, parameters={'autostart': False})
    arrays = ros.collect(DiagnosticArray, '/diagnostics')
    assert ros.spin_until(lambda: arrays)
    names = [s.name for s in arrays[0].status]
    assert names == [node.get_name()] + [
        f'{node.get_name()}: {c}'
        for c in ('node', 'health', 'clock', 'qos', 'transport', *node_class.CHECKS)]
    assert all(s.hardware_id == 'pose_ros' for s in arrays[0].status)
    values = {v.key: v.value for v in arrays[0].status[0].values}
    assert values['domain'] == str(ros.domain_id) and 'rmw_' in values['rmw']


@pytest.mark.slow
def test_a_healthy_camera_gives_no_alarm(ros: Any) -> None:
    """For some seconds, at a rate that a busy machine keeps; every /diagnostics is looked at."""
    scene = Scene(ros).film(15)
    assert ros.spin_until(lambda: scene.node.statistics.counts['published'] > 10)
    del scene.statuses[:]
    assert ros.spin_until(lambda: len(scene.statuses) >= 4, 30)
    for said in scene.statuses:
        bad = [s for s in said.status if s.level != DiagnosticStatus.OK]
        assert not bad, bad
    values = {v.key: v.value for v in scene.statuses[-1].status[0].values}
    assert 0 < float(values['image_rate_hz']) < 20  # a busy machine sends fewer than 15
    assert 0 <= float(values['since_good_image_s']) < 20


def test_a_covered_lens_is_said_until_something_is_seen(ros: Any) -> None:
    scene = Scene(ros)
    scene.picture = np.full_like(PICTURE, 3)
    assert 'nearly black' in scene.film(15).expect('dark_images').text
    scene.picture = PICTURE
    assert ros.spin_until(
        lambda: not any(f.code == 'dark_images' for f in scene.findings()), 15)


def test_a_publisher_that_is_silent(ros: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """On /diagnostics, and once on the console."""
    scene = Scene(ros)
    found = scene.expect('silent')
    assert '1 publisher there (/probe)' in found.text
    said = ''

    def is_said() -> bool:
        nonlocal said
        said += ''.join(capfd.readouterr())
        return 'no image on /image' in said

    assert ros.spin_until(is_said, 20)
    ros.spin_for(2.0)
    assert is_said() and said.count('no image on /image') == 1, said
    assert 'WARN' in said and 'ros2 topic hz /image' in said


def test_what_lasts_is_worth_a_line() -> None:
    lasting = LastingProblem(3.0, 30.0)
    silent, fine = Finding(Level.WARN, 'image', 'silent', 'no image', 'look'), []
    other = Finding(Level.ERROR, 'qos', 'incompatible_qos', 'does not fit')
    note = Finding(Level.OK, 'backend', 'no_gpu', 'a note')
    assert [lasting.line([silent, note], t_s) for t_s in (0.0, 1.0, 2.0)] == [''] * 3
    assert lasting.line([silent], 3.0) == 'no image -> look'
    assert lasting.line([silent], 32.0) == '' and lasting.line([silent], 33.0)
    assert lasting.line([silent], 92.0) == '' and lasting.line([silent], 93.0)  # ever more rarely
    # The worst is what is said; what is over begins anew.
    assert lasting.line([silent, other], 94.0) == ''
    assert lasting.line([silent, other], 97.0) == 'does not fit'
    assert not any(lasting.line(found, t_s) for t_s, found in (
        (98.0, fine), (99.0, [silent]), (101.0, [silent]), (102.0, [note]), (200.0, [note])))


@pytest.mark.parametrize('case', ['reliability', 'durability'])
def test_incompatible_qos_is_named(ros: Any, case: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The estimator asks for reliable, the camera is best effort; a listener wants more of it."""
    if case == 'reliability':
        scene = Scene(ros, BEST_EFFORT, **{
            'qos_overrides./image.subscription.reliability': 'reliable'})
        found = scene.expect('incompatible_qos')
        assert found.level == Level.ERROR
        assert '/pose_estimator gets nothing from /probe on /image' in found.text
        assert 'reliability (it asks for reliable, /probe offers best_effort)' in found.text
        assert '-p qos_overrides./image.subscription.reliability:=best_effort' in found.hint
        scene.expect('silent_qos')
        ros.probe.destroy_publisher(scene.camera)  # when it is over it is forgotten
        assert ros.spin_until(
            lambda: not any(f.code == 'incompatible_qos' for f in scene.findings()), 15)
        return
    scene = Scene(ros).film()
    ros.probe.create_subscription(
        SkeletonArray, 'pose', lambda msg: None,
        QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    found = scene.expect('incompatible_qos')
    assert '/probe gets nothing from /pose_estimator on /pose' in found.text
    assert 'durability (it asks for transient_local' in found.text


def test_an_unknown_encoding(ros: Any) -> None:
    scene = Scene(ros)
    scene.encoding = 'bayer_rggb12'
    found = scene.film().expect('unusable')
    assert found.level == Level.ERROR and 'bayer_rggb12' in found.text and 'bgr8' in found.hint


def test_broken_images_among_good_ones(ros: Any) -> None:
    scene = Scene(ros)
    whole, cut = scene.send, Image(height=48, width=64, encoding='bgr8', step=192)
    cut.data = array('B', bytes(100))
    both = itertools.cycle((whole, lambda: scene.camera.publish(cut)))
    ros.probe.create_timer(0.1, lambda: next(both)())
    assert 'truncated' in scene.expect('some_unusable').text


@pytest.mark.parametrize('code, stamps', [
    ('backward_stamps', lambda now_ns, i: now_ns - 2 * 10**9 * (i % 50 >= 25)),
    ('other_clock', lambda now_ns, i: now_ns - 5 * 3600 * 10**9),
])
def test_odd_stamps(ros: Any, code: str, stamps: Any) -> None:
    scene = Scene(ros)
    scene.stamps = stamps
    found = scene.film().expect(code)
    assert '/image' in found.text and found.hint
    assert scene.latest()['pose_estimator'].level != DiagnosticStatus.OK


def test_simulated_time_without_a_clock(ros: Any) -> None:
    scene = Scene(ros, use_sim_time=True).film()
    found = scene.expect('no_clock')
    assert found.level == Level.ERROR and 'nothing publishes /clock' in found.text
    clock = ros.probe.create_publisher(Clock, '/clock', 1)
    assert ros.spin_until(lambda: any(
        'has not said a time yet' in f.text for f in scene.findings()), 15)
    ros.probe.create_timer(0.05, lambda: clock.publish(Clock(clock=Time(sec=100))))
    # Time comes, and the camera, which stamps by another clock, is next.
    assert 'use_sim_time:=false' in scene.expect('other_clock').hint
    assert not any(f.code == 'no_clock' for f in scene.findings())


def test_camera_info_is_missed_where_3d_are_wanted(ros: Any) -> None:
    scene = Scene(ros, depth_enabled=True).film()
    found = scene.expect('no_camera_info')
    assert found.level == Level.WARN and 'it has no publisher' in found.text


def test_a_low_rate(ros: Any) -> None:
    scene = Scene(ros, expected_rate_hz=60.0).film(10)
    found = scene.expect('low_rate')
    assert 'expected_rate_hz is 60.0' in found.text


@pytest.mark.nightly('a camera in a process of its own; its judgement is in test/diagnostics')
def test_a_node_that_is_too_slow(ros: Any) -> None:
    """The camera sends from a process of its own: in ours it would wait for the estimator."""
    demo_footage()
    scene = Scene(ros, slow_s=0.15)
    ros.probe.destroy_publisher(scene.camera)
    process = subprocess.Popen(
        [sys.executable, '-m', 'pose_ros.ros.start_node', 'pose_camera', '--ros-args', '-p',
         'source:=demo', '-p', 'loop:=true', '-p', 'rate_hz:=25.0'],
        env={**os.environ, 'ROS_DOMAIN_ID': str(ros.domain_id)})
    try:
        found = scene.expect('behind', 40)
        assert 'left out' in found.text and 'one-pass' in found.hint
        counts = scene.node.statistics.counts
        assert counts['dropped'] > counts['received']
    finally:
        process.kill()
        process.wait()
