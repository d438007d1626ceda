# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The camera as a node: every image once, in order, with its calibration; the end said."""

from __future__ import annotations

from pathlib import Path
import time
from typing import Any

import cv2
from mjpeg_server import mjpeg_server
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image

from pose_ros.ros.calibration import (
    CalibrationError,
    camera_info_from_yaml,
    default_camera,
)
from pose_ros.ros.conversions import stamp_ns
from pose_ros.ros.images import image_from_msg
from pose_ros.ros.nodes.pose_camera import PoseCameraNode

CALIBRATION = """\
image_width: 32
image_height: 24
camera_name: test
camera_matrix: {rows: 3, cols: 3, data: [30.5, 0, 15.5, 0, 31.5, 11.5, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0, 0, 0.05]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [29, 0, 15, 0, 0, 30, 11, 0, 0, 0, 1, 0]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of five images, each of one grey level."""
    images = tmp_path / 'images'
    images.mkdir()
    for i in range(5):
        cv2.imwrite(str(images / f'{i}.png'), np.full((24, 32, 3), 10 * i, np.uint8))
    return images


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    """Return a calibration file of camera_calibration."""
    path = tmp_path / 'calibration.yaml'
    path.write_text(CALIBRATION)
    return path


def greys(images: list[Image]) -> list[int]:
    return [int(image_from_msg(image)[0, 0, 0]) for image in images]


def test_every_image_in_order(ros: Any, folder: Path, calibration: Path) -> None:
    images, infos = ros.collect(Image, 'image'), ros.collect(CameraInfo, 'camera_info')
    node = ros.add(PoseCameraNode, parameters={
        'source': str(folder), 'rate_hz': 50.0, 'wait_for_subscribers': 1,
        'frame_id': 'left_optical_frame', 'camera_info': str(calibration)})
    started_s = time.monotonic()
    assert node.start()
    assert ros.spin_until(lambda: node._ended and len(infos) == 5)
    assert time.monotonic() - started_s >= 4 / 50
    assert greys(images) == [0, 10, 20, 30, 40]
    stamps = [stamp_ns(image.header.stamp) for image in images]
    assert stamps == sorted(set(stamps)) and abs(stamps[0] * 1e-9 - time.time()) < 10
    assert {image.header.frame_id for image in images} == {'left_optical_frame'}
    assert [info.header for info in infos] == [image.header for image in images]
    assert infos[0].k[0] == 30.5
    assert 'ended' in node.health()[1] and not node.finished


def test_loop(ros: Any, folder: Path) -> None:
    images = ros.collect(Image, 'image')
    node = ros.add(PoseCameraNode, parameters={
        'source': str(folder), 'rate_hz': 100.0, 'loop': True, 'wait_for_subscribers': 1})
    node.start()
    assert ros.spin_until(lambda: len(images) >= 12)
    assert greys(images)[:12] == [0, 10, 20, 30, 40] * 2 + [0, 10]


def test_exit_at_end(ros: Any, folder: Path) -> None:
    node = ros.add(PoseCameraNode, parameters={
        'source': str(folder), 'rate_hz': 100.0, 'exit_at_end': True})
    node.start()
    assert ros.spin_until(lambda: node.finished)


def test_file_that_breaks_off(
    ros: Any, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / '2.png').write_bytes(b'not an image')
    images = ros.collect(Image, 'image')
    node = ros.add(PoseCameraNode, parameters={
        'source': str(folder), 'rate_hz': 100.0, 'wait_for_subscribers': 1})
    node.start()
    assert ros.spin_until(lambda: node._ended)
    assert '2.png' in capfd.readouterr().err
    assert ros.spin_until(lambda: greys(images) == [0, 10])


def test_network_camera_that_is_away_for_a_while(ros: Any) -> None:
    images = ros.collect(Image, 'image')
    with mjpeg_server([np.full((24, 32, 3), 50, np.uint8)]) as port:
        node = ros.add(PoseCameraNode, parameters={
            'source': f'http://127.0.0.1:{port}/video', 'wait_for_subscribers': 1})
        assert node.start()
        assert ros.spin_until(lambda: len(images) >= 3)
    assert ros.spin_until(lambda: 'trying again' in node.health()[1])
    before = len(images)
    with mjpeg_server([np.full((24, 32, 3), 150, np.uint8)], port):
        assert ros.spin_until(lambda: len(images) > before + 2)
        assert ros.spin_until(lambda: node.health()[1] == 'working')
        assert abs(greys(images)[-1] - 150) <= 2
        node.trigger_deactivate()
        node.trigger_cleanup()


