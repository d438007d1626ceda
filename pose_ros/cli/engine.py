# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Builds TensorRT engines ahead of time, and lists, checks or removes those that are stored."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
import time
from typing import Any

from tqdm import tqdm

from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model, read_spec
from pose_ros.backends.tensorrt import engine_build
from pose_ros.backends.tensorrt.device import NoGpuError, find_gpu
from pose_ros.backends.tensorrt.engine_cache import EngineCache, default_folder
from pose_ros.cli.report import add_json_argument, finish
from pose_ros.core.config import EstimatorConfig

HELP = 'build, list, check or clear TensorRT engines'
DESCRIPTION = """\
TensorRT turns a network into an engine for one GPU, which takes seconds to minutes; engines are
kept in the user's cache. The nodes build what is missing by themselves: this is for doing it
before. TensorRT-RTX also builds without a GPU, for the GPUs named by --capability."""
EPILOG = """\
examples:
  pose_ros engine build                         both shipped networks, FP16, for this GPU
  pose_ros engine build --capability SM89       for GeForce RTX 40 cards, by TensorRT-RTX
  pose_ros engine list                          what is stored
  pose_ros engine check                         the same; fails when something is damaged
  pose_ros engine clear                         remove all of it"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('action', choices=('build', 'list', 'check', 'clear'))
    parser.add_argument(
        '--precision', choices=engine_build.PRECISIONS, default='fp16', help='default: fp16'
    )
    parser.add_argument(
        '--capability', nargs='+', default=[], metavar='SM', help='GPUs to build for, e.g. SM89'
    )
    parser.add_argument('--detector', default=SHIPPED_DETECTOR, help='name or ONNX file')
    parser.add_argument('--refiner', default=SHIPPED_REFINER, help='name or ONNX file')
    parser.add_argument(
        '--size', type=int, default=EstimatorConfig().detect_size_px, metavar='PX',
        help='largest long side of the whole image (detect_size_px)',
    )
    parser.add_argument('--folder', type=Path, help=f'default: {default_folder()}')
    parser.add_argument(
        '--gpu', type=int, default=0, metavar='N', help="CUDA's number of the GPU; default: 0"
    )
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Do it; return the exit status."""
    folder = args.folder or default_folder()
    cache = EngineCache(folder)
    if args.action == 'clear':
        finish({'folder': folder, 'removed': cache.clear()}, args.json)
        return 0
    if args.action == 'build':
        engines = [
            _build(cache, args, args.detector, is_detector=True),
            _build(cache, args, args.refiner, is_detector=False),
        ]
        finish({'folder': folder, 'engines': engines}, args.json)
        return 0
    stored = cache.contents()
    for engine in stored:
        print(
            f'{engine.digest[:12]}  {engine.key.get("name", "?"):20} '
            f'{engine.key.get("precision", "?"):5} {_gpu(engine.key):28} '
            f'{engine.key.get("runtime", "?")} {engine.key.get("runtime_version", "?")}  '
            f'{engine.num_bytes / 1e6:6.1f} MB  built in {engine.build_s:.1f} s'
            + (f'  UNUSABLE: {engine.problem}' if engine.problem else '')
        )
    unusable = sum(bool(engine.problem) for engine in stored)
    finish({'folder': folder, 'engines': len(stored), 'unusable': unusable}, args.json)
    return 1 if args.action == 'check' and unusable else 0


def _gpu(key: dict[str, Any]) -> str:
    gpu = key.get('gpu')
    return str(gpu['name']) if gpu else ' '.join(key.get('capabilities', ['?']))


def _build(
    cache: EngineCache, args: argparse.Namespace, model: str, is_detector: bool
) -> dict[str, Any]:
    """Build one engine unless it is stored; describe it."""
    path = find_model(model)
    spec = read_spec(path)
    gpu = None
    if not args.capability:
        try:
            _, gpu = find_gpu(args.gpu)
        except NoGpuError as error:
            raise NoGpuError(
                f'{error}. TensorRT-RTX builds without a GPU: name it by --capability'
            ) from error
    trt = engine_build.import_tensorrt()
    capabilities = args.capability
    if gpu is not None:
        engine_build.check_tensorrt(trt, gpu.name, gpu.compute_capability)
        capabilities = engine_build.device_capabilities(trt, gpu.compute_capability)
    size_px = args.size if is_detector else 0
    key = engine_build.engine_key(
        trt, path, args.precision, size_px, gpu.key() if gpu else None, capabilities
    )
    is_built = False

    def build() -> bytes:
        nonlocal is_built
        is_built = True
        bar = _Bar(f'{spec.name}, {args.precision}')
        try:
            request = engine_build.request_for(path, args.precision, size_px)
            return engine_build.build_engine(trt, request, capabilities, bar)
        finally:
            bar.close()

    start_s = time.monotonic()
    num_bytes = cache.get(
        key, build, lambda plan, is_checked: len(plan), checks=False,
        waiting=lambda: print(f'{spec.name}: another process builds it', file=sys.stderr),
    )
    return {
        'name': spec.name,
        'precision': args.precision,
        'num_bytes': num_bytes,
        'built': is_built,
        'seconds': round(time.monotonic() - start_s, 2),
    }


class _Bar:
    """Shows on a terminal how far a build is."""

    def __init__(self, name: str) -> None:
        self._bar = tqdm(
            total=100, desc=name, unit='%', file=sys.stderr,
            bar_format='{desc}: {percentage:3.0f}%|{bar}| {elapsed}',
            mininterval=0.1 if sys.stderr.isatty() else 10.0,  # in a log every update is a line
        )

    def __call__(self, what: str, fraction: float) -> None:
        self._bar.update(round(100 * fraction) - self._bar.n)

    def close(self) -> None:
        self._bar.close()
