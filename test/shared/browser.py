# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven over a pipe by the DevTools protocol (no websocket needed)."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
import select
import shutil
import subprocess
import time
from typing import Any

FLAGS = (
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
    '--window-size=1600,1000',
)


def chromium() -> str | None:
    """Return where it is, if it is."""
    return next((found for name in ('chromium', 'chromium-browser', 'google-chrome')
                 if (found := shutil.which(name))), None)


class Browser:
    """One page; what it logs and asks for is kept."""

    def __init__(self, profile: Path) -> None:
        program = chromium()
        assert program is not None
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        self._write, self._read = ours_in, ours_out
        # The browser reads from 3 and writes to 4.
        script = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ['bash', '-c', script, program, *FLAGS, '--remote-debugging-pipe',
             f'--user-data-dir={profile}'],
            pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._number, self._rest = 0, b''
        self.console: list[str] = []
        self.requests: list[str] = []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self._session = ''
        self._session = self.call(
            'Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Network'):
            self.call(f'{domain}.enable')

    def call(self, method: str, timeout_s: float = 60.0, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol; return its result."""
        self._number += 1
        message: dict[str, Any] = {'id': self._number, 'method': method, 'params': params}
        if getattr(self, '_session', ''):
            message['sessionId'] = self._session
        os.write(self._write, json.dumps(message).encode() + b'\0')
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            for answer in self._messages(0.2):
                if answer.get('id') == self._number:
                    assert 'error' not in answer, answer
                    return dict(answer['result'])
        raise TimeoutError(method)

    def open(self, url: str) -> None:
        """Go to a page."""
        self.call('Page.navigate', url=url)

    def wait(self, seconds: float) -> None:
        """Let the page work."""
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s:
            self._messages(0.2)

    def screenshot(self) -> bytes:
        """Return the page as PNG."""
        return base64.b64decode(self.call('Page.captureScreenshot', format='png')['data'])

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def _messages(self, timeout_s: float) -> list[dict[str, Any]]:
        if not select.select([self._read], [], [], timeout_s)[0]:
            return []
        data = os.read(self._read, 1 << 20)
        assert data, 'the browser has ended'
        *whole, self._rest = (self._rest + data).split(b'\0')
        found = [json.loads(text) for text in whole]
        for message in found:
            params = message.get('params', {})
            if message.get('method') == 'Network.requestWillBeSent':
                self.requests.append(params['request']['url'])
            if message.get('method') == 'Runtime.consoleAPICalled':
                self.console.append(' '.join(str(a.get('value', '')) for a in params['args']))
        return found
