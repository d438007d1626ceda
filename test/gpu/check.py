# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`make gpu-check`: the tests marked `gpu` on the GPU of this machine, and the figures.

What needs least comes first: kernels, threads and graphs want PyCUDA only. Each file runs in a
process of its own: a crash, a hang or a lost GPU ends with it, and the next one starts. Results
are written at once: gpu_check.json has a line for each test and each file, gpu_latency.json the
figures so far. Engines are kept beside them: a second run builds none.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

HERE = Path(__file__).resolve().parent
FIGURES, SANITIZED = 'figures', 'sanitized'
LEAST_S = 5.0  # with less left a step is not begun
# A step, and the seconds that it may take.
STEPS = {
    'test_kernels_warp.py': 60, 'test_kernels_decode.py': 60, 'test_kernels_top_down.py': 60,
    'test_cuda_worker.py': 30, 'test_cuda_graph.py': 30, 'test_whole_path.py': 180,
    FIGURES: 150, 'test_backend.py': 90, 'test_backend_top_down.py': 120,
    'test_backend_boxes.py': 90, SANITIZED: 120,
}
EPILOG = """\
examples:
  make gpu-check                                 installs what is missing, then all of it
  make gpu-check WHEELS=wheels                   the same without a network (docs/gpu.md)
  make gpu-check ARGS='--only figures'           only p50, p99 and the stages of a frame
  python test/gpu/check.py --only test_whole_path.py --out /tmp/gpu
  ./run --with gpu-build python test/gpu/check.py --fake       without a GPU: does it run at all?

Exit status: the number of steps that failed. What is missing (TensorRT, PyTorch,
compute-sanitizer) is skipped with its reason in gpu_check.json."""


def main(argv: list[str] | None = None) -> int:
    """Run; return how many steps failed."""
    parser = argparse.ArgumentParser(
        prog='check.py', description=__doc__, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--out', type=Path, default=Path('.'), help='folder of the results')
    parser.add_argument(
        '--minutes', type=float, default=8.0, help='what is not reached by then is left out; 8'
    )
    parser.add_argument(
        '--fake', action='store_true', help='the driver of fake/, to see that this runs'
    )
    parser.add_argument(
        '--only', nargs='+', default=list(STEPS), choices=list(STEPS), metavar='STEP',
        help=f'some of: {", ".join(STEPS)}',
    )
    args = parser.parse_args(argv)
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    results = out / 'gpu_check.json'
    results.unlink(missing_ok=True)
    end_s = time.monotonic() + 60 * args.minutes
    failed = []
    for name in (step for step in STEPS if step in args.only):
        command, why_not = _command(name, out, args.fake)
        # The fake driver computes on what may be a busy CPU: there a limit only ends a hang.
        limit_s = min(STEPS[name] * (10 if args.fake else 1), end_s - time.monotonic())
        if limit_s < LEAST_S:
            why_not = f'{args.minutes:g} minutes are over'
        row = {'step': name, 'seconds': 0.0, 'problem': '', 'skipped': why_not}
        print(f'--- {name}' + (f': skipped, {why_not}' if why_not else ''), flush=True)
        if not why_not:
            row['seconds'], row['problem'] = _run(command, limit_s)
        if row['problem']:
            failed.append(f'{name}: {row["problem"]}')
        with results.open('a', encoding='utf-8') as file:
            file.write(json.dumps(row) + '\n')
    print('\n'.join(['', *failed]) if failed else '\nnothing failed')
    return len(failed)


def _command(name: str, out: Path, fake: bool) -> tuple[list[str], str]:
    """Return what runs a step, or why it cannot."""
    pytest = [
        sys.executable, '-m', 'pytest', '-m', 'gpu', '-q', '-p', 'no:cacheprovider',
        f'--gpu-out={out}', *([] if fake else ['--gpu']),
    ]
    if name == FIGURES:
        python = [sys.executable]
        if fake:
            python += [str(HERE / 'fake' / 'run_on_fake.py'), str(out / 'fake_driver')]
        return [
            *python, '-m', 'benchmarks.gpu_latency', '--json', str(out / 'gpu_latency.json'),
            '--folder', str(out / 'gpu_engines'),
            *('--quick --repeat 2 --precision fp32'.split() if fake else ()),
        ], ''
    if name == SANITIZED:
        sanitizer = shutil.which('compute-sanitizer')
        if sanitizer is None or fake:
            return [], 'there is no compute-sanitizer' if sanitizer is None else 'no GPU'
        files = [str(path) for path in sorted(HERE.glob('test_kernels_*.py'))]
        return [sanitizer, '--error-exitcode=9', *pytest, *files], ''
    return [*pytest, str(HERE / name)], ''


def _run(command: list[str], limit_s: float) -> tuple[float, str]:
    """Run one command; return its seconds and what went wrong."""
    start_s = time.monotonic()
    process = subprocess.Popen(command, cwd=HERE.parents[1], start_new_session=True)
    try:
        status = process.wait(limit_s)
        problem = '' if status == 0 else f'ended with status {status}'
    except subprocess.TimeoutExpired:
        problem = f'took longer than {limit_s:.0f} s'
    finally:
        if process.poll() is None:  # and what it started, which holds the GPU
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return round(time.monotonic() - start_s, 1), problem


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what runs as well
    raise SystemExit(main())
