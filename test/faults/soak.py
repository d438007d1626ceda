# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`make soak`: the nodes for an hour (or --minutes) at full rate, with people and with faults.

Memory, file descriptors and threads must stay flat, latency must not drift, and every image must
be accounted for. A line of JSON at the end, a picture beside it; exit status 1 when a bound is
broken.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import random
import sys
import time

from camera_faults import CameraFaults
import numpy as np
from system import System, footprint
from tqdm import tqdm

from pose_ros.ros.conversions import stamp_ns

sys.path.append(str(Path(__file__).resolve().parents[2]))
from benchmarks.people_images import people_images  # noqa: E402

SAMPLE_S = 5.0
SETTLE = 0.1  # of the samples, which are not counted
# Bounds over the whole run. Memory: what an allocator may keep of odd images (8K is 100 MB for a
# moment), not what a leak of a kilobyte an image would be (40 MB in half an hour at 25 Hz).
MEMORY_GROWTH_MB = 12.0
LATENCY_DRIFT = 1.3
_COUNTED = ('received', 'dropped', 'published', 'bad_images', 'failed')


@dataclass
class _Samples:
    """What was seen of one process, by time."""

    time_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    descriptors: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)

    def add(self, time_s: float, seen: dict[str, float]) -> None:
        self.time_s.append(time_s)
        for name, value in seen.items():
            getattr(self, name).append(value)

    def verdict(self) -> dict[str, float]:
        """Return the growth over the run, from lines through the settled samples."""
        first = int(len(self.time_s) * SETTLE)
        time_s = np.array(self.time_s[first:])
        found = {'samples': float(len(time_s))}
        for name in ('memory_mb', 'descriptors', 'threads'):
            values = np.array(getattr(self, name)[first:])
            # Median of the last quarter less that of the first: one peak is no growth.
            quarter = max(1, len(values) // 4)
            found[f'{name}_growth'] = round(
                float(np.median(values[-quarter:]) - np.median(values[:quarter])), 2)
            found[f'{name}_last'] = round(float(values[-1]), 1)
        hours = time_s / 3600.0
        found['memory_slope_mb_per_hour'] = round(
            float(np.polyfit(hours, self.memory_mb[first:], 1)[0]), 2)
        return found


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=60.0, help='default: %(default)s')
    parser.add_argument('--rate-hz', type=float, default=25.0, help='default: %(default)s')
    parser.add_argument('--seed', type=int, default=0, help='of the faults (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=Path('soak_out'), metavar='DIR',
                        help='report.json and report.png (default: %(default)s)')
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    system = System(1 + os.getpid() % 100, settings=('pose_estimator.num_threads=1',))
    try:
        report = soak(system, args)
    finally:
        status = system.close()
        (args.out / 'nodes.log').write_text(system.text(), encoding='utf-8')
    broken = judge(report)
    if status != 0:
        broken.append(f'pose_ros up ended with {status}')
    if 'Traceback' in system.text():
        broken.append(f'a traceback in {args.out / "nodes.log"}')
    report['broken'] = broken
    line = json.dumps(report)
    (args.out / 'report.json').write_text(line + '\n', encoding='utf-8')
    for what in broken:
        print(f'BROKEN: {what}')
    print(line)
    return 1 if broken else 0


