# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A network camera on this machine: MJPEG over HTTP, as ESP32-CAM, Axis or mjpg-streamer send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading
import time

import cv2
import numpy as np


@contextmanager
def mjpeg_server(images: list[np.ndarray], port: int = 0, rate_hz: float = 50.0) -> Iterator[int]:
    """
    Serve images, again and again, until the block ends; then its connections break off.

    Parameters
    ----------
    images : list of (H, W, 3) uint8
        BGR.
    port : int
        0 for any that is free.
    rate_hz : float
        Images per second.

    Yields
    ------
    int
        The port, on 127.0.0.1.
    """
    pictures = [cv2.imencode('.jpg', image)[1].tobytes() for image in images]
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        """Sends the images to one reader."""

        def do_GET(self) -> None:
            """Send until the reader or the server has enough."""
            self.send_response(200)
            self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
            self.end_headers()
            i = 0
            try:
                while not stop.is_set():
                    picture = pictures[i % len(pictures)]
                    self.wfile.write(
                        b'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: '
                        + str(len(picture)).encode() + b'\r\n\r\n' + picture + b'\r\n'
                    )
                    i += 1
                    time.sleep(1.0 / rate_hz)
            except OSError:
                pass

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(('127.0.0.1', port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
