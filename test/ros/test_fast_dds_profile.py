# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The shipped Fast DDS profile: its segment, and a killed subscriber that is given up."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any
import xml.etree.ElementTree as ElementTree

import pytest
from sensor_msgs.msg import Image

from pose_ros.diagnostics.transport import PROFILE_VARIABLES, SHIPPED_SEGMENT_BYTES
from pose_ros.ros.shipped_files import config_file


def test_the_segment_of_the_shipped_profile() -> None:
    root = ElementTree.parse(config_file('fastdds_shm.xml')).getroot()
    sizes = [e.text for e in root.iter() if e.tag.endswith('segment_size')]
    assert sizes == [str(SHIPPED_SEGMENT_BYTES)]


_LISTENS = """
import sys
import rclpy
import pytest
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node(sys.argv[1])
node.create_subscription(Image, 'image', lambda msg: None, 1)
rclpy.spin(node)
"""


@pytest.mark.nightly('how Fast DDS takes its profile')
def test_a_killed_subscriber_is_given_up_within_seconds(ros: Any) -> None:
    """By default it takes 20 s, and images are sent to it all the while."""
    publisher = ros.probe.create_publisher(Image, 'image', 1)
    plain = {k: v for k, v in os.environ.items() if not k.endswith('_PROFILES_FILE')}
    profile = dict.fromkeys(PROFILE_VARIABLES, str(config_file('fastdds_shm.xml')))
    domain = {'ROS_DOMAIN_ID': str(ros.domain_id)}

    def listeners() -> set[str]:
        return {e.node_name for e in ros.probe.get_subscriptions_info_by_topic('image')}

    processes = [
        subprocess.Popen([sys.executable, '-c', _LISTENS, name], env={**environment, **domain})
        for name, environment in (('shipped', {**plain, **profile}), ('default', plain))]
    try:
        assert ros.spin_until(lambda: listeners() == {'shipped', 'default'}, 60)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert ros.spin_until(lambda: listeners() != {'shipped', 'default'}, 60)
    assert listeners() == {'default'}
    assert ros.spin_until(lambda: publisher.get_subscription_count() == 1)
