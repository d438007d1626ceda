# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`make fuzz`: a million spoilt files through everything that reads files.

Each target runs in a process of its own, so that a crash of a library is seen as well; the input
that it was reading is kept. The same seed gives the same inputs.
"""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path
import sys
import tempfile
import time
import traceback

from targets import Target, targets
from tqdm import tqdm


def main() -> int:
    """Fuzz every target, or the one that is named; 0 when nothing was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--inputs', type=int, default=1_000_000,
                        help='of all targets together (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='default: %(default)s')
    parser.add_argument('--only', metavar='TARGET', help='one target')
    parser.add_argument('--keep', type=Path, default=Path('fuzz_found'), metavar='DIR',
                        help='where inputs go that found something (default: %(default)s)')
    args = parser.parse_args()
    memory = '/dev/shm' if Path('/dev/shm').is_dir() else None
    with tempfile.TemporaryDirectory(prefix='pose_ros_fuzz_', dir=memory) as scratch:
        known = {target.name: target for target in targets(Path(scratch))}
        if args.only and args.only not in known:
            parser.error(f'no target {args.only!r}; there are {", ".join(known)}')
        chosen = [known[args.only]] if args.only else list(known.values())
        return 1 if sum(in_a_child(target, args) for target in chosen) else 0


def in_a_child(target: Target, args: argparse.Namespace) -> bool:
    """Fuzz one target in a process of its own; return whether something was found."""
    child = os.fork()
    if not child:
        status = 1
        try:
            status = fuzz(target, args.inputs * target.share // 1000, args.seed, args.keep)
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        print(f'{target.name}: CRASHED with signal {os.WTERMSIG(status)}; its input is in '
              f'{last_file(target, args.keep)}', flush=True)
    return status != 0


def fuzz(target: Target, inputs: int, seed: int, keep: Path) -> int:
    """Read spoilt inputs; return 1 when one ended in other than success or one clean error."""
    keep.mkdir(parents=True, exist_ok=True)
    last = last_file(target, keep)
    good = refused = 0
    found: dict[str, Path] = {}
    started_s = time.monotonic()
    stream = itertools.islice(target.inputs(seed), inputs)
    with last.open('wb', buffering=0) as current:
        for number, data in enumerate(tqdm(
            stream, total=inputs, desc=f'{target.name:17}', unit='', file=sys.stderr,
            mininterval=0.5 if sys.stderr.isatty() else 30.0,
        )):
            # Kept by the system should this process crash.
            current.seek(0)
            current.truncate()
            current.write(data)
            try:
                target.read(data)
                good += 1
            except target.errors as error:
                refused += 1
                if not str(error).strip() or len(str(error)) > 5000:
                    note(found, keep, target, number, data, error)
            except Exception as error:
                note(found, keep, target, number, data, error)
    last.unlink()
    print(f'{target.name:17} {inputs:8d} inputs, {good} read, {refused} refused, '
          f'{len(found)} faults, {time.monotonic() - started_s:.0f} s', flush=True)
    return 1 if found else 0


def note(
    found: dict[str, Path], keep: Path, target: Target, number: int, data: bytes, error: Exception
) -> None:
    """Keep the first input for each place in the code where something comes out."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f'{type(error).__name__} in {Path(frames[-1].filename).name}:{frames[-1].lineno}'
    if place in found:
        return
    found[place] = keep / f'{target.name.replace(" ", "_")}-{number}'
    found[place].write_bytes(data)
    print(f'{target.name}: {place}: {str(error)[:200]}; input kept as {found[place]}', flush=True)
    traceback.print_exception(error)


def last_file(target: Target, keep: Path) -> Path:
    """Return where the input is that is being read."""
    return keep / f'{target.name.replace(" ", "_")}-last'


if __name__ == '__main__':
    sys.exit(main())
