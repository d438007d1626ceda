# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One file from an http(s) address into a file: streamed, resumed when cut, checked."""

from __future__ import annotations

import hashlib
import http.client
from pathlib import Path
import shutil
import sys
import time
from typing import Any
import urllib.error
import urllib.parse
import urllib.request

from tqdm import tqdm

CHUNK_BYTES = 1 << 18
# A connection that is cut is taken up again where it was as often as this.
RETRIES = 3
RETRY_WAIT_S = 1.0
STALL_S = 30.0


class DownloadError(RuntimeError):
    """The file did not come; the message says why and what to do."""


class _Interrupted(Exception):
    """The connection broke in the middle; it may be taken up again."""


def download(
    url: str, target: Path, sha256: str = '', stall_s: float = STALL_S, retries: int = RETRIES
) -> str:
    """
    Fetch a file.

    Parameters
    ----------
    url : str
        http or https.
    target : Path
        Is written as the bytes come; the caller removes it after an error.
    sha256 : str
        Hexadecimal digest that the file must have; empty: any.
    stall_s : float
        A server that sends nothing for longer is given up.
    retries : int
        How often a connection that broke is taken up again.

    Returns
    -------
    str
        Hexadecimal SHA-256 of what came.

    Raises
    ------
    DownloadError
        When it cannot be had, is cut, stalls, or has another digest.
    OSError
        When the disk is full or not to be written to.
    """
    if urllib.parse.urlsplit(url).scheme not in ('http', 'https'):
        raise DownloadError(f'{url}: only http and https addresses are fetched')
    state: dict[str, Any] = {'total': None, 'tag': ''}
    with (
        target.open('wb') as file,
        tqdm(unit='B', unit_scale=True, unit_divisor=1024, desc=target.name.lstrip('.'),
             file=sys.stderr, mininterval=0.1 if sys.stderr.isatty() else 10.0) as bar,
    ):  # fmt: skip
        for attempt in range(retries + 1):
            try:
                _stream(url, file, bar, state, stall_s)
                break
            except _Interrupted as error:
                if attempt == retries:
                    raise DownloadError(
                        f'{url}: {error}, {attempt + 1} times. Try again later'
                    ) from error
                time.sleep(RETRY_WAIT_S * attempt)
    with target.open('rb') as file:
        digest = _digest(file)
    if sha256 and digest != sha256.lower():
        raise DownloadError(
            f'{url} is damaged or another file than expected: its SHA-256 is {digest}, it should '
            f'be {sha256}'
        )
    return digest


def _digest(file: Any) -> str:
    whole = hashlib.sha256()
    while block := file.read(CHUNK_BYTES):
        whole.update(block)
    return whole.hexdigest()


def _stream(url: str, file: Any, bar: tqdm, state: dict[str, Any], stall_s: float) -> None:
    """Append what is missing to the file."""
    headers = {'User-Agent': 'pose_ros'}
    have = file.tell()
    if have and state['tag']:
        # The rest only if it is still the same file, else all of it.
        headers.update({'Range': f'bytes={have}-', 'If-Range': state['tag']})
    try:
        answer = _OPENER.open(urllib.request.Request(url, headers=headers), timeout=stall_s)
    except urllib.error.HTTPError as error:
        if error.code in (429, 500, 502, 503, 504):
            raise _Interrupted(f'the server answers {error.code} {error.reason}') from error
        hint = ': the file has moved or is gone' if error.code in (404, 410) else ''
        raise DownloadError(f'{url}: {error.code} {error.reason}{hint}') from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        reason = getattr(error, 'reason', None) or error
        raise _Interrupted(f'no connection ({reason})') from error
    with answer:
        if answer.status != 206:
            file.seek(0)
            file.truncate()
            length = answer.headers.get('Content-Length')
            state['total'] = int(length) if length and length.isdigit() else None
            state['tag'] = answer.headers.get('ETag') or answer.headers.get('Last-Modified') or ''
            if state['tag'].startswith('W/'):
                state['tag'] = ''  # a weak tag does not promise the same bytes
            _check_space(Path(file.name), state['total'])
        bar.total = state['total']
        bar.n = file.tell()
        bar.refresh()
        try:
            while block := answer.read(CHUNK_BYTES):
                file.write(block)
                bar.update(len(block))
        except TimeoutError as error:
            raise _Interrupted(f'the server sends nothing for {stall_s:g} s') from error
        except (http.client.HTTPException, ConnectionError) as error:
            raise _Interrupted('the connection was cut') from error
        file.flush()
    if state['total'] is not None and file.tell() != state['total']:
        raise _Interrupted(f'the connection was cut after {file.tell()} of {state["total"]} bytes')


def _check_space(target: Path, total: int | None) -> None:
    free = shutil.disk_usage(target.parent).free
    if total is not None and total > free:
        raise DownloadError(
            f'the disk of {target.parent} is full: {total / 1e6:.0f} MB are needed, '
            f'{free / 1e6:.0f} MB are free'
        )


class _HttpOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http(s) only."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Refuse other schemes."""
        if urllib.parse.urlsplit(newurl).scheme not in ('http', 'https'):
            raise DownloadError(f'{req.full_url} leads to {newurl}, which is not fetched')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler, urllib.request.UnknownHandler, urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler, urllib.request.HTTPDefaultErrorHandler, _HttpOnly,
        urllib.request.HTTPErrorProcessor,
    ):  # fmt: skip
        opener.add_handler(handler())
    return opener


_OPENER = _opener()
