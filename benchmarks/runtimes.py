# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.runtimes`: the same images through several runtimes, in turns."""

from __future__ import annotations

import argparse
from dataclasses import replace
import sys
import time
from typing import Any

import numpy as np
from tqdm import tqdm

from pose_ros.backends import load_backend
from pose_ros.cli.report import add_json_argument, finish, machine, percentiles
from pose_ros.core import geometry
from pose_ros.core.backend import Backend
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.two_pass import first_pass_size
from pose_ros.media.sources import open_source

HELP = 'time several runtimes of the networks, and how far their keypoints are apart'
DESCRIPTION = """\
Runs both passes of every image on each runtime, in turns, so that all see the same load of the
machine, and compares the keypoints of the second pass with those of ONNX Runtime. A runtime is a
value of the parameter backend, with one of precision after a colon. CPU is the processor time of
all threads, which tells more than the wall's on a busy machine."""
EPILOG = """\
examples:
  python -m benchmarks.runtimes
  python -m benchmarks.runtimes --source photos --runtimes openvino:bf16 tensorrt:fp16"""

REFERENCE = 'onnx'
SURE = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        '--runtimes', nargs='+', default=['openvino:fp32', 'openvino:bf16'], metavar='BACKEND',
        help='default: openvino:fp32 openvino:bf16',
    )
    parser.add_argument('--source', default='demo', help='images or a video; default: demo')
    parser.add_argument('--images', type=int, default=60, metavar='N')
    parser.add_argument('--threads', type=int, default=1, metavar='N', help='num_threads')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    config = EstimatorConfig(backend=REFERENCE, num_threads=args.threads)
    backends = {REFERENCE: load_backend(config)}
    for runtime in args.runtimes:
        name, _, precision = runtime.partition(':')
        backends[runtime] = load_backend(
            replace(config, backend=name, precision=precision or config.precision)
        )
    with open_source(args.source) as source:
        images = [frame.image.copy() for frame in source]
    chosen = np.linspace(0, len(images) - 1, min(args.images, len(images))).astype(int)
    figures = _compare(backends, [images[i] for i in chosen], config)
    for backend in backends.values():
        backend.close()
    for name, row in figures.items():
        print(
            f'{name:14} wall {row["wall_ms"]["p50"]:7.1f} ms, CPU {row["cpu_ms"]["p50"]:7.1f} ms '
            f'per image; keypoints off by {row["median_px"]:.3f} px in the median, 95 % '
            f'{row["p95_px"]:.3f}, {row["far"]:.2%} by more than 8 px'
        )
    finish({'threads': args.threads, 'images': len(chosen), 'runtimes': figures, **machine()},
           args.json)  # fmt: skip
    return 0


def _compare(
    backends: dict[str, Backend], images: list[np.ndarray], config: EstimatorConfig
) -> dict[str, dict[str, Any]]:
    """Return times and, in pixels of the second pass's input, shifts of each runtime."""
    wall_ms: dict[str, list[float]] = {name: [] for name in backends}
    cpu_ms: dict[str, list[float]] = {name: [] for name in backends}
    off_px: dict[str, list[np.ndarray]] = {name: [np.empty(0)] for name in backends}
    progress = tqdm(
        images, unit='image', desc='compare', file=sys.stderr,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,  # in a log every update is a line
    )
    for number, image in enumerate(progress):
        size = (image.shape[1], image.shape[0])
        detector, refiner = backends[REFERENCE].detector, backends[REFERENCE].refiner
        input_size = first_pass_size(size, config.detect_size_px, detector)
        view = geometry.letterbox(size, input_size)[None]
        backends[REFERENCE].load(CameraImage.from_bgr(image))
        candidates = backends[REFERENCE].detect(view, input_size)
        best = candidates.select(slice(3)).boxes_xyxy()
        crops = geometry.crop(best, refiner.input_size, refiner.crop_scale)
        if not len(crops):
            continue
        found = {}
        names = list(backends)
        for name in names[number % len(names):] + names[:number % len(names)]:
            backend = backends[name]
            start_s, start_cpu_s = time.perf_counter(), time.process_time()
            backend.load(CameraImage.from_bgr(image))
            backend.detect(view, input_size)
            found[name] = backend.refine(crops)
            wall_ms[name].append((time.perf_counter() - start_s) * 1e3)
            cpu_ms[name].append((time.process_time() - start_cpu_s) * 1e3)
        expected = geometry.apply(crops, found[REFERENCE].xy)
        sure = found[REFERENCE].score > SURE
        for name, people in found.items():
            off = np.linalg.norm(geometry.apply(crops, people.xy) - expected, axis=2)
            off_px[name].append(off[sure])
    return {
        name: {
            'wall_ms': percentiles(wall_ms[name]), 'cpu_ms': percentiles(cpu_ms[name]),
            **_shifts(np.concatenate(off_px[name])),
        }
        for name in backends
    }


def _shifts(off_px: np.ndarray) -> dict[str, float]:
    if not len(off_px):
        return dict.fromkeys(('keypoints', 'median_px', 'p95_px', 'far'), 0.0)
    return {
        'keypoints': len(off_px), 'median_px': float(np.median(off_px)),
        'p95_px': float(np.percentile(off_px, 95)), 'far': float((off_px > 8.0).mean()),
    }


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('benchmarks.runtimes'))
