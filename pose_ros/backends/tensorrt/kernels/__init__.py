# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The CUDA kernels: sources (*.cu, *.cuh), the PTX made from them, and what they are given."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
MAIN_SOURCE = 'pose.cu'
PTX_FILE = FOLDER / 'pose.ptx'
# The oldest GPU that CUDA 13 supports (Turing); newer ones compile the PTX for themselves.
PTX_ARCHITECTURE = 'compute_75'
THREADS = 256
"""Threads per block of every kernel: MAX_THREADS of arg_max.cuh."""


def sources() -> dict[str, str]:
    """Return the text of every source by file name."""
    paths = sorted(p for p in FOLDER.iterdir() if p.suffix in ('.cu', '.cuh'))
    return {path.name: path.read_text(encoding='utf-8') for path in paths}
