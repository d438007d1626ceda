# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The shipped Fast DDS profile: its segment, and a killed subscriber that is given up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any
import xml.etree.ElementTree as ElementTree

from sensor_msgs.msg import Image

from pose_ros.diagnostics.transport import PROFILE_VARIABLES, SHIPPED_SEGMENT_BYTES
from pose_ros.ros.shipped_files import config_file


def test_the_segment_of_the_shipped_profile() -> None:
    root = ElementTree.parse(config_file('fastdds_shm.xml')).getroot()
    sizes = [e.text for e in root.iter() if e.tag.endswith('segment_size')]
    assert sizes == [str(SHIPPED_SEGMENT_BYTES)]


_LISTENS = """
import rclpy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('killed')
node.create_subscription(Image, 'image', lambda msg: None, 1)
rclpy.spin(node)
"""


def test_a_killed_subscriber_is_given_up_within_seconds(ros: Any) -> None:
    """By default it takes 20 s, and images are sent to it all the while."""
    publisher = ros.probe.create_publisher(Image, 'image', 1)
    plain = {k: v for k, v in os.environ.items() if not k.endswith('_PROFILES_FILE')}
    profile = str(config_file('fastdds_shm.xml'))
    process = subprocess.Popen([sys.executable, '-c', _LISTENS], env={
        **plain, **dict.fromkeys(PROFILE_VARIABLES, profile),
        'ROS_DOMAIN_ID': str(ros.domain_id)})
    try:
        assert ros.spin_until(publisher.get_subscription_count, 60)
    finally:
        process.kill()
        process.wait()
    killed_s = time.monotonic()
    assert ros.spin_until(lambda: not publisher.get_subscription_count(), 30)
    assert time.monotonic() - killed_s < 15.0
