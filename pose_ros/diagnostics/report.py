# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What `pose_ros doctor` has seen, as text for people and as JSON for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pose_ros.diagnostics.findings import CHECKS, Finding, Level

_COLORS = {Level.ERROR: '31', Level.WARN: '33', Level.OK: '32'}
_STAGES = ('age', 'callback', 'network', 'cost', 'convert', 'detect', 'refine', 'track', 'publish',
           'predict', 'lift', 'send')
_SHOWN = ('backend', 'model', 'mode', 'image_rate_hz', 'received', 'published', 'dropped',
          'since_good_image_s', 'rmw', 'domain')


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
        once: dict[tuple[str, str, str], tuple[str, Finding]] = {}
        for name, finding in found:
            once.setdefault((finding.check, finding.code, finding.text), (name, finding))
        return sorted(
            once.values(), key=lambda pair: (-pair[1].level, CHECKS.index(pair[1].check)))

    def problems(self) -> list[tuple[str, Finding]]:
        """Return the findings that need mending."""
        return [pair for pair in self.all() if pair[1].level != Level.OK]

    def notes(self) -> list[tuple[str, Finding]]:
        """Return the findings that are only worth knowing."""
        return [pair for pair in self.all() if pair[1].level == Level.OK]


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
        'notes': written(report.notes()),
        'not_seen': report.not_seen,
        'nodes': report.values,
        'images': report.images,
        'machine': report.machine,
    }


def as_text(report: Report, colors: bool = False) -> str:
    """Return the verdict, then the details; `colors`: with the escapes of a terminal."""
    def colored(text: str, level: Level) -> str:
        return f'\x1b[{_COLORS[level]}m{text}\x1b[0m' if colors else text

    def line(name: str, finding: Finding) -> str:
        label = 'note' if finding.level == Level.OK else finding.level.name
        return (f'  {colored(f"{label:5}", finding.level)}  {f"{name}: " if name else ""}'
                f'{finding.line()}')

    problems, notes = report.problems(), report.notes()
    if problems:
        lines = [f'{len(problems)} problem{"s" * (len(problems) > 1)}, the most important first:']
        lines += [line(name, f) for name, f in problems]
    elif report.not_seen:
        lines = [colored('No problem seen, but not all could be looked at.', Level.WARN)]
    else:
        lines = [colored('All is well.', Level.OK)]
    lines += [f'  not seen: {what}' for what in report.not_seen]
    if notes:
        lines += ['', 'Worth knowing:', *(line(name, f) for name, f in notes)]
    for name, values in sorted(report.values.items()):
        lines += ['', name, *_table({k: values[k] for k in _SHOWN if values.get(k)})]
        lines += _latencies(values)
    for topic, facts in report.images.items():
        lines += ['', f'images on {topic}', *_table(facts)]
    return '\n'.join([*lines, '', 'machine', *_table(report.machine)])


def _latencies(values: dict[str, str]) -> list[str]:
    rows = [
        f'  {stage:20} ' + ' '.join(f'{float(number):9.1f}' for number in numbers)
        for stage in _STAGES
        if all(numbers := [values.get(f'{stage}_p{p}_ms', '') for p in (50, 95, 99)])
    ]
    return [f'  {"ms":20} ' + ' '.join(f'{p:>9}' for p in ('p50', 'p95', 'p99')), *rows] if (
        rows) else []


def _table(facts: dict[str, Any]) -> list[str]:
    return [f'  {key:20} {value}' for key, value in facts.items()]
