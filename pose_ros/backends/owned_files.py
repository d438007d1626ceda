# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Files that nobody but the user can have written, and files that are there whole or not at all.

A serialised engine is a program: NVIDIA's security notes equate loading one with running foreign
native code (docs.nvidia.com, TensorRT, reference/security).
"""

from __future__ import annotations

import os
from pathlib import Path
import stat
import tempfile

from pose_ros.core.backend import BackendError


class NotOwnedError(BackendError):
    """Somebody else could have written a file or folder; the message says how to mend it."""


def _check_owner(status: os.stat_result, path: Path) -> None:
    if status.st_uid != os.geteuid():
        raise NotOwnedError(
            f'{path} belongs to user {status.st_uid}, not to you ({os.geteuid()}): remove it'
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotOwnedError(f'{path} can be written by others: chmod go-w {path}')


def make_private_folder(path: Path) -> None:
    """
    Make a folder that only the user can enter (0700), or check the one that is there.

    Raises
    ------
    NotOwnedError
        When it is a link, belongs to somebody else or can be written by others.
    OSError
        When it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise NotOwnedError(f'{path} is not a folder (a link?): remove it') from None
        _check_owner(status, path)


def read_owned(path: Path) -> bytes:
    """
    Read a file that only the user can have written.

    Raises
    ------
    NotOwnedError
        When it is a link or no regular file, belongs to somebody else or can be written by others.
    OSError
        When it is not there or cannot be read.
    """
    if path.is_symlink():
        raise NotOwnedError(f'{path} is a link: remove it')
    # Checked after opening: the file that was checked is the one that is read.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, 'rb') as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotOwnedError(f'{path} is not a regular file: remove it')
        _check_owner(status, path)
        return file.read()


def write_whole(path: Path, data: bytes) -> None:
    """
    Write a file (0600) so that it is there whole or not at all, even after a loss of power.

    Raises
    ------
    OSError
        When it cannot be written; nothing is left behind.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix='.part')
    try:
        with os.fdopen(descriptor, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
