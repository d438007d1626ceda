# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros fetch` from a real server of this machine that cuts, stalls, lies and is not there."""

from dataclasses import replace
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import io
import os
from pathlib import Path
import resource
import signal
import subprocess
import sys
import threading
import time
import zipfile

import pytest

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')

from foreign_networks import write_network  # noqa: E402

from pose_ros import cli  # noqa: E402
from pose_ros.backends.model_files import find_model, read_spec  # noqa: E402
from pose_ros.core.joint_names import ORDERS  # noqa: E402
from pose_ros.model_import import download as downloads  # noqa: E402
from pose_ros.model_import.recipes import RECIPES, Recipe  # noqa: E402


class Server(ThreadingHTTPServer):
    """Serves `files` by path, each after its own manner."""

    daemon_threads = True

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.go_on = threading.Event()
        self.resumed = False
        super().__init__(('127.0.0.1', 0), Handler)

    def url(self, path: str) -> str:
        return f'http://127.0.0.1:{self.server_port}/{path}'

    def handle_error(self, request, client_address):
        """Say nothing when a client is gone."""


class Handler(BaseHTTPRequestHandler):
    """Manners: the first part of the path."""

    server: Server

    def do_GET(self):
        manner, _, name = self.path.strip('/').partition('/')
        asked = self.headers.get('Range')
        self.server.asked.append((manner, asked))
        times = sum(m == manner for m, _ in self.server.asked)
        if manner == 'elsewhere':
            self.send_response(302)
            self.send_header('Location', 'ftp://127.0.0.1/net.onnx')
            self.end_headers()
            return
        if manner == 'moved':
            self.send_response(302)
            self.send_header('Location', self.server.url(f'good/{name}'))
            self.end_headers()
            return
        if name not in self.server.files or (manner == 'busy' and times == 1):
            self.send_error(503 if manner == 'busy' else 404)
            return
        content = self.server.files[name]
        if manner == 'corrupt':
            content = content[:-9] + b'corrupted'
        first, tag = 0, '"1"'
        if manner == 'changed' and times > 1:
            tag = '"2"'
        # The rest of the file only to whoever has its beginning (RFC 9110, If-Range).
        if asked and self.headers.get('If-Range', tag) == tag:
            first = int(asked.removeprefix('bytes=').rstrip('-'))
            self.server.resumed = True
        self.send_response(206 if first else 200)
        if manner != 'untagged':
            self.send_header('ETag', tag)
        if manner != 'endless':
            self.send_header('Content-Length', str(len(content) - first))
        self.end_headers()
        breaks = manner in ('cut', 'changed', 'untagged') and times == 1
        if breaks or manner in ('always-cut', 'stall'):
            self.wfile.write(content[first:first + (len(content) - first) // 2])
            self.wfile.flush()
            if manner == 'stall':
                self.server.go_on.wait(60)
            return
        self.wfile.write(content[first:])

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def server():
    with Server() as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={'poll_interval': 0.05})
        thread.start()
        yield served
        served.go_on.set()
        served.shutdown()
        thread.join()


@pytest.fixture
def network(server, tmp_path, monkeypatch):
    """Serve a small network and make a recipe of it; return its bytes."""
    file = tmp_path / 'made.onnx'
    write_network(file, 18, mean=(1.0, 2.0, 3.0), std=(50.0, 51.0, 52.0), stride=4)
    content = file.read_bytes() + b''
    file.unlink()
    server.files['net.onnx'] = content
    monkeypatch.setattr(downloads, 'RETRY_WAIT_S', 0.01)
    monkeypatch.setenv('XDG_DATA_HOME', str(tmp_path / 'data'))
    recipe = Recipe(
        'colours', 'http://nowhere.invalid/net.onnx', 1, 'none', 'here',
        {'keypoints': ORDERS['openpose18'], 'mean': (1.0, 2.0, 3.0), 'std': (50.0, 51.0, 52.0)},
        sha256=hashlib.sha256(content).hexdigest(),
    )  # fmt: skip
    monkeypatch.setitem(RECIPES, 'colours', recipe)
    return content


def fetch(capsys, *arguments):
    status = cli.main(['fetch', *arguments])
    output = capsys.readouterr()
    return status, output.out, output.err.splitlines()[-1] if output.err else ''


def left(tmp_path: Path) -> list[str]:
    return sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob('*'))


