# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What the package may not do: run foreign code, start programs, open connections of its own.

First by reading the sources, then by watching a node from inside while it works.
"""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
import stat
import subprocess
import sys
import textwrap

import pytest
from ros_fixtures import new_domain

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'pose_ros'
RUNTIME = ('core', 'backends', 'diagnostics', 'media', 'ros', 'cli')

FORBIDDEN_MODULES = {
    'subprocess',
    'pickle', 'cPickle', 'shelve', 'marshal', 'dill', 'joblib', 'code', 'codeop', 'pty',
    'socket', 'socketserver', 'ssl', 'http', 'urllib', 'urllib3', 'requests', 'aiohttp', 'ftplib',
    'smtplib', 'telnetlib', 'xmlrpc', 'asyncio', 'multiprocessing',
}
FORBIDDEN_CALLS = {'eval', 'exec', 'compile', '__import__', 'execfile'}
FORBIDDEN_ATTRIBUTES = {
    ('os', 'system'), ('os', 'popen'), ('os', 'execv'), ('os', 'execve'), ('os', 'execvp'),
    ('os', 'fork'), ('os', 'spawnv'), ('yaml', 'load'), ('yaml', 'load_all'),
    ('yaml', 'unsafe_load'), ('yaml', 'full_load'), ('tempfile', 'mktemp'),
    ('subprocess', 'getoutput'), ('subprocess', 'getstatusoutput'),
}
VERBS_MAY = {  # file: modules, for what; a test shows that no node loads these files
    'cli/run_together.py': ({'subprocess'}, 'the nodes, for `pose_ros up`'),
    'cli/recorded_run.py': ({'subprocess'}, 'camera, nodes and recorder, for `pose_ros demo`'),
    'cli/view.py': ({'socket'}, 'the name of this machine, for `pose_ros view`'),
}


def violations(text: str, name: str) -> list[str]:
    """Return what a source does that it may not."""
    found = []
    for node in ast.walk(ast.parse(text)):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or '']
        for module in modules:
            if module == 'urllib.parse':
                continue  # text only
            top = module.split('.')[0]
            if top in FORBIDDEN_MODULES - VERBS_MAY.get(name, (set(), ''))[0]:
                found.append(f'{name}:{node.lineno} imports {module}')
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id in FORBIDDEN_CALLS:
            found.append(f'{name}:{node.lineno} calls {function.id}')
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            if (function.value.id, function.attr) in FORBIDDEN_ATTRIBUTES:
                found.append(f'{name}:{node.lineno} calls {function.value.id}.{function.attr}')
        for keyword in node.keywords:
            value = getattr(keyword.value, 'value', None)
            if keyword.arg in ('shell', 'allow_pickle') and value is not False:
                found.append(f'{name}:{node.lineno} {keyword.arg}={value}')
    return found


@pytest.mark.parametrize('folder', RUNTIME)
def test_the_sources_do_nothing_of_the_kind(folder: str) -> None:
    paths = sorted((PACKAGE / folder).rglob('*.py'))
    assert paths
    for path in paths:
        name = str(path.relative_to(PACKAGE))
        assert violations(path.read_text(encoding='utf-8'), name) == []


@pytest.mark.ros
def test_no_node_loads_what_only_verbs_may() -> None:
    pytest.importorskip('rclpy', reason='rclpy is not here: ./run pytest brings it')
    nodes = [f'pose_ros.ros.nodes.{path.stem}'
             for path in (PACKAGE / 'ros/nodes').glob('pose_*.py')]
    only = [f'pose_ros.{name.removesuffix(".py").replace("/", ".")}' for name in VERBS_MAY]
    code = (
        'import sys, importlib\n'
        f'for name in {nodes}: importlib.import_module(name)\n'
        f'print([name for name in {only} if name in sys.modules])')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert len(nodes) > 5 and done.stdout.strip() == '[]', done.stdout + done.stderr


@pytest.mark.parametrize('line', [
    'import pickle', 'from urllib.request import urlopen', 'import socket', 'eval(x)', 'exec(x)',
    'os.system(x)', 'yaml.load(x)', 'np.load(x, allow_pickle=True)', 'import subprocess',
    'subprocess.run(x, shell=True)', '__import__(x)', 'def f():\n    import http.client',
])
def test_it_would_be_seen(line: str) -> None:
    assert violations(line, 'ros/x.py')


def test_arrays_are_never_unpickled() -> None:
    """numpy.load unpickles only when it is told to: nowhere here."""
    for folder in (*RUNTIME, 'tools'):
        for path in (PACKAGE / folder).rglob('*.py'):
            assert 'allow_pickle=True' not in path.read_text(encoding='utf-8'), path


WATCH = """
import json, os, sys, time

