# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The store of built engines: real files, locks and processes; only the engine is made up."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
import resource
import stat
import subprocess
import sys

import pytest

from pose_ros.backends.owned_files import NotOwnedError
from pose_ros.backends.tensorrt.engine_cache import (
    EngineCache,
    EngineRefused,
    default_folder,
    digest_of,
)
from pose_ros.core.backend import BackendError

KEY = {'name': 'network', 'precision': 'fp16', 'profiles': [[1, 3, 256, 256]]}
PLAN = bytes(range(256)) * 40


class Runtime:
    """Builds and loads engines; counts builds and checks, refuses the plans in `refused`."""

    def __init__(self) -> None:
        self.built = 0
        self.plan = PLAN
        self.refused: list[bytes] = []
        self.checks = 0

    def build(self) -> bytes:
        self.built += 1
        return self.plan

    def load(self, plan: bytes, is_checked: bool) -> str:
        self.checks += not is_checked
        if plan in self.refused:
            raise EngineRefused('deserialisation gave nothing')
        return f'engine of {len(plan)} bytes'


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / 'pose_ros' / 'engines')


def get(cache: EngineCache, runtime: Runtime, key: dict = KEY) -> str:
    return cache.get(key, runtime.build, runtime.load)


def path_of(cache: EngineCache, suffix: str) -> Path:
    return cache.folder / (digest_of(KEY) + suffix)


def test_an_engine_is_built_once(cache: EngineCache) -> None:
    first, second = Runtime(), Runtime()
    assert get(cache, first) == get(cache, second) == f'engine of {len(PLAN)} bytes'
    assert (first.built, second.built) == (1, 0)


def test_nobody_else_can_touch_what_is_stored(cache: EngineCache) -> None:
    old = os.umask(0)
    try:
        get(cache, Runtime())
    finally:
        os.umask(old)
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    files = list(cache.folder.iterdir())
    assert {path.suffix for path in files} == {'.plan', '.json', '.lock'}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


@pytest.mark.parametrize(
    'change', [{'name': 'x'}, {'precision': 'fp32'}, {'profiles': []}, {'driver': [13, 0]}]
)
def test_every_part_of_the_key_counts(cache: EngineCache, change: dict) -> None:
    runtime = Runtime()
    get(cache, runtime)
    get(cache, runtime, {**KEY, **change})
    assert runtime.built == 2


def test_order_of_the_key_does_not_count() -> None:
    assert digest_of(dict(reversed(KEY.items()))) == digest_of(KEY)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def other_key(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), 'key': {'name': 'other'}}))


def link(path: Path) -> None:
    aside = path.with_name('elsewhere')
    path.rename(aside)
    path.symlink_to(aside)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ('suffix', 'damage'),
    [
        ('.plan', truncate), ('.plan', flip), ('.plan', lambda p: p.write_bytes(b'')),
        ('.plan', Path.unlink), ('.plan', link), ('.plan', lambda p: p.chmod(0o620)),
        ('.plan', lambda p: p.chmod(0o602)), ('.plan', folder_instead), ('.json', truncate),
        ('.json', lambda p: p.write_text('[]')), ('.json', other_key), ('.json', link),
        ('.json', lambda p: p.chmod(0o622)),
    ],
)
def test_damage_is_noticed_put_aside_and_mended(
    cache: EngineCache, suffix: str, damage, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = Runtime()
    get(cache, runtime)
    damage(path_of(cache, suffix))
    assert cache.contents()[0].problem
    with caplog.at_level(logging.WARNING):
        assert get(cache, runtime) == f'engine of {len(PLAN)} bytes'
    assert runtime.built == 2
    assert 'building the engine anew' in caplog.text
    assert list(cache.folder.glob('*.bad'))
    assert get(cache, runtime) and runtime.built == 2, 'not mended'


def test_interrupted_build_is_no_engine(cache: EngineCache) -> None:
    """The sidecar is written last: a plan alone was never finished."""
    runtime = Runtime()
    get(cache, runtime)
    path_of(cache, '.json').unlink()
    assert 'interrupted' in cache.contents()[0].problem
    get(cache, runtime)
    assert runtime.built == 2


def test_refused_engine_is_rebuilt_once(cache: EngineCache) -> None:
    runtime = Runtime()
    get(cache, runtime)
    runtime.refused, runtime.plan = [PLAN], b'a better one'
    assert get(cache, runtime) == 'engine of 12 bytes'
    assert path_of(cache, '.plan.bad').read_bytes() == PLAN


def test_engine_that_is_refused_when_new_is_not_built_again(cache: EngineCache) -> None:
    runtime = Runtime()
    runtime.refused = [PLAN]
    with pytest.raises(EngineRefused, match='^deserialisation gave nothing$'):
        get(cache, runtime)
    with pytest.raises(EngineRefused, match='gave nothing .as it was built before.*engine clear'):
        get(cache, runtime)
    assert runtime.built == 1
    assert not path_of(cache, '.plan').exists(), 'stored an engine that does not work'
    assert 'gave nothing' in cache.contents()[0].problem
    cache.clear()
    runtime.refused = []
    assert get(cache, runtime) and runtime.built == 2


def test_an_engine_is_checked_once(cache: EngineCache) -> None:
    runtime = Runtime()
    get(cache, runtime)
    get(cache, runtime)
    assert runtime.checks == 1


def test_an_engine_that_was_built_without_a_gpu_is_checked_at_its_first_use(
    cache: EngineCache
) -> None:
    runtime = Runtime()
    cache.get(KEY, runtime.build, runtime.load, checks=False)
    for _ in range(2):
        get(cache, runtime)
    assert (runtime.built, runtime.checks) == (1, 2)


def test_what_is_stored_beside_an_engine(cache: EngineCache) -> None:
    cache.attach(KEY, b'kernels')
    assert cache.attachment(KEY) == b'', 'beside nothing'
    get(cache, Runtime())
    cache.attach(KEY, b'kernels')
    assert EngineCache(cache.folder).attachment(KEY) == b'kernels'
    path_of(cache, '.jit').chmod(0o666)
    assert cache.attachment(KEY) == b'', 'anybody could have written it'


def test_failed_build_leaves_nothing_and_can_be_repeated(cache: EngineCache) -> None:
    def fail() -> bytes:
        raise BackendError('out of memory')

    runtime = Runtime()
    with pytest.raises(BackendError, match='out of memory'):
        cache.get(KEY, fail, runtime.load)
    assert cache.contents() == []
    get(cache, runtime)


@pytest.mark.parametrize('mode', [0o770, 0o707])
def test_folder_that_others_can_write_is_refused(cache: EngineCache, mode: int) -> None:
    runtime = Runtime()
    get(cache, runtime)
    cache.folder.chmod(mode)
    for action in (lambda: get(cache, runtime), cache.contents, cache.clear):
        with pytest.raises(NotOwnedError, match='chmod go-w'):
            action()


def test_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'real').mkdir(mode=0o700)
    (tmp_path / 'link').symlink_to(tmp_path / 'real')
    with pytest.raises(NotOwnedError, match='link'):
        get(EngineCache(tmp_path / 'link'), Runtime())


