# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""QoS that does not fit, silent topics, segments that are too small, memory that runs out."""

from __future__ import annotations

import itertools
import math

import pytest

from pose_ros.core.health.findings import Level
from pose_ros.core.health.load import GpuUsage, ProcessUsage, gpu_findings, process_findings
from pose_ros.core.health.qos import Endpoint, Mismatch, mismatches, qos_findings
from pose_ros.core.health.topic import TopicFacts, silent_findings, similar_topics
from pose_ros.core.health.transport import (
    DEFAULT_SEGMENT_BYTES,
    Segment,
    SharedMemory,
    segment_findings,
    shared_memory_findings,
)

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED = 'sensor_msgs/msg/CompressedImage'


def test_which_pairs_fit() -> None:
    """Only a request for more than is offered keeps two apart."""
    for policy, values in (
        ('reliability', ('best_effort', 'reliable')),
        ('durability', ('volatile', 'transient_local')),
        ('liveliness', ('automatic', 'manual_by_topic')),
    ):
        for wanted, offered in itertools.product(values, values):
            found = mismatches(
                Endpoint('/a', IMAGE, **{policy: wanted}),
                Endpoint('/b', IMAGE, **{policy: offered}))
            bad = wanted == values[1] and offered == values[0]
            assert found == ([Mismatch(policy, wanted, offered)] if bad else [])
    unknown = Endpoint('/b', IMAGE, reliability='system_default', durability='unknown')
    assert mismatches(Endpoint('/a', IMAGE, durability='transient_local'), unknown) == []
    late = mismatches(Endpoint('/a', IMAGE, deadline_s=0.1), Endpoint('/b', IMAGE))
    assert late == [Mismatch('deadline', '0.1 s', 'inf s')]
    assert mismatches(Endpoint('/a', IMAGE), Endpoint('/b', IMAGE, deadline_s=0.1)) == []


def test_both_sides_and_the_parameter_are_named() -> None:
    listener, talker = Endpoint('/pose_estimator', IMAGE), Endpoint('/cam', IMAGE, 'best_effort')
    found, = qos_findings('/image', [talker], [listener], ['/pose_estimator'])
    assert found.level == Level.ERROR
    assert '/pose_estimator' in found.text and '/cam' in found.text
    assert 'reliability (it asks for reliable, /cam offers best_effort)' in found.text
    assert '-p qos_overrides./image.subscription.reliability:=best_effort' in found.hint
    other, = qos_findings('/image', [talker], [listener], ['/cam'])
    assert '-p qos_overrides./image.publisher.reliability:=reliable' in other.hint
    nobody, = qos_findings('/image', [talker], [listener])
    assert 'qos_overrides' not in nobody.hint and '/cam offer reliability reliable' in nobody.hint
    latched = Endpoint('/rviz', IMAGE, durability='transient_local')
    found, = qos_findings('/image', [Endpoint('/cam', IMAGE)], [latched], ['/cam', '/rviz'])
    assert 'qos_overrides' not in found.hint and 'durability' in found.text


def test_one_publisher_that_fits_makes_it_a_warning() -> None:
    listener = Endpoint('/a', IMAGE)
    talkers = [Endpoint('/b', IMAGE), Endpoint('/c', IMAGE, 'best_effort')]
    found, = qos_findings('/image', talkers, [listener])
    assert found.level == Level.WARN and '/c' in found.text
    assert qos_findings('/image', talkers[:1], [listener]) == []
    assert qos_findings('/image', [Endpoint('/c', COMPRESSED, 'best_effort')], [listener]) == []


def silent(publishers: list[Endpoint], images: dict[str, str] | None = None, ever: bool = False,
           kind: str = IMAGE) -> tuple[str, str]:
    listener = Endpoint('/pose_estimator', kind, 'best_effort')
    facts = TopicFacts('/image', kind, listener, publishers, images or {})
    found, = silent_findings(facts, 3.0, ever)
    return found.code, found.line()


