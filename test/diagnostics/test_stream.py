# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Streams with one fault each, and healthy ones that must be left alone."""

from __future__ import annotations

from collections.abc import Iterable
import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from pose_ros.diagnostics.findings import Finding, Level, ordered, worst
from pose_ros.diagnostics.stream import StreamStatistics
from pose_ros.diagnostics.stream_checks import (
    ClockFacts,
    camera_info_findings,
    clock_findings,
    drop_findings,
    rate_findings,
    stamp_findings,
    uncalibrated,
)

NOW_NS = 1_790_000_000 * 10**9
WALL = ClockFacts(now_s=NOW_NS * 1e-9)
SIMULATED = ClockFacts(use_sim_time=True, now_s=100.0, clock_publishers=1)


def watch(
    stamps_s: Iterable[float], dropped: Iterable[int] | None = None, age_s: float = 0.02,
    frame_id: str = 'camera',
) -> StreamStatistics:
    """Watch images with stamps relative to NOW_NS, that come `age_s` after their stamps."""
    stream = StreamStatistics()
    stamps = list(stamps_s)
    for stamp_s, lost in zip(stamps, dropped or [0] * len(stamps)):
        stamp_ns = NOW_NS + int(stamp_s * 1e9)
        arrival_ns = stamp_ns + int(age_s * 1e9)
        stream.add(stamp_ns, arrival_ns, arrival_ns, lost, frame_id, 921_600)
    return stream


def judged(stream: StreamStatistics, clock: ClockFacts = WALL, expected_hz: float = 0.0,
           usual_hz: float = math.nan, busy: float = 0.3) -> list[str]:
    summary = stream.summary()
    found = stamp_findings(summary, clock, '/image', busy)
    found += rate_findings(summary, expected_hz, usual_hz, '/image')
    found += drop_findings(summary, busy, '/image')
    return [f.code for f in found]


def test_a_healthy_camera_is_left_alone() -> None:
    rng = np.random.default_rng(1)
    times = np.arange(300) / 30
    assert judged(watch(times), expected_hz=30.0, usual_hz=30.0) == []
    # The stamps of a camera on a busy machine, and a node that takes every other image.
    shaken = times + np.abs(rng.normal(0, 0.004, 300))
    assert judged(watch(shaken), expected_hz=30.0) == []
    assert judged(watch(times[::2], [1] * 150), expected_hz=30.0, busy=0.95) == []
    # Now and then an image is lost, and one comes very late.
    times[150:] += 0.3
    assert judged(watch(times), expected_hz=30.0) == []


def test_the_rate_is_the_cameras_not_ours() -> None:
    summary = watch(np.arange(0, 300, 3) / 30, [2] * 100).summary()
    assert summary.rate_hz == pytest.approx(30.0)
    assert summary.drop_share == pytest.approx(2 / 3)
    assert summary.uneven == pytest.approx(0.0, abs=1e-6)


def test_the_rate_is_not_guessed_where_drops_are_not_counted() -> None:
    stream = StreamStatistics()
    for i in range(100):
        stream.add(NOW_NS + i * 10**8, NOW_NS, i * 10**8, None, 'camera')
    assert math.isnan(stream.summary().rate_hz)
    assert rate_findings(stream.summary(), 30.0, math.nan, '/image') == []


def test_low_rate() -> None:
    slow = watch(np.arange(100) / 12)
    assert judged(slow, expected_hz=30.0) == ['low_rate']
    assert judged(slow, usual_hz=30.0) == ['low_rate']
    assert judged(slow) == []
    found = rate_findings(slow.summary(), 30.0, math.nan, '/image')[0]
    assert '12.0 images/s' in found.text and 'expected_rate_hz' in found.text


def test_the_usual_rate_is_learned() -> None:
    stream = StreamStatistics()
    assert math.isnan(stream.usual_hz(stream.summary()))
    for second in range(20):
        for i in range(25):
            stamp = NOW_NS + second * 10**9 + i * 4 * 10**7
            stream.add(stamp, stamp, stamp, 0, 'camera')
        learned = stream.usual_hz(stream.summary())
    assert learned == pytest.approx(25.0, rel=0.01)


def test_jitter() -> None:
    uneven = np.cumsum([0.01, 0.19] * 60)
    assert judged(watch(uneven)) == ['jitter']


def test_stamps_that_repeat() -> None:
    assert judged(watch(np.repeat(np.arange(60) / 30, 2))) == ['repeated_stamps']


def test_stamps_that_go_back() -> None:
    times = np.concatenate([np.arange(60) / 30, np.arange(60) / 30 - 5.0])
    found = stamp_findings(watch(times).summary(), WALL, '/image')
    assert [f.code for f in found] == ['backward_stamps']
    assert 'once' in found[0].text and '7.0 s' in found[0].text


def test_stamps_ahead_of_now_and_late() -> None:
    times = np.arange(60) / 30
    assert judged(watch(times, age_s=-0.2)) == ['ahead_stamps']
    assert judged(watch(times, age_s=-0.01)) == []
    assert judged(watch(times, age_s=0.8)) == ['late_images']
    assert judged(watch(times, age_s=0.8), busy=0.95) == []


