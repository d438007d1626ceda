# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros gpu-check` and `make gpu-check`: everything that wants a GPU, in one run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
import json
from pathlib import Path
import subprocess
import sys
import tempfile
import time
import traceback
from typing import Any

import numpy as np

from pose_ros.backends.cuda_driver import CudaDriverError
from pose_ros.backends.tensorrt.device import GpuRuntime
from pose_ros.cli.report import as_line, finish, machine
from pose_ros.media.sources import SourceError, open_source
from pose_ros.tools.gpu_checks.latency import table
from pose_ros.tools.gpu_checks.site import (
    CheckFailed,
    CouldNotRun,
    Site,
    dry_runtime,
    gpu_runtime,
)

HELP = 'check and measure the TensorRT backend on this GPU'
DESCRIPTION = """\
Runs everything that wants an NVIDIA GPU, and goes on when something fails: the kernels against
NumPy, contexts over threads and processes, engines (built, cached, damaged), CUDA graphs,
keypoints against ONNX Runtime, with every decoder, latency by stage, memory over many frames,
PyTorch for comparison. Each check runs in a process of its own and says passed, failed, or
could not run and why. Nothing is fetched from a network. Wanted are the driver, PyCUDA, and
TensorRT or TensorRT-RTX: docs/gpu.md."""
EPILOG = """\
examples:
  pose_ros gpu-check                                    all; gpu_check.json, gpu_check.md
  pose_ros gpu-check --only kernels graphs              some
  pose_ros gpu-check --memory-frames 1000 --repeat 200  sooner done
  pose_ros gpu-check --dry-run                          no GPU: runs every line that can be run"""

# Name of a check: its module in gpu_checks, its function. In this order: the quick ones that tell
# most come first.
CHECKS: dict[str, tuple[str, str]] = {
    'kernels': ('kernels_on_device', 'check_kernels'),
    'kernel-times': ('kernel_times', 'check_kernel_times'),
    'build': ('engines', 'check_build'),
    'agreement': ('agreement', 'check_agreement'),
    'decoders': ('decoders', 'check_decoders'),
    'graphs': ('agreement', 'check_graphs'),
    'latency': ('latency', 'check_latency'),
    'eager': ('eager', 'check_eager'),
    'contexts': ('contexts', 'check_contexts'),
    'exit': ('contexts', 'check_exit'),
    'cache': ('engines', 'check_cache'),
    'sticky-error': ('contexts', 'check_sticky_error'),
    'memory': ('endurance', 'check_memory'),
}
PACKAGES = (
    'pycuda', 'tensorrt', 'tensorrt-cu12', 'tensorrt-cu13', 'tensorrt-rtx', 'onnxruntime', 'onnx',
    'numpy', 'opencv-python-headless', 'torch',
)
PASSED, FAILED, COULD_NOT_RUN = 'passed', 'failed', 'could not run'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        '--only', nargs='+', choices=CHECKS, metavar='CHECK', help=', '.join(CHECKS)
    )
    parser.add_argument(
        '--precision', choices=('fp16', 'fp32'), default='fp16', help='of latency; default: fp16'
    )
    parser.add_argument('--repeat', type=int, default=500, metavar='N', help='frames per figure')
    parser.add_argument('--memory-frames', type=int, default=10_000, metavar='N')
    parser.add_argument('--images', type=int, default=40, metavar='N', help='of the agreement')
    parser.add_argument('--footage', default='demo', help='video or images; default: demo')
    parser.add_argument('--out', type=Path, default=Path('.'), help='folder of the two files')
    parser.add_argument(
        '--dry-run', action='store_true',
        help='the host in place of the GPU: no figure means anything',
    )
    parser.add_argument(
        '--timeout-s', type=float, default=1200.0, metavar='S', help='of one check; default: 1200'
    )
    parser.add_argument('--inside', type=Path, help=argparse.SUPPRESS)


def main(args: argparse.Namespace) -> int:
    """Run the checks; return the exit status: 0, 1 when one failed, 3 without a GPU."""
    if args.inside:
        return _run_inside(args)
    try:
        runtime = None if args.dry_run else gpu_runtime()
    except CudaDriverError as error:
        print(f'pose_ros: there is no GPU to check: {error}', file=sys.stderr)
        return 3
    _images(args.footage, 1)  # a clear error now, rather than from every check
    args.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix='pose_ros_gpu_') as scratch:
        if runtime is None:
            runtime = dry_runtime(Path(scratch))
            site = _site(args, runtime, Path(scratch))
        for name in args.only or CHECKS:
            if args.dry_run:
                results[name] = _run(name, _check(name), site)
            else:
                results[name] = run_apart(name, args, Path(scratch))
            report = {
                'machine': machine(), 'gpu': about(runtime), 'dry_run': args.dry_run,
                'checks': results,
            }
            # After each: what was found stays when this process is ended.
            text = '\n'.join(markdown(report)) + '\n'
            (args.out / 'gpu_check.md').write_text(text, encoding='utf-8')
            (args.out / 'gpu_check.json').write_text(as_line(report) + '\n', encoding='utf-8')
    print(text)
    finish(report, None)
    return 1 if any(result['status'] == FAILED for result in results.values()) else 0


def _site(args: argparse.Namespace, runtime: GpuRuntime, folder: Path) -> Site:
    return Site(
        runtime, folder, _images(args.footage, args.images), args.precision, args.repeat,
        args.memory_frames, args.dry_run,
    )


