# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What is wrong with a stream of images: its clock, stamps, rate, drops and camera_info.

The thresholds are this package's own, chosen so that a healthy camera on a busy machine is left
alone: see the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

from pose_ros.diagnostics.findings import Finding, Level
from pose_ros.diagnostics.stream import LEARN_FROM, StreamSummary
from pose_ros.diagnostics.transport import DEFAULT_SEGMENT_BYTES, SET_PROFILE

OTHER_CLOCK_S = 10.0
"""Stamps as far from the clock were made by another one: no camera buffers that long."""
AHEAD_S = 0.05
"""Clocks kept by NTP differ by less: chrony and ntpd stay within milliseconds in a LAN."""
LATE_S = 0.5
"""Images that come later than this are no base for control."""
SLOW = 0.7
"""Below this share of the expected rate it is said."""
UNEVEN = 0.5
"""When a quarter of the periods is off by this share of the mean, it is said."""
LOST = 0.2
"""Above this share of losses it is said, when the node was not too busy to take the images."""
BEHIND = 0.67
"""Above this share of images left out by a busy node it is said: less than every third is used."""
BUSY = 0.6
"""A callback that runs for this share of the time is what leaves images out."""
_BOOT_CLOCK_S = 3.2e8  # ten years: stamps below count from the start of something, not from 1970


@dataclass(frozen=True)
class ClockFacts:
    """
    The node's own clock.

    Attributes
    ----------
    use_sim_time : bool
        Whether it follows /clock.
    now_s : float
        What it says, s.
    clock_publishers : int
        Publishers of /clock.
    """

    use_sim_time: bool = False
    now_s: float = 0.0
    clock_publishers: int = 0


def clock_findings(clock: ClockFacts) -> list[Finding]:
    """Say whether simulated time, when wanted, is there."""
    if not clock.use_sim_time or clock.now_s > 0:
        return []
    if clock.clock_publishers:
        text, hint = 'use_sim_time is true and /clock has not said a time yet', (
            'start the simulation or the bag (ros2 bag play --clock); is it paused?')
    else:
        text, hint = 'use_sim_time is true, and nothing publishes /clock', (
            'play the bag with --clock, start the simulator, or start the nodes with '
            'use_sim_time:=false')
    return [Finding(Level.ERROR, 'clock', 'no_clock', text, hint)]


def stamp_findings(
    stream: StreamSummary, clock: ClockFacts, topic: str, busy_share: float = 0.0
) -> list[Finding]:
    """
    Say what is wrong with the headers of the images.

    Parameters
    ----------
    stream : StreamSummary
        Of the images.
    clock : ClockFacts
        Of the node.
    topic : str
        Of the images.
    busy_share : float
        Share of the time that the callback runs: images wait for a busy node, and are late
        without a fault of the camera.
    """
    found = []
    if stream.zero_stamps:
        found.append(Finding(
            Level.ERROR, 'stamps', 'zero_stamps',
            f'{stream.zero_stamps} of {stream.frames} images on {topic} have stamp 0',
            'the driver must fill header.stamp: without it nothing can be tracked'))
    if count := stream.backward_stamps:
        found.append(Finding(
            Level.WARN, 'stamps', 'backward_stamps',
            f'stamps on {topic} went back {"once" if count == 1 else f"{count} times"} '
            f'(by {_duration(stream.back_s)})',
            'a bag that loops, a clock that was set, or two cameras on one topic: each time '
            'all tracks end'))
    if _repeats(stream):
        found.append(Finding(
            Level.WARN, 'stamps', 'repeated_stamps',
            f'{stream.repeated_stamps} of {stream.frames} images on {topic} have the stamp of '
            'the image before',
            'the driver sends images twice or stamps too coarsely: the tracker leaves them out'))
    found += _offset_findings(stream, clock, topic, busy_share)
    if stream.empty_frame_ids:
        found.append(Finding(
            Level.WARN, 'stamps', 'empty_frame_id',
            f'images on {topic} have an empty frame_id',
            "set the driver's frame_id parameter to the optical frame: RViz and 3-D positions "
            'need it'))
    return found


