# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What waits for something else of the same stamp.

Skeletons wait for depth or a transform, images for detections, an overlay for its image. Like
message_filters, but each item is given back in any case: with its partner, or without one when it
has waited long enough, too many wait, or a later item has found its partner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import math
import time
from typing import Generic, NamedTuple, TypeVar

from pose_ros.ros.managed_node import ManagedNode

P = TypeVar('P')


class _Item(NamedTuple, Generic[P]):
    stamp_ns: int
    until_s: float
    done: Callable[[P | None], None]
    find: Callable[[], P | None] | None


class StampSync(Generic[P]):
    """
    Pairs items with partners by stamp, in the order of the items.

    Parameters
    ----------
    waiting : int
        Items that wait at most; beyond it the oldest goes without.
    kept : int
        Partners that are kept for items to come.
    tolerance_s : float
        Stamps of a pair differ by at most this.
    in_order : bool
        Partners come in the order of their stamps: one later than an item ends its wait.
    once : bool
        A partner is of one item only, and the partners before it are of none.

    Attributes
    ----------
    waiting, kept, tolerance_s
        As given; others count from then on.
    """

    def __init__(
        self, waiting: int, kept: int = 0, tolerance_s: float = 0.0, in_order: bool = False,
        once: bool = True,
    ) -> None:
        self.waiting, self.kept, self.tolerance_s = waiting, kept, tolerance_s
        self._in_order, self._once = in_order, once
        self._items: deque[_Item[P]] = deque()
        self._partners: deque[tuple[int, P]] = deque()
        self._node: ManagedNode | None = None

    def __len__(self) -> int:
        """Count the items that wait."""
        return len(self._items)

    def watch(self, node: ManagedNode, period_s: float) -> None:
        """Look at what waits every so often, by a timer of a node, until `close`."""
        self._node = node
        self._timer = node.create_timer(period_s, self.look, clock=node._steady_clock)
        self._timer.cancel()

    def close(self) -> None:
        """Give back all items without a partner, and stop."""
        while self._items:
            self._leave()
        self.clear()
        if self._node is not None:
            self._node.destroy_timer(self._timer)
            self._node = None

    def clear(self) -> None:
        """Forget items and partners."""
        self._items.clear()
        self._partners.clear()

    def offer(
        self, stamp_ns: int, done: Callable[[P | None], None], wait_s: float = math.inf,
        find: Callable[[], P | None] | None = None,
    ) -> None:
        """
        Take an item.

        Parameters
        ----------
        stamp_ns : int
            Its stamp.
        done : callable
            Called once, at once or later, with the partner or None.
        wait_s : float
            How long it waits at most.
        find : callable, optional
            Returns its partner, or None while there is none; then it needs none that `came`, and
            waits until the items before it are done.
        """
        self._items.append(_Item(stamp_ns, time.monotonic() + wait_s, done, find))
        nearest = self._nearest(stamp_ns)
        if find is None and nearest is not None:
            self._pair(len(self._items) - 1, nearest)
        while len(self._items) > self.waiting:
            self._leave()
        self.look()
        if self._node is not None and self._items:
            self._timer.reset()

    def came(self, stamp_ns: int, partner: P) -> None:
        """Take a partner: of the item of the nearest stamp, or of one to come."""
        self._partners.append((stamp_ns, partner))
        while len(self._partners) > self.kept:
            self._partners.popleft()
        off_ns = [abs(item.stamp_ns - stamp_ns) for item in self._items]
        if off_ns and min(off_ns) <= self.tolerance_s * 1e9:
            self._pair(off_ns.index(min(off_ns)), self._partners[-1])
        self.look()

    def look(self) -> None:
        """Give back what has found its partner, or has waited long enough."""
        while self._items:
            item = self._items[0]
            partner = None if item.find is None else item.find()
            if partner is not None:
                self._items.popleft().done(partner)
            elif self._is_past(item) or time.monotonic() >= item.until_s:
                self._leave()
            else:
                return
        if self._node is not None:
            self._timer.cancel()

    def off_s(self, stamp_ns: int) -> float | None:
        """Return how far the nearest partner is after a stamp; None when there is none."""
        off_ns = [partner_ns - stamp_ns for partner_ns, _ in self._partners]
        return min(off_ns, key=abs) * 1e-9 if off_ns else None

    def newest(self) -> P | None:
        """Return the partner that came last, if it is kept."""
        return self._partners[-1][1] if self._partners else None

    def _nearest(self, stamp_ns: int) -> tuple[int, P] | None:
        nearest = min(self._partners, key=lambda p: abs(p[0] - stamp_ns), default=None)
        if nearest is None or abs(nearest[0] - stamp_ns) > self.tolerance_s * 1e9:
            return None
        return nearest

    def _is_past(self, item: _Item[P]) -> bool:
        if not (self._in_order and self._partners):
            return False
        return self._partners[-1][0] > item.stamp_ns + self.tolerance_s * 1e9

    def _pair(self, index: int, entry: tuple[int, P]) -> None:
        for _ in range(index):
            self._leave()
        if self._once:
            while self._partners.popleft() is not entry:
                pass
        self._items.popleft().done(entry[1])

    def _leave(self) -> None:
        self._items.popleft().done(None)
