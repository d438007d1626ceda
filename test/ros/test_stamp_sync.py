# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What waits for its stamp is given back once, in order, with its partner or without."""

from __future__ import annotations

import time
from typing import Any

import pytest

pytest.importorskip('rclpy')

from pose_ros.ros.stamp_sync import StampSync  # noqa: E402

MS = 1_000_000


class Queue:
    """A StampSync of names, and what became of each: (stamp in ms, name or None)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sync: StampSync[str] = StampSync(*args, **kwargs)
        self.done: list[tuple[int, str | None]] = []

    def offer(self, ms: int, **kwargs: Any) -> None:
        self.sync.offer(ms * MS, lambda name: self.done.append((ms, name)), **kwargs)

    def came(self, ms: int, name: str) -> None:
        self.sync.came(ms * MS, name)


def test_either_may_come_first() -> None:
    queue = Queue(5, 5)
    queue.came(10, 'a')
    queue.offer(10)
    queue.offer(20)
    assert queue.done == [(10, 'a')]
    queue.came(20, 'b')
    assert queue.done[1:] == [(20, 'b')] and not len(queue.sync)


def test_only_the_nearest_within_the_tolerance_is_a_partner() -> None:
    queue = Queue(5, 5, tolerance_s=0.008)
    queue.offer(10)
    queue.offer(20)
    queue.came(15 + 1, 'nearer to 20')
    assert queue.done == [(10, None), (20, 'nearer to 20')], 'older ones wait no more'
    queue.came(100, 'a')
    queue.came(106, 'b')
    queue.offer(104)
    queue.offer(115)
    assert queue.done[2:] == [(104, 'b')]


def test_a_partner_is_of_one_item_unless_told() -> None:
    for once, second in ((True, []), (False, [(12, 'a')])):
        queue = Queue(5, 5, tolerance_s=0.005, once=once)
        queue.came(10, 'a')
        queue.offer(10)
        queue.offer(12)
        assert queue.done == [(10, 'a'), *second]


def test_a_later_partner_ends_the_wait_where_they_come_in_order() -> None:
    for in_order, expected in ((False, []), (True, [(10, None)])):
        queue = Queue(5, 5, tolerance_s=0.005, in_order=in_order)
        queue.offer(10)
        queue.came(14 + 2, 'later')
        assert queue.done == expected
    assert queue.sync.off_s(10 * MS) == pytest.approx(0.006)
    queue.came(1, 'of a bag that begins again')
    queue.offer(3)
    assert queue.done[1:] == [(3, 'of a bag that begins again')]


def test_too_many_and_too_long() -> None:
    queue = Queue(2, 2)
    for ms in range(5):
        queue.offer(ms)
        queue.came(1000 + ms, 'x')
    assert queue.done == [(0, None), (1, None), (2, None)]
    assert len(queue.sync) == 2 and len(queue.sync._partners) == 2
    queue = Queue(5, 5)
    queue.offer(1, wait_s=0.01)
    queue.offer(2, wait_s=10.0)
    queue.offer(3, wait_s=0.0)
    queue.sync.look()
    assert not queue.done
    time.sleep(0.02)
    queue.sync.look()
    assert queue.done == [(1, None)], 'the third waits for the second: they stay in order'
    queue.sync.close()
    assert queue.done == [(1, None), (2, None), (3, None)]


def test_what_is_looked_for_keeps_the_order() -> None:
    queue, known = Queue(9), {}
    for ms in (1, 2, 3):
        queue.offer(ms, wait_s=10.0, find=lambda ms=ms: known.get(ms))
    known[2] = 'b'
    queue.sync.look()
    assert not queue.done
    known[1] = 'a'
    queue.sync.look()
    assert queue.done == [(1, 'a'), (2, 'b')]


@pytest.mark.ros
def test_a_timer_ends_the_wait(ros: Any) -> None:
    from pose_ros.ros.nodes.pose_proximity import PoseProximityNode

    node = ros.add(PoseProximityNode)
    queue = Queue(5, 5)
    queue.sync.watch(node, 0.02)
    queue.offer(1, wait_s=0.02)
    assert not queue.done
    assert ros.spin_until(lambda: queue.done == [(1, None)], 5.0)
    queue.sync.close()
