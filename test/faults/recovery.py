# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`make recovery`: how long it takes after each fault until people are tracked again.

From the end of the fault (for a node that is killed: from the kill) to the reception of the first
message with a CONFIRMED person in an image taken since, at 25 images/s, with the nodes as they
come. Exit status 1 when one took longer than the bound.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import os
from pathlib import Path
import random
import sys
import time

from camera_faults import CameraFaults
import numpy as np
from system import System
from tqdm import tqdm

from pose_ros.msg import Skeleton, SkeletonArray
from pose_ros.ros.conversions import stamp_ns

sys.path.append(str(Path(__file__).resolve().parents[2]))
from benchmarks.people_images import people_images  # noqa: E402

BOUND_S = 2.0
RATE_HZ = 25.0


def main() -> int:
    """Do each fault, print a table, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--times', type=int, default=5, help='each fault (default: %(default)s)')
    parser.add_argument('--only', nargs='+', metavar='FAULT', help='these; default: all')
    parser.add_argument('--seed', type=int, default=0, help='default: %(default)s')
    args = parser.parse_args()
    system = System(1 + os.getpid() % 100, settings=())
    try:
        took_s = measure(system, args)
    except AssertionError:
        print(system.text()[-3000:], file=sys.stderr)
        raise
    finally:
        system.close()
    print(f'| fault | median, s | longest of {args.times}, s |\n|---|---|---|')
    for name, values in took_s.items():
        print(f'| {name} | {np.median(values):.2f} | {max(values):.2f} |')
    late = [name for name, values in took_s.items() if max(values) > BOUND_S]
    for name in late:
        print(f'BROKEN: {name} took longer than {BOUND_S:.0f} s')
    return 1 if late else 0


def measure(system: System, args: argparse.Namespace) -> dict[str, list[float]]:
    """Return the seconds to recover, by fault."""
    people = people_images(1)
    choose = random.Random(args.seed)

    def recovered(since_ns: int) -> int:
        """Play people until they are tracked; return when that came, ns."""
        found = system.play_until(
            people, lambda: first_tracked(system, since_ns), 60.0, rate_hz=RATE_HZ)
        assert found, 'nobody is tracked a minute after'
        return first_tracked(system, since_ns)

    recovered(time.time_ns())
    took_s: dict[str, list[float]] = {}
    faults = {**CameraFaults(system, people[0], choose).kinds, **other_faults(system)}
    if unknown := set(args.only or ()) - set(faults):
        raise SystemExit(f'no fault {sorted(unknown)}; there are: {", ".join(faults)}')
    turns = [(name, fault) for name, fault in faults.items()
             if not args.only or name in args.only for _ in range(args.times)]
    for name, fault in tqdm(turns, unit='fault', file=sys.stderr):
        system.play(people, RATE_HZ, 1.0)
        recovered(time.time_ns())
        system.tracked.clear()
        system.pose.clear()
        since_ns = fault() or time.time_ns()
        took_s.setdefault(name, []).append((recovered(since_ns) - since_ns) * 1e-9)
    return took_s


def other_faults(system: System) -> dict[str, Callable[[], int | None]]:
    """Return what can happen to everybody else."""
    return {
        'estimator killed': lambda: system.kill('pose_estimator'),
        'tracker killed': lambda: system.kill('pose_tracker'),
        'everybody else leaves and comes again': system.reconnect,
    }


def first_tracked(system: System, since_ns: int) -> int:
    """Return when the first CONFIRMED person in an image since then came, ns; 0 for not yet."""
    return next((
        received_ns for received_ns, msg in system.tracked
        if msg.status == SkeletonArray.OK and stamp_ns(msg.header.stamp) >= since_ns
        and any(s.track_state == Skeleton.CONFIRMED for s in msg.skeletons)), 0)


if __name__ == '__main__':
    sys.exit(main())