def _offset_findings(
    stream: StreamSummary, clock: ClockFacts, topic: str, busy_share: float
) -> list[Finding]:
    """Compare the stamps with the clock."""
    age_s = stream.age_s
    if math.isnan(age_s) or (clock.use_sim_time and clock.now_s == 0):
        return []
    if abs(age_s) > OTHER_CLOCK_S:
        if clock.use_sim_time:
            hint = ('this node follows /clock (use_sim_time): the camera must, too, or this node '
                    'must not (use_sim_time:=false)')
        elif stream.stamp_s < _BOOT_CLOCK_S:
            hint = ('such stamps are those of a simulation or of a clock that began at boot: '
                    'start the nodes with use_sim_time:=true where /clock is there, else let the '
                    'driver stamp with the system time')
        else:
            hint = ('a recording: play it with --clock and start the nodes with '
                    'use_sim_time:=true; another machine: set its clock by NTP (chrony)')
        return [Finding(
            Level.WARN, 'stamps', 'other_clock',  # skeletons come, ages and predictions are wrong
            f'images on {topic} are stamped by another clock, '
            f'{_duration(abs(age_s))} {"behind" if age_s > 0 else "ahead of"} this one', hint)]
    if age_s < -AHEAD_S:
        return [Finding(
            Level.WARN, 'stamps', 'ahead_stamps',
            f'stamps on {topic} lie {_duration(-age_s)} ahead of now',
            'set the clocks of the machines by NTP or PTP (chrony); ages and predictions are '
            'wrong by as much')]
    if age_s > LATE_S and busy_share < BUSY:
        return [Finding(
            Level.WARN, 'stamps', 'late_images',
            f'images on {topic} are {_duration(age_s)} old when they come',
            "lower the driver's buffers, the image size or the rate; over a network take "
            'image_transport: compressed')]
    return []


def rate_findings(
    stream: StreamSummary, expected_hz: float, usual_hz: float, topic: str
) -> list[Finding]:
    """
    Say whether the camera is slower than expected, or uneven.

    Parameters
    ----------
    stream : StreamSummary
        Of the images.
    expected_hz : float
        As the user says; 0: as it usually is.
    usual_hz : float
        As it usually is; NaN when not known.
    topic : str
        Of the images.
    """
    if stream.periods < LEARN_FROM or math.isnan(stream.rate_hz):
        return []
    found = []
    wanted_hz = expected_hz or usual_hz
    if not math.isnan(wanted_hz) and stream.rate_hz < SLOW * wanted_hz:
        said = 'expected_rate_hz is' if expected_hz else 'it used to be'
        found.append(Finding(
            Level.WARN, 'rate', 'low_rate',
            f'the camera on {topic} sends {stream.rate_hz:.1f} images/s, {said} {wanted_hz:.1f}',
            'a dark scene lengthens the exposure; look at USB bandwidth (another port, mjpeg, '
            "smaller images) and at the driver's rate"))
    if stream.uneven > UNEVEN and not _repeats(stream):
        found.append(Finding(
            Level.WARN, 'rate', 'jitter',
            f'images on {topic} are uneven: a quarter of the periods is off by '
            f'{100 * stream.uneven:.0f} % and more of {1e3 / stream.rate_hz:.0f} ms',
            'the driver drops images or stamps them late: look at its log, at USB bandwidth and '
            'at the load of the machine'))
    return found


