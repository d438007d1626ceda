# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Network cameras and webcams by any name: images come, also after the camera was away."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
import socket
import threading
import time
from typing import Any

import cv2
from mjpeg_server import mjpeg_server
import numpy as np
import pytest
from rtsp_server import rtsp_server

from pose_ros.media.sources import LiveSource, SourceError, VideoSource, open_source


def grey(value: int) -> np.ndarray:
    return np.full((48, 64, 3), value, np.uint8)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return int(one.getsockname()[1])


CAMERAS = pytest.mark.parametrize('server, address', [
    (mjpeg_server, 'http://{}127.0.0.1:{}/stream.mjpg'), (rtsp_server, 'rtsp://{}127.0.0.1:{}/live'),
])


@CAMERAS
def test_a_network_camera_gives_its_images(server: Any, address: str) -> None:
    with (
        server([grey(40), grey(120), grey(200)]) as port,
        open_source(address.format('user:secret@', port)) as source,
    ):
        assert source.live and source.size == (64, 48) and source.count is None
        assert source.name == address.format('', port)
        images = [image for image, _ in zip(source, range(12))]
    assert [image.index for image in images] == list(range(12))
    assert (np.diff([image.time_s for image in images]) > 0).all()
    levels = {int(image.image.mean()) for image in images}
    assert levels <= {39, 40, 41, 119, 120, 121, 199, 200, 201} and len(levels) >= 3


@CAMERAS
def test_a_camera_that_was_away_comes_back(server: Any, address: str) -> None:
    with server([grey(40)]) as port:
        source = open_source(address.format('user:secret@', port))
        assert isinstance(source, LiveSource)
        assert next(iter(source)).image.mean() == pytest.approx(40, abs=2)
    deadline_s = time.monotonic() + 15.0
    while not source.trouble and time.monotonic() < deadline_s:
        source.newest(0.1)
    assert source.trouble.endswith('trying again') and '\n' not in source.trouble
    with server([grey(200)], port):
        found = None
        while time.monotonic() < deadline_s and (found is None or found.image.mean() < 100):
            found = source.newest(0.1) or found
        assert found is not None and found.image.mean() == pytest.approx(200, abs=2)
        assert source.trouble == ''
        source.close()
    assert source.newest(0.0) is None


def test_a_wrong_password_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        rtsp_server([grey(40)]) as port,
        pytest.raises(SourceError, match='does it want a password') as caught,
    ):
        open_source(f'rtsp://user:wrong@127.0.0.1:{port}/live')
    assert '\n' not in str(caught.value) and 'wrong' not in str(caught.value)
    assert capfd.readouterr().err == ''


def test_a_slow_reader_gets_the_newest_image() -> None:
    """Otherwise it would look ever further into the past."""
    levels = list(range(20, 240, 2))
    with (
        mjpeg_server([grey(v) for v in levels], rate_hz=50.0) as port,
        open_source(f'http://127.0.0.1:{port}/') as source,
    ):
        assert isinstance(source, LiveSource)
        assert source.newest(5.0) is not None
        time.sleep(1.0)
        late = source.newest(5.0)
        assert late is not None and late.time_s > 0.8
        assert late.image.mean() > 60  # forty images later, less what the machine lacked


def test_a_film_of_the_network_is_no_camera(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(
        str(tmp_path / 'a.mp4'), cv2.VideoWriter.fourcc(*'mp4v'), 10.0, (64, 48))
    for i in range(8):
        writer.write(grey(20 * i))
    writer.release()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        with open_source(f'http://127.0.0.1:{server.server_port}/a.mp4') as source:
            assert isinstance(source, VideoSource) and source.name == 'a.mp4'
            assert len(list(source)) == 8
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize('address', ['http://127.0.0.1:{}/a.mjpg', 'rtsp://u:pw@127.0.0.1:{}/live'])
def test_a_server_that_is_not_there_is_one_line(
    address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SourceError, match=r'127.0.0.1:\d+/\w+') as caught:
        open_source(address.format(free_port()))
    assert '\n' not in str(caught.value) and 'pw@' not in str(caught.value)
    assert capfd.readouterr().err == ''


def test_a_webcam_by_its_id_is_looked_for_as_a_webcam(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match='there is no /dev/v4l/by-id/usb-Nothing'):
        open_source('/dev/v4l/by-id/usb-Nothing-video-index0')
    with pytest.raises(SourceError, match='/dev/null is not a camera'):
        open_source('/dev/null')
