# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker, and what it is compared with, behind one face: norfair, and a tracker by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pose_ros.core.config import TrackerConfig
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.oks import symmetric_oks
from pose_ros.core.tracking.one_euro import OneEuroFilter
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import TrackState

MIN_SCORE = 0.6
"""Keypoints with a lower score are not given to the others: the tracker's own default."""


MIN_PERSON_SCORE = 0.1
"""People with a lower score are not given to the others: with all of them they do worse."""


def usable_people(keypoints: Keypoints) -> Keypoints:
    """Return the people that trackers without a use for unlikely ones are given."""
    return keypoints.select(keypoints.person_score >= MIN_PERSON_SCORE)


class ComparedTracker(Protocol):
    """Follows people from frame to frame."""

    def update(
        self, stamp_s: float, keypoints: Keypoints, image_size: tuple[int, int],
        camera_motion: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ids (N,) int and keypoints (N, 17, 2), px, NaN where missing."""


@dataclass
class Ours:
    """The tracker of this package: its CONFIRMED people, and LOST ones until `lost_after_s`."""

    config: TrackerConfig = field(default_factory=TrackerConfig)

    def __post_init__(self) -> None:
        """Begin."""
        self.tracker = Tracker(self.config)

    def update(
        self, stamp_s: float, keypoints: Keypoints, image_size: tuple[int, int],
        camera_motion: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Update, and report who is there: norfair, too, reports people a few images longer."""
        tracks = self.tracker.update(stamp_s, keypoints, image_size, camera_motion)
        known = tracks.state >= TrackState.CONFIRMED
        tracks = tracks.select(known & (tracks.since_seen_s <= self.config.lost_after_s))
        return tracks.id, tracks.xy.astype(np.float64)


class Norfair:
    """
    The library norfair (BSD-3-Clause; PyPI `norfair`), two ways.

    Parameters
    ----------
    distance : str
        'voting': the distance and settings of its own pose demo (demos/openpose);
        'oks': 1 - OKS to its prediction, with its default settings otherwise.

    Raises
    ------
    ImportError
        When norfair is not installed.
    """

    def __init__(self, distance: str = 'voting') -> None:
        import norfair  # only this comparison needs it

        self._norfair: Any = norfair
        self._distance = distance
        self._tracker: Any = None

    def _make(self, image_height: int) -> Any:
        from norfair.distances import create_keypoints_voting_distance

        if self._distance == 'oks':
            return self._norfair.Tracker(
                distance_function=_norfair_oks, distance_threshold=0.75, detection_threshold=0.05
            )
        return self._norfair.Tracker(
            distance_function=create_keypoints_voting_distance(
                keypoint_distance_threshold=image_height / 40, detection_threshold=0.1
            ),
            distance_threshold=0.4,
            detection_threshold=0.1,
            initialization_delay=4,
            hit_counter_max=30,
            pointwise_hit_counter_max=10,
        )

    def update(
        self, stamp_s: float, keypoints: Keypoints, image_size: tuple[int, int],
        camera_motion: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Update, and report who was seen now: people it only predicts would count against it."""
        if self._tracker is None:
            self._tracker = self._make(image_size[1])
        keypoints = usable_people(keypoints)
        detections = []
        for xy, score in zip(keypoints.xy, keypoints.score):
            usable = (score >= MIN_SCORE) & np.isfinite(xy).all(axis=1)
            detections.append(
                self._norfair.Detection(
                    np.where(usable[:, None], xy, 0.0).astype(np.float64),
                    scores=np.where(usable, score, 0.0).astype(np.float64),
                )
            )
        objects = self._tracker.update(detections)
        here = {id(detection) for detection in detections}
        objects = [o for o in objects if id(o.last_detection) in here and o.id is not None]
        ids = np.array([o.id for o in objects], int)
        xy = [np.where(o.live_points[:, None], o.estimate, np.nan) for o in objects]
        return ids, np.array(xy, np.float64).reshape(-1, 17, 2)


def _norfair_oks(detection: Any, tracked: Any) -> float:
    """Return 1 - OKS between a detection and an object's prediction."""
    seen = (detection.scores > 0)[:, None]
    live = (tracked.last_detection.scores > 0)[:, None]
    a = np.where(seen, detection.points, np.nan)[None]
    b = np.where(live, tracked.estimate, np.nan)[None]
    return 1.0 - float(symmetric_oks(a, b)[0, 0])


class ByHand:
    """
    What people write themselves: nearest neighbour ids, then One Euro on every coordinate.

    Parameters
    ----------
    min_cutoff_hz, beta : float
        Of One Euro; beta in Hz per body height/s, the height being that of the first box.
    """

    def __init__(self, min_cutoff_hz: float = 1.0, beta: float = 10.0) -> None:
        self.min_cutoff_hz, self.beta = min_cutoff_hz, beta
        self._next_id = 1
        self._people: dict[int, tuple[OneEuroFilter, np.ndarray, float]] = {}

    def update(
        self, stamp_s: float, keypoints: Keypoints, image_size: tuple[int, int],
        camera_motion: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Join each detection, best first, to the nearest centre within half a body height."""
        keypoints = usable_people(keypoints)
        self._people = {n: p for n, p in self._people.items() if stamp_s - p[2] < 1.0}
        ids, smooth, free = [], [], dict(self._people)
        for n in np.argsort(-keypoints.person_score, kind='stable'):
            usable = (keypoints.score[n] >= MIN_SCORE)[:, None]
            xy = np.where(usable, keypoints.xy[n].astype(np.float64), np.nan)
            if np.isfinite(xy).all(axis=1).sum() < 5:
                continue
            centre = np.nanmean(xy, axis=0)
            height = max(float(np.nanmax(xy[:, 1]) - np.nanmin(xy[:, 1])), 1.0)
            far = {i: float(np.hypot(*(centre - person[1]))) for i, person in free.items()}
            nearest = min(far, key=far.__getitem__, default=0)
            if far.get(nearest, np.inf) > height / 2:
                nearest, self._next_id = self._next_id, self._next_id + 1
                one_euro = OneEuroFilter(self.min_cutoff_hz, self.beta / height)
            else:
                one_euro = free.pop(nearest)[0]
            value = one_euro.update(stamp_s, xy)
            self._people[nearest] = (one_euro, centre, stamp_s)
            ids.append(nearest)
            smooth.append(np.where(np.isnan(xy), np.nan, value))
        return np.array(ids, int), np.array(smooth, np.float64).reshape(-1, 17, 2)


def all_compared() -> dict[str, type[ComparedTracker] | Any]:
    """Return what makes each tracker, by name; norfair only where it is installed."""
    makers: dict[str, Any] = {'pose_ros': Ours, 'one-euro by hand': ByHand}
    try:
        Norfair()
    except ImportError:
        return makers
    makers['norfair'] = Norfair
    makers['norfair, oks'] = lambda: Norfair('oks')
    return makers
