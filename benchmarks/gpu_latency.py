# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`python -m benchmarks.gpu_latency`: how long a frame takes on this GPU, and where the time goes.

Whole frames through the estimator, two passes, with and without CUDA graphs; the stages of a frame
on the GPU; the same networks in PyTorch on the same GPU, in turns. `make gpu-check` runs it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
import sys
import time
from typing import Any

import cv2
import numpy as np

from benchmarks.people_images import people_images
from pose_ros.backends.host_backend import HostBackend
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model
from pose_ros.backends.tensorrt.backend import TensorrtBackend
from pose_ros.cli.report import add_json_argument, as_line, finish, machine
from pose_ros.core import geometry
from pose_ros.core.backend import Backend
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator, first_pass_size

HELP = 'measure how long a frame takes on this GPU'
DESCRIPTION = """\
Prints a Markdown row for each scene: p50, p95 and p99 of whole frames in ms (two passes), the
host's CPU time of a frame, and without CUDA graphs the medians of its stages on the GPU; then how
many times as long PyTorch takes on the same GPU. The report is written after each row; what fails
is noted in it, and the next row is measured."""
EPILOG = """\
examples:
  python -m benchmarks.gpu_latency --quick                 640x480, one person, no PyTorch
  python -m benchmarks.gpu_latency --json gpu_latency.json all of it, about two minutes
  python -m benchmarks.gpu_latency --precision fp32 --repeat 200"""
