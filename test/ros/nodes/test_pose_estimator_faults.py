# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The estimator as a node where images, stamps, the network or the GPU are bad."""

from __future__ import annotations

from array import array
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from estimator_camera import PICTURE, Camera, header
import numpy as np
import pytest
from replay_backend import ReplayBackend
from sensor_msgs.msg import Image

from pose_ros.core.backend import BackendError, BackendLostError
from pose_ros.ros.diagnostics import ERROR, OK
from pose_ros.ros.images import image_to_msg
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


def bad(**fields: Any) -> Image:
    msg = image_to_msg(PICTURE, header(9))
    for name, value in fields.items():
        setattr(msg, name, value)
    return msg


BAD = {
    'truncated data': bad(data=array('B', bytes(1000))),
    'oversized data': bad(data=array('B', bytes(640 * 480 * 3 + 7))),
    'step 1000 is smaller': bad(step=1000),
    'width 0': bad(width=0),
    "unknown encoding '8UC5'": bad(encoding='8UC5'),
}


def test_bad_images_then_a_good_one(
    ros: Any, node: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    camera = Camera(ros)
    for msg in BAD.values():
        camera.send(msg, expect=False)
        node._on_image(msg)
    assert node.statistics.counts['bad_images'] == 2 * len(BAD)
    said = capfd.readouterr().err
    assert all(said.count(reason) == 1 for reason in BAD), said
    assert 'Traceback' not in said
    pose = camera.send(image_to_msg(PICTURE, header(10)))
    assert pose is not None and len(pose.skeletons) == 2
    assert node.is_active


def test_failing_network_then_a_good_image(
    ros: Any, node: Any, backend: ReplayBackend, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    camera = Camera(ros)

    def fail(*_: Any) -> None:
        raise BackendError('out of memory')

    with monkeypatch.context() as patch:
        patch.setattr(backend, 'detect', fail)
        camera.send(image_to_msg(PICTURE, header(1)), expect=False)
    assert 'out of memory' in capfd.readouterr().err
    assert node.statistics.counts['failed'] == 1
    assert camera.send(image_to_msg(PICTURE, header(2))) is not None


def test_odd_stamps_and_sizes_are_said_and_used(
    ros: Any, node: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    camera = Camera(ros)
    small = np.ascontiguousarray(PICTURE[:240, :320])
    for msg in (image_to_msg(PICTURE, header(10)), image_to_msg(PICTURE, header(8, 500_000_000)),
                image_to_msg(PICTURE, header(0)), image_to_msg(small, header(11))):
        pose = camera.send(msg)
        assert pose is not None and pose.header.stamp == msg.header.stamp
        assert (pose.image_width, pose.image_height) == (msg.width, msg.height)
        assert np.isnan([pose.transport_s, pose.latency_s]).all() == (msg.header.stamp.sec == 0)
    said = capfd.readouterr().err
    assert 'back by 1.500 s' in said and 'stamp 0' in said and '320x240, was 640x480' in said
    counts = node.statistics.counts
    assert [counts[k] for k in ('backward_stamps', 'zero_stamps', 'size_changes')] == [1, 1, 1]


def test_gpu_lost_in_the_middle_of_the_work(
    ros: Any, node: Any, backend: ReplayBackend, capfd: pytest.CaptureFixture[str]
) -> None:
    camera = Camera(ros)
    heard = ros.collect(DiagnosticArray, '/diagnostics')
    assert camera.send(image_to_msg(PICTURE, header(3))) is not None
    closed: list[bool] = []
    backend.close = lambda: closed.append(True)  # type: ignore[method-assign]

    def lost(*args: Any) -> None:
        raise BackendLostError('an illegal memory access')

    backend.detect = lost  # type: ignore[method-assign]
    camera.send(image_to_msg(PICTURE, header(4)), expect=False)
    assert closed == [True] and not node.is_active
    assert capfd.readouterr().err.count('illegal memory access') == 1
    assert ros.spin_until(
        lambda: heard and heard[-1].status[0].level == ERROR
        and 'illegal memory access' in heard[-1].status[0].message
    )
    # A restart works.
    del backend.detect
    assert node.start() and node.is_active
    assert ros.spin_until(lambda: camera.publisher.get_subscription_count() == 1)
    assert camera.send(image_to_msg(PICTURE, header(5))) is not None
    assert ros.spin_until(lambda: heard[-1].status[1].level == OK)
    assert heard[-1].status[1].name == 'pose_estimator: node'
