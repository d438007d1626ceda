# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What pose_recorder counts: rates, ages, confirmed tracks; its live line and its end."""

from __future__ import annotations

from collections import deque
import math
from typing import Any

import numpy as np

from pose_ros.core.tracking.tracks import Tracks, TrackState

FAILED = 'failed: '
"""Begins the live line when no skeletons will come."""

_WINDOW_S = 2.0  # of the live line


class RecordingSummary:
    """
    Counts messages.

    Attributes
    ----------
    people : int
        Confirmed people seen in the newest message of `pose/tracked`.
    nodes : dict
        Latest /diagnostics values of each node, by its name without namespace.
    failures : dict
        What the nodes that are in ERROR say, likewise.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, str]] = {}
        self.failures: dict[str, str] = {}
        self._ages_ms: dict[str, list[float]] = {'pose': [], 'tracked': []}
        self._stamps_s: dict[str, list[float]] = {'pose': [], 'tracked': []}
        self._recent: deque[tuple[float, float]] = deque()  # received, age of `tracked`
        self._confirmed: dict[int, list[float]] = {}
        self.people = 0
        self._network_ms: list[float] = []
        self._track_ms: list[float] = []

    def count_pose(self, stamp_s: float, age_s: float, network_ms: float) -> None:
        """Take in the times of a message of `pose`."""
        self._stamps_s['pose'].append(stamp_s)
        self._ages_ms['pose'].append(1e3 * age_s)
        self._network_ms.append(network_ms)

    def count_tracked(self, tracks: Tracks, age_s: float, track_ms: float, now_s: float) -> None:
        """Take in a message of `pose/tracked` that came at `now_s`, any steady clock."""
        self._stamps_s['tracked'].append(tracks.stamp_s)
        self._ages_ms['tracked'].append(1e3 * age_s)
        self._track_ms.append(track_ms)
        self._recent.append((now_s, age_s))
        seen = (tracks.state == TrackState.CONFIRMED) & (tracks.since_seen_s == 0.0)
        confirmed = tracks.id[seen].tolist()
        self.people = len(confirmed)
        for track_id in confirmed:
            span = self._confirmed.setdefault(track_id, [tracks.stamp_s, tracks.stamp_s])
            span[1] = tracks.stamp_s

    @property
    def images(self) -> int:
        """Number of messages of `pose`."""
        return len(self._stamps_s['pose'])

    def line(self, now_s: float) -> str:
        """Return the live line: rate, people, latency, drops."""
        while self._recent and now_s - self._recent[0][0] > _WINDOW_S:
            self._recent.popleft()
        if not self.images and self.failures:
            # A node that cannot start stays up, to be asked again: nothing will come by itself.
            said = '; '.join(f'{name}: {text}' for name, text in sorted(self.failures.items()))
            return FAILED + said
        if not self._recent:
            return 'waiting for skeletons ...' if not self.images else 'no skeletons lately'
        ages_ms = [1e3 * age_s for _, age_s in self._recent if math.isfinite(age_s)]
        span_s = self._recent[-1][0] - self._recent[0][0]
        rate = (len(self._recent) - 1) / span_s if span_s > 0 else 0.0
        stamps = self._stamps_s['tracked']
        p50, p95 = np.percentile(ages_ms or [math.nan], [50, 95])
        return (
            f'{stamps[-1] - stamps[0]:6.1f} s | {rate:5.1f} Hz | {self.people} '
            f'{"person" if self.people == 1 else "people"} | latency {p50:4.0f} ms (50 %) '
            f'{p95:4.0f} ms (95 %) | {self.dropped()} dropped'
        )

    def dropped(self) -> int:
        """Images that the estimator never saw: newer ones had replaced them."""
        return int(self.nodes.get('pose_estimator', {}).get('dropped', '0'))

    def report(self) -> dict[str, Any]:
        """Return everything in JSON's types; times are since the first image, unknown is None."""
        stamps = self._stamps_s['pose'] or self._stamps_s['tracked']
        first_s = stamps[0] if stamps else 0.0
        span_s = stamps[-1] - first_s if stamps else 0.0
        estimator = self.nodes.get('pose_estimator', {})
        return {
            'images': self.images,
            'tracked': len(self._stamps_s['tracked']),
            'dropped': self.dropped(),
            'duration_s': round(span_s, 3),
            'skeletons_hz': _rounded((len(stamps) - 1) / span_s) if span_s > 0 else None,
            'age_ms': _percentiles(self._ages_ms['pose']),
            'tracked_age_ms': _percentiles(self._ages_ms['tracked']),
            'network_ms': _percentiles(self._network_ms),
            'track_ms': _percentiles(self._track_ms),
            'cost_ms': {
                f'p{p}': _rounded(float(estimator.get(f'cost_p{p}_ms', 'nan'))) for p in (50, 95)
            },
            'tracks': [
                {
                    'id': track_id,
                    'first_s': _rounded(span[0] - first_s),
                    'last_s': _rounded(span[1] - first_s),
                }
                for track_id, span in sorted(self._confirmed.items())
            ],
            'nodes': self.nodes,
        }


def _percentiles(values: list[float]) -> dict[str, float | int | None]:
    values = [v for v in values if math.isfinite(v)]
    if not values:
        return {'p50': None, 'p95': None, 'n': 0}
    p50, p95 = np.percentile(values, [50, 95])
    return {'p50': _rounded(float(p50)), 'p95': _rounded(float(p95)), 'n': len(values)}


def _rounded(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
