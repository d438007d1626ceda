# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Engines that were built before, in a folder of the user's.

`<digest>.plan` is the engine and `<digest>.json` its sidecar, written last: without it there is no
engine. The digest is that of the key: of everything that the engine depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import fcntl
import hashlib
import json
import logging
import os
from pathlib import Path
import time
from typing import Any, TypeVar

from pose_ros.backends.owned_files import (
    NotOwnedError,
    make_private_folder,
    read_owned,
    write_whole,
)
from pose_ros.core.backend import BackendError

T = TypeVar('T')
Key = dict[str, Any]

_LOG = logging.getLogger('pose_ros.tensorrt')
_SUFFIXES = ('.plan', '.json', '.jit', '.bad', '.part', '.lock')


class EngineRefused(BackendError):
    """An engine is not the one it should be, or gives wrong results: build it anew."""


class _RefusedBefore(EngineRefused):
    """The engine of this key was built and refused: building it again would end alike."""


class _Missing(Exception):
    """There is no engine of this key."""


@dataclass(frozen=True)
class StoredEngine:
    """
    An engine of the cache.

    Attributes
    ----------
    digest : str
        Of its key; its files' name.
    key : dict
        What it depends on; empty when the sidecar is not readable.
    num_bytes : int
        Of the plan.
    build_s : float
        How long it took to build.
    built : float
        When, seconds since 1970.
    problem : str
        Why it cannot be used; empty when nothing speaks against it.
    """

    digest: str
    key: Key
    num_bytes: int
    build_s: float
    built: float
    problem: str


def default_folder() -> Path:
    """Return $XDG_CACHE_HOME/pose_ros/engines, by default ~/.cache/pose_ros/engines."""
    base = os.environ.get('XDG_CACHE_HOME', '')
    # The XDG base directory specification: a relative path is to be ignored.
    root = Path(base) if os.path.isabs(base) else Path.home() / '.cache'
    return root / 'pose_ros' / 'engines'


