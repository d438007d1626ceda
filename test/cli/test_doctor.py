# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros doctor` as people start it: beside a healthy pipeline, and beside sick ones."""

from __future__ import annotations

from collections.abc import Iterator
import importlib.util
import json
import os
from pathlib import Path
import re
import subprocess
import sys
import textwrap
from typing import Any

from environments import PROFILE, without_profile
import pytest

from pose_ros.cli.doctor import broken_ros, look_at_python
from pose_ros.diagnostics.findings import Finding, Level
from pose_ros.diagnostics.report import Report, as_json, as_text

_CAMERA = """
import sys, time
import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from pose_ros.ros.images import image_to_msg
from builtin_interfaces.msg import Time

rclpy.init()
node = rclpy.create_node('cam')
options = dict(w=320, h=240, hz=15.0, topic='image', reliable=True, encoding='', frame='optical',
               offset_s=0.0, stamp='now', info=False)
OPTIONS
reliability = ReliabilityPolicy.RELIABLE if options['reliable'] else ReliabilityPolicy.BEST_EFFORT
publisher = node.create_publisher(
    Image, options['topic'], QoSProfile(depth=1, reliability=reliability))
info = node.create_publisher(CameraInfo, 'camera_info', 10) if options['info'] else None
image = np.full((options['h'], options['w'], 3), 90, np.uint8)
while True:
    now_ns = time.time_ns() + int(options['offset_s'] * 1e9)
    stamp = Time() if options['stamp'] == 'zero' else Time(
        sec=now_ns // 10**9, nanosec=now_ns % 10**9)
    msg = image_to_msg(image, Header(stamp=stamp, frame_id=options['frame']))
    msg.encoding = options['encoding'] or msg.encoding
    publisher.publish(msg)
    if info is not None:
        info.publish(CameraInfo(header=msg.header, width=1, height=1))
    rclpy.spin_once(node, timeout_sec=0)
    time.sleep(1 / options['hz'])
"""


