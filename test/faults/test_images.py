# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Cameras that misbehave: nothing crashes or hangs, nobody is seen who is not there."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from system import footprint

from pose_ros.msg import SkeletonArray
from pose_ros.ros.conversions import stamp_ns

_EMPTY = np.full((480, 640, 3), 90, np.uint8)


def test_the_camera_stops_and_returns(shared: Any, works: Any) -> None:
    """STALE while nobody looks, as nobody's; OK again with the first images."""
    works(shared)
    shared.tracked.clear()
    shared.stop_camera()
    assert shared.spin_until(
        lambda: any(m.status == SkeletonArray.STALE for _, m in shared.tracked), 10)
    assert shared.tracked[-1][1].stale_s > 0.9
    shared.start_camera()
    assert shared.spin_until(lambda: shared.listeners() >= 1)
    works(shared)
    assert shared.spin_until(lambda: shared.tracked[-1][1].status == SkeletonArray.OK)


@pytest.mark.parametrize('size', [(1080, 1920), (17, 33)])
def test_the_size_changes(shared: Any, size: tuple[int, int], works: Any) -> None:
    since_ns = time.time_ns()
    empty = [np.full((*size, 3), 90, np.uint8)]
    assert shared.play_until(empty, lambda: any(
        (m.image_height, m.image_width) == size and stamp_ns(m.header.stamp) >= since_ns
        for _, m in shared.tracked))
    # Nobody is in these images. (Whoever was there before may still be carried along as LOST.)
    assert not any(
        s.track_state == s.CONFIRMED for _, m in shared.tracked
        if (m.image_height, m.image_width) == size and stamp_ns(m.header.stamp) >= since_ns
        for s in m.skeletons)
    works(shared)


def test_the_encoding_changes(shared: Any, works: Any) -> None:
    since_ns = time.time_ns()
    assert shared.play_until([_EMPTY], lambda: any(
        stamp_ns(m.header.stamp) >= since_ns for _, m in shared.pose), encoding='rgb8')
    works(shared)


def test_an_encoding_that_nobody_knows(shared: Any, works: Any) -> None:
    """Each such image is counted as bad; the next good one is answered."""
    shared.send_until_answered(_EMPTY)
    received, bad = shared.counts('pose_estimator', 'received', 'bad_images')
    assert shared.play_until(
        [_EMPTY], lambda: shared.value('pose_estimator', 'bad_images') > bad, encoding='8UC5')
    received_now, bad_now = shared.counts('pose_estimator', 'received', 'bad_images')
    assert received_now - received == bad_now - bad
    assert "'8UC5'" in shared.text()
    works(shared)


def test_a_burst(shared: Any, works: Any) -> None:
    """Every single one is counted, and the answer is about the newest."""
    small = _EMPTY[:120, :160].copy()
    shared.send_until_answered(small)
    before = shared.counts('pose_estimator', 'received', 'dropped')
    for _ in range(300):
        shared.send(small)
    # Images are best effort: should the very last of them be lost, the next one tells.
    more = shared.send_until_answered(small)
    received, dropped = shared.counts('pose_estimator', 'received', 'dropped')
    assert received - before[0] + dropped - before[1] == 300 + more
    assert dropped - before[1] > 150, 'no more than the networks can take: no burst'
    works(shared)


@pytest.mark.nightly('ten images of 100 MB with a second between, half a minute')
def test_enormous_images(shared: Any, works: Any) -> None:
    """8K now and then, as many small ones between: each answered or refused, its memory freed."""
    works(shared)
    pid = shared.pid('pose_estimator')
    enormous = np.full((4320, 7680, 3), 90, np.uint8)

    def some(number: int) -> float:
        for _ in range(number):
            shared.play([_EMPTY], 100.0, 0.3)  # more than are taken: buffers are in use
            shared.send(enormous)
            shared.play([_EMPTY], 100.0, 0.7)
        works(shared)
        return float(footprint(pid)['memory_mb'])

    first_mb = some(2)
    assert some(8) < first_mb + 60.0  # one image is 100 MB
    assert shared.pid('pose_estimator') == pid


_CAMERA = """
import numpy as np, rclpy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from pose_ros.ros.images import image_to_msg
rclpy.init()
node = rclpy.create_node('victim')
publisher = node.create_publisher(Image, 'image', 1)
msg = image_to_msg(np.full((1080, 1920, 3), 90, np.uint8), Header())
print('begins', flush=True)
while True:
    msg.header.stamp = node.get_clock().now().to_msg()
    publisher.publish(msg)
"""


def test_the_publisher_is_killed_in_the_middle_of_a_message(shared: Any, works: Any) -> None:
    """It publishes without a pause: wherever it is killed, it is in a message of 6 MB."""
    shared.stop_camera()
    for _ in range(2):
        victim = subprocess.Popen(
            [sys.executable, '-c', _CAMERA], env=shared.environment, stdout=subprocess.PIPE)
        assert victim.stdout is not None and victim.stdout.readline() == b'begins\n'
        seen = len(shared.pose)
        assert shared.spin_until(lambda seen=seen: len(shared.pose) > seen)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    shared.start_camera()
    assert shared.spin_until(lambda: shared.listeners() >= 1)
    works(shared)


def test_a_subscriber_that_does_not_read(shared: Any, works: Any) -> None:
    """A stopped process subscribes to everything, reliably: the others do not wait for it."""
    slow = subprocess.Popen([sys.executable, '-c', (
        'import rclpy; from pose_ros.msg import SkeletonArray; rclpy.init(); '
        'node = rclpy.create_node("slow"); '
        'node.create_subscription(SkeletonArray, "pose", print, 1); '
        'node.create_subscription(SkeletonArray, "pose/tracked", print, 1); '
        'print("here", flush=True); rclpy.spin(node)')],
        env=shared.environment, stdout=subprocess.PIPE)
    try:
        assert slow.stdout is not None and slow.stdout.readline() == b'here\n'
        assert shared.spin_until(lambda: shared.node.count_subscribers('pose/tracked') >= 2)
        slow.send_signal(signal.SIGSTOP)
        before = shared.value('pose_tracker', 'published')
        for _ in range(3):
            works(shared)
        assert shared.spin_until(lambda: shared.value('pose_tracker', 'published') > before)
    finally:
        slow.kill()
        slow.wait()
