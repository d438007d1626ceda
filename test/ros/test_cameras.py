# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the user says of his cameras."""

from __future__ import annotations

from pose_ros.ros.cameras import Camera, cameras


def test_remaps_follow_image_transport() -> None:
    assert Camera('', '/cam/image_raw').remaps() == [
        'image:=/cam/image_raw', 'image/compressed:=/cam/image_raw/compressed',
        'camera_info:=/cam/camera_info']
    assert Camera('', 'image_raw').remaps()[2] == 'camera_info:=camera_info'
    assert Camera('', '/image_raw').remaps()[2] == 'camera_info:=/camera_info'
    assert Camera('front', None).remaps() == []


def test_the_compressed_topic_itself_may_be_named() -> None:
    assert Camera('', '/cam/image_raw/compressed').remaps() == [
        'image:=/cam/image_raw/compressed', 'image/compressed:=/cam/image_raw/compressed',
        'camera_info:=/cam/camera_info']
    assert Camera('', 'image_raw/compressed').remaps()[2] == 'camera_info:=camera_info'


def test_one_camera_needs_no_name() -> None:
    assert cameras('') == [Camera('', None)]
    assert cameras('', '/robot/', '/cam/image') == [Camera('robot', '/cam/image')]


def test_several_cameras_have_a_namespace_each() -> None:
    assert cameras('front, rear=/usb/image_raw', 'robot', 'image_raw') == [
        Camera('robot/front', 'image_raw'), Camera('robot/rear', '/usb/image_raw')]