class Ward:
    """Starts cameras, nodes and the doctor in a domain of their own."""

    def __init__(self, domain_id: int, folder: Path) -> None:
        self._folder, self._processes = folder, list[subprocess.Popen[bytes]]()
        self.environment = {
            **without_profile(), 'ROS_DOMAIN_ID': str(domain_id), 'OMP_NUM_THREADS': '1'}

    def camera(self, profile: bool = True, **options: Any) -> None:
        script = self._folder / f'camera{len(self._processes)}.py'
        script.write_text(_CAMERA.replace('OPTIONS', f'options.update({options!r})'))
        self._start([sys.executable, str(script)], PROFILE if profile else {})

    def up(self, *arguments: str) -> None:
        self._start([sys.executable, '-m', 'pose_ros.cli', 'up', *arguments], {})

    def node(self, name: str, *arguments: str) -> None:
        self._start([sys.executable, '-m', f'pose_ros.ros.nodes.{name}', '--ros-args',
                     *(word for a in arguments for word in ('-p', a))], PROFILE)

    def _start(self, command: list[str], environment: dict[str, str]) -> None:
        log = (self._folder / f'log{len(self._processes)}').open('wb')
        self._processes.append(subprocess.Popen(
            command, env={**self.environment, **environment}, stdout=log,
            stderr=subprocess.STDOUT, cwd=self._folder))

    def doctor(self, *arguments: str, **environment: str) -> tuple[int, str]:
        found = subprocess.run(
            [sys.executable, '-m', 'pose_ros.cli', 'doctor', *arguments], text=True,
            capture_output=True, timeout=100, cwd=self._folder,
            env={**self.environment, **PROFILE, **environment})
        assert 'Traceback' not in found.stderr, found.stderr
        return found.returncode, found.stdout

    def look(self, *arguments: str, seconds: float = 2) -> tuple[int, dict[str, Any]]:
        status, text = self.doctor('--json', '--seconds', str(seconds), *arguments)
        return status, json.loads(text)

    def until(self, code: str, *arguments: str) -> dict[str, Any]:
        """Ask the doctor until he finds it; return the finding."""
        found: list[dict[str, Any]] = []
        for _ in range(5):
            status, report = self.look(*arguments)
            found = [f for f in report['problems'] if f['code'] == code]
            if found:
                assert status == 1
                return found[0]
        pytest.fail(f'no {code}: {json.dumps(report, indent=1)}')

    def end(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def ward(domain_id: int, tmp_path: Path) -> Iterator[Ward]:
    """Give a ward, and clear it."""
    one = Ward(domain_id, tmp_path)
    yield one
    one.end()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_healthy_pipeline_is_well(ward: Ward) -> None:
    """Verdict and status, twice in a row: on a busy machine an alarm now and then is right."""
    ward.up('--camera', 'demo', '--set', 'pose_camera.loop=true', '--set',
            'pose_camera.rate_hz=3.0', '--set', 'pose_estimator.mode=one-pass',
            '--set', 'pose_estimator.num_threads=1')
    times_well = 0
    for _ in range(12):  # until everything has started, and then
        status, report = ward.look()
        well = len(report['nodes']) == 4 and status == 0
        times_well = times_well + 1 if well else 0
        if times_well == 2:
            break
    assert (status, report['problems'], report['verdict']) == (0, [], 'fine')
    assert times_well == 2
    assert {'pose_camera', 'pose_estimator', 'pose_tracker', 'pose_visualizer'} == set(
        report['nodes'])
    images = report['images']['/image']
    assert images['encoding'] == 'bgr8'
    assert images['size'] in ('640x272', '176x144')  # the two films of the demo
    assert float(report['nodes']['pose_estimator']['age_p95_ms']) > 0
    notes = {f['code'] for f in report['notes']}
    assert 'no_camera_info' in notes  # nobody needs it: worth knowing, no alarm
    for _ in range(3):
        status, text = ward.doctor()
        if status == 0:
            break
    assert status == 0 and text.startswith('All is well.') and '\x1b' not in text
    assert 'p99' in text and 'network' in text


def test_the_camera_is_on_another_topic(ward: Ward) -> None:
    ward.camera(topic='/camera/color/image_raw')
    ward.up('--nodes', 'pose_estimator')
    found = ward.until('no_publisher')
    assert 'pose_ros up --image /camera/color/image_raw' in found['hint']
    status, text = ward.doctor()
    first = text.splitlines()[1]
    assert status == 1 and 'pose_estimator: no image on /image' in first
    assert '/camera/color/image_raw' in first, text


@pytest.mark.parametrize('code, options', [
    ('zero_stamps', {'stamp': 'zero'}),
    ('ahead_stamps', {'offset_s': 3.0}),
    ('other_clock', {'offset_s': -7200.0}),
    ('empty_frame_id', {'frame': ''}),
    ('encoding', {'encoding': 'bayer_rggb12'}),
])
def test_a_sick_camera_before_any_node_is_started(
    ward: Ward, code: str, options: dict[str, Any]
) -> None:
    ward.camera(**options)
    assert '/image' in ward.until(code, '--image', 'image')['text']


def test_qos_of_somebody_else(ward: Ward) -> None:
    """A node of ours, asked to be reliable, beside a camera that is not."""
    ward.camera(reliable=False)
    ward.node('pose_estimator', 'qos_overrides./image.subscription.reliability:=reliable')
    found = ward.until('incompatible_qos')
    assert '/pose_estimator gets nothing from /cam on /image' in found['text']
    assert 'reliability' in found['text'] and 'qos_overrides./image.subscription' in found['hint']


def test_images_that_do_not_fit_into_shared_memory(ward: Ward) -> None:
    """A driver without the profile: most of its images get lost."""
    ward.camera(profile=False, w=640, h=480, reliable=False)
    found = ward.until('lost_images', '--image', 'image')
    assert '0.9 MB do not fit' in found['text'] and 'fastdds_shm.xml' in found['hint']


def test_an_inactive_node_and_one_that_failed(ward: Ward) -> None:
    ward.camera()
    ward.node('pose_tracker', 'autostart:=false')
    ward.node('pose_estimator', 'detector_model:=/nowhere/x.onnx')
    assert '/nowhere/x.onnx' in ward.until('failed')['text']
    assert 'ros2 lifecycle set /pose_tracker' in ward.until('inactive')['hint']
    status, text = ward.doctor()
    lines = text.splitlines()
    assert status == 1 and 'ERROR' in lines[1] and '/nowhere/x.onnx' in lines[1], text


def test_simulated_time_without_a_clock(ward: Ward) -> None:
    ward.camera()
    ward.node('pose_estimator', 'use_sim_time:=true', 'mode:=one-pass')
    assert 'nothing publishes /clock' in ward.until('no_clock')['text']


def test_an_uncalibrated_camera(ward: Ward) -> None:
    ward.camera(info=True)
    ward.node('pose_estimator', 'depth.enabled:=true', 'mode:=one-pass')
    assert ward.until('uncalibrated')['check'] == 'camera_info'


def test_one_namespace_only(ward: Ward) -> None:
    ward.up('--nodes', 'pose_tracker', '--namespace', 'front', '--set',
            'pose_tracker.autostart=false')
    assert ward.until('inactive', '--namespace', 'front')['node'] == 'front/pose_tracker'
    status, report = ward.look('--namespace', 'rear')
    assert status == 2 and 'rear' in report['not_seen'][0] and report['problems'] == []


def test_nothing_runs(ward: Ward) -> None:
    status, report = ward.look()
    assert status == 2 and report['verdict'] == 'not everything seen'
    assert 'none of pose_ros runs' in report['not_seen'][0]
    assert sys.executable in report['machine']['python'] and 'rclpy' in report['machine']['rclpy']


def test_without_ros(ward: Ward, tmp_path: Path) -> None:
    """Where rclpy cannot be found, the machine is looked at all the same."""
    script = tmp_path / 'blind.py'
    script.write_text(textwrap.dedent("""
        import importlib.util, sys
        from pose_ros import cli

        found = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *a: None if name == 'rclpy' else found(name, *a)

        class Block:
            def find_spec(self, name, path=None, target=None):
                if name.split('.')[0] in ('rclpy', 'sensor_msgs', 'diagnostic_msgs'):
                    raise ModuleNotFoundError(name=name)

        sys.meta_path.insert(0, Block())
        sys.exit(cli.main(['doctor']))
    """))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 2 and 'no rclpy here' in done.stdout, done.stdout + done.stderr
    assert 'No problem seen' in done.stdout


def test_a_domain_too_high(ward: Ward) -> None:
    status, text = ward.doctor('--json', '--seconds', '0.5', ROS_DOMAIN_ID='150')
    assert status == 1 and json.loads(text)['problems'][0]['code'] == 'high_domain'


def test_what_the_middleware_says_does_not_spoil_the_answer(ward: Ward) -> None:
    """Fast DDS complains about the profile on stdout."""
    names = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
    environment = dict.fromkeys(names, '/nowhere/profile.xml')
    status, text = ward.doctor('--json', '--seconds', '0.5', **environment)
    assert status == 2 and json.loads(text)['verdict'] == 'not everything seen'


@pytest.mark.parametrize('size_mb, code', [(64, 'small_shared_memory'), (300, '')])
def test_the_shared_memory_of_a_container(ward: Ward, size_mb: int, code: str) -> None:
    """64 MB is what Docker gives: a segment of the shipped profile does not fit."""
    alone = ['unshare', '-m'] if os.geteuid() == 0 else ['unshare', '-Urm']
    if subprocess.run([*alone, 'true'], capture_output=True).returncode:
        pytest.skip('no mount namespace may be made here')
    command = f'mount -t tmpfs -o size={size_mb}m tmpfs /dev/shm && exec "$@"'
    done = subprocess.run(
        [*alone, 'sh', '-c', command, 'sh', sys.executable, '-m', 'pose_ros.cli', 'doctor',
         '--json', '--seconds', '0.5'], capture_output=True, text=True, timeout=60,
        env={**ward.environment, **PROFILE})
    problems = json.loads(done.stdout)['problems']
    assert [f['code'] for f in problems] == ([code] if code else []), done.stdout
    # What the finding says is so: Fast DDS does without.
    assert ('Failed to create segment' in done.stderr) == bool(code), done.stderr


def test_rclpy_of_another_python() -> None:
    folder = '/opt/ros/jazzy/lib/python3.12/site-packages/rclpy'
    other = broken_ros(folder, (3, 11), 'no _rclpy_pybind11')
    assert 'this is python3.11' in other.text and 'is for python3.12' in other.text
    assert '/usr/bin/python3.12 -m venv --system-site-packages' in other.hint
    same = broken_ros(folder, (3, 12), 'librcl.so: cannot open')
    assert 'librcl.so' in same.text and 'setup.bash' in same.hint


def test_a_python_that_lacks_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *a: (
        None if name == 'cv2' else found(name, *a)))
    report = Report()
    look_at_python(report)
    problem, = report.findings
    assert problem.code == 'missing_package' and f'({sys.executable}) has no cv2' in problem.text
    assert f'{sys.executable} -m pip install opencv-python-headless' in problem.hint


