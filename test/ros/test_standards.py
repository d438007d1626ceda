# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Other packages' messages: with their real classes, built here, and without them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path
import shutil
import struct
import subprocess
import sys
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import PointCloud2, PointField
import standard_packages
from std_msgs.msg import Header

from pose_ros.media.sources import DEMO_PACKAGE
from pose_ros.msg import Skeleton, SkeletonArray
from pose_ros.ros.conversions import keypoints_to_msg
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_standards import PoseStandardsNode

FOLDER = Path(__file__).parent


@pytest.fixture(scope='session')
def with_packages(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Return an environment in which hri_msgs and vision_msgs can be imported, built once."""
    if all(importlib.util.find_spec(name) for name in ('hri_msgs', 'vision_msgs')):
        return dict(os.environ)
    if standard_packages.compiler() is None or shutil.which('colcon') is None:
        pytest.skip('no compiler or no colcon to build the messages of other packages with')
    messages = sorted(standard_packages.MESSAGES.rglob('*.msg'))
    sources = [Path(standard_packages.__file__), *messages]
    digest = hashlib.sha256(b''.join(p.read_bytes() for p in sources) + sys.prefix.encode())
    cache = getattr(request.config, 'cache', None)  # none with -p no:cacheprovider
    folder = cache.mkdir(f'standards-{digest.hexdigest()[:12]}') if cache is not None else (
        tmp_path_factory.mktemp('standards'))
    return {**os.environ, **standard_packages.build(folder)}


@pytest.mark.slow
@pytest.mark.ros
@pytest.mark.timeout(900)
def test_with_the_packages(with_packages: dict[str, str]) -> None:
    """Run the checks where the packages are: every test passes, none skips."""
    # What wants the evaluation data, or the demo's footage, is left out where that is not.
    left_out = [] if os.environ.get('POSE_ROS_DATA') else ['-m', 'not data']
    if importlib.util.find_spec(DEMO_PACKAGE) is None:
        left_out += ['-k', 'not a_detected_person and not a_foreign_top_down']
    run = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-x', '--no-header', '-p', 'no:cacheprovider',
         *left_out, *(str(FOLDER / f'{name}_checks.py') for name in ('standards', 'detections'))],
        env=with_packages, capture_output=True, text=True, cwd=FOLDER.parents[1])
    last = run.stdout.strip().splitlines()[-1]
    assert run.returncode == 0 and ' passed' in last and 'skipped' not in last, (
        run.stdout[-6000:] + run.stderr[-2000:])


@pytest.fixture
def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the packages absent, also where they are installed."""
    for name in ('hri_msgs', 'vision_msgs'):
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setitem(sys.modules, f'{name}.msg', None)


@pytest.mark.usefixtures('without_packages')
def test_without_the_packages_one_message_says_so(
    ros: Any, make_people: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    node = ros.add(PoseStandardsNode)
    assert node.start() and node.is_active
    error = capfd.readouterr().err
    assert error.count('hri_msgs is not installed') == error.count('vision_msgs is not') == 1
    assert error.count('[WARN]') == 1
    level, reason = node.health()
    assert level == b'\x01' and 'ros-<distro>-hri-msgs' in reason
    tracked = ros.probe.create_publisher(SkeletonArray, 'pose/tracked', 10)
    ros.spin_for(0.6)
    assert tracked.get_subscription_count() == 0
    header = Header(stamp=Time(sec=1), frame_id='camera')
    node._on_skeletons(keypoints_to_msg(make_people(2), header, (640, 480)))
    assert node.trigger_deactivate() and node.trigger_cleanup()


@pytest.mark.usefixtures('without_packages')
def test_an_estimator_that_needs_them_says_so(
    ros: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    from replay_backend import ReplayBackend

    from pose_ros.core.keypoints import Keypoints

    node = ros.add(
        PoseEstimatorNode, load=lambda config: ReplayBackend(Keypoints.empty()),
        parameters={'detections.enabled': True})
    assert not node.start() and not node.is_active
    assert 'install ros-<distro>-vision-msgs, or set detections.enabled: false' in (
        capfd.readouterr().err)


@pytest.mark.usefixtures('without_packages')
def test_a_prefix_that_cannot_be_in_a_topic_is_refused(
    ros: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    node = ros.add(PoseStandardsNode)
    for prefix in ('', '3', 'a-b', 'ü'):
        assert node.set_parameters([Parameter('body_id_prefix', value=prefix)])[0].successful
        assert not node.start()
        assert 'body_id_prefix' in capfd.readouterr().err


_UNPACK = {PointField.FLOAT32: 'f', PointField.UINT32: 'I', PointField.UINT8: 'B'}


def points_of(cloud: PointCloud2) -> list[dict[str, float]]:
    """Read a cloud as C++ does: each field by its offset in the point, points by their steps."""
    assert cloud.row_step == cloud.width * cloud.point_step
    assert len(cloud.data) == cloud.height * cloud.row_step
    assert cloud.height == 1 and cloud.is_dense
    order = '>' if cloud.is_bigendian else '<'
    raw = bytes(cloud.data)
    assert all(f.count == 1 for f in cloud.fields)
    return [
        {f.name: struct.unpack_from(order + _UNPACK[f.datatype], raw, start + f.offset)[0]
         for f in cloud.fields}
        for start in range(0, len(raw), cloud.point_step)]


def in_space(make_people: Any, states: list[int], known: int = 17) -> SkeletonArray:
    """Return people of whom the first `known` keypoints have a position: 100 id + keypoint."""
    msg = keypoints_to_msg(
        make_people(len(states)), Header(stamp=Time(sec=5), frame_id='camera'), (640, 480))
    for i, (skeleton, state) in enumerate(zip(msg.skeletons, states)):
        skeleton.id, skeleton.track_state = i + 1, state
        for j, name in enumerate(('x', 'y', 'z', 'dx', 'dy', 'dz')):
            values = np.arange(17, dtype=np.float32) + 100 * (i + 1) + 1000 * j
            values[known:] = np.nan
            setattr(skeleton, name, values)
    return msg


@pytest.mark.usefixtures('without_packages')
def test_people_are_a_point_cloud(ros: Any, make_people: Any) -> None:
    node = ros.add(PoseStandardsNode)
    assert node.start()
    tracked = ros.probe.create_publisher(SkeletonArray, 'pose/tracked', 10)
    ros.spin_for(0.6)
    assert tracked.get_subscription_count() == 0, 'nobody listens'
    clouds = ros.collect(PointCloud2, 'pose/points')
    assert ros.spin_until(lambda: tracked.get_subscription_count() == 1)
    tracked.publish(in_space(
        make_people, [Skeleton.CONFIRMED, Skeleton.TENTATIVE, Skeleton.LOST], known=3))
    assert ros.spin_until(lambda: clouds)
    assert [(f.name, f.offset) for f in clouds[0].fields[:3]] == [('x', 0), ('y', 4), ('z', 8)]
    assert clouds[0].header.frame_id == 'camera' and clouds[0].header.stamp.sec == 5
    assert points_of(clouds[0]) == [
        {'x': 100.0 * i + k, 'y': 1000.0 + 100 * i + k, 'z': 2000.0 + 100 * i + k,
         'vx': 3000.0 + 100 * i + k, 'vy': 4000.0 + 100 * i + k, 'vz': 5000.0 + 100 * i + k,
         'id': i, 'keypoint': k}
        for i in (1, 3) for k in range(3)]
    assert 'pose/points' not in node.health()[1]
    tracked.publish(in_space(make_people, []))
    assert ros.spin_until(lambda: len(clouds) == 2) and points_of(clouds[1]) == []
    assert len(clouds[1].fields) == 8, 'an empty cloud has its fields'
    tracked.publish(in_space(make_people, [Skeleton.CONFIRMED], known=0))
    assert ros.spin_until(lambda: len(clouds) == 3) and points_of(clouds[2]) == []
    assert 'not on pose/points' in node.health()[1]
    stale = in_space(make_people, [Skeleton.CONFIRMED])
    stale.status = SkeletonArray.STALE
    tracked.publish(stale)
    ros.spin_for(0.5)
    assert len(clouds) == 3, 'no image: silence, not free space'
