# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Camera, nodes and recorder as processes of their own, over real DDS, from start to summary.

Nothing of ROS is imported here: the processes are `pose_ros up`, and what they did is read from
the recorder's files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import json
import os
from pathlib import Path
import selectors
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import Any

from pose_ros.ros.recording.summary import FAILED

_END_WITHIN_S = 20.0  # the recorder finishes its files
_LOG_LINES = 12  # of a log that are shown on failure


class PipelineError(RuntimeError):
    """A process failed; the message says which, with the last lines of its log."""


@dataclass(frozen=True)
class Recording:
    """
    What to run.

    Attributes
    ----------
    source : str
        As `media.sources.open_source` takes it; it has been opened once: it works.
    folder : Path
        Of the recorder's files and the logs.
    nodes : tuple of str
        Besides the camera.
    settings : tuple of str
        NODE.PARAM=VALUE, values as YAML.
    video : bool
        Whether the overlay is recorded (needs pose_visualizer among the nodes).
    bag : bool
        Whether the bag is.
    seconds : float or None
        Stop so long after the first skeletons; None: at the end of the source.
    start_within_s : float
        No skeletons for longer is a failure.
    """

    source: str
    folder: Path
    nodes: tuple[str, ...] = ('pose_estimator', 'pose_tracker', 'pose_visualizer')
    settings: tuple[str, ...] = ()
    video: bool = True
    bag: bool = True
    seconds: float | None = None
    start_within_s: float = 40.0


def record(job: Recording, say: Callable[[str], None]) -> dict[str, Any]:
    """
    Run until the source ends.

    Parameters
    ----------
    job : Recording
    say : callable
        Gets each live line.

    Returns
    -------
    dict
        The recorder's summary, and `interrupted`: whether Ctrl-C or SIGTERM ended it.

    Raises
    ------
    PipelineError
        When a process fails or no skeletons come.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    summary_file = job.folder / 'summary.json'
    summary_file.unlink(missing_ok=True)
    environment = _environment()
    stop = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        stop = True

    before = {n: signal.signal(n, on_signal) for n in (signal.SIGINT, signal.SIGTERM)}
    processes: dict[str, subprocess.Popen[str]] = {}
    try:
        processes['recorder'] = _start(_recorder_command(job), job.folder, 'recorder', environment)
        processes['nodes'] = _start(_nodes_command(job), job.folder, 'nodes', environment)
        _watch(job, processes, say, lambda: stop)
        # What the last image gave may still be on its way.
        time.sleep(0.0 if stop else 0.3)
        _end(processes, say)
    except PipelineError:
        _end(processes, lambda line: None)
        raise
    finally:
        for process in processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
    if not summary_file.is_file():
        raise PipelineError(_with_log('the recorder left no summary', job.folder, 'recorder'))
    summary: dict[str, Any] = json.loads(summary_file.read_text(encoding='utf-8'))
    return {**summary, 'interrupted': stop}


def _watch(
    job: Recording,
    processes: dict[str, subprocess.Popen[str]],
    say: Callable[[str], None],
    stopped: Callable[[], bool],
) -> None:
    """Pass the live lines on until the nodes end, the time is over, or the user has enough."""
    started_s, first_s = time.monotonic(), None
    for line in _lines(processes['recorder'], stopped):
        now_s = time.monotonic()
        if line:
            if line.startswith(FAILED):
                raise PipelineError(line)
            say(line)
            if first_s is None and ' Hz ' in line:
                first_s = now_s
        status = processes['nodes'].poll()
        if status == 0:
            return
        if status is not None:
            raise PipelineError(
                _with_log(f'a node failed (exit status {status})', job.folder, 'nodes')
            )
        if first_s is None and now_s - started_s > job.start_within_s:
            raise PipelineError(
                _with_log(f'no skeletons within {job.start_within_s:.0f} s', job.folder, 'nodes')
            )
        if job.seconds is not None and first_s is not None and now_s - first_s > job.seconds:
            return
    if not stopped():
        raise PipelineError(_with_log('the recorder failed', job.folder, 'recorder'))


def _lines(process: subprocess.Popen[str], stopped: Callable[[], bool]) -> Any:
    """Yield the lines that a process prints, and '' ten times a second; end when it ends."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not stopped():
            if not selector.select(0.1):
                yield ''
                continue
            line = process.stdout.readline()
            if not line:
                return
            yield line.rstrip('\n')


def _end(processes: dict[str, subprocess.Popen[str]], say: Callable[[str], None]) -> None:
    """End everything; the recorder last: it shall see what the nodes say."""
    # Both at once: Ctrl-C should not wait for one after the other.
    for process in processes.values():
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in reversed(processes.values()):
        try:
            rest, _ = process.communicate(timeout=_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            rest, _ = process.communicate()
        for line in (rest or '').splitlines()[-1:]:
            say(line)


def _start(
    command: list[str], folder: Path, name: str, environment: dict[str, str]
) -> subprocess.Popen[str]:
    # The recorder's standard output is its live line; the nodes' goes to their log.
    with (folder / f'{name}.log').open('w', encoding='utf-8') as log:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if name == 'recorder' else log,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C reaches us only, and each gets one signal
        )


def _recorder_command(job: Recording) -> list[str]:
    settings = {'folder': str(job.folder.resolve()), 'video': job.video, 'bag': job.bag}
    command = _up('--nodes', 'pose_recorder', '--grace', str(_END_WITHIN_S - 2.0))
    for name, value in settings.items():
        # JSON is YAML: quoted, a folder named 007 stays a string.
        command += ['--set', f'pose_recorder.{name}={json.dumps(value)}']
    return command


def _nodes_command(job: Recording) -> list[str]:
    listeners = 2 if job.video else 1  # the estimator; the visualizer
    settings = (
        'pose_camera.exit_at_end=true',
        f'pose_camera.wait_for_subscribers={listeners}',
        *job.settings,
    )
    command = _up('--nodes', ','.join(job.nodes), '--camera', job.source)
    for setting in settings:
        command += ['--set', setting]
    return command


def _up(*arguments: str) -> list[str]:
    return [sys.executable, '-m', 'pose_ros.cli', 'up', *arguments]


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    # A domain of its own, on this machine only. Domains up to 101 keep
    # clear of the ports that the system gives out (docs.ros.org, "The ROS_DOMAIN_ID").
    environment.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    if environment.get('ROS_DISTRO') == 'humble':
        environment.setdefault('ROS_LOCALHOST_ONLY', '1')
    else:
        environment.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    environment['PYTHONUNBUFFERED'] = '1'
    return environment


def _with_log(what: str, folder: Path, name: str) -> str:
    log = folder / f'{name}.log'
    lines = log.read_text(encoding='utf-8', errors='replace').splitlines()[-_LOG_LINES:]
    tail = ''.join(f'\n  | {line}' for line in lines) or ' is empty'
    return f'{what}; the end of {log}:{tail}'
