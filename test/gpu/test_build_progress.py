# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Phases within phases as one number that only grows; the names are those TensorRT-RTX tells."""

from __future__ import annotations

from pose_ros.backends.tensorrt.build_progress import BuildProgress, make_monitor


def progress() -> tuple[BuildProgress, list[float]]:
    told: list[float] = []
    return BuildProgress('thunder', lambda what, part: told.append(round(part, 3))), told


def test_a_phase_counts_within_the_step_of_its_parent() -> None:
    build, told = progress()
    build.start('Building engine', None, 2)
    build.start('Timing tactics', 'Building engine', 4)
    build.start('Timing one', 'Timing tactics', 2)
    build.step('Timing one', 0)
    build.finish('Timing one')
    build.step('Timing tactics', 0)
    build.step('Timing tactics', 1)
    build.finish('Timing tactics')
    build.step('Building engine', 0)
    build.step('Building engine', 1)
    build.finish('Building engine')
    assert told == [0.0, 0.062, 0.125, 0.25, 0.5, 1.0]


def test_it_never_goes_back_and_ends_with_everything() -> None:
    build, told = progress()
    build.start('Building engine', None, 3)
    build.step('Building engine', 1)
    build.start('late', 'Building engine', 0)  # no steps
    build.step('unheard of', 5)
    build.finish('late')
    build.finish('Building engine')
    build.finish('Building engine')
    assert told == sorted(told) and told[-1] == 1.0 and told.count(1.0) == 1


def test_the_monitor_ends_a_build_that_is_cancelled() -> None:
    class Trt:
        class IProgressMonitor:
            pass

    build, told = progress()
    cancelled: list[bool] = []
    monitor = make_monitor(Trt, build, lambda: bool(cancelled))
    monitor.phase_start('Building engine', None, 4)
    assert monitor.step_complete('Building engine', 0) is True
    cancelled.append(True)
    assert monitor.step_complete('Building engine', 1) is False
    monitor.phase_finish('Building engine')
    assert told == [0.0, 0.25, 0.5, 1.0]