def drop_findings(stream: StreamSummary, busy_share: float, topic: str) -> list[Finding]:
    """
    Say whether images get lost, and where.

    Parameters
    ----------
    stream : StreamSummary
        Of the images.
    busy_share : float
        Share of the time that the callback runs, 0..1.
    topic : str
        Of the images.
    """
    share, percent = stream.drop_share, 100 * stream.drop_share
    if stream.frames < LEARN_FROM / 3 * (1 - share):
        return []
    if busy_share < BUSY and share > LOST:
        text = f'{percent:.0f} % of the images on {topic} get lost on the way'
        if stream.bytes > DEFAULT_SEGMENT_BYTES:
            text += (f': {stream.bytes / 1e6:.1f} MB do not fit into the shared-memory segment of '
                     f'{DEFAULT_SEGMENT_BYTES / 1e6:.1f} MB that Fast DDS has without a profile')
        return [Finding(
            Level.WARN, 'transport', 'lost_images', text,
            f'{SET_PROFILE}; over a network take image_transport: compressed')]
    if share > BEHIND:
        return [Finding(
            Level.WARN, 'drops', 'behind',
            f'{percent:.0f} % of the images on {topic} are left out: the networks take longer '
            'than the camera',
            'mode: one-pass or single, a smaller detect_size_px, more num_threads, a GPU, or a '
            'slower camera')]
    return []


def uncalibrated(k: Sequence[float], p: Sequence[float], rectified: bool) -> str:
    """
    Say why a camera_info has no focal length, and what to do.

    Parameters
    ----------
    k, p : sequence of float
        Row-major, as in sensor_msgs/CameraInfo: 0 in the first place is "not calibrated".
    rectified : bool
        The parameter: whether P counts, not K.

    Returns
    -------
    str
        Empty when it has one.
    """
    used, other = (p, k) if rectified else (k, p)
    if used[0] != 0:
        return ''
    name, other_name = ('P', 'K') if rectified else ('K', 'P')
    text = f'the camera is uncalibrated: {name}[0] = 0 in camera_info'
    if other[0] != 0:
        kind = 'raw images' if rectified else 'rectified images'
        text += (f', {other_name} is set: for {kind} set the parameter rectified to '
                 f'{"false" if rectified else "true"}')
    return text


def camera_info_findings(
    topic: str,
    publishers: int,
    problem: str | None,
    info_size: tuple[int, int] = (0, 0),
    image_size: tuple[int, int] | None = None,
    wanted: bool = False,
) -> list[Finding]:
    """
    Say why pixels have no rays: worth a warning where 3-D positions are wanted.

    Parameters
    ----------
    topic : str
        Of the camera_info.
    publishers : int
        How many it has.
    problem : str or None
        What `uncalibrated` says of the latest one; None when none has come.
    info_size, image_size : (width, height)
        px; that of the image may be unknown.
    wanted : bool
        Whether this node needs it.
    """
    level = Level.WARN if wanted else Level.OK
    calibrate = 'calibrate the camera (camera_calibration) and give the driver the file'
    if problem is None:
        why = 'its publisher sends nothing' if publishers else 'it has no publisher'
        return [Finding(
            level, 'camera_info', 'no_camera_info', f'no camera_info on {topic}: {why}',
            f'without it there are no 3-D positions; {calibrate}, or remap camera_info')]
    if problem:
        text, _, hint = problem.partition(': for ')
        return [Finding(
            level, 'camera_info', 'uncalibrated', f'{topic}: {text}',
            f'for {hint}' if hint else calibrate)]
    if image_size is not None and info_size != image_size:
        return [Finding(
            level, 'camera_info', 'other_size',
            f'camera_info on {topic} is of {info_size[0]}x{info_size[1]}, the image is '
            f'{image_size[0]}x{image_size[1]}',
            'calibrate at the size in use, or let the driver scale camera_info with the image')]
    return []


def _repeats(stream: StreamSummary) -> bool:
    return stream.repeated_stamps > 0.02 * stream.frames


def _duration(value_s: float) -> str:
    if value_s < 1:
        return f'{1e3 * value_s:.0f} ms'
    if value_s < 120:
        return f'{value_s:.1f} s'
    if value_s < 7200:
        return f'{value_s / 60:.0f} min'
    return f'{value_s / 3600:.1f} h' if value_s < 2e5 else f'{value_s / 86400:.0f} days'
