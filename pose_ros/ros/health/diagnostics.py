# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a node counts and measures, and how /diagnostics shows it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
import re

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np

from pose_ros.core.health.findings import CHECKS, Finding, Level, ordered, worst

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
PERCENTILES = (50, 95, 99)


class Statistics:
    """
    Counters and durations of a node.

    Attributes
    ----------
    counts : Counter
        Since the start of the node, by name.
    """

    def __init__(self, window: int = 1000) -> None:
        """Keep the latest `window` durations of each name."""
        self.counts: Counter[str] = Counter()
        self._window = window
        self._durations_s: dict[str, deque[float]] = {}

    def add(self, name: str, duration_s: float) -> None:
        """Note one duration in seconds."""
        durations = self._durations_s.get(name)
        if durations is None:
            durations = self._durations_s[name] = deque(maxlen=self._window)
        durations.append(duration_s)

    def values(self) -> list[KeyValue]:
        """
        Write everything as key and value.

        Returns
        -------
        list of KeyValue
            Each counter under its name; each duration as `<name>_p50_ms`, `_p95_ms`, `_p99_ms`
            over the latest window.
        """
        found = [KeyValue(key=name, value=str(n)) for name, n in sorted(self.counts.items())]
        for name, durations in sorted(self._durations_s.items()):
            for percent, value in zip(PERCENTILES, np.percentile(durations, PERCENTILES)):
                found.append(KeyValue(key=f'{name}_p{percent}_ms', value=f'{value * 1e3:.3f}'))
        return found


class Throttle:
    """
    Lets one line in a while through and counts the rest.

    Lines that differ in their numbers only are the same line.
    """

    MOST_KINDS = 64

    def __init__(self, period_s: float = 5.0) -> None:
        """Let each kind of line through once per `period_s`."""
        self.period_s = period_s
        self._seen: dict[str, tuple[float, int]] = {}  # kind -> (said at, held back since)

    def pass_(self, line: str, now_s: float) -> str | None:
        """Return what to say at `now_s` (any steady clock), or None to keep quiet."""
        kind = re.sub(r'\d+', '#', line)
        said_s, held_back = self._seen.get(kind, (-float('inf'), 0))
        if now_s - said_s < self.period_s:
            self._seen[kind] = said_s, held_back + 1
            return None
        if kind not in self._seen and len(self._seen) >= self.MOST_KINDS:
            # Lines that never repeat (random input) would fill the memory.
            self._seen.clear()
        self._seen[kind] = now_s, 0
        return f'{line} ({held_back} more like this)' if held_back else line


def diagnostic_array(
    name: str, findings: Sequence[Finding], values: list[KeyValue], checks: Sequence[str]
) -> DiagnosticArray:
    """
    Write what a node has to say; the stamp is not filled.

    Parameters
    ----------
    name : str
        Of the node, without the leading slash.
    findings : sequence of Finding
        What its checks found.
    values : list of KeyValue
        What it counts and measures.
    checks : sequence of str
        Those it makes: each gets a status of its own, also while there is nothing to say.

    Returns
    -------
    DiagnosticArray
        First the status of the node, with all values, the level of the worst finding and its
        text; then `<name>: <check>` for each check, with the code and hint of what was found.
    """
    found = ordered(findings)
    reasons = [f for f in found if f.level != Level.OK]
    message = reasons[0].line() if reasons else 'working'
    if len(reasons) > 1:
        message += f' (and {len(reasons) - 1} more)'
    statuses = [_status(name, worst(found), message, values)]
    for check in checks:
        own = [f for f in found if f.check == check]
        pairs = [(f'{f.code}', f'{Level(f.level).name} {f.text}|{f.hint}') for f in own]
        statuses.append(_status(
            f'{name}: {check}', worst(own), '; '.join(f.line() for f in own) or 'fine',
            [KeyValue(key=key, value=value) for key, value in pairs]))
    return DiagnosticArray(status=statuses)


def findings_of(status: DiagnosticStatus) -> list[Finding]:
    """Read the findings of the status of a check, as `diagnostic_array` wrote them."""
    check = status.name.rpartition(': ')[2]
    found = []
    for pair in status.values:
        level, _, rest = pair.value.partition(' ')
        text, _, hint = rest.partition('|')
        if check in CHECKS and level in Level.__members__:
            found.append(Finding(Level[level], check, pair.key, text, hint))
    return found


def _status(
    name: str, level: Level, message: str, values: list[KeyValue]
) -> DiagnosticStatus:
    return DiagnosticStatus(
        level=bytes([level]), name=name, message=message, hardware_id='pose_ros', values=values
    )
