# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Compiles pose_ros/backends/tensorrt/kernels/*.cu to pose.ptx, which the package ships.

For every NVIDIA GPU from Turing on and every driver from CUDA 12.1 on. It needs NVRTC 12.1 from a
wheel, and neither a GPU nor a driver nor nvcc:
  ./run --with gpu-build python scripts/build_kernels.py
"""

from __future__ import annotations

import ctypes
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
import sys

from pose_ros.backends.tensorrt import kernels

# A PTX newer than a driver is refused by it, an older one never is: 12.1 writes PTX ISA 8.1,
# which CUDA 12.1 and newer accept.
SHIPPED_VERSION = (12, 1)
WHEELS = ('nvidia-cuda-nvrtc-cu12', 'nvidia-cuda-nvrtc')
# Products are rounded before they are added, as NumPy does, so that the CPU's figures are the
# GPU's; the kernels wait for memory, not for arithmetic.
_OPTIONS = ('--fmad=false', '--std=c++14')


class NvrtcError(RuntimeError):
    """NVRTC is missing, or does not compile the kernels; the message has its log."""


class Nvrtc:
    """
    One NVRTC library.

    Parameters
    ----------
    path : Path
        Of libnvrtc.so.N, with libnvrtc-builtins.so.N.M beside it.
    """

    def __init__(self, path: Path) -> None:
        # NVRTC opens its built-ins by name only, and so finds them when they are loaded already.
        for builtins in path.parent.glob('libnvrtc-builtins.so.*'):
            ctypes.CDLL(str(builtins))
        self._library = ctypes.CDLL(str(path))
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._check(self._library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
        self.version = (major.value, minor.value)

    def compile(self, architecture: str) -> bytes:
        """
        Compile all kernels.

        Parameters
        ----------
        architecture : str
            'compute_75' and the like give PTX, 'sm_75' and the like a cubin.

        Raises
        ------
        NvrtcError
            With the compiler's log.
        """
        headers = kernels.sources()
        main = headers.pop(kernels.MAIN_SOURCE)
        names = (ctypes.c_char_p * len(headers))(*(name.encode() for name in headers))
        texts = (ctypes.c_char_p * len(headers))(*(text.encode() for text in headers.values()))
        program = ctypes.c_void_p()
        self._check(
            self._library.nvrtcCreateProgram(
                ctypes.byref(program), main.encode(), kernels.MAIN_SOURCE.encode(), len(headers),
                texts, names,
            )
        )
        try:
            given = (f'--gpu-architecture={architecture}', *_OPTIONS)
            options = (ctypes.c_char_p * len(given))(*(option.encode() for option in given))
            if self._library.nvrtcCompileProgram(program, len(given), options) != 0:
                log = self._get(program, 'ProgramLog').rstrip(b'\0').decode(errors='replace')
                raise NvrtcError(f'the kernels do not compile for {architecture}:\n{log}')
            kind = 'PTX' if architecture.startswith('compute') else 'CUBIN'
            return self._get(program, kind)
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(program))

    def _get(self, program: ctypes.c_void_p, what: str) -> bytes:
        size = ctypes.c_size_t()
        self._check(getattr(self._library, f'nvrtcGet{what}Size')(program, ctypes.byref(size)))
        buffer = ctypes.create_string_buffer(size.value)
        self._check(getattr(self._library, f'nvrtcGet{what}')(program, buffer))
        return buffer.raw

    def _check(self, result: int) -> None:
        if result != 0:
            self._library.nvrtcGetErrorString.restype = ctypes.c_char_p
            reason = self._library.nvrtcGetErrorString(result).decode()
            raise NvrtcError(f'NVRTC: {reason}')


def find_nvrtc() -> list[Path]:
    """List the NVRTC libraries of the wheels that are installed."""
    found = []
    for wheel in WHEELS:
        try:
            paths = files(wheel) or []
        except PackageNotFoundError:
            continue
        found += [
            Path(str(path.locate())) for path in paths if path.name.startswith('libnvrtc.so.')
        ]
    return [path for path in found if path.exists()]


def ptx_of(nvrtc: Nvrtc) -> str:
    """Return the kernels' PTX as the package ships it: without the compiler's comments."""
    ptx = nvrtc.compile(kernels.PTX_ARCHITECTURE).rstrip(b'\0').decode()
    lines = [line.rstrip() for line in ptx.splitlines()]
    return '\n'.join(line for line in lines if line and not line.lstrip().startswith('//')) + '\n'


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


def main() -> int:
    """Compile and write; return the exit status."""
    try:
        ptx = ptx_of(shipping_nvrtc())
    except NvrtcError as error:
        print(error, file=sys.stderr)
        return 1
    kernels.PTX_FILE.write_text(ptx, encoding='ascii')
    print(f'{kernels.PTX_FILE}: {len(ptx)} bytes')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
