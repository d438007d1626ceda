# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The libcuda.so.1 of this folder: compiled, loaded before PyCUDA, and asked by the tests."""

from __future__ import annotations

import ctypes
import hashlib
import os
from pathlib import Path
import shutil
import subprocess

from pose_ros.backends.tensorrt import kernels

HERE = Path(__file__).resolve().parent
# In the order of the enum of libcuda.h.
KINDS = (
    'device buffers', 'pinned buffers', 'streams', 'events', 'modules', 'graphs', 'contexts',
)
ILLEGAL_ADDRESS = 700  # cuda.h


class CannotCompile(Exception):
    """There is no gcc or g++."""


def build(cache: Path) -> tuple[Path, Path]:
    """
    Compile driver and kernels for the CPU, unless they lie in `cache`; takes about four seconds.

    Returns
    -------
    libcuda.so.1, kernels.so : Path

    Raises
    ------
    CannotCompile
    """
    sources = sorted(p for p in HERE.iterdir() if p.suffix in ('.c', '.h', '.cpp'))
    text = b''.join(path.read_bytes() for path in sources)
    text += ''.join(kernels.sources().values()).encode()
    folder = cache / hashlib.sha256(text).hexdigest()[:16]
    driver, host_kernels = folder / 'libcuda.so.1', folder / 'kernels.so'
    if not host_kernels.exists():
        folder.mkdir(exist_ok=True)
        strict = ['-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC']
        _compile(
            'gcc', driver, *strict, '-Wno-unused-parameter', '-Wl,-soname,libcuda.so.1',
            '-pthread', *(p for p in sources if p.suffix == '.c'), '-ldl',
        )
        _compile(
            'g++', host_kernels, *strict, '-ffp-contract=off', f'-I{kernels.FOLDER}',
            HERE / 'host_kernels.cpp',
        )
    return driver, host_kernels


def _compile(compiler: str, out: Path, *arguments: str | Path) -> None:
    if shutil.which(compiler) is None:
        raise CannotCompile(f'there is no {compiler}')
    part = out.with_suffix(f'.{os.getpid()}.part')  # another process may compile the same
    done = subprocess.run(
        [compiler, *map(str, arguments), '-o', str(part)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    part.rename(out)


class FakeDriver:
    """
    The driver, loaded into this process; one for all tests.

    Parameters
    ----------
    library, host_kernels : Path
        Of `build`.
    """

    def __init__(self, library: Path, host_kernels: Path) -> None:
        self.paths = library, host_kernels
        # For all libraries: PyCUDA asks for libcuda.so.1 and gets the one that is there.
        self._library = ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
        self._library.fake_used_bytes.restype = ctypes.c_size_t
        assert self._library.fake_kernels(str(host_kernels).encode()) == 0
        self.kernels = ctypes.CDLL(str(host_kernels))

    def start(
        self, devices: int = 1, capability: tuple[int, int] = (8, 9), memory_bytes: int = 8 << 30
    ) -> None:
        """Forget errors and counts; have so many GPUs."""
        self._library.fake_configure(devices, *capability, ctypes.c_size_t(memory_bytes))
        self._library.fake_reset()
        self.set_block(4)

    def set_block(self, threads: int, is_reversed: bool = False) -> None:
        """
        Choose how blocks run whose threads wait for each other.

        Parameters
        ----------
        threads : int
            Per block, in place of what is asked for: fewer are quicker here. 0: as asked for.
        is_reversed : bool
            Whether the last thread runs first.
        """
        self._library.fake_block_size(threads, int(is_reversed))

    def fail(self, call: str, error: int, after: int = 0, is_sticky: bool = False) -> None:
        """Let a call fail once, after so many that work; sticky: and everything after it."""
        self._library.fake_fail(call.encode(), error, after, int(is_sticky))

    def count(self, call: str) -> int:
        """Return how often a call was made."""
        return int(self._library.fake_count(call.encode()))

    def threads(self) -> int:
        """Return how many threads made calls that want a context."""
        return int(self._library.fake_threads())

    def alive(self) -> dict[str, int]:
        """Return what was made and not freed, by kind; also what died with its context."""
        found = {kind: self._library.fake_alive(i) for i, kind in enumerate(KINDS)}
        found['died with their context'] = self._library.fake_leaked()
        return {kind: number for kind, number in found.items() if number}

    @property
    def used_bytes(self) -> int:
        """Of the device's memory."""
        return int(self._library.fake_used_bytes())