def test_wrong_calibration_is_said(
    ros: Any, folder: Path, calibration: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    calibration.write_text(CALIBRATION.replace('image_width: 32', 'image_width: 640'))
    node = ros.add(PoseCameraNode, parameters={
        'source': str(folder), 'rate_hz': 100.0, 'camera_info': str(calibration)})
    node.start()
    assert ros.spin_until(lambda: node._ended)
    assert capfd.readouterr().err.count('the calibration is for 640x24') == 1


def test_half_a_configuration_is_undone(ros: Any, folder: Path) -> None:
    node = ros.add(PoseCameraNode, parameters={
        'source': str(folder), 'camera_info': '/nowhere.yaml'})
    assert not node.start()
    assert node._source is None and node._publisher is None
    assert '/nowhere.yaml' in node._failure


def test_calibration_file(calibration: Path) -> None:
    info = camera_info_from_yaml(calibration)
    assert (info.width, info.height, info.distortion_model) == (32, 24, 'plumb_bob')
    assert list(info.k) == [30.5, 0, 15.5, 0, 31.5, 11.5, 0, 0, 1]
    assert list(info.d) == [0.1, -0.2, 0, 0, 0.05]
    assert list(info.p) == [29, 0, 15, 0, 0, 30, 11, 0, 0, 0, 1, 0]
    short = CALIBRATION.split('rectification')[0]
    calibration.write_text(short)
    assert list(camera_info_from_yaml(calibration).p)[:4] == [30.5, 0, 15.5, 0]


@pytest.mark.parametrize('old, new, reason', [
    ('image_width: 32', '', 'image_width'),
    ('image_width: 32', 'image_width: many', 'malformed'),
    ('image_width: 32', 'image_width: -32', 'image|width'),
    ('image_width: 32', 'image_width: 1.0e+30', 'image|width'),
    ('[30.5, 0', '[0', 'malformed'),
    ('[30.5, 0', '[.nan, 0', 'finite'),
    ('[30.5, 0', '[0, 0', 'focal'),
    ('camera_matrix:', 'camera_matrix: [', 'not YAML'),
    (CALIBRATION, '', 'malformed'),
    (CALIBRATION, '- 1', 'malformed'),
])
def test_bad_calibration(calibration: Path, old: str, new: str, reason: str) -> None:
    calibration.write_text(CALIBRATION.replace(old, new))
    with pytest.raises(CalibrationError, match=reason) as caught:
        camera_info_from_yaml(calibration)
    assert '\n' not in str(caught.value)


def test_missing_calibration(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match='cannot read'):
        camera_info_from_yaml(tmp_path / 'nowhere.yaml')
    (tmp_path / 'binary').write_bytes(bytes(range(256)))
    with pytest.raises(CalibrationError):
        camera_info_from_yaml(tmp_path / 'binary')


def test_calibration_addresses(
    tmp_path: Path, calibration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `camera_info_url` of drivers takes is taken here."""
    share = tmp_path / 'prefix' / 'share'
    (share / 'ament_index' / 'resource_index' / 'packages').mkdir(parents=True)
    (share / 'ament_index' / 'resource_index' / 'packages' / 'my_robot').touch()
    (share / 'my_robot' / 'config').mkdir(parents=True)
    (share / 'my_robot' / 'config' / 'c.yaml').write_text(CALIBRATION)
    (tmp_path / 'left camera.yaml').write_text(CALIBRATION)
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path / 'prefix'))
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('ROS_HOME', str(tmp_path))
    for text in (
        f'file://{calibration}', f'file://localhost{calibration}', 'file://~/calibration.yaml',
        f'file:{calibration}', f'FILE://{calibration}',
        f'file://{tmp_path}/left%20camera.yaml', 'package://my_robot/config/c.yaml',
        '~/calibration.yaml', '${ROS_HOME}/calibration.yaml', '$HOME/calibration.yaml',
    ):
        assert camera_info_from_yaml(text).width == 32, text


@pytest.mark.parametrize('text, reason', [
    ('package://no_such_robot/c.yaml', 'no_such_robot'),
    ('package://', 'not found'),
    ('https://example.org/c.yaml', 'must be a path, file://'),
    ('file:///nowhere.yaml', 'cannot read the calibration /nowhere.yaml'),
    ('~no_such_user/c.yaml', 'no_such_user'),
    ('\0', 'cannot read'),
])
def test_calibration_address_that_leads_nowhere(text: str, reason: str) -> None:
    with pytest.raises(CalibrationError, match=reason) as caught:
        camera_info_from_yaml(text)
    assert '\n' not in str(caught.value)


def test_default_camera() -> None:
    camera = default_camera((640, 480))
    left, right = camera.rays(np.array([[-0.5, 239.5], [639.5, 239.5]]))
    assert np.degrees(np.arctan(right[0]) - np.arctan(left[0])) == pytest.approx(60.0)
    assert left[1] == right[1] == 0.0