def test_folder_of_somebody_else_is_refused(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(cache, Runtime())
    user = os.geteuid()
    monkeypatch.setattr(os, 'geteuid', lambda: user + 1)
    with pytest.raises(NotOwnedError, match=f'belongs to user {user}'):
        get(cache, Runtime())


def test_folder_that_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / 'file').write_text('not a folder')
    runtime = Runtime()
    with caplog.at_level(logging.WARNING):
        assert get(EngineCache(tmp_path / 'file' / 'engines'), runtime)
    assert runtime.built == 1 and 'not kept' in caplog.text


def test_full_disk(cache: EngineCache, caplog: pytest.LogCaptureFixture) -> None:
    """A limit of the size of files stands for the disk: the same error from write()."""
    runtime = Runtime()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with caplog.at_level(logging.WARNING):
            assert get(cache, runtime) == f'engine of {len(PLAN)} bytes'
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert 'not kept' in caplog.text
    assert {path.suffix for path in cache.folder.iterdir()} == {'.lock'}
    get(cache, runtime)
    get(cache, runtime)
    assert runtime.built == 2


PROCESS = """
import os, sys
from pathlib import Path
from pose_ros.backends.tensorrt.engine_cache import EngineCache
folder, how = Path(sys.argv[1]), sys.argv[2]
def build():
    print('building', flush=True)
    if how == 'dies':
        os._exit(9)
    sys.stdin.readline()
    return b'plan of a process'
EngineCache(folder).get(
    {'name': 'shared'}, build, lambda plan, is_checked: print(plan.decode()),
    lambda: print('waiting', flush=True))
"""


def start(folder: Path, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, '-c', PROCESS, str(folder), how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )


def test_two_processes_build_once(cache: EngineCache) -> None:
    first = start(cache.folder, 'builds')
    assert first.stdout is not None and first.stdout.readline() == 'building\n'
    second = start(cache.folder, 'builds')
    assert second.stdout is not None and second.stdout.readline() == 'waiting\n'
    assert first.communicate('go on\n')[0] == 'plan of a process\n'
    assert second.communicate()[0] == 'plan of a process\n'
    assert first.returncode == second.returncode == 0


def test_process_that_dies_while_building_blocks_nobody(cache: EngineCache) -> None:
    died = start(cache.folder, 'dies')
    assert died.communicate()[0] == 'building\n' and died.returncode == 9
    said = start(cache.folder, 'builds').communicate('go on\n')[0]
    assert said == 'building\nplan of a process\n'


def test_contents_and_clear(cache: EngineCache) -> None:
    assert cache.contents() == [] and cache.clear() == 0
    get(cache, Runtime())
    (stored,) = cache.contents()
    assert (stored.key, stored.num_bytes, stored.problem) == (KEY, len(PLAN), '')
    (cache.folder / 'notes.txt').write_text('not of the cache')
    assert cache.clear() == 3
    assert [path.name for path in cache.folder.iterdir()] == ['notes.txt']


def test_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', '/somewhere')
    assert default_folder() == Path('/somewhere/pose_ros/engines')
    monkeypatch.setenv('XDG_CACHE_HOME', 'relative')
    monkeypatch.setenv('HOME', '/somebody')
    assert default_folder() == Path('/somebody/.cache/pose_ros/engines')