# What the middleware itself needs is C++ and is not seen here: what is seen is ours.
events = []
FOREIGN = ('subprocess.Popen', 'os.system', 'os.exec', 'os.posix_spawn', 'os.spawn', 'os.fork',
           'socket.connect', 'socket.bind', 'socket.sendto', 'socket.getaddrinfo',
           'socket.gethostbyname', 'socket.__new__', 'urllib.Request', 'ftplib.connect',
           'pickle.find_class', 'pty.spawn')
armed = False

def watch(name, args):
    if not armed:
        return
    if name.startswith(FOREIGN):
        events.append([name, repr(args)[:200]])
    elif name == 'open' and isinstance(args[1], str) and set(args[1]) & set('wax+'):
        events.append(['open for writing', repr(args[:2])])

sys.addaudithook(watch)
"""
NODES = """
import rclpy
from rclpy.executors import SingleThreadedExecutor
import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode
from pose_ros.ros.nodes.pose_visualizer import PoseVisualizerNode
from pose_ros.msg import SkeletonArray
from visualization_msgs.msg import MarkerArray

rclpy.init()
armed = True
nodes = [PoseEstimatorNode(), PoseTrackerNode(), PoseVisualizerNode()]
armed = False
probe = rclpy.create_node('probe')
camera = probe.create_publisher(Image, 'image', 1)
tracked, overlays, markers = [], [], []
probe.create_subscription(SkeletonArray, 'pose/tracked', tracked.append, 10)
probe.create_subscription(Image, 'pose/overlay', overlays.append, 1)
probe.create_subscription(MarkerArray, 'pose/markers', markers.append, 10)
executor = SingleThreadedExecutor()
for node in (*nodes, probe):
    executor.add_node(node)
armed = True
for node in nodes:
    assert node.start()
end_s = time.monotonic() + 40
while time.monotonic() < end_s and not (len(tracked) > 3 and overlays and markers):
    now = probe.get_clock().now().to_msg()
    camera.publish(image_to_msg(
        np.full((240, 320, 3), 90, np.uint8), Header(stamp=now, frame_id='c')))
    for _ in range(20):
        executor.spin_once(timeout_sec=0.02)
for node in nodes:
    node.publish_diagnostics()
    node.release()
armed = False
print(json.dumps([len(tracked), len(overlays), len(markers)]), flush=True)
"""
SAY = """
print('EVENTS' + json.dumps(events), flush=True)
os._exit(0)
"""


def watched(work: str, tmp_path: Path) -> tuple[list[list[str]], str]:
    """Do something under the watch; return what was seen, and what was printed before."""
    script = tmp_path / 'watched.py'
    script.write_text(WATCH + work + SAY)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=100, cwd=tmp_path,
        env={**os.environ, 'ROS_DOMAIN_ID': str(new_domain())})
    output, found, events = done.stdout.partition('EVENTS')
    assert found, done.stdout + done.stderr
    return json.loads(events), output


@pytest.mark.ros
def test_working_nodes_start_nothing_connect_nowhere_and_write_nothing(tmp_path: Path) -> None:
    """Networks loaded, images taken, skeletons, overlay and markers sent, diagnostics said."""
    pytest.importorskip('rclpy', reason='rclpy is not here: ./run pytest brings it')
    events, output = watched(NODES, tmp_path)
    assert all(json.loads(output.splitlines()[-1])), output
    assert events == []
    assert [p.name for p in tmp_path.iterdir()] == ['watched.py']


def test_the_watch_would_have_seen_it(tmp_path: Path) -> None:
    events, _ = watched(textwrap.dedent("""
        import socket, subprocess
        armed = True
        subprocess.run(['true'])
        try:
            socket.create_connection(('127.0.0.1', 9), timeout=0.1)
        except OSError:
            pass
        open('left_behind', 'w').close()
        armed = False
    """), tmp_path)
    seen = {name for name, _ in events}
    assert {'subprocess.Popen', 'socket.connect', 'open for writing'} <= seen


def test_what_is_written_can_be_read_by_others_but_not_changed(tmp_path: Path) -> None:
    """Recordings and pictures: as the umask says, never writable for everybody."""
    pytest.importorskip('onnxruntime')
    before = os.umask(0o022)
    try:
        subprocess.run(
            [sys.executable, '-m', 'pose_ros.cli', 'run', str(ROOT / 'docs/picture.jpg'), '--out',
             str(tmp_path / 'out')], check=True, capture_output=True, cwd=tmp_path)
    finally:
        os.umask(before)
    written = list((tmp_path / 'out').rglob('*'))
    assert written
    for path in (tmp_path / 'out', *written):
        assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID), path


def test_the_run_script_and_shipped_files_are_not_writable_by_others() -> None:
    for path in (ROOT / 'run', ROOT / 'config', ROOT / 'models', *(ROOT / 'config').rglob('*')):
        assert not path.stat().st_mode & stat.S_IWOTH, path