def run_apart(name: str, args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run one check in a process of its own: a lost context or a crash ends with it."""
    start_s = time.monotonic()
    file = folder / f'{name}.json'
    command = [
        sys.executable, '-m', 'pose_ros.cli', 'gpu-check', '--only', name, '--inside', str(folder),
        '--precision', args.precision, '--repeat', str(args.repeat), '--memory-frames',
        str(args.memory_frames), '--images', str(args.images), '--footage', args.footage,
        *(['--dry-run'] if args.dry_run else []),
    ]
    reason = ''
    try:
        status = subprocess.run(command, timeout=args.timeout_s).returncode
        reason = f'its process ended with status {status}'
    except subprocess.TimeoutExpired:
        reason = f'it took longer than {args.timeout_s} s'
    if file.is_file():
        result: dict[str, Any] = json.loads(file.read_text(encoding='utf-8'))
        # It may have done its work and crashed while ending.
        if 'status 0' not in reason:
            result.update(status=FAILED, reason=f'{result["reason"]} {reason}'.strip())
        return result
    seconds = round(time.monotonic() - start_s, 1)
    print(f'{name}: {FAILED}, {seconds} s: {reason}', file=sys.stderr)
    return {'status': FAILED, 'reason': reason, 'figures': {}, 'seconds': seconds}


def _run_inside(args: argparse.Namespace) -> int:
    """Run one check for `run_apart` and leave the result in a file."""
    folder, (name,) = args.inside, args.only
    runtime = dry_runtime(folder) if args.dry_run else gpu_runtime()
    result = _run(name, _check(name), _site(args, runtime, folder))
    (folder / f'{name}.json').write_text(as_line(result) + '\n', encoding='utf-8')
    return 0


def _check(name: str) -> Callable[[Site], dict[str, Any]]:
    module, function = CHECKS[name]
    check: Callable[[Site], dict[str, Any]] = getattr(
        import_module(f'pose_ros.tools.gpu_checks.{module}'), function
    )
    return check


def _images(footage: str, number: int) -> list[np.ndarray]:
    """Return images evenly spread over the footage; none where it is not installed."""
    try:
        with open_source(footage) as source:
            images = [frame.image.copy() for frame in source]
    except SourceError as error:
        raise CouldNotStart(
            f'{error}. Checks want images with people: --footage VIDEO'
        ) from error
    chosen = np.linspace(0, len(images) - 1, min(number, len(images)), dtype=int)
    return [images[i] for i in chosen]


class CouldNotStart(Exception):
    """Nothing can be checked; the message says why."""


ERRORS = (CouldNotStart,)


def _run(name: str, check: Callable[[Site], dict[str, Any]], site: Site) -> dict[str, Any]:
    """Run one check, whatever comes of it, and say so in a line."""
    start_s = time.monotonic()
    result: dict[str, Any] = {'status': PASSED, 'reason': '', 'figures': {}}
    try:
        result['figures'] = check(site)
    except CouldNotRun as error:
        result.update(status=COULD_NOT_RUN, reason=str(error))
    except CheckFailed as error:
        result.update(status=FAILED, reason=str(error), figures=getattr(error, 'figures', {}))
    except Exception as error:  # noqa: BLE001  the next check is worth as much as this one
        traceback.print_exc()
        result.update(status=FAILED, reason=f'{type(error).__name__}: {error}')
    result['seconds'] = round(time.monotonic() - start_s, 1)
    reason = f': {result["reason"]}' if result['reason'] else ''
    print(f'{name}: {result["status"]}, {result["seconds"]} s{reason}', file=sys.stderr)
    return result


def about(runtime: GpuRuntime) -> dict[str, Any]:
    """Describe GPU, driver and libraries."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    trt = 'no TensorRT'
    if runtime.trt is not None:
        trt = f'{runtime.trt.__name__} {runtime.trt.__version__}'
    return {**asdict(runtime.device), 'runtime': trt, 'packages': found}


def markdown(report: dict[str, Any]) -> list[str]:
    """Return the report as a section of docs/benchmarks.md."""
    gpu = report['gpu']
    packages = ', '.join(f'{name} {number}' for name, number in gpu['packages'].items())
    dry = ' (dry run: no figure means anything)' if report['dry_run'] else ''
    capability, driver = ('.'.join(map(str, gpu[n])) for n in ('compute_capability', 'driver'))
    lines = [
        f'## {gpu["name"]}{dry}',
        '',
        f'Compute capability {capability}, driver for CUDA {driver}, {gpu["runtime"]}; '
        f'{packages}; {report["machine"]["cpu"]}. Made by `make gpu-check`.',
        '', '| check | result | s | |', '|---|---|---|---|',
    ]
    for name, result in report['checks'].items():
        lines.append(
            f'| {name} | {result["status"]} | {result["seconds"]} | {_notes(result)} |'
        )
    rows = report['checks'].get('latency', {}).get('figures', {}).get('rows', [])
    if rows:
        lines += [
            '',
            'Whole frames through the estimator, two passes; stages are medians on the GPU '
            'without graphs, of one look at the whole image and one crop per person; upload '
            'includes the copy to pinned memory.',
            '', *table(rows),
        ]
    return lines


def _notes(result: dict[str, Any]) -> str:
    """Return the reason, or the figures that fit a cell."""
    if result['reason']:
        return ' '.join(result['reason'].split()).replace('|', '/')
    plain = {k: v for k, v in result['figures'].items() if k != 'rows'}
    text = ', '.join(f'{k} {v}' for k, v in plain.items())
    return ' '.join(text.split()).replace('|', '/')