def soak(system: System, args: argparse.Namespace) -> dict[str, object]:
    """Play people and faults; return what was seen."""
    people = [people_images(n) for n in (1, 5)]
    if not system.play_until(people[0], lambda: system.tracked, 60.0):
        raise SystemExit('no skeletons within a minute:\n' + system.text())
    system.send_until_answered(people[0][0])
    before = system.counts('pose_estimator', *_COUNTED)
    system.sent = 0
    choose = random.Random(args.seed)
    faults = CameraFaults(system, people[0][0], choose)
    sequence = faults.sequence(choose)
    for _ in faults.kinds:
        # Once through everything before anything is measured: memory of the largest image and
        # of the largest batch is taken once, and kept.
        next(sequence)[1]()
        for images in people:
            system.play(images, args.rate_hz, 2.0)
    system.tracked.clear()
    pids = system.pids()
    samples = {node: _Samples() for node in system.nodes}
    delays_ms: list[tuple[float, float]] = []
    counts: dict[str, int] = {}
    started_s, sampled_s = time.monotonic(), -SAMPLE_S
    total_s = args.minutes * 60.0
    with tqdm(total=round(total_s), unit='s', file=sys.stderr,
              mininterval=0.5 if sys.stderr.isatty() else 60.0) as progress:
        while (now_s := time.monotonic() - started_s) < total_s:
            system.play(random.Random(counts.get('plain', 0)).choice(people), args.rate_hz, 3.0)
            delays_ms += [(now_s, (received_ns - stamp_ns(msg.header.stamp)) * 1e-6)
                          for received_ns, msg in system.tracked if msg.status == msg.OK]
            system.tracked.clear()
            system.pose.clear()
            if now_s - sampled_s >= SAMPLE_S:
                sampled_s = now_s
                for node, pid in system.pids().items():
                    if pid is None or pid != pids[node]:
                        raise SystemExit(f'{node} died:\n' + system.text()[-3000:])
                    samples[node].add(now_s, footprint(pid))
            counts['plain'] = counts.get('plain', 0) + 1
            name, fault = next(sequence)
            counts[name] = counts.get(name, 0) + 1
            fault()
            # Answers to what was odd do not count as delays of what is usual.
            system.spin(0.5)
            system.tracked.clear()
            progress.update(round(time.monotonic() - started_s) - progress.n)
    system.send_until_answered(people[0][0])
    counted = system.counts('pose_estimator', *_COUNTED)
    draw(args.out / 'report.png', samples, delays_ms)
    third = total_s / 3.0
    early = [d for t, d in delays_ms if t < third]
    late = [d for t, d in delays_ms if t > 2 * third]
    return {
        'minutes': args.minutes, 'rate_hz': args.rate_hz, 'seed': args.seed, 'faults': counts,
        'sent': system.sent,
        'counters': {k: now - then for k, now, then in zip(_COUNTED, counted, before)},
        'processes': {node: found.verdict() for node, found in samples.items()},
        'delay_p50_ms': {'first_third': percentile(early, 50), 'last_third': percentile(late, 50)},
        'delay_p99_ms': {'first_third': percentile(early, 99), 'last_third': percentile(late, 99)},
    }


def judge(report: dict[str, object]) -> list[str]:
    """Return which bounds are broken, in words."""
    broken = []
    for node, seen in report['processes'].items():  # type: ignore[attr-defined]
        if seen['memory_mb_growth'] > MEMORY_GROWTH_MB:
            broken.append(f'{node} grew by {seen["memory_mb_growth"]} MB '
                          f'(bound {MEMORY_GROWTH_MB})')
        for what in ('descriptors', 'threads'):
            if seen[f'{what}_growth'] > 0:
                broken.append(f'{node} has {seen[f"{what}_growth"]:.0f} more {what}')
    delay = report['delay_p50_ms']
    if delay['last_third'] > LATENCY_DRIFT * delay['first_third']:  # type: ignore[index]
        broken.append(f'delay drifted: {delay}')
    counters = report['counters']
    ends = sum(counters[name] for name in _COUNTED[2:])  # type: ignore[index]
    if counters['received'] != ends:  # type: ignore[index]
        broken.append(f'received {counters["received"]}, but {ends} ended '  # type: ignore[index]
                      'as published, bad or failed')
    lost = report['sent'] - counters['received'] - counters['dropped']  # type: ignore
    if lost:
        broken.append(f'{lost} images are neither received nor counted as dropped')
    return broken


def percentile(values: list[float], percent: float) -> float:
    """Return a percentile, rounded; 0 of nothing."""
    return round(float(np.percentile(values, percent)), 1) if values else 0.0


def draw(path: Path, samples: dict[str, _Samples], delays_ms: list[tuple[float, float]]) -> None:
    """Draw memory, descriptors, threads and delay over the time."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(4, 1, sharex=True, figsize=(9, 9), layout='constrained')
    for node, seen in samples.items():
        minutes = np.array(seen.time_s) / 60.0
        for axis, name in zip(axes, ('memory_mb', 'descriptors', 'threads')):
            axis.plot(minutes, getattr(seen, name), label=node)
            axis.set_ylabel(name.replace('_mb', ', MB'))
    axes[0].legend()
    if delays_ms:
        time_s, delay = np.array(delays_ms).T
        axes[3].plot(time_s / 60.0, delay, '.', markersize=1)
        axes[3].set_ylim(0, np.percentile(delay, 99.5) * 1.2)
    axes[3].set_ylabel('image to track, ms')
    axes[3].set_xlabel('minutes')
    figure.savefig(path, dpi=80)


if __name__ == '__main__':
    sys.exit(main())
