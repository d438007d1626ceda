# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Nodes that are killed, starved, reconfigured and pushed about: they recover, or say why not."""

from __future__ import annotations

from pathlib import Path
import random
import resource
import signal
import subprocess
import sys
import time
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rosgraph_msgs.msg import Clock
from system import QUICK

from pose_ros.msg import SkeletonArray
from pose_ros.ros.conversions import stamp_from_ns, stamp_ns

# `make test` kills nodes in test/cli/test_up.py, and walks the lifecycle in test/ros.
whole_system = pytest.mark.nightly('starts all nodes anew for one fault, 10 s and more')


def call(system: Any, kind: Any, name: str, request: Any, timeout_s: float = 20.0) -> Any:
    """Call a service while the camera rests."""
    client = system.node.create_client(kind, name)
    assert system.spin_until(client.service_is_ready, timeout_s), f'no service {name}'
    future = client.call_async(request)
    assert system.spin_until(future.done, timeout_s), f'no answer from {name}'
    system.node.destroy_client(client)
    return future.result()


@whole_system
def test_the_estimator_is_killed(start: Any, people: Any, works: Any) -> None:
    """The tracker says STALE meanwhile, invents nobody, and goes on when it is back."""
    system = start(settings=(*QUICK, 'pose_tracker.stale_after_s=0.5'))
    works(system, 60)
    tracker = system.pid('pose_tracker')
    killed_ns = system.kill('pose_estimator')
    system.tracked.clear()
    assert system.spin_until(
        lambda: any(m.status == SkeletonArray.STALE for _, m in system.tracked), 10)
    assert system.play_until(people, lambda: system.people_since(killed_ns))
    assert system.pid('pose_tracker') == tracker
    assert 'pose_estimator ended with signal SIGKILL: it starts again' in system.text()


@whole_system
def test_the_tracker_is_killed(start: Any, people: Any, works: Any) -> None:
    """It starts again and tracks; the estimator is not touched by it."""
    system = start()
    works(system, 60)
    estimator = system.pid('pose_estimator')
    system.send_until_answered(people[0])
    before = system.counts('pose_estimator', 'received', 'dropped')
    system.sent = 0
    killed_ns = system.kill('pose_tracker')
    assert system.play_until(people, lambda: system.people_since(killed_ns))
    # Meanwhile what is seen went on being published, image by image.
    away = [m for _, m in system.pose if stamp_ns(m.header.stamp) > killed_ns]
    assert len(away) > system.sent / 2 and any(m.skeletons for m in away), (len(away), system.sent)
    system.send_until_answered(people[0])
    after = system.counts('pose_estimator', 'received', 'dropped')
    assert sum(after) - sum(before) == system.sent, (before, after, system.sent)
    assert system.pid('pose_estimator') == estimator
    assert 'pose_tracker ended with signal SIGKILL: it starts again' in system.text()


@whole_system
def test_discovery_begins_anew(start: Any, works: Any) -> None:
    """Everybody else goes and comes again, as participants that nobody knows."""
    system = start()
    works(system, 60)
    pids = system.pids()
    for _ in range(3):
        system.reconnect()
        works(system)
    assert system.pids() == pids


@whole_system
def test_the_clock_jumps(start: Any, people: Any) -> None:
    """A simulation that is reset, and one that leaps: tracks begin anew, nothing else happens."""
    system = start(settings=QUICK, use_sim_time=True)
    clock = system.node.create_publisher(Clock, '/clock', 10)
    pids, now_ns = None, 100 * 10**9

    def tracked_at(until_ns: int) -> bool:
        nonlocal now_ns
        deadline_s = time.monotonic() + 60.0
        while time.monotonic() < deadline_s:
            now_ns += 10**8
            clock.publish(Clock(clock=stamp_from_ns(now_ns)))
            system.send(people[0], now_ns)
            system.spin(0.1)
            if any(m.skeletons and abs(stamp_ns(m.header.stamp) - until_ns) < 30 * 10**9
                   for _, m in system.tracked):
                return True
        return False

    assert tracked_at(now_ns), system.text()
    for jump_ns in (-50 * 10**9, 1000 * 10**9, -1040 * 10**9):
        now_ns += jump_ns
        system.tracked.clear()
        assert tracked_at(now_ns), system.text()
        pids = pids or system.pids()
    assert system.pids() == pids and 'Traceback' not in system.text()


@whole_system
def test_parameters_a_hundred_times_a_second(start: Any, people: Any, works: Any) -> None:
    """While images flow, good and bad values in turns: each is answered as it should be."""
    system = start()
    works(system, 60)
    client = system.node.create_client(SetParameters, 'pose_tracker/set_parameters')
    assert system.spin_until(client.service_is_ready)
    futures = []
    for number in range(300):
        good = number % 2 == 0
        value = ParameterValue(
            type=ParameterType.PARAMETER_DOUBLE, double_value=1.0 + number / 300 if good else -1.0)
        futures.append((good, client.call_async(SetParameters.Request(
            parameters=[Parameter(name='process_noise', value=value)]))))
        if number % 10 == 0:
            system.send(people[0])
        system.spin(0.01)
        # A service holds ten requests; more are lost by the middleware, not by us.
        assert system.spin_until(lambda: sum(not f.done() for _, f in futures) < 8)
    assert system.spin_until(lambda: all(f.done() for _, f in futures))
    assert [f.result().results[0].successful for _, f in futures] == [g for g, _ in futures]
    works(system)


