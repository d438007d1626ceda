# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""QoS that does not fit, silent topics, video, and a /dev/shm that is too small."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
import types

import pytest

from pose_ros.diagnostics.findings import Level
from pose_ros.diagnostics.topic_checks import (
    Endpoint,
    mismatches,
    qos_findings,
    silent_findings,
    similar_topics,
    video_findings,
)
from pose_ros.diagnostics.transport import PROFILE_VARIABLES, profile_of, shared_memory_findings

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
            assert found == ([(policy, wanted, offered)] if bad else [])
    unknown = Endpoint('/b', IMAGE, reliability='system_default', durability='unknown')
    assert mismatches(Endpoint('/a', IMAGE, durability='transient_local'), unknown) == []
    late = mismatches(Endpoint('/a', IMAGE, deadline_s=0.1), Endpoint('/b', IMAGE))
    assert late == [('deadline', '0.1 s', 'inf s')]
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
    found, = silent_findings('/image', listener, publishers, images or {}, 3.0, ever)
    return found.code, found.line()


def test_why_a_topic_is_silent() -> None:
    images = {'/camera/color/image_raw': IMAGE, '/camera/depth/image_rect_raw': IMAGE}
    code, line = silent([], images)
    assert code == 'no_publisher' and 'no publisher' in line
    assert 'image:=/camera/color/image_raw (pose_ros up --image /camera/color/image_raw)' in line
    assert 'ROS_DOMAIN_ID' in silent([])[1]
    assert 'has ended' in silent([], images, ever=True)[1]
    code, line = silent([Endpoint('/cam', COMPRESSED)])
    assert code == 'other_type' and 'image_transport to compressed' in line
    assert silent([Endpoint('/x', 'std_msgs/msg/String')])[0] == 'other_type'
    code, line = silent([Endpoint('/cam', IMAGE)])
    assert code == 'silent' and '1 publisher there (/cam)' in line and '--ipc=host' in line
    wrong = [Endpoint('/c', IMAGE, 'best_effort')]
    found, = silent_findings('/image', Endpoint('/e', IMAGE), wrong, {}, 3.0, False)
    assert found.code == 'silent_qos'


def test_a_compressed_topic_is_advised_by_its_name() -> None:
    for kind in (IMAGE, COMPRESSED):
        line = silent([], {'/usb/image_raw/compressed': COMPRESSED}, kind=kind)[1]
        assert 'image:=/usb/image_raw/compressed (pose_ros up' in line
    line = silent([], {'/usb/image_raw': IMAGE}, kind=COMPRESSED)[1]
    assert 'image:=/usb/image_raw and the parameter image_transport: raw' in line


def test_colour_comes_before_depth() -> None:
    topics = dict.fromkeys((
        '/camera/aligned_depth_to_color/image_raw', '/camera/infra1/image_rect_raw',
        '/camera/color/image_raw', '/camera/depth/image_rect_raw'), IMAGE)
    assert similar_topics('/image', topics)[0] == '/camera/color/image_raw'
    assert similar_topics('/front/image', {'/front/image_raw': IMAGE, '/rear/image_raw': IMAGE})[
        0] == '/front/image_raw'


FFMPEG = 'ffmpeg_image_transport_msgs/msg/FFMPEGPacket'
THEORA = 'theora_image_transport/msg/Packet'


@pytest.mark.parametrize('kind, transport, codec', [
    (FFMPEG, 'ffmpeg', 'H.264'), (THEORA, 'theora', 'Theora'),
    ('foxglove_msgs/msg/CompressedVideo', 'foxglove', 'H.264')])
def test_video_is_named_and_how_to_republish_it(kind: str, transport: str, codec: str) -> None:
    topic = f'/cam/image_raw/{transport}'
    command = (f'ros2 run image_transport republish --ros-args -p in_transport:={transport} '
               f'-p out_transport:=raw -r in/{transport}:={topic} -r out:=/cam/image_raw_decoded')
    code, line = silent([], {topic: kind})  # beside the topic that is waited for
    assert code == 'no_publisher' and command in line and codec in line
    assert 'image:=/cam/image_raw_decoded' in line
    code, line = silent([Endpoint('/cam', kind)])  # on it
    assert code == 'other_type' and f'in_transport:={transport}' in line
    found, = video_findings({topic: kind})  # the doctor, before any node
    assert found.code == 'video_only' and command in found.hint
    # An image is better, whatever its name.
    images = {topic: kind, '/other': IMAGE}
    assert video_findings(images) == [] == video_findings({})
    assert 'image:=/other' in silent([], images)[1]


def test_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [f.code for f in shared_memory_findings('', str(tmp_path / 'nowhere'))] == [
        'no_shared_memory']

    def sized(total_bytes: int, read_only: bool = False) -> None:
        monkeypatch.setattr(os, 'statvfs', lambda path: types.SimpleNamespace(
            f_flag=os.ST_RDONLY if read_only else 0, f_frsize=1, f_blocks=total_bytes))

    sized(64 << 20)  # what Docker gives
    found, = shared_memory_findings('fastdds_shm.xml', str(tmp_path))
    assert found.code == 'small_shared_memory' and '--shm-size' in found.hint
    assert shared_memory_findings('', str(tmp_path)) == []
    sized(2 << 30)
    assert shared_memory_findings('fastdds_shm.xml', str(tmp_path)) == []
    sized(2 << 30, read_only=True)
    assert shared_memory_findings('', str(tmp_path))[0].code == 'no_shared_memory'


def test_either_variable_names_the_profile() -> None:
    assert [profile_of({name: 'a.xml'}) for name in PROFILE_VARIABLES] == ['a.xml', 'a.xml']
    assert profile_of({}) == profile_of(dict.fromkeys(PROFILE_VARIABLES, '')) == ''
