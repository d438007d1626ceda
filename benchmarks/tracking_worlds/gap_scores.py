# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who keeps their id when some seconds are cut out of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.tracking_worlds.compared_trackers import ComparedTracker
from benchmarks.tracking_worlds.mot_sequence import full_body_boxes
from pose_ros.core.geometry import box_iou
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.tracking.assignment import assign

Seen = tuple[Keypoints, np.ndarray | None]

LEAST_IOU = 0.5


def ids_of_truth(
    truth_ids: np.ndarray, boxes: np.ndarray, ids: np.ndarray, xy: np.ndarray
) -> dict[int, int]:
    """Return the id that each true person found in an image has: ids (G,), boxes (G, 4), ..."""
    there = np.isfinite(xy).any(axis=(1, 2))
    overlap = box_iou(boxes[:, None], full_body_boxes(xy[there]))
    if not overlap.size:
        return {}
    return {
        int(truth_ids[g]): int(ids[there][n]) for g, n in assign(-overlap)
        if overlap[g, n] >= LEAST_IOU
    }


def across_gaps(
    make: Callable[[], ComparedTracker],
    seen: Sequence[Seen],
    truth: Sequence[tuple[np.ndarray, np.ndarray]],
    rate_hz: float,
    image_size: tuple[int, int],
    gap_s: float,
) -> dict[str, float]:
    """
    Cut a gap out of a sequence at every place where people are known before and after.

    Parameters
    ----------
    make : callable
        Makes the tracker.
    seen : sequence of (Keypoints, (3, 3) float64 or None)
        The people of each image and the camera's motion since the one before.
    truth : sequence of (ids (G,), boxes (G, 4))
        Of each image; without people where they are not known.
    rate_hz : float
    image_size : (width, height)
        Pixels.
    gap_s : float
        How much is cut out.

    Returns
    -------
    dict
        `people`: found before and after, summed over all places of the gap; `kept_percent` of them
        have the same id as in the latest image before that shows them most of the time after;
        `other_percent` have one that another person had before.
    """
    gap = round(gap_s * rate_hz)
    known = [i for i, (ids, _) in enumerate(truth) if len(ids)]
    found = kept = other = 0
    for first in range(known[0] + 2, known[-1] - gap + 1):
        tracker, before, after = make(), {}, {}
        for i, (people, motion) in enumerate(seen):
            if first <= i < first + gap:
                continue
            motion = None if i == first + gap else motion
            ids, xy = tracker.update(i / rate_hz, people, image_size, motion)
            if not len(truth[i][0]):
                continue
            for person, track in ids_of_truth(*truth[i], ids, xy).items():
                (before if i < first else after).setdefault(person, []).append(track)
        for person in before.keys() & after.keys():
            owned = {t for p, tracks in before.items() if p != person for t in tracks}
            now = max(set(after[person]), key=after[person].count)
            found += 1
            kept += now == before[person][-1]
            other += now != before[person][-1] and now in owned
    return {
        'people': float(found), 'kept_percent': 100.0 * kept / max(found, 1),
        'other_percent': 100.0 * other / max(found, 1),
    }
