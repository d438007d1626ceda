# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the end of a node's process means for the others: for the launch file and `pose_ros up`."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
import os
import signal

DELAYS_S = (0.0, 1.0, 2.0, 4.0)
"""Before the first, second, ... new start: a node that was killed once is missed at once."""
DEATHS = len(DELAYS_S) + 1
WITHIN_S = 60.0
"""So many deaths of one node in such a time, and a further start would change nothing."""

WITH_AN_END = ('pose_camera', 'pose_recorder')
"""The last image, or the end of a recording, is the end of all."""
_NOT_TWICE = ('pose_recorder',)  # would write over what it has recorded
_ENDS = (0, -signal.SIGINT, -signal.SIGTERM)


@dataclass(frozen=True)
class Again:
    """It starts again, after a delay in s."""

    delay_s: float
    reason: str


@dataclass(frozen=True)
class Over:
    """It has ended as it was asked to; the others go on."""

    reason: str


@dataclass(frozen=True)
class Stop:
    """All end, with an exit status."""

    status: int
    reason: str


class ExitPolicy:
    """
    Decides what follows when a process has ended.

    Only a crash or a kill brings a node back: what refuses its arguments refuses them again.

    Parameters
    ----------
    names : iterable of str
        All that are started; with the namespace before the node's name where there are several.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._running = set(names)
        self._deaths_s: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=DEATHS))

    def judge(self, name: str, code: int, now_s: float) -> Again | Over | Stop:
        """
        Say what follows.

        Parameters
        ----------
        name : str
        code : int
            Return code as subprocess gives it: negative for a signal.
        now_s : float
            Of any clock that does not jump.
        """
        node, how = name.rpartition('/')[2], describe(code)
        if code in _ENDS:
            self._running.discard(name)
            if node in WITH_AN_END or not self._running:
                return Stop(0, f'{name} has ended')
            return Over(f'{name} has ended and stays so')
        if not _is_crash(code):
            return Stop(1, f'{name} cannot be started ({how}): what it says above is to be mended')
        if node in _NOT_TWICE:
            return Stop(1, f'{name} ended with {how}')
        deaths_s = self._deaths_s[name]
        while deaths_s and now_s - deaths_s[0] > WITHIN_S:
            deaths_s.popleft()
        deaths_s.append(now_s)
        if len(deaths_s) >= DEATHS:
            return Stop(1, f'{name} ended with {how}, {DEATHS} times within {WITHIN_S:.0f} s: '
                        'given up')
        delay_s = DELAYS_S[len(deaths_s) - 1]
        after = f' in {delay_s:g} s' if delay_s else ''
        return Again(delay_s, f'{name} ended with {how}: it starts again{after}')


def describe(code: int) -> str:
    """Say a return code of subprocess in words."""
    if code < 0:
        return f'signal {signal.Signals(-code).name}'
    return f'exit status {code}'


def _is_crash(code: int) -> bool:
    # A shell, or a program that starts others, says 128 + signal.
    return code < 0 or code == os.EX_SOFTWARE or code > 128
