# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`make gpu-check`: the tests marked `gpu` on the GPU of this machine, then the figures.

What needs least comes first. Each file runs in a process of its own: a crash, a hang or a lost GPU
ends with it. Results are written at once: gpu_check.json has a line for each test,
gpu_latency.json the figures.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import shutil
import subprocess
import sys
import time

HERE = Path(__file__).resolve().parent
# A file, and the seconds that it may take; eight minutes in all where nothing hangs.
FILES = (
    ('test_kernels_warp.py', 120), ('test_kernels_decode.py', 120),
    ('test_kernels_top_down.py', 120), ('test_cuda_worker.py', 60), ('test_cuda_graph.py', 60),
    ('test_backend.py', 240), ('test_whole_path.py', 240), ('test_backend_top_down.py', 240),
)


def main(argv: list[str] | None = None) -> int:
    """Run; return how many files failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=Path('.'), help='folder of the results')
    parser.add_argument(
        '--fake', action='store_true', help='the driver of fake/, to see that this runs'
    )
    parser.add_argument('--only', nargs='+', default=[name for name, _ in FILES], metavar='FILE')
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    results = args.out.resolve() / 'gpu_check.json'
    results.unlink(missing_ok=True)
    failed = []
    sanitizer = shutil.which('compute-sanitizer')
    for name, limit_s in FILES:
        if name not in args.only:
            continue
        pytest = [
            sys.executable, '-m', 'pytest', str(HERE / name), '-m', 'gpu', '-q', '-p',
            'no:cacheprovider', f'--gpu-results={results}', *([] if args.fake else ['--gpu']),
        ]
        if sanitizer and name.startswith('test_kernels'):
            failed += _run(f'{name}, memory checked', [sanitizer, '--error-exitcode=9', *pytest],
                           4 * limit_s, results)
        failed += _run(name, pytest, limit_s, results)
    if not args.fake:
        figures = [
            sys.executable, '-m', 'benchmarks.gpu_latency', '--json',
            str(args.out / 'gpu_latency.json'),
        ]
        failed += _run('figures', figures, 240, results)
    print('\n'.join(['', *failed]) if failed else '\nall passed')
    return len(failed)


def _run(name: str, command: list[str], limit_s: float, results: Path) -> list[str]:
    """Run one command; return what went wrong, and write it down."""
    print(f'--- {name}', flush=True)
    start_s = time.monotonic()
    try:
        status = subprocess.run(command, timeout=limit_s, cwd=HERE.parents[1]).returncode
        problem = '' if status in (0, 5) else f'ended with status {status}'  # 5: nothing to run
    except subprocess.TimeoutExpired:
        problem = f'took longer than {limit_s:.0f} s'
    row = {'file': name, 'seconds': round(time.monotonic() - start_s, 1), 'problem': problem}
    with results.open('a', encoding='utf-8') as file:
        file.write(json.dumps(row) + '\n')
    return [f'{name}: {problem}'] if problem else []


if __name__ == '__main__':
    raise SystemExit(main())
