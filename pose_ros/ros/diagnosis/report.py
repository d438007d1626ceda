# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the doctor has seen, as text for people and as JSON for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
import os
import sys
from typing import Any

from pose_ros.core.health.findings import CHECKS, Finding, Level

_COLORS = {Level.ERROR: '31', Level.WARN: '33', Level.OK: '32'}
_STAGES = ('age', 'callback', 'network', 'cost', 'convert', 'detect', 'refine', 'track', 'publish',
           'predict', 'lift', 'send')
_SHOWN = (
    'backend', 'model', 'mode', 'image_rate_hz', 'received', 'published', 'dropped',
    'since_good_image_s', 'cpu_share', 'memory_mb', 'gpu', 'gpu_temperature_c', 'gpu_memory_mb',
    'rmw', 'domain',
)


@dataclass
class Report:
    """
    Everything seen.

    Attributes
    ----------
    findings : list of Finding
        Of the doctor itself.
    by_node : dict
        Findings of each node, by its name.
    values : dict
        What each node measures, by its name.
    images : dict
        What was seen of each topic of images.
    machine : dict
        Facts.
    not_seen : list of str
        What could not be looked at, and why.
    """

    findings: list[Finding] = field(default_factory=list)
    by_node: dict[str, list[Finding]] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    not_seen: list[str] = field(default_factory=list)

    def all(self) -> list[tuple[str, Finding]]:
        """
        Return every finding with the node that has it ('' for our own), worst first.

        What a node says itself is not said again by us; of QoS only what is word for word so.
        """
        found = [(name, f) for name, own in self.by_node.items() for f in own]
        said = {(f.check, f.code) for _, f in found if f.check != 'qos'}
        found += [('', f) for f in self.findings if (f.check, f.code) not in said]
        seen = set()
        once = []
        for name, finding in found:
            key = finding.check, finding.code, finding.text
            if key not in seen:
                seen.add(key)
                once.append((name, finding))
        return sorted(once, key=lambda pair: (-pair[1].level, CHECKS.index(pair[1].check)))

    def problems(self) -> list[tuple[str, Finding]]:
        """Return the findings that somebody has to mend."""
        return [pair for pair in self.all() if pair[1].level != Level.OK]


def as_json(report: Report) -> dict[str, Any]:
    """Return everything in JSON's types."""
    def written(pairs: list[tuple[str, Finding]]) -> list[dict[str, str]]:
        return [
            {'level': f.level.name, 'node': name, 'check': f.check, 'code': f.code,
             'text': f.text, 'hint': f.hint}
            for name, f in pairs
        ]

    problems = report.problems()
    verdict = 'problems' if problems else 'not everything seen' if report.not_seen else 'fine'
    return {
        'verdict': verdict,
        'problems': written(problems),
        'notes': written([pair for pair in report.all() if pair[1].level == Level.OK]),
        'not_seen': report.not_seen,
        'nodes': report.values,
        'images': report.images,
        'machine': report.machine,
    }


def as_text(report: Report) -> str:
    """Return the verdict, then the details; with colours where the output is a terminal."""
    problems = report.problems()
    lines = []
    if problems:
        count = f'{len(problems)} problem{"" if len(problems) == 1 else "s"}'
        lines.append(f'{count}, the most important first:')
        lines += [_line(name, f) for name, f in problems]
    elif report.not_seen:
        lines.append(_colored('No problem seen, but not all could be looked at.', Level.WARN))
    else:
        lines.append(_colored('All is well.', Level.OK))
    lines += [f'  not seen: {what}' for what in report.not_seen]
    notes = [pair for pair in report.all() if pair[1].level == Level.OK]
    if notes:
        lines += ['', 'Worth knowing:']
        lines += [_line(name, f) for name, f in notes]
    for name, values in sorted(report.values.items()):
        lines += ['', name]
        lines += _table([(k, values[k]) for k in _SHOWN if values.get(k)])
        lines += _latencies(values)
    for topic, facts in report.images.items():
        lines += ['', f'images on {topic}']
        lines += _table([(k, str(v)) for k, v in facts.items()])
    lines += ['', 'machine']
    lines += _table(list(report.machine.items()))
    return '\n'.join(lines)


def _line(name: str, finding: Finding) -> str:
    label = _colored(f'{"note" if finding.level == Level.OK else finding.level.name:5}',
                     finding.level)
    return f'  {label}  {name + ": " if name else ""}{finding.line()}'


def _latencies(values: dict[str, str]) -> list[str]:
    rows = []
    for stage in _STAGES:
        numbers = [values.get(f'{stage}_p{p}_ms') for p in (50, 95, 99)]
        if all(numbers):
            rows.append(f'  {stage:20} ' + ' '.join(f'{float(n or 0):9.1f}' for n in numbers))
    head = f'  {"ms":20} ' + ' '.join(f'{p:>9}' for p in ('p50', 'p95', 'p99'))
    return [head, *rows] if rows else []


def _table(pairs: list[tuple[str, str]]) -> list[str]:
    return [f'  {key:20} {value}' for key, value in pairs]


def _colored(text: str, level: Level) -> str:
    if not sys.stdout.isatty() or os.environ.get('NO_COLOR'):
        return text
    return f'\x1b[{_COLORS[level]}m{text}\x1b[0m'


