# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores of tracking: MOTA, IDF1, HOTA and switches by TrackEval; error, delay and jitter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec

import numpy as np

from pose_ros.core.body import OKS_SCALE
from pose_ros.core.skeleton import OKS_SIGMAS


class MetricsMissing(RuntimeError):
    """TrackEval is not installed."""


def require_metrics() -> None:
    """
    Return if TrackEval is there.

    Raises
    ------
    MetricsMissing
        When it is not.
    """
    if find_spec('trackeval') is None:
        raise MetricsMissing(
            'TrackEval is not installed: pip install --no-deps -r requirements/peers.txt'
        )


@dataclass
class Identities:
    """Who was there and who was reported, frame by frame, of one sequence."""

    truth_ids: list[np.ndarray] = field(default_factory=list)
    ids: list[np.ndarray] = field(default_factory=list)
    similarity: list[np.ndarray] = field(default_factory=list)

    def add(self, truth_ids: np.ndarray, ids: np.ndarray, similarity: np.ndarray) -> None:
        """Add one frame: ids (G,) and (N,), similarity (G, N) in [0, 1]."""
        self.truth_ids.append(np.asarray(truth_ids, int))
        self.ids.append(np.asarray(ids, int))
        self.similarity.append(similarity)

    def scores(self) -> dict[str, float]:
        """
        Return MOTA, IDF1, HOTA, each in percent, and the number of identity switches.

        Raises
        ------
        MetricsMissing
            When TrackEval is not installed.
        """
        require_metrics()
        from trackeval.metrics import CLEAR, HOTA, Identity

        truth_ids, truth_count = _from_zero(self.truth_ids)
        ids, count = _from_zero(self.ids)
        data = {
            'num_timesteps': len(ids),
            'num_gt_ids': truth_count,
            'num_tracker_ids': count,
            'num_gt_dets': sum(map(len, truth_ids)),
            'num_tracker_dets': sum(map(len, ids)),
            'gt_ids': truth_ids,
            'tracker_ids': ids,
            'similarity_scores': self.similarity,
        }
        quiet = {'PRINT_CONFIG': False}
        clear = CLEAR(quiet).eval_sequence(data)
        return {
            'mota': 100.0 * float(clear['MOTA']),
            'idf1': 100.0 * float(Identity(quiet).eval_sequence(data)['IDF1']),
            'hota': 100.0 * float(np.mean(HOTA().eval_sequence(data)['HOTA'])),
            'switches': int(clear['IDSW']),
        }


def _from_zero(ids: list[np.ndarray]) -> tuple[list[np.ndarray], int]:
    """Return the ids renumbered 0, 1, 2, ... as TrackEval wants them."""
    known = sorted({int(i) for frame in ids for i in frame})
    place = {track: n for n, track in enumerate(known)}
    return [np.array([place[int(i)] for i in frame], int) for frame in ids], len(known)


def oks_to_truth(truth_xy: np.ndarray, height_px: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """
    Compare true people (G, 17, 2) of known height (G,) with reported ones (N, 17, 2).

    Returns
    -------
    (G, N) float64
        OKS over the keypoints that both have (NaN marks the others).
    """
    variance = (2.0 * OKS_SIGMAS * OKS_SCALE * np.asarray(height_px)[:, None]) ** 2
    distance = ((truth_xy[:, None] - xy[None]) ** 2).sum(axis=-1)
    similarity = np.exp(-0.5 * distance / variance[:, None])
    both = np.isfinite(similarity)
    return np.where(both, similarity, 0.0).sum(axis=-1) / np.maximum(both.sum(axis=-1), 1)


def delay_s(
    outputs: list[tuple[Callable[[np.ndarray], np.ndarray], np.ndarray, np.ndarray]],
) -> float:
    """
    Return the delay of an output: the shift of the truth that fits it best.

    It is the tau that makes the mean of |output(t) - truth(t - tau)|^2 smallest, over all
    keypoints of all sequences given; the truth is exact at any time, so nothing is interpolated
    but the minimum itself (parabola through three points of a 4 ms grid).

    Parameters
    ----------
    outputs : list of (truth, stamps, xy)
        truth: times (T,) -> (T, 17, 2) px; stamps (T,) s; xy (T, 17, 2) px, NaN where missing.
    """
    step = 0.004
    shifts = np.arange(-0.1, 0.4, step)
    cost = np.zeros(len(shifts))
    for truth, stamps, xy in outputs:
        for i, shift in enumerate(shifts):
            cost[i] += np.nanmean((xy - truth(stamps - shift)) ** 2)
    i = int(np.clip(np.argmin(cost), 1, len(shifts) - 2))
    before, least, after = cost[i - 1:i + 2]
    return float(shifts[i] + step * 0.5 * (before - after) / (before - 2.0 * least + after))


def jitter_px(xy: np.ndarray) -> float:
    """Return the standard deviation, px, of keypoints (T, 17, 2) at rest; NaN without any."""
    known = xy[:, np.isfinite(xy).any(axis=(0, 2))]
    if not known.size:
        return np.nan
    return float(np.sqrt(np.nanmean((known - np.nanmean(known, axis=0)) ** 2)))