@pytest.mark.parametrize(
    'manner', ['good', 'moved', 'cut', 'changed', 'untagged', 'busy', 'endless']
)
def test_a_network_is_installed_and_found_by_name(server, network, tmp_path, capsys, manner):
    status, said, _ = fetch(capsys, 'colours', '--from', server.url(f'{manner}/net.onnx'))
    assert status == 0 and 'refiner_model=colours' in said
    path = find_model('colours')
    assert path.read_bytes() == network
    assert path == tmp_path / 'data' / 'pose_ros' / 'models' / 'colours.onnx'
    spec = read_spec(path)
    assert spec.keypoints == ORDERS['openpose18'] and spec.std == (50.0, 51.0, 52.0)
    assert (spec.input_name, spec.outputs) == ('pixels', {'heatmaps': 'maps'})
    assert len(list(path.parent.iterdir())) == 2
    if manner in ('cut', 'changed'):
        # Taken up where it was; all of it where the server does not know the rest.
        assert server.asked[1][1] == f'bytes={len(network) // 2}-'
    if manner == 'untagged':
        assert server.asked[1][1] is None
    assert server.resumed == (manner == 'cut')


def test_it_is_fetched_once_unless_forced(server, network, capsys):
    url = server.url('good/net.onnx')
    for arguments, requests in (((), 1), ((), 1), (('--force',), 2)):
        assert fetch(capsys, 'colours', '--from', url, *arguments)[0] == 0
        assert len(server.asked) == requests


def test_a_network_in_an_archive(server, network, tmp_path, capsys, monkeypatch):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w') as archive:
        archive.writestr('20230504/deploy.json', '{}')
        archive.writestr('20230504/end2end.onnx', network)
    server.files['net.zip'] = packed.getvalue()
    recipe = replace(RECIPES['colours'], sha256='', member='end2end.onnx')
    monkeypatch.setitem(RECIPES, 'colours', recipe)
    url = server.url('good/net.zip')
    status, said, _ = fetch(capsys, 'colours', '--from', url)
    assert status == 0 and find_model('colours').read_bytes() == network
    digest = hashlib.sha256(network).hexdigest()
    assert f'no checksum of it is published; SHA-256 {digest}' in said
    for changes, file, message in (
        ({'member': 'other.onnx'}, 'net.zip', '0 files called other.onnx, not one: 20230504/'),
        ({'onnx_sha256': 'ab' * 32}, 'net.zip', 'another than expected'),
        ({}, 'net.onnx', 'no archive'),
    ):
        monkeypatch.setitem(RECIPES, 'colours', replace(recipe, **changes))
        status, _, error = fetch(
            capsys, 'colours', '--from', server.url(f'good/{file}'), '--out', str(tmp_path / 'new')
        )
        assert status == 1 and message in error and not (tmp_path / 'new').exists()


@pytest.mark.parametrize(
    ('address', 'message'),
    [
        ('good/none.onnx', '404 Not Found: the file has moved or is gone'),
        ('corrupt/net.onnx', 'damaged or another file than expected'),
        ('always-cut/net.onnx', 'the connection was cut after'),
        ('stall/net.onnx', 'the server sends nothing for 0.3 s'),
        ('elsewhere/net.onnx', 'leads to ftp://127.0.0.1/net.onnx, which is not fetched'),
        ('file:///etc/hostname', 'only http and https'),
        ('http://127.0.0.1:9/net.onnx', 'no connection'),
    ],
)
def test_what_goes_wrong_is_said_in_one_line_and_leaves_nothing(
    server, network, tmp_path, capsys, address, message
):
    url = address if ':' in address else server.url(address)
    status, said, error = fetch(capsys, 'colours', '--from', url, '--stall', '0.3')
    assert status == 1 and not said and message in error
    assert left(tmp_path) == []


