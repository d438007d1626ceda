# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command `pose_ros view`: what it needs, what it refuses, live topics, the web viewer."""

from __future__ import annotations

import os
from pathlib import Path
import re
import socket
import subprocess
import sys
from typing import Any

from browser import Browser, chromium
import cv2
import numpy as np
import pytest
from rerun_recording import LACKS_RERUN, Rrd
from seen_scenes import of_play, write_bag
from std_msgs.msg import Header

from pose_ros import cli
from pose_ros.media.palette import id_color
from pose_ros.msg import ProximityArray, SkeletonArray
from pose_ros.ros.conversions import stamp_ns

pytest.importorskip('rosbags')


@pytest.fixture(scope='module')
def play() -> list[dict[str, Any]]:
    """Return two people in 3-D who cross each other."""
    return list(of_play('two', 1.5))


def view_without(names: set[str], bag: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `pose_ros view BAG --save x.rrd` where some packages cannot be imported."""
    script = (
        'import sys\n'
        'class Block:\n'
        '    def find_spec(self, name, path=None, target=None):\n'
        f'        if name.split(".")[0] in {sorted(names)!r} or name == "pose_ros.msg":\n'
        '            raise ModuleNotFoundError(name, name=name)\n'
        'sys.meta_path.insert(0, Block())\n'
        'from pose_ros import cli\n'
        f'sys.exit(cli.main(["view", {str(bag)!r}, "--save", "x.rrd"]))\n'
    )
    return subprocess.run([sys.executable, '-c', script], capture_output=True, text=True,
                          cwd=folder)


def test_without_rerun_the_command_says_how_to_get_it(play, tmp_path):
    done = view_without({'rerun'}, write_bag(tmp_path / 'bag', play[:2]), tmp_path)
    assert done.returncode == 1
    assert 'the Python package rerun is missing: pip install' in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / 'x.rrd').exists()


def test_a_bag_is_shown_without_ros(play, tmp_path):
    pytest.importorskip('rerun', reason=LACKS_RERUN)
    ros = {'rclpy', 'sensor_msgs', 'std_msgs', 'geometry_msgs', 'builtin_interfaces',
           'diagnostic_msgs', 'lifecycle_msgs', 'ament_index_python', 'rcl_interfaces'}
    done = view_without(ros, write_bag(tmp_path / 'bag', play[:3]), tmp_path)
    assert done.returncode == 0, done.stderr
    assert '3 image, 3 observed, 3 proximity, 3 tracked' in done.stdout
    assert '/camera/joints' in Rrd(tmp_path / 'x.rrd').rows


def test_without_a_display_no_window_is_tried(play, tmp_path, capsys, monkeypatch):
    pytest.importorskip('rerun', reason=LACKS_RERUN)
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    assert cli.main(['view', str(write_bag(tmp_path / 'bag', play[:2]))]) == 1
    assert 'no DISPLAY): use --web or --save' in capsys.readouterr().err


def test_arguments_that_exclude_each_other(play, tmp_path, capsys):
    pytest.importorskip('rerun', reason=LACKS_RERUN)
    bag = write_bag(tmp_path / 'bag', play[:2])
    assert cli.main(['view', str(bag), '--web', '--spawn']) == 1
    assert 'not both' in capsys.readouterr().err
    assert cli.main(['view', str(bag), '--save', str(bag)]) == 1
    assert 'cannot write' in capsys.readouterr().err
    assert cli.main(['view', str(tmp_path / 'no'), '--save', str(tmp_path / 'x.rrd')]) == 1
    assert 'no bag at' in capsys.readouterr().err


@pytest.mark.ros
def test_live_topics(ros, play, tmp_path):
    rerun = pytest.importorskip('rerun', reason=LACKS_RERUN)
    from pose_ros.media.rerun_log import RerunLog
    from pose_ros.ros.viewing.live_view import LiveView

    recording = rerun.RecordingStream('pose_ros')
    recording.save(tmp_path / 'live.rrd')
    log = RerunLog(recording, 'left_wrist')
    node = LiveView(log, context=ros.context, namespace='front')
    ros.executor.add_node(node)
    kinds = {'pose': SkeletonArray, 'pose/tracked': SkeletonArray,
             'pose/proximity': ProximityArray, 'image': type(play[0]['image']),
             'camera_info': type(play[0]['camera_info'])}
    publishers = {n: ros.probe.create_publisher(k, f'/front/{n}', 10) for n, k in kinds.items()}
    assert ros.spin_until(
        lambda: all(p.get_subscription_count() == 1 for p in publishers.values()))
    for number, frame in enumerate(play[:6], 1):
        for name, publisher in publishers.items():
            publisher.publish(frame[name])
        assert ros.spin_until(lambda n=number: log.counts.get('tracked') == n
                              and log.counts.get('image') == n)
    bad = type(play[0]['image'])(header=Header(), width=4, height=4, encoding='8UC9', step=36)
    publishers['image'].publish(bad)
    assert ros.spin_until(lambda: node._said)
    ros.executor.remove_node(node)
    node.destroy_node()
    recording.flush()
    recording.disconnect()
    rrd = Rrd(tmp_path / 'live.rrd')
    stamps = [stamp_ns(f['pose/tracked'].header.stamp) for f in play[:6]]
    assert [t for t, _ in rrd.rows['/camera/image/tracked']] == stamps
    assert '/camera/joints' in rrd.rows and '/proximity/robot/person_1/bound' in rrd.rows
    assert 'image_from_camera' in rrd.static['/camera/image']


@pytest.mark.slow
@pytest.mark.skipif(chromium() is None, reason='no Chromium here: apt-get install chromium')
@pytest.mark.parametrize('bind, host', [('127.0.0.1', 'localhost'), ('0.0.0.0', '127.0.0.2')])
def test_the_web_viewer_draws_in_a_browser(play, tmp_path, bind, host):
    """On this machine, and from another, for which the second loopback address stands."""
    pytest.importorskip('rerun', reason=LACKS_RERUN)
    bag = write_bag(tmp_path / 'bag', play)
    ports = [free_port(), free_port()]
    command = [sys.executable, '-m', 'pose_ros.cli', 'view', str(bag), '--web', '--keypoint',
               'left_wrist', '--web-port', str(ports[0]), '--port', str(ports[1]), '--bind', bind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        browser = Browser(tmp_path / 'profile')
        try:
            assert server.stdout is not None
            url = re.search(r'http://\S+', server.stdout.readline())
            assert url is not None
            name = socket.gethostname() if bind == '0.0.0.0' else host
            assert f'http://{name}:{ports[0]}/' in url.group()
            browser.open(url.group().replace(f'://{name}:', f'://{host}:'))
            picture = wait_for_pictures(browser)
        finally:
            browser.close()
            server.terminate()
    keep = Path(os.environ.get('POSE_ROS_SCREENSHOTS', tmp_path))
    (keep / f'view_{host}.png').write_bytes(picture)
    needed = {u for u in browser.requests if u.startswith(f'http://{host}:{ports[0]}')}
    assert any('wasm' in u for u in needed)
    # All that was loaded came from this machine: the rest of the requests may fail.
    assert any(str(ports[1]) in u for u in browser.requests)
    # The colour of the first person is in the picture, which is that of no widget.
    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert (np.abs(pixels.astype(int) - id_color(1)).max(axis=2) < 12).sum() > 200


def wait_for_pictures(browser: Browser, timeout_s: float = 75.0) -> bytes:
    """Return a screenshot once the page has drawn and holds still."""
    last, waited_s = b'', 0.0
    while waited_s < timeout_s:
        browser.wait(3.0)
        waited_s += 3.0
        picture = browser.screenshot()
        if picture == last and len(picture) > 60_000:
            return picture
        last = picture
    return last


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])