def digest_of(key: Key) -> str:
    """Return the name of a key: SHA-256 of its canonical JSON."""
    text = json.dumps(key, sort_keys=True, separators=(',', ':'), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _number(value: Any) -> float:
    """Return what is only shown, not relied on: 0 when it is no sensible number."""
    return float(value) if isinstance(value, (int, float)) and abs(value) < 1e12 else 0.0


class EngineCache:
    """
    The engines in one folder.

    Parameters
    ----------
    folder : Path
        Made with mode 0700 when something is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(
        self,
        key: Key,
        build: Callable[[], bytes],
        load: Callable[[bytes, bool], T],
        waiting: Callable[[], None] = lambda: None,
        checks: bool = True,
    ) -> T:
        """
        Load the engine of a key, building it when there is none that can be used.

        One process builds at a time, the others wait and load what it stored. An engine that is
        damaged or refused is put aside (`*.bad`) and built anew, once; one that is refused when it
        is new is remembered as such. Where nothing can be stored the engine is used all the same,
        with a warning.

        Parameters
        ----------
        key : dict
            What the engine depends on, of JSON's types.
        build : callable
            Builds it.
        load : callable
            Makes of its bytes, and of whether it was checked before, what is returned; raises
            EngineRefused when it will not do.
        waiting : callable
            Is called before waiting for another process that builds.
        checks : bool
            Whether `load` checks what was not checked before: that is remembered.

        Raises
        ------
        NotOwnedError
            When somebody else could have written the folder.
        EngineRefused
            When a newly built engine will not do, now or at an earlier call.
        BackendError
            When it cannot be built.
        """
        digest = digest_of(key)
        try:
            make_private_folder(self.folder)
        except OSError as error:
            _LOG.warning('engines are not kept: %s', error)
            return load(build(), False)
        with self._locked(digest, waiting):
            try:
                return self._load_stored(digest, key, load, checks)
            except _Missing:
                pass
            except _RefusedBefore:
                raise
            except (EngineRefused, NotOwnedError) as error:
                _LOG.warning('building the engine anew: %s', error)
                self._put_aside(digest)
            start_s = time.monotonic()
            plan = build()
            sidecar = {
                'key': key,
                'refused': '',
                'is_checked': checks,
                'plan_sha256': hashlib.sha256(plan).hexdigest(),
                'num_bytes': len(plan),
                'build_s': round(time.monotonic() - start_s, 3),
                'built': time.time(),
            }
            try:
                loaded = load(plan, False)
            except EngineRefused as error:
                self._store(digest, {**sidecar, 'refused': str(error)}, b'')
                raise
            self._store(digest, sidecar, plan)
            return loaded

    def _load_stored(
        self, digest: str, key: Key, load: Callable[[bytes, bool], T], checks: bool
    ) -> T:
        plan, sidecar = self._read(digest, key)
        is_checked = sidecar.get('is_checked') is True
        loaded = load(plan, is_checked)
        if checks and not is_checked:
            self._store(digest, {**sidecar, 'is_checked': True}, plan)
        return loaded

    def attachment(self, key: Key) -> bytes:
        """Return what was stored beside an engine; nothing when that cannot be read."""
        try:
            return read_owned(self._path(digest_of(key), '.jit'))
        except (OSError, NotOwnedError):
            return b''

    def attach(self, key: Key, data: bytes) -> None:
        """Store something beside an engine: what makes its next start quicker."""
        path = self._path(digest_of(key), '.jit')
        if not data or not path.with_suffix('.json').exists() or self.attachment(key) == data:
            return
        try:
            write_whole(path, data)
        except OSError as error:
            _LOG.warning('%s is not kept: %s', path, error)

    def contents(self) -> list[StoredEngine]:
        """
        List the engines, newest first; each is read and checked.

        Raises
        ------
        NotOwnedError
            When somebody else could have written the folder.
        """
        if not self.folder.is_dir():
            return []
        make_private_folder(self.folder)
        names = {path.stem for path in self.folder.iterdir() if path.suffix in ('.plan', '.json')}
        return sorted((self._describe(name) for name in names), key=lambda e: -e.built)

    def clear(self) -> int:
        """
        Remove every file of the cache but no other; return how many there were.

        Raises
        ------
        NotOwnedError
            When somebody else could have written the folder.
        """
        if not self.folder.is_dir():
            return 0
        make_private_folder(self.folder)
        files = [path for path in self.folder.iterdir() if path.suffix in _SUFFIXES]
        for path in files:
            path.unlink(missing_ok=True)
        return len(files)

    def _path(self, digest: str, suffix: str) -> Path:
        return self.folder / f'{digest}{suffix}'

    @contextmanager
    def _locked(self, digest: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the lock of a key; the kernel frees it when the process ends, however it ends."""
        path = self._path(digest, '.lock')
        try:
            descriptor = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            _LOG.warning('engines are not kept: %s', error)
            yield
            return
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _sidecar(self, digest: str) -> dict[str, Any]:
        try:
            sidecar = json.loads(read_owned(self._path(digest, '.json')))
        except FileNotFoundError as error:
            raise _Missing from error
        except OSError as error:
            raise EngineRefused(f'cannot read {self._path(digest, ".json")}: {error}') from error
        except ValueError as error:
            raise EngineRefused(f'{self._path(digest, ".json")} is damaged: {error}') from error
        if not isinstance(sidecar, dict) or not isinstance(sidecar.get('key'), dict):
            raise EngineRefused(f'{self._path(digest, ".json")} is no description of an engine')
        return sidecar

    def _read(self, digest: str, key: Key) -> tuple[bytes, dict[str, Any]]:
        sidecar, path = self._sidecar(digest), self._path(digest, '.plan')
        if sidecar['key'] != key:
            raise EngineRefused(f'{path} is described as another engine')
        if sidecar.get('refused'):
            raise _RefusedBefore(
                f'{sidecar["refused"]} (as it was built before; to build it again: '
                'pose_ros engine clear)'
            )
        try:
            plan = read_owned(path)
        except OSError as error:
            raise EngineRefused(f'cannot read {path}: {error}') from error
        if hashlib.sha256(plan).hexdigest() != sidecar.get('plan_sha256'):
            raise EngineRefused(f'{path} is damaged: {len(plan)} bytes of another digest')
        return plan, sidecar

    def _describe(self, digest: str) -> StoredEngine:
        key: Key = {}
        num_bytes, build_s, built, problem = 0, 0.0, 0.0, ''
        try:
            sidecar = self._sidecar(digest)
            key = sidecar['key']
            build_s, built = _number(sidecar.get('build_s')), _number(sidecar.get('built'))
            if digest_of(key) != digest:
                raise EngineRefused('the description is that of another engine')
            num_bytes = len(self._read(digest, key)[0])
        except _Missing:
            problem = 'has no description: its building was interrupted'
        except (BackendError, TypeError, ValueError) as error:
            problem = str(error)
        return StoredEngine(digest, key, num_bytes, build_s, built, problem)

    def _put_aside(self, digest: str) -> None:
        for ending in ('.json', '.plan'):
            path = self._path(digest, ending)
            try:
                os.replace(path, path.with_name(path.name + '.bad'))
            except FileNotFoundError:
                pass
            except OSError as error:
                _LOG.warning('cannot put %s aside: %s', path, error)

    def _store(self, digest: str, sidecar: dict[str, Any], plan: bytes) -> None:
        try:
            # An old sidecar must not describe the new plan.
            self._path(digest, '.json').unlink(missing_ok=True)
            if plan:
                write_whole(self._path(digest, '.plan'), plan)
            write_whole(self._path(digest, '.json'), json.dumps(sidecar, indent=1).encode())
        except OSError as error:
            with suppress(OSError):
                self._path(digest, '.plan').unlink(missing_ok=True)
            _LOG.warning('the engine is not kept: %s', error)