SIZES = ((640, 480), (1920, 1080))
PEOPLE = (1, 4, 8)
WARM_UP = 20
STAGES = ('upload', 'parameters', 'warp', 'network', 'decode', 'download')
HEADER = (
    '| image | people | graph | frame, ms: p50, p95, p99 | host CPU, ms | '
    + ' | '.join(STAGES) + ' |\n|' + '---|' * (5 + len(STAGES))
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('--repeat', type=int, default=500, metavar='N', help='frames per figure')
    parser.add_argument('--precision', choices=('fp16', 'fp32'), default='fp16')
    parser.add_argument('--gpu', type=int, default=0, metavar='N', help="CUDA's number of the GPU")
    parser.add_argument('--quick', action='store_true', help='one size, one person, no PyTorch')
    parser.add_argument('--folder', type=Path, help='of the engines; default: the cache')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Measure and print; return the exit status."""
    config = EstimatorConfig(precision=args.precision)
    backend = TensorrtBackend(
        SHIPPED_DETECTOR, SHIPPED_REFINER, args.precision,
        max(config.detect_size_px, config.detect_second_size_px), gpu=args.gpu, folder=args.folder,
    )
    report: dict[str, Any] = {
        'machine': machine(), 'gpu': backend.gpu.key(), 'precision': args.precision, 'rows': [],
        'failed': [],
    }

    def note(what: str, measure: Callable[[], None]) -> None:
        try:
            measure()
        except Exception as error:  # noqa: BLE001  PyTorch's have no common base class
            report['failed'].append(f'{what}: {error}')
            print(f'{what}: {error}', file=sys.stderr)
        if args.json:
            Path(args.json).write_text(as_line(report) + '\n', encoding='utf-8')

    def row(people: int, size: tuple[int, int], graphs: bool) -> None:
        images = scene(people, size)
        report['rows'].append(_row(backend, config, images, people, graphs, args))
        print(_line(report['rows'][-1]), flush=True)

    def pytorch() -> None:
        backend.uses_graphs = True
        report['pytorch'] = _pytorch(backend, config, args.repeat)
        print(report['pytorch'], flush=True)

    print(HEADER)
    scenes = [(people, size) for size in SIZES for people in PEOPLE]
    try:
        for people, size in scenes[:1] if args.quick else scenes:
            for graphs in (True, False):
                what = f'{size[0]}x{size[1]}, {people} people, {"" if graphs else "no "}graphs'
                note(what, partial(row, people, size, graphs))
        if not args.quick:
            note('PyTorch', pytorch)
    finally:
        backend.close()
    finish(report, args.json)
    return 1 if report['failed'] else 0


def scene(people: int, size: tuple[int, int]) -> list[np.ndarray]:
    """Return images of so many people: up to five side by side, more in two rows."""
    if people <= 5:
        return people_images(people, size)
    half = people_images(people // 2)
    # The people stand in the rows 104 to 376 (people_images).
    stacked = [np.vstack([image[104:376]] * 2) for image in half]
    return [cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in stacked]


def _row(
    backend: TensorrtBackend, config: EstimatorConfig, images: list[np.ndarray], people: int,
    graphs: bool, args: argparse.Namespace,
) -> dict[str, Any]:
    """Measure one line of the table."""
    backend.uses_graphs = graphs
    frame_ms, found, cpu_ms = _frames(backend, config, images, args.repeat)
    row = {
        'size': f'{images[0].shape[1]}x{images[0].shape[0]}', 'people': people,
        'found': float(np.median(found)), 'graphs': graphs and backend.uses_graphs,
        'frame_ms': _percentiles(frame_ms), 'host_cpu_ms': round(cpu_ms, 3),
    }
    if not graphs:
        row['stages_ms'] = _stages(backend, config, images[0], people, args.repeat)
    return row


def _frames(
    backend: Backend, config: EstimatorConfig, images: list[np.ndarray], repeat: int
) -> tuple[list[float], list[int], float]:
    """Return the time of each frame, ms, the people in it, and the CPU time of one, ms."""
    estimator = TwoPassEstimator(backend, config)
    for i in range(min(WARM_UP, repeat)):
        estimator.estimate(images[i % len(images)])
    frame_ms, found = [], []
    cpu_s = time.process_time()
    for i in range(repeat):
        start_s = time.perf_counter()
        people = estimator.estimate(images[i % len(images)])
        frame_ms.append((time.perf_counter() - start_s) * 1e3)
        # Those that the tracker would take.
        found.append(int((people.person_score >= TrackerConfig.new_track_score).sum()))
    return frame_ms, found, (time.process_time() - cpu_s) * 1e3 / repeat


def _stages(
    backend: TensorrtBackend, config: EstimatorConfig, image: np.ndarray, people: int, repeat: int
) -> dict[str, float]:
    """Return the medians of the stages of one look at the whole image and of so many crops."""
    size = (image.shape[1], image.shape[0])
    input_size = first_pass_size(size, config.detect_size_px, backend.detector)
    views = geometry.letterbox(size, input_size)[None]
    box = np.array([size[0] * 0.3, size[1] * 0.1, size[0] * 0.6, size[1] * 0.9])
    crops = geometry.crop(box + np.arange(people)[:, None], backend.refiner.input_size, 1.25)
    samples: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for _ in range(repeat):
        start_s = time.perf_counter()
        backend.load(CameraImage.from_bgr(image))
        backend.synchronize()
        samples['upload'].append((time.perf_counter() - start_s) * 1e3)
        both = backend.stage_times_ms(views, crops, input_size).values()
        for stage in STAGES[1:]:
            samples[stage].append(sum(times[stage] for times in both))
    return {stage: round(float(np.median(values)), 4) for stage, values in samples.items()}


def _pytorch(ours: TensorrtBackend, config: EstimatorConfig, repeat: int) -> dict[str, Any]:
    """Time frames of 640x480 with one person by both, in turns of a hundred frames."""
    try:
        import torch
    except ImportError as error:
        return {'not measured': f'PyTorch is not installed ({error})'}
    if not torch.cuda.is_available():
        return {'not measured': f'PyTorch {torch.__version__} does not see the GPU'}
    from benchmarks.torch_network import TorchNetwork

    paths = [find_model(model) for model in (SHIPPED_DETECTOR, SHIPPED_REFINER)]
    backends: dict[str, Backend] = {'ours': ours}
    for half in (False, True):
        name = 'pytorch_fp16' if half else 'pytorch_fp32'
        backends[name] = HostBackend(name, *(TorchNetwork(p, 'cuda', half) for p in paths))
    images = scene(1, SIZES[0])
    times_ms: dict[str, list[float]] = {name: [] for name in backends}
    for _ in range(max(1, repeat // 100)):
        for name, backend in backends.items():
            times_ms[name] += _frames(backend, config, images, min(100, repeat))[0]
    p50 = {name: round(float(np.median(times)), 3) for name, times in times_ms.items()}
    fastest = min(value for name, value in p50.items() if name != 'ours')
    return {
        'torch': torch.__version__, 'frame_ms_p50': p50,
        'times_faster': round(fastest / p50['ours'], 2),
    }


def _percentiles(values: list[float]) -> dict[str, float]:
    found = np.percentile(values, (50, 95, 99))
    return {f'p{n}': round(float(v), 3) for n, v in zip((50, 95, 99), found)}


def _line(row: dict[str, Any]) -> str:
    """Return a line of the Markdown table for docs/benchmarks.md."""
    stages = row.get('stages_ms', {})
    cells = [
        row['size'], f'{row["people"]} ({row["found"]:g} found)', 'yes' if row['graphs'] else 'no',
        ', '.join(f'{row["frame_ms"][p]:.2f}' for p in ('p50', 'p95', 'p99')),
        f'{row["host_cpu_ms"]:.2f}',
        *(f'{stages[stage]:.3f}' if stage in stages else '' for stage in STAGES),
    ]
    return '| ' + ' | '.join(cells) + ' |'


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('benchmarks.gpu_latency'))
