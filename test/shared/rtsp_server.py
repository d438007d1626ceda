# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A network camera on this machine: RTSP with a password, JPEG in RTP over the same connection.

RFC 2326 (10.12 for the interleaved packets) and RFC 2435 (JPEG), as far as a client needs them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
import socket
from socketserver import StreamRequestHandler, ThreadingTCPServer
import struct
import threading
import time

import cv2
import numpy as np

USER, PASSWORD = 'user', 'secret'
_PACKET_BYTES = 1200
_CLOCK_HZ = 90_000
_SDP = (
    'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n'
    'm=video 0 RTP/AVP 26\r\na=control:track0\r\n'
)


def packets(image: np.ndarray, sequence: int, timestamp: int) -> Iterator[bytes]:
    """Give the RTP packets of an image, (H, W, 3) uint8 BGR, sides multiples of 16."""
    file = cv2.imencode('.jpg', image)[1].tobytes()
    tables, at = b'', 2
    while file[at + 1] != 0xDA:  # the start of scan
        length = int.from_bytes(file[at + 2:at + 4], 'big')
        if file[at + 1] == 0xDB:
            tables += file[at + 5:at + 2 + length]  # one table of 64 bytes
        at += 2 + length
    scan = file[at + 2 + int.from_bytes(file[at + 2:at + 4], 'big'):-2]
    height, width = image.shape[:2]
    for offset in range(0, len(scan), _PACKET_BYTES):
        part = scan[offset:offset + _PACKET_BYTES]
        is_last = offset + len(part) == len(scan)
        # Version 2, payload type 26; type 1 is 4:2:0, Q 255 says that tables follow.
        rtp = struct.pack('>BBHII', 0x80, 26 | is_last << 7, sequence & 0xFFFF, timestamp, 1)
        jpeg = struct.pack('>IBBBB', offset, 1, 255, width // 8, height // 8)
        if offset == 0:
            jpeg += struct.pack('>BBH', 0, 0, len(tables)) + tables
        yield rtp + jpeg + part
        sequence += 1


@contextmanager
def rtsp_server(images: list[np.ndarray], port: int = 0, rate_hz: float = 25.0) -> Iterator[int]:
    """
    Serve images, again and again, until the block ends; then its connections break off.

    Parameters
    ----------
    images : list of (H, W, 3) uint8
        BGR, sides multiples of 16.
    port : int
        0 for any that is free.
    rate_hz : float
        Images per second.

    Yields
    ------
    int
        The port, on 127.0.0.1, of rtsp://USER:PASSWORD@127.0.0.1:PORT/live.
    """
    stop = threading.Event()
    allowed = 'Basic ' + b64encode(f'{USER}:{PASSWORD}'.encode()).decode()

    class Handler(StreamRequestHandler):
        """Answers one client."""

        def handle(self) -> None:
            """Answer until it wants to see, then send."""
            while not stop.is_set():
                lines = []
                while line := self.rfile.readline().decode().strip():
                    lines.append(line)
                if not lines:
                    return
                method = lines[0].split()[0]
                fields = dict(line.split(': ', 1) for line in lines[1:])
                self._answer(method, fields)
                if method == 'PLAY' and fields.get('Authorization') == allowed:
                    self._send()

        def _answer(self, method: str, fields: dict[str, str]) -> None:
            more = {
                'OPTIONS': 'Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n',
                'DESCRIBE': f'Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n',
                'SETUP': 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n',
            }.get(method, '')
            body = _SDP if method == 'DESCRIBE' else ''
            status = '200 OK'
            if method != 'OPTIONS' and fields.get('Authorization') != allowed:
                status, body = '401 Unauthorized', ''
                more = 'WWW-Authenticate: Basic realm="x"\r\n'
            self.wfile.write(
                f'RTSP/1.0 {status}\r\nCSeq: {fields["CSeq"]}\r\nSession: 1\r\n{more}\r\n{body}'
                .encode())

        def _send(self) -> None:
            sequence = i = 0
            try:
                while not stop.is_set():
                    for packet in packets(
                        images[i % len(images)], sequence, round(i / rate_hz * _CLOCK_HZ)
                    ):
                        self.wfile.write(struct.pack('>cBH', b'$', 0, len(packet)) + packet)
                        sequence += 1
                    i += 1
                    time.sleep(1.0 / rate_hz)
            except OSError:
                pass

        def finish(self) -> None:
            """Break off, whatever the client still wants."""
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
                super().finish()
            except OSError:
                pass

    class Server(ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    with Server(('127.0.0.1', port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            stop.set()
            server.shutdown()
            thread.join()
