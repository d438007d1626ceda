# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Real nodes for fault tests; each test, or module, has a domain of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import importlib.util
from pathlib import Path
import sys
from typing import Any

import numpy as np
import pytest
from ros_fixtures import new_domain

pytest.importorskip('rclpy', reason='rclpy is not here: ./run pytest brings it')
pytest.importorskip('pose_ros.msg', reason='the messages are not built: ./run pytest does it')



def _system_module() -> Any:
    """Import system.py beside this file: the tests are no package."""
    if 'system' not in sys.modules:
        file = Path(__file__).parent / 'system.py'
        spec = importlib.util.spec_from_file_location('system', file)
        assert spec is not None and spec.loader is not None
        module = sys.modules['system'] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules['system']


_system_module()


@pytest.fixture(scope='module')
def people() -> list[np.ndarray]:
    """Return images of one person, (480, 640, 3) uint8."""
    from benchmarks.people_images import people_images
    from pose_ros.media.sources import SourceError

    try:
        return people_images(1)
    except SourceError as error:
        pytest.skip(str(error))


def _starter() -> Iterator[Callable[..., Any]]:
    from system import System

    systems = []

    def start(domain_of: Any = None, **kwargs: Any) -> Any:
        domain_id = domain_of.domain_id if domain_of else new_domain()
        system = System(domain_id, **kwargs)
        systems.append(system)
        return system

    yield start
    for system in systems:
        system.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    """Return a function that starts nodes; they end with the test."""
    yield from _starter()


@pytest.fixture(scope='module')
def shared(people: list[np.ndarray]) -> Iterator[Any]:
    """Start estimator and tracker for all tests of a module, and see them work."""
    starter = _starter()
    system = next(starter)()
    assert system.play_until(people, lambda: confirmed(system), 60.0), system.text()
    yield system
    said = system.text()
    next(starter, None)  # ends it
    assert 'Traceback' not in said


def confirmed(system: Any) -> bool:
    """Return whether the latest track is CONFIRMED."""
    from pose_ros.msg import Skeleton

    return any(s.track_state == Skeleton.CONFIRMED for s in (
        system.tracked[-1][1].skeletons if system.tracked else []))


@pytest.fixture
def works(people: list[np.ndarray]) -> Callable[..., float]:
    """Return a function that plays people until they are tracked; it returns the seconds."""
    import time

    def until_it_works(system: Any, within_s: float = 30.0) -> float:
        since_ns = time.time_ns()
        assert system.play_until(people, lambda: system.people_since(since_ns), within_s), \
            system.text()[-3000:]
        return (time.time_ns() - since_ns) * 1e-9

    return until_it_works
