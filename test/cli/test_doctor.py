# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros doctor`: beside a healthy pipeline as people start it, and looking at sick nodes."""

from __future__ import annotations

from collections.abc import Callable
import importlib.util
import json
import os
from pathlib import Path
import re
import subprocess
import sys
import textwrap
import threading
from typing import Any

from builtin_interfaces.msg import Time
from demo_footage import demo_footage
from environments import PROFILE, without_profile
import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from replay_backend import ReplayBackend
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from pose_ros import cli
from pose_ros.cli.doctor import broken_ros, look_at_python
from pose_ros.core.keypoints import Keypoints
from pose_ros.diagnostics.findings import Finding, Level
from pose_ros.diagnostics.report import Report, as_json, as_text
from pose_ros.ros.graph_probe import look_at_graph
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode

LISTENS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
PICTURE = np.full((240, 320, 3), 90, np.uint8)


def doctor(domain_id: int, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run the command; return its exit status and what it prints."""
    found = subprocess.run(
        [sys.executable, '-m', 'pose_ros.cli', 'doctor', *arguments], text=True,
        capture_output=True, timeout=100,
        env={**without_profile(), **PROFILE, 'ROS_DOMAIN_ID': str(domain_id), **environment})
    assert 'Traceback' not in found.stderr, found.stderr
    return found.returncode, found.stdout


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_healthy_pipeline_is_well(start: Any, domain_id: int) -> None:
    """Verdict and status; on a busy machine an alarm now and then is right."""
    demo_footage()
    start('-m', 'pose_ros.cli', 'up', '--camera', 'demo', '--set', 'pose_camera.loop=true',
          '--set', 'pose_camera.rate_hz=3.0', '--set', 'pose_estimator.mode=one-pass',
          '--set', 'pose_estimator.num_threads=1')
    for _ in range(12):  # until everything has started, and then
        status, text = doctor(domain_id, '--json')
        report = json.loads(text)
        if len(report['nodes']) == 4 and status == 0:
            break
    assert (status, report['problems'], report['verdict']) == (0, [], 'fine')
    assert {'pose_camera', 'pose_estimator', 'pose_tracker', 'pose_visualizer'} == set(
        report['nodes'])
    images = report['images']['/image']
    assert images['encoding'] == 'bgr8'
    assert images['size'] in ('640x272', '176x144')  # the two films of the demo
    assert float(report['nodes']['pose_estimator']['age_p95_ms']) > 0
    notes = {f['code'] for f in report['notes']}
    assert 'no_camera_info' in notes  # nobody needs it: worth knowing, no alarm
    for _ in range(3):
        status, text = doctor(domain_id)
        if status == 0:
            break
    assert status == 0 and text.startswith('All is well.') and '\x1b' not in text
    assert 'p99' in text and 'network' in text


@pytest.fixture
def look(ros: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    """Return a function that looks at the nodes of a test, until there is a finding."""
    monkeypatch.setenv('ROS_DOMAIN_ID', str(ros.domain_id))

    def until(code: str, image: str | None = None, namespace: str = '') -> Report:
        over = threading.Event()

        def spin() -> None:
            while not over.is_set():
                ros.executor.spin_once(timeout_sec=0.02)

        thread = threading.Thread(target=spin)
        thread.start()
        try:
            for _ in range(8):
                report = Report()
                look_at_graph(report, 1.0, image, namespace)
                if not code or any(f.code == code for _, f in report.problems()):
                    return report
        finally:
            over.set()
            thread.join()
        pytest.fail(f'no {code}: {as_text(report)}')

    return until


def problem(report: Report, code: str) -> tuple[str, Finding]:
    return next((name, f) for name, f in report.problems() if f.code == code)


def film(ros: Any, topic: str = 'image', qos: QoSProfile = LISTENS, **fields: Any) -> None:
    """Send images from now on, stamped now, with other fields where they are given."""
    camera = ros.probe.create_publisher(Image, topic, qos)
    info = ros.probe.create_publisher(CameraInfo, 'camera_info', 10)

    def send() -> None:
        head = Header(stamp=ros.probe.get_clock().now().to_msg(), frame_id='optical')
        msg = image_to_msg(PICTURE, head)
        for name, value in fields.items():
            setattr(msg, name, value)
        camera.publish(msg)
        info.publish(CameraInfo(header=head, width=1, height=1))

    ros.probe.create_timer(1 / 20, send)


def estimator(ros: Any, **parameters: Any) -> Any:
    node = ros.add(PoseEstimatorNode, load=lambda config: ReplayBackend(Keypoints.empty()),
                   parameters=parameters)
    assert node.start()
    return node


def test_a_sick_camera_before_any_node_is_started(ros: Any, look: Any) -> None:
    film(ros, header=Header(stamp=Time()), encoding='bayer_rggb12')
    report = look('zero_stamps', 'image')
    found = {f.code: f.text for _, f in report.problems()}
    assert set(found) == {'zero_stamps', 'empty_frame_id', 'encoding'}
    assert all('/image' in text for text in found.values())
    assert {'uncalibrated'} == {f.code for _, f in report.notes() if f.check == 'camera_info'}
    assert report.images['/image']['encoding'] == 'bayer_rggb12'


def test_the_camera_is_on_another_topic(ros: Any, look: Any) -> None:
    film(ros, '/camera/color/image_raw')
    estimator(ros)
    report = look('no_publisher')
    _, found = problem(report, 'no_publisher')  # the doctor's, until the node has missed it
    assert 'pose_ros up --image /camera/color/image_raw' in found.hint
    assert 'no image on /image' in as_text(report).splitlines()[1]


def test_qos_of_somebody_else(ros: Any, look: Any) -> None:
    """A node of ours, asked to be reliable, beside a camera that is not."""
    film(ros, qos=QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    estimator(ros, **{'qos_overrides./image.subscription.reliability': 'reliable'})
    _, found = problem(look('incompatible_qos'), 'incompatible_qos')
    assert '/pose_estimator gets nothing from /probe on /image' in found.text
    assert 'reliability' in found.text and 'qos_overrides./image.subscription' in found.hint


def test_an_inactive_node_and_one_that_failed(ros: Any, look: Any) -> None:
    ros.add(PoseTrackerNode, parameters={'autostart': False})
    node = ros.add(PoseEstimatorNode, parameters={'detector_model': '/nowhere/x.onnx'})
    assert not node.start()
    report = look('failed')
    assert 'ros2 lifecycle set /pose_tracker' in problem(report, 'inactive')[1].hint
    first = as_text(report).splitlines()[1]
    assert 'ERROR' in first and '/nowhere/x.onnx' in first


def test_one_namespace_only(ros: Any, look: Any) -> None:
    ros.add(PoseTrackerNode, namespace='front', parameters={'autostart': False})
    assert problem(look('inactive', namespace='front'), 'inactive')[0] == 'front/pose_tracker'
    report = look('', namespace='rear')
    assert 'rear' in report.not_seen[0] and not report.problems()


def test_nothing_runs_and_the_middleware_complains(domain_id: int) -> None:
    """Fast DDS complains about the profile on stdout: the answer is JSON all the same."""
    names = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
    environment = dict.fromkeys(names, '/nowhere/profile.xml')
    status, text = doctor(domain_id, '--json', '--seconds', '0.5', **environment)
    report = json.loads(text)
    assert status == 2 and report['verdict'] == 'not everything seen'
    assert 'none of pose_ros runs' in report['not_seen'][0]
    assert sys.executable in report['machine']['python'] and 'rclpy' in report['machine']['rclpy']


_LARGE = """
import time
import numpy as np, rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from pose_ros.ros.images import image_to_msg
rclpy.init()
node = rclpy.create_node('camera')
publisher = node.create_publisher(Image, 'image', qos_profile_sensor_data)
while True:
    stamp = node.get_clock().now().to_msg()
    publisher.publish(image_to_msg(np.zeros((480, 640, 3), np.uint8), Header(stamp=stamp)))
    time.sleep(1 / 15)
"""


@pytest.mark.nightly('what Fast DDS loses without its profile')
def test_images_that_do_not_fit_into_shared_memory(start: Any, look: Any) -> None:
    start('-c', _LARGE)
    _, found = problem(look('lost_images', 'image'), 'lost_images')
    assert '0.9 MB do not fit' in found.text and 'fastdds_shm.xml' in found.hint


def test_without_ros(tmp_path: Path) -> None:
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


def test_arguments_and_a_domain_that_cannot_be(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(['doctor', '--seconds', '-1']) == 1
    error = capfd.readouterr().err
    assert error.count('\n') == 1 and '--seconds' in error
    monkeypatch.setenv('ROS_DOMAIN_ID', '150')
    assert cli.main(['doctor', '--json', '--seconds', '0.2']) == 1
    assert json.loads(capfd.readouterr().out)['problems'][0]['code'] == 'high_domain'


@pytest.mark.parametrize('size_mb, code', [(64, 'small_shared_memory'), (300, '')])
def test_the_shared_memory_of_a_container(
    domain_id: int, size_mb: int, code: str
) -> None:
    """64 MB is what Docker gives: a segment of the shipped profile does not fit."""
    alone = ['unshare', '-m'] if os.geteuid() == 0 else ['unshare', '-Urm']
    if subprocess.run([*alone, 'true'], capture_output=True).returncode:
        pytest.skip('no mount namespace may be made here')
    command = f'mount -t tmpfs -o size={size_mb}m tmpfs /dev/shm && exec "$@"'
    done = subprocess.run(
        [*alone, 'sh', '-c', command, 'sh', sys.executable, '-m', 'pose_ros.cli', 'doctor',
         '--json', '--seconds', '0.5'], capture_output=True, text=True, timeout=60,
        env={**os.environ, 'ROS_DOMAIN_ID': str(domain_id)})
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
