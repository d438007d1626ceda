# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a check says: how bad, what is so, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """The levels of diagnostic_msgs/DiagnosticStatus. OK: worth knowing, nothing to mend."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """
    One thing that a check found.

    Attributes
    ----------
    level : Level
        WARN: not as it should be, and may pass by itself; ERROR: stays until it is mended.
    check : str
        One of CHECKS.
    code : str
        Names the kind of finding for programs and for the table in docs/troubleshooting.md.
    text : str
        What is so, in one line.
    hint : str
        What to do; empty when there is nothing to do.
    """

    level: Level
    check: str
    code: str
    text: str
    hint: str = ''

    def line(self) -> str:
        """Write what is so and what to do, in one line."""
        return f'{self.text} -> {self.hint}' if self.hint else self.text


CHECKS = (
    'node', 'install', 'ros', 'image', 'qos', 'clock', 'stamps', 'rate', 'transport', 'drops',
    'camera_info', 'depth', 'backend', 'health',
)
"""Every check, those that explain the others first."""


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Sort: worst first; of one level, causes before what follows from them."""
    return sorted(findings, key=lambda f: (-f.level, CHECKS.index(f.check)))


def worst(findings: Iterable[Finding]) -> Level:
    """Return the level of the worst one; OK when there are none."""
    return max((f.level for f in findings), default=Level.OK)
