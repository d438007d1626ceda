# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Statistics of a stream of images, in constant time and memory for each.

The camera's period is the difference of two stamps over the number of images between them, so
that a subscriber that is too slow to take every image still knows how many the camera sends.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
import math

import numpy as np

WINDOW = 300
"""Images looked back on: 10 s at 30 Hz."""
LEARN_FROM = 30
"""Periods before a rate is judged."""


@dataclass(frozen=True)
class StreamSummary:
    """
    The latest images of a stream.

    Attributes
    ----------
    frames : int
        Images in the window.
    empty_frame_ids, zero_stamps, repeated_stamps, backward_stamps : int
        In the window.
    back_s : float
        How far the latest backward stamp went back, s.
    age_s : float
        Median of receiver's clock minus stamp, s; NaN when no stamp is known.
    stamp_s : float
        Of the latest image, s.
    periods : int
        Number of the camera's periods in the window that could be measured.
    rate_hz : float
        Images that the camera takes per second, by the mean period; NaN when unknown.
    uneven : float
        Upper quartile of |period - mean period| over the mean period; NaN when unknown.
    drop_share : float
        Of the images sent in the window, the share that never came, 0..1.
    bytes : int
        Size of the latest.
    """

    frames: int = 0
    empty_frame_ids: int = 0
    zero_stamps: int = 0
    repeated_stamps: int = 0
    backward_stamps: int = 0
    back_s: float = 0.0
    age_s: float = math.nan
    stamp_s: float = 0.0
    periods: int = 0
    rate_hz: float = math.nan
    uneven: float = math.nan
    drop_share: float = 0.0
    bytes: int = 0


class StreamStatistics:
    """Statistics of one stream of images, over the latest `window` of them."""

    def __init__(self, window: int = WINDOW) -> None:
        # stamp, receiver's clock, steady arrival (all ns), dropped before it, frame_id is empty
        self._frames: deque[tuple[int, int, int, int, bool]] = deque(maxlen=window)
        self._bytes = 0
        self._counts_drops = False
        self._rates_hz: deque[float] = deque(maxlen=60)
        self._since_rate = 0

    def add(
        self,
        stamp_ns: int,
        now_ns: int,
        steady_ns: int,
        dropped: int | None = None,
        frame_id: str = '',
        size_bytes: int = 0,
    ) -> None:
        """
        Note an image.

        Parameters
        ----------
        stamp_ns : int
            Of its header.
        now_ns : int
            The node's clock when it came in.
        steady_ns : int
            A clock that never jumps, likewise.
        dropped : int, optional
            Images sent between the one before and this one; None when that cannot be known.
        frame_id : str
            Of its header.
        size_bytes : int
            Of its data.
        """
        self._frames.append((stamp_ns, now_ns, steady_ns, dropped or 0, not frame_id))
        self._counts_drops = self._counts_drops or dropped is not None
        self._bytes = size_bytes

    def summary(self) -> StreamSummary:
        """Return what the window amounts to."""
        if not self._frames:
            return StreamSummary()
        stamps, now, steady, dropped, empty = (
            np.array(column, np.int64) for column in zip(*self._frames)
        )
        steps = np.diff(stamps)
        known = stamps != 0
        usable = known[1:] & known[:-1]
        back = steps[usable & (steps < 0)]
        periods_s = np.empty(0)
        if self._counts_drops:
            # Stamps that do not grow tell no time.
            times = np.diff(steady) if (steps <= 0).any() else steps
            periods_s = times * 1e-9 / (1 + dropped[1:])
        mean_s = float(periods_s.mean()) if len(periods_s) else math.nan
        uneven = math.nan
        if len(periods_s) >= LEARN_FROM and mean_s > 0:
            uneven = float(np.percentile(np.abs(periods_s - mean_s), 75)) / mean_s
        lost, sent = int(dropped[1:].sum()), len(stamps) - 1 + int(dropped[1:].sum())
        return StreamSummary(
            frames=len(stamps),
            empty_frame_ids=int(empty.sum()),
            zero_stamps=int((~known).sum()),
            repeated_stamps=int((usable & (steps == 0)).sum()),
            backward_stamps=len(back),
            back_s=-float(back[-1]) * 1e-9 if len(back) else 0.0,
            age_s=float(np.median((now - stamps)[known])) * 1e-9 if known.any() else math.nan,
            stamp_s=float(stamps[-1]) * 1e-9,
            periods=len(periods_s),
            rate_hz=1.0 / mean_s if mean_s > 0 else math.nan,
            uneven=uneven,
            drop_share=lost / sent if sent > 0 else 0.0,
            bytes=self._bytes,
        )

    def usual_hz(self, summary: StreamSummary) -> float:
        """
        Return the rate that the camera usually has, Hz; NaN until it is known.

        The median of up to 60 rates, every fifth of those that it is shown: call it once a second.
        """
        self._since_rate += 1
        if summary.periods >= LEARN_FROM and self._since_rate >= 5:
            self._since_rate = 0
            self._rates_hz.append(summary.rate_hz)
        return float(np.median(self._rates_hz)) if self._rates_hz else math.nan