def test_an_installed_network_survives_a_failed_fetch(server, network, tmp_path, capsys):
    assert fetch(capsys, 'colours', '--from', server.url('good/net.onnx'))[0] == 0
    before = left(tmp_path)
    status, _, _ = fetch(capsys, 'colours', '--force', '--from', server.url('corrupt/net.onnx'))
    assert status == 1 and left(tmp_path) == before
    assert find_model('colours').read_bytes() == network


def test_a_network_that_contradicts_its_recipe_is_not_installed(
    server, network, tmp_path, capsys, monkeypatch
):
    recipe = replace(RECIPES['colours'], facts={'keypoints': ORDERS['coco17']})
    monkeypatch.setitem(RECIPES, 'colours', recipe)
    status, _, error = fetch(capsys, 'colours', '--from', server.url('good/net.onnx'))
    assert status == 1 and 'maps [1, 18, 64, 48]' in error and left(tmp_path) == []
    server.files['net.onnx'] = b'<html>Log in first</html>'
    monkeypatch.setitem(RECIPES, 'colours', replace(recipe, sha256=''))
    status, _, error = fetch(capsys, 'colours', '--from', server.url('good/net.onnx'))
    assert status == 1 and 'no ONNX file' in error and left(tmp_path) == []


def run_fetch(tmp_path: Path, url: str, **options) -> subprocess.Popen:
    """Start the command in a process of its own, with a real recipe."""
    return subprocess.Popen(
        [sys.executable, '-m', 'pose_ros.cli', 'fetch', 'vitpose-s', '--from', url],
        env={**os.environ, 'XDG_DATA_HOME': str(tmp_path / 'data')}, stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, encoding='utf-8', **options,
    )  # fmt: skip


def test_an_interrupt_leaves_nothing(server, tmp_path):
    server.files['net.onnx'] = bytes(3_000_000)
    with run_fetch(tmp_path, server.url('stall/net.onnx')) as process:
        limit_s = time.monotonic() + 60
        while not list(tmp_path.rglob('*.onnx')) and time.monotonic() < limit_s:
            time.sleep(0.05)
        assert list(tmp_path.rglob('*.onnx'))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and errors.splitlines()[-1] == 'pose_ros: interrupted'
    assert left(tmp_path) == []


def test_a_disk_that_takes_no_more_leaves_nothing(server, tmp_path):
    server.files['net.onnx'] = bytes(3_000_000)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    with run_fetch(tmp_path, server.url('good/net.onnx'), preexec_fn=limit) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and 'File too large' in errors.splitlines()[-1]
    assert 'Traceback' not in errors and left(tmp_path) == []


def test_a_file_larger_than_the_disk_is_refused_at_once(server, network, tmp_path, capsys,
                                                        monkeypatch):  # fmt: skip
    usage = downloads.shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(downloads.shutil, 'disk_usage', lambda folder: usage)
    status, _, error = fetch(capsys, 'colours', '--from', server.url('good/net.onnx'))
    assert status == 1 and 'is full: ' in error and left(tmp_path) == []


def test_recipes_are_listed_and_a_wrong_name_gets_a_hint(capsys):
    status, said, _ = fetch(capsys)
    assert status == 0 and {line.split()[0] for line in said.splitlines()} == set(RECIPES)
    status, _, error = fetch(capsys, 'rtmpose')
    assert status == 1 and 'did you mean rtmpose-' in error
    for recipe in RECIPES.values():
        assert recipe.url.startswith('https://') and recipe.licence and recipe.source
        assert len(recipe.sha256) in (0, 64) and len(recipe.onnx_sha256) in (0, 64)
