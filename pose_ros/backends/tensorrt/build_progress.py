# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
How far the build of an engine is, as one number.

TensorRT tells of phases within phases, each with a number of steps: a phase is as far as its steps
that are done and the phase inside of the present one. (IProgressMonitor, TensorRT 10 and newer.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Progress = Callable[[str, float], None]
"""Is told what is being built and which part of it is done, 0 to 1; never less than before."""


class _Phase:
    def __init__(self, parent: str | None, num_steps: int) -> None:
        self.parent = parent
        self.num_steps = max(1, num_steps)
        self.done = 0


class BuildProgress:
    """
    Turns phases into a number.

    Parameters
    ----------
    what : str
        What is being built.
    tell : Progress
        Is called when the number grows by a hundredth or more.
    """

    def __init__(self, what: str, tell: Progress) -> None:
        self._what = what
        self._tell = tell
        self._phases: dict[str, _Phase] = {}
        self._told = -1.0

    def start(self, phase: str, parent: str | None, num_steps: int) -> None:
        """Note that a phase begins inside of another, or the outermost one."""
        self._phases[phase] = _Phase(parent, num_steps)
        self._report()

    def step(self, phase: str, step: int) -> None:
        """Note that a step, counted from 0, is done."""
        if phase in self._phases:
            self._phases[phase].done = step + 1
        self._report()

    def finish(self, phase: str) -> None:
        """Note that a phase ends."""
        ended = self._phases.pop(phase, None)
        if ended is not None and ended.parent is None:
            self._say(1.0)

    def _report(self) -> None:
        self._say(min(1.0, self._fraction(None)))

    def _fraction(self, parent: str | None) -> float:
        """Return how far the phases inside of `parent` are: that of the farthest one."""
        inside = [(name, p) for name, p in self._phases.items() if p.parent == parent]
        return max(
            ((p.done + self._fraction(name)) / p.num_steps for name, p in inside), default=0.0
        )

    def _say(self, fraction: float) -> None:
        if fraction >= self._told + 0.01 or (fraction == 1.0 and self._told < 1.0):
            self._told = fraction
            self._tell(self._what, fraction)


def make_monitor(trt: Any, progress: BuildProgress, is_cancelled: Callable[[], bool]) -> Any:
    """Return an IProgressMonitor that notes in `progress`, and ends the build when cancelled."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)

        def phase_start(self, phase: str, parent: str | None, num_steps: int) -> None:
            progress.start(phase, parent, num_steps)

        def step_complete(self, phase: str, step: int) -> bool:
            progress.step(phase, step)
            return not is_cancelled()

        def phase_finish(self, phase: str) -> None:
            progress.finish(phase)

    return Monitor()
