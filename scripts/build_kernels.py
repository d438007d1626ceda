# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes the PTX that the package ships from the CUDA sources; no GPU needed."""

from __future__ import annotations

import argparse
from pathlib import Path

from pose_ros.backends.tensorrt import kernels
from pose_ros.backends.tensorrt.kernels.nvrtc import SHIPPED_VERSION, Nvrtc, NvrtcError, find_nvrtc, ptx_of

HELP = 'compile the CUDA kernels to the PTX that the package ships'
DESCRIPTION = """\
Compiles pose_ros/backends/tensorrt/kernels/*.cu to pose.ptx, for every NVIDIA GPU from Turing on and every
driver from CUDA 12.1 on. Needs NVRTC 12.1, from a wheel, and no GPU:
  pip install -r requirements/gpu-build.txt"""
ERRORS = (NvrtcError,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        '--out', type=Path, default=kernels.PTX_FILE, help='default: in the package'
    )


def shipping_nvrtc() -> Nvrtc:
    """
    Load the NVRTC that the shipped PTX is made with.

    Raises
    ------
    NvrtcError
        When it is not installed.
    """
    found = [Nvrtc(path) for path in find_nvrtc()]
    for nvrtc in found:
        if nvrtc.version == SHIPPED_VERSION:
            return nvrtc
    wanted = '.'.join(map(str, SHIPPED_VERSION))
    others = ', '.join('.'.join(map(str, nvrtc.version)) for nvrtc in found) or 'none'
    raise NvrtcError(
        f'NVRTC {wanted} is not installed (found: {others}): '
        'pip install -r requirements/gpu-build.txt'
    )


def main(args: argparse.Namespace) -> int:
    """Compile and write; return the exit status."""
    ptx = ptx_of(shipping_nvrtc())
    args.out.write_text(ptx, encoding='ascii')
    print(f'{args.out}: {len(ptx)} bytes')
    return 0
