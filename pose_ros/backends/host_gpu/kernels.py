# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The package's CUDA kernels compiled for the CPU by g++, through `host_cuda.h`."""

from __future__ import annotations

import ctypes
from pathlib import Path
import shutil
import subprocess

from pose_ros.backends import kernels
from pose_ros.core.backend import BackendError

_HERE = Path(__file__).resolve().parent


def compile_kernels(folder: Path) -> ctypes.CDLL:
    """
    Compile the kernels; takes some seconds.

    Parameters
    ----------
    folder : Path
        Where the library goes.

    Returns
    -------
    CDLL
        With a function `host_NAME(grid, threads, reversed, pointers)` for each kernel.

    Raises
    ------
    BackendError
        When there is no g++, or it complains.
    """
    if shutil.which('g++') is None:
        raise BackendError('g++ is missing: it compiles the kernels for the CPU')
    path = folder / 'kernels.so'
    done = subprocess.run(
        [
            'g++', '-O2', '-ffp-contract=off', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC',
            f'-I{_HERE}', f'-I{kernels.FOLDER}', str(_HERE / 'host_kernels.cpp'), '-o', str(path),
        ],
        capture_output=True, text=True,
    )
    if done.returncode:
        raise BackendError(f'the kernels do not compile for the CPU:\n{done.stderr}')
    return ctypes.CDLL(str(path))