_LEGAL = (
    Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP, Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE)
# Shutdown is final, and is left out; callbacks, errors and what does not exist are not for users.
_ILLEGAL = (0, 7, 10, 30, 40, 60, 99, 255)


@whole_system
@pytest.mark.parametrize('node', ['pose_estimator', 'pose_tracker'])
def test_lifecycle_in_random_order(start: Any, works: Any, node: str) -> None:
    """Every transition, possible or not, is answered; at the end the node works as ever."""
    system = start()
    works(system, 60)
    pid, choose = system.pid(node), random.Random(3)
    answers = set()
    for number in range(60):
        wanted = choose.choice(_LEGAL if number % 4 else _ILLEGAL)
        answer = call(system, ChangeState, f'{node}/change_state', ChangeState.Request(
            transition=Transition(id=wanted)))
        answers.add((wanted, answer.success))
    assert {(n, True) for n in _LEGAL} <= answers, 'not every transition was made'
    assert not any(success for wanted, success in answers if wanted in _ILLEGAL)
    to_active = {
        State.PRIMARY_STATE_UNCONFIGURED: (1, 3), State.PRIMARY_STATE_INACTIVE: (3,),
        State.PRIMARY_STATE_ACTIVE: ()}
    state = call(system, GetState, f'{node}/get_state', GetState.Request()).current_state.id
    for wanted in to_active[state]:
        assert call(system, ChangeState, f'{node}/change_state', ChangeState.Request(
            transition=Transition(id=wanted))).success
    works(system)
    assert system.pid(node) == pid and 'Traceback' not in system.text()


@whole_system
def test_a_model_file_is_replaced_while_it_runs(
    start: Any, works: Any, tmp_path: Any
) -> None:
    """What is loaded works on; loading it again says what is wrong; the right file mends it."""
    from pose_ros.backends.model_files import SHIPPED_DETECTOR, find_model

    shipped = find_model(SHIPPED_DETECTOR)
    model = tmp_path / shipped.name
    for path in (shipped, shipped.with_suffix('.json')):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    system = start(settings=(*QUICK, f'pose_estimator.detector_model={model}'))
    works(system, 60)
    model.write_bytes(b'not a network')
    works(system)
    for wanted, success in ((4, True), (2, True), (1, False)):
        assert call(system, ChangeState, 'pose_estimator/change_state', ChangeState.Request(
            transition=Transition(id=wanted))).success is success
    assert system.spin_until(
        lambda: str(model) in system.message('pose_estimator')), system.diagnostics
    model.write_bytes(shipped.read_bytes())
    for wanted in (1, 3):
        assert call(system, ChangeState, 'pose_estimator/change_state', ChangeState.Request(
            transition=Transition(id=wanted))).success
    works(system)


def _few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def _little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))


@whole_system
@pytest.mark.parametrize('limits', [_few_files, _little_memory])
def test_few_files_and_little_memory(start: Any, works: Any, limits: Any) -> None:
    """64 descriptors and 3 GB of addresses are enough."""
    system = start(limits=limits)
    works(system, 60)
    for node, pid in system.pids().items():
        assert pid is not None, node


def test_too_little_memory_is_said(start: Any) -> None:
    """With no room for the networks the process ends or says so; it does not hang."""
    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))

    system = start(limits=limits, nodes=('pose_estimator',))
    assert system.spin_until(lambda: any(word in system.text() for word in (
        'emory', 'alloc', 'ended with', 'map')), 60), system.text()


def _small_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_limits_leave_the_environment_alone(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python ignores that a compiled file is cut short, and cannot load it the next time."""
    monkeypatch.delenv('PYTHONDONTWRITEBYTECODE', raising=False)
    (tmp_path / 'large.py').write_text('\n'.join(f'name_{n} = "{n}"' for n in range(5000)))
    system = start(nodes=('pose_recorder',), limits=_small_files)
    subprocess.run([sys.executable, '-c', 'import large'], check=True, cwd=tmp_path,
                   env=system.environment, preexec_fn=_small_files)
    assert not list(tmp_path.rglob('*.pyc'))


def test_the_disk_is_full(start: Any, people: Any, works: Any, tmp_path: Path) -> None:
    """The recorder cannot write: it says so, and the other nodes go on."""
    folder = tmp_path / 'recording'
    recording = start(nodes=('pose_recorder',), limits=_small_files, settings=(
        f'pose_recorder.folder={folder}', 'pose_recorder.video=false'))
    system = start(domain_of=recording)
    works(system, 60)
    for _ in range(4):
        works(system)
    assert system.play_until(
        people, lambda: 'arge' in recording.text() or 'space' in recording.text(), 30), \
        recording.text()
    assert system.play_until(
        people, lambda: system.diagnostics.get('pose_recorder', (0,))[0] == 2, 10), \
        system.diagnostics.get('pose_recorder')
    works(system)
