# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a process's environment and /dev/shm make of shared memory; profiles of all kinds."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Any

import pytest
from sensor_msgs.msg import Image

from pose_ros.core.health.transport import DEFAULT_SEGMENT_BYTES
from pose_ros.ros.health.process_usage import UsageMeter
from pose_ros.ros.health.transport import segment_of, segment_of_peer, shared_memory
from pose_ros.ros.shipped_files import config_file

NAME = 'FASTRTPS_DEFAULT_PROFILES_FILE'


def test_the_shipped_profile_has_64_mb() -> None:
    profile = str(config_file('fastdds_shm.xml'))
    for name in (NAME, 'FASTDDS_DEFAULT_PROFILES_FILE'):
        segment = segment_of({name: profile}, '/cam')
        assert (segment.bytes, segment.profile, segment.who) == (64 << 20, profile, '/cam')
    assert segment_of({}).bytes == DEFAULT_SEGMENT_BYTES


@pytest.mark.parametrize('text, expected', [
    ('<profiles><transport_descriptors><transport_descriptor><type>SHM</type>'
     '</transport_descriptor></transport_descriptors></profiles>', DEFAULT_SEGMENT_BYTES),
    ('<p><transport_descriptor><type>SHM</type><segment_size> 1000000 </segment_size>'
     '</transport_descriptor></p>', 1_000_000),
    ('<p><transport_descriptor><type>UDPv4</type></transport_descriptor>'
     '<useBuiltinTransports>false</useBuiltinTransports></p>', 0),
    ('<p><transport_descriptor><type>UDPv4</type></transport_descriptor></p>',
     DEFAULT_SEGMENT_BYTES),
    ('not XML', DEFAULT_SEGMENT_BYTES),
])
def test_other_profiles(tmp_path: Path, text: str, expected: int) -> None:
    path = tmp_path / 'profile.xml'
    path.write_text(text)
    assert segment_of({NAME: str(path)}).bytes == expected


def test_builtin_transports_by_name() -> None:
    name = 'FASTDDS_BUILTIN_TRANSPORTS'
    assert segment_of({name: 'UDPv4'}).bytes == segment_of({name: 'LARGE_DATA'}).bytes == 0
    assert segment_of({name: 'DEFAULT'}).bytes == DEFAULT_SEGMENT_BYTES
    assert segment_of({NAME: '/nowhere.xml'}).bytes == DEFAULT_SEGMENT_BYTES


def test_the_folder_of_shared_memory(tmp_path: Path) -> None:
    real = shared_memory()
    assert real.usable and real.total_bytes >= real.free_bytes > 0
    assert not shared_memory(str(tmp_path / 'nowhere')).usable
    assert shared_memory(str(tmp_path)).usable


def test_a_peer_is_found_by_the_number_in_its_gid() -> None:
    """A process that maps the library is looked at; others, other machines and we are not."""
    environment = {**os.environ, 'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}
    environment.pop(NAME, None)
    environment.pop('FASTDDS_DEFAULT_PROFILES_FILE', None)
    script = ('import rclpy; rclpy.init(); n = rclpy.create_node("x"); print(flush=True); '
              'input()')
    peer = subprocess.Popen([sys.executable, '-c', script], env=environment,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other = subprocess.Popen(['sleep', '60'])
    try:
        assert peer.stdout is not None
        peer.stdout.readline()
        own = gid(os.getpid())
        segment = segment_of_peer(gid(peer.pid), own, '/x')
        assert segment is not None and segment.profile == 'FASTDDS_BUILTIN_TRANSPORTS=UDPv4'
        assert segment_of_peer(gid(other.pid), own, '/x') is None
        assert segment_of_peer(gid(peer.pid, machine=9), own, '/x') is None
        assert segment_of_peer(own, own, '/x') is None
    finally:
        for process in (peer, other):
            process.kill()
            process.communicate()


def gid(pid: int, machine: int = 1) -> bytes:
    return bytes([1, 15, machine, 0, pid & 255, pid >> 8 & 255, *[7] * 10])


def test_what_a_process_takes() -> None:
    meter = UsageMeter()
    sum(i * i for i in range(2_000_000))
    usage = meter.read()
    assert usage.cpu_share > 0.02 and usage.memory_bytes > 5e6 and usage.cores >= 1
    assert usage.memory_used_bytes <= usage.memory_limit_bytes or not usage.memory_limit_bytes


_LISTENS = """
import rclpy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('killed')
node.create_subscription(Image, 'image', lambda msg: None, 1)
rclpy.spin(node)
"""


def test_who_was_killed_is_given_up_within_seconds(ros: Any) -> None:
    """By default it takes 20 s, and all the while images are sent to nobody."""
    publisher = ros.probe.create_publisher(Image, 'image', 1)
    plain = {k: v for k, v in os.environ.items() if not k.endswith('_PROFILES_FILE')}
    profile = str(config_file('fastdds_shm.xml'))
    process = subprocess.Popen([sys.executable, '-c', _LISTENS], env={
        **plain, NAME: profile, 'FASTDDS_DEFAULT_PROFILES_FILE': profile,
        'ROS_DOMAIN_ID': str(ros.domain_id)})
    try:
        assert ros.spin_until(publisher.get_subscription_count, 60)
    finally:
        process.kill()
        process.wait()
    killed_s = time.monotonic()
    assert ros.spin_until(lambda: not publisher.get_subscription_count(), 30)
    assert time.monotonic() - killed_s < 15.0