@pytest.mark.parametrize('age_s, clock, said', [
    (7200.0, WALL, '2.0 h behind'),
    (-7200.0, WALL, '2.0 h ahead of'),
    (NOW_NS * 1e-9 - 50.0, WALL, 'use_sim_time:=true'),
    (7200.0, SIMULATED, 'use_sim_time:=false'),
])
def test_another_clock(age_s: float, clock: ClockFacts, said: str) -> None:
    stream = StreamStatistics()
    for i in range(60):
        now_ns = NOW_NS + i * 10**8
        stream.add(now_ns - int(age_s * 1e9), now_ns, now_ns, 0, 'camera')
    found = stamp_findings(stream.summary(), clock, '/image')
    assert [(f.code, f.level) for f in found] == [('other_clock', Level.WARN)]
    assert said in found[0].line()


def test_zero_stamps_and_empty_frame() -> None:
    stream = StreamStatistics()
    for i in range(40):
        stream.add(0, NOW_NS + i, i * 10**8, 0, '')
    found = stamp_findings(stream.summary(), WALL, '/image')
    assert [f.code for f in found] == ['zero_stamps', 'empty_frame_id']
    assert stream.summary().rate_hz == pytest.approx(10.0)  # by arrival


def test_lost_and_left_out() -> None:
    half = watch(np.arange(0, 120, 2) / 30, [1] * 60)
    assert judged(half, busy=0.2) == ['lost_images']
    assert judged(half, busy=0.9) == []
    most = watch(np.arange(0, 240, 4) / 30, [3] * 60)
    assert judged(most, busy=0.9) == ['behind']
    # 0.9 MB do not fit into the default segment; small images are lost for another reason.
    found, = drop_findings(half.summary(), 0.2, '/image')
    assert '0.9 MB do not fit' in found.text and 'FASTDDS_DEFAULT_PROFILES_FILE' in found.hint
    small = dataclasses.replace(half.summary(), bytes=200_000)
    assert 'do not fit' not in drop_findings(small, 0.2, '/image')[0].text
    # A few images of many are enough: those in between were counted.
    assert judged(watch([0.0, 1.0, 2.0], [0, 29, 29]), busy=0.0) == ['lost_images']
    assert judged(watch([0.0, 1.0, 2.0], [0, 1, 1]), busy=0.0) == []


def test_simulated_time_without_a_clock() -> None:
    none = clock_findings(ClockFacts(use_sim_time=True))
    assert none[0].level == Level.ERROR and 'nothing publishes /clock' in none[0].text
    quiet = clock_findings(ClockFacts(use_sim_time=True, clock_publishers=1))
    assert 'has not said a time yet' in quiet[0].text
    assert clock_findings(SIMULATED) == clock_findings(WALL) == []


def test_camera_info() -> None:
    def codes(problem: str | None, size: tuple[int, int], wanted: bool = True) -> list[Any]:
        found = camera_info_findings('/camera_info', 1, problem, size, (640, 480), wanted)
        return [(f.code, f.level) for f in found]

    assert codes(None, (0, 0), wanted=False) == [('no_camera_info', Level.OK)]
    assert codes(None, (0, 0)) == [('no_camera_info', Level.WARN)]
    assert codes('the camera is uncalibrated', (640, 480)) == [('uncalibrated', Level.WARN)]
    assert codes('', (320, 240)) == [('other_size', Level.WARN)]
    assert codes('', (640, 480)) == []


def test_the_other_matrix_of_a_camera_info_is_named() -> None:
    none_k, none_p, k, p = [0.0] * 9, [0.0] * 12, [500.0] + [0.0] * 8, [500.0] + [0.0] * 11
    assert uncalibrated(k, none_p, False) == uncalibrated(none_k, p, True) == ''
    assert 'K[0] = 0' in uncalibrated(none_k, none_p, False)
    assert 'rectified' not in uncalibrated(none_k, none_p, False)
    rectified = uncalibrated(none_k, p, False)
    assert 'K[0] = 0' in rectified and 'set the parameter rectified to true' in rectified
    raw = uncalibrated(k, none_p, True)
    assert 'P[0] = 0' in raw and 'set the parameter rectified to false' in raw
    found, = camera_info_findings('/camera_info', 1, rectified, wanted=True)
    assert found.hint == 'for rectified images set the parameter rectified to true'


def test_memory_is_bounded() -> None:
    stream = StreamStatistics(window=50)
    for i in range(10_000):
        stream.add(NOW_NS + i, NOW_NS + i, i, 0, 'camera')
    assert stream.summary().frames == 50


def test_order() -> None:
    note = Finding(Level.OK, 'backend', 'a', 'a')
    qos = Finding(Level.ERROR, 'qos', 'b', 'b', 'do')
    silent = Finding(Level.WARN, 'image', 'c', 'c')
    assert ordered([note, silent, qos]) == [qos, silent, note]
    assert worst([note, silent]) == Level.WARN and worst([]) == Level.OK
    assert qos.line() == 'b -> do' and silent.line() == 'c'
