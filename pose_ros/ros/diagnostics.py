# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a node counts and measures, and how /diagnostics shows it."""

from __future__ import annotations

from collections import Counter, deque
import re

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np

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
    name: str, level: bytes, reason: str, values: list[KeyValue]
) -> DiagnosticArray:
    """Write one status; the stamp is not filled."""
    status = DiagnosticStatus(
        level=level, name=name, message=reason, hardware_id='pose_ros', values=values
    )
    return DiagnosticArray(status=[status])