def test_why_a_topic_is_silent() -> None:
    images = {'/camera/color/image_raw': IMAGE, '/camera/depth/image_rect_raw': IMAGE}
    code, line = silent([], images)
    assert code == 'no_publisher' and '0 publishers' in line
    assert 'image:=/camera/color/image_raw (pose_ros up --image /camera/color/image_raw)' in line
    assert 'ROS_DOMAIN_ID' in silent([])[1]
    assert 'has ended' in silent([], images, ever=True)[1]
    code, line = silent([Endpoint('/cam', COMPRESSED)])
    assert code == 'other_type' and 'image_transport to compressed' in line
    assert silent([Endpoint('/x', 'std_msgs/msg/String')])[0] == 'other_type'
    code, line = silent([Endpoint('/cam', IMAGE)])
    assert code == 'silent' and '1 publisher there (/cam)' in line and '--ipc=host' in line
    wrong = [Endpoint('/c', IMAGE, 'best_effort')]
    facts = TopicFacts('/image', IMAGE, Endpoint('/e', IMAGE), wrong)
    assert silent_findings(facts, 3.0, False)[0].code == 'silent_qos'


def test_a_compressed_topic_is_advised_with_its_parameter() -> None:
    line = silent([], {'/usb/image_raw/compressed': COMPRESSED})[1]
    assert 'image:=/usb/image_raw and image_transport:=compressed' in line
    line = silent([], {'/usb/image_raw/compressed': COMPRESSED}, kind=COMPRESSED)[1]
    assert 'image_transport' not in line


def test_colour_comes_before_depth() -> None:
    topics = dict.fromkeys((
        '/camera/aligned_depth_to_color/image_raw', '/camera/infra1/image_rect_raw',
        '/camera/color/image_raw', '/camera/depth/image_rect_raw'), IMAGE)
    assert similar_topics('/image', topics)[0] == '/camera/color/image_raw'
    assert similar_topics('/front/image', {'/front/image_raw': IMAGE, '/rear/image_raw': IMAGE})[
        0] == '/front/image_raw'


def test_segments() -> None:
    found, = segment_findings(921_600, [Segment('/usb_cam')], '/image')
    assert found.code == 'small_segment' and '/usb_cam' in found.text and '0.9 MB' in found.text
    assert 'FASTDDS_DEFAULT_PROFILES_FILE' in found.hint and 'fastdds_shm.xml' in found.hint
    assert segment_findings(230_400, [Segment('/usb_cam')], '/image') == []
    assert segment_findings(921_600, [Segment('/usb_cam', 64 << 20, 'x.xml')], '/image') == []
    assert segment_findings(921_600, [Segment('/usb_cam', 0, 'UDPv4')], '/image') == []
    own, = segment_findings(921_600, [Segment('/c', 1000, '/mine.xml')], '/image')
    assert 'set by /mine.xml' in own.text


def test_shared_memory() -> None:
    large = Segment('this process', 64 << 20)
    docker = SharedMemory(total_bytes=64 << 20, container=True)
    found, = shared_memory_findings(docker, large)
    assert found.code == 'small_shared_memory' and '--shm-size' in found.hint
    assert shared_memory_findings(docker, Segment('x', DEFAULT_SEGMENT_BYTES)) == []
    assert shared_memory_findings(SharedMemory(total_bytes=2 << 30), large) == []
    found, = shared_memory_findings(SharedMemory(usable=False), large)
    assert found.code == 'no_shared_memory'


def test_memory_and_gpu() -> None:
    full = ProcessUsage(memory_limit_bytes=10**9, memory_used_bytes=950_000_000)
    assert [f.code for f in process_findings(full)] == ['memory_full']
    assert process_findings(ProcessUsage(memory_used_bytes=10**12)) == []
    assert gpu_findings(GpuUsage()) == []
    assert [f.code for f in gpu_findings(GpuUsage('x', temperature_c=90.0))] == ['hot']
    assert gpu_findings(GpuUsage('x', temperature_c=90.0, slowdown_c=95.0)) == []
    assert [f.code for f in gpu_findings(GpuUsage('x', 98e9, 100e9, 50.0))] == ['memory_full']
    assert gpu_findings(GpuUsage('x', math.nan, 100e9, math.nan)) == []


@pytest.mark.parametrize('share', [0.0, 0.5, 0.89])
def test_memory_that_is_not_full(share: float) -> None:
    used = int(share * 10**9)
    usage = ProcessUsage(memory_limit_bytes=10**9, memory_used_bytes=used)
    assert process_findings(usage) == []