def test_senseless_arguments() -> None:
    done = subprocess.run([sys.executable, '-m', 'pose_ros.cli', 'doctor', '--seconds', '-1'],
                          capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count('\n') == 1 and '--seconds' in done.stderr


def test_what_a_node_says_is_not_said_twice() -> None:
    said = Finding(Level.WARN, 'image', 'silent', 'no image for 3 s')
    ours = Finding(Level.WARN, 'image', 'silent', 'no image for 5 s')
    other = Finding(Level.ERROR, 'stamps', 'zero_stamps', 'stamp 0', 'fill it')
    note = Finding(Level.OK, 'backend', 'no_gpu', 'networks on the CPU')
    report = Report([ours, other], {'a': [said, note], 'b': [said]})
    assert report.problems() == [('', other), ('a', said)]
    text = as_text(report)
    assert text.splitlines()[:2] == ['2 problems, the most important first:',
                                     '  ERROR  stamp 0 -> fill it']
    written = as_json(report)
    assert written['verdict'] == 'problems' and [n['code'] for n in written['notes']] == ['no_gpu']
    assert json.loads(json.dumps(written)) == written


def test_every_finding_is_in_the_troubleshooting_guide() -> None:
    """Each code that the sources can give has a row, and each row a code."""
    root = Path(__file__).resolve().parents[2]
    guide = (root / 'docs/troubleshooting.md').read_text(encoding='utf-8')
    rows = set(re.findall(r'^\| `(\w+)` \| ([\w, ]+) \|', guide, re.MULTILINE))
    documented = {(check, code) for code, checks in rows for check in checks.split(', ')}
    codes = {('health', 'unwell')}
    pattern = r"Finding\(\s*(?:Level\.\w+|level),\s*'(\w+)',\s*'(\w+)'"
    for path in sorted((root / 'pose_ros').rglob('*.py')):
        codes |= set(re.findall(pattern, path.read_text(encoding='utf-8')))
    assert documented == codes
    symptoms = guide.split('## Every finding')[0].split('## Symptom')[1]
    assert set(re.findall(r'`(\w+)`[,|, ]', symptoms)) - {'health'} <= {c for _, c in codes}
