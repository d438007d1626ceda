# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The same person again: what the people of tracks look like, and those of tracks that ended.

Each track has a gallery: a few views, which adapt slowly and only while no other person overlaps.
The gallery of a CONFIRMED track lives on for a while after the track, with place and size, and a
new track that looks like it goes on under its id. It says which of the people of the last seconds
this is, not who somebody is, and is never stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import math

import numpy as np

from pose_ros.core.geometry import apply_homography
from pose_ros.core.keypoints import boxes_around
from pose_ros.core.tracking.detections import Detections

SAME = 0.36
"""Mean Hellinger distance of the regions of one person, at most. Of people in plain view in
TUD-Campus, 35 images apart: 0.17 in the median and 0.27 at 90 % for the same, 0.68 in the median
and 0.38 at 2 % for others."""

OTHER = 0.42
"""At a larger one it is another person. These two were chosen on TUD-Campus and PETS09-S2L1."""

MARGIN = 0.08
"""Any other person must be farther by as much: two in the same uniform are not told apart."""

PLACE = 0.1
"""What a place out of reach adds to the distance."""

REACH, REACH_PER_S = 0.5, 1.0
"""How far from the predicted place a person may be, body heights, and how much more per second."""

SIZE = 0.1
"""Likewise a body height that is barely possible."""

SIZE_RATIO, SIZE_RATIO_PER_S = 1.35, 1.2
"""How much larger or smaller a person may be, and by what factor more for each second, ..."""

MAX_SIZE_RATIO = 3.0
"""... at most."""

MAX_VIEWS = 6

SAME_VIEW, VIEW_GAIN = 0.2, 0.1
"""A view within this distance adapts by this share; farther ones are views of their own."""

RELIGHT_S = 1.0
"""A tracked person who has looked like another one for as long is seen in another light."""

OVERLAP = 0.05
"""Share of a person's box that may be covered by another one's for it to be a good view."""


@dataclass
class _Person:
    """A gallery, and where its person was last seen."""

    born_s: float
    confirmed: bool = False
    views: list[np.ndarray] = field(default_factory=list)
    seen_s: float = 0.0
    centre: np.ndarray = field(default_factory=lambda: np.zeros(2))
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    height_px: float = 1.0
    other_since_s: float | None = None

    def learn(self, view: np.ndarray, stamp_s: float) -> None:
        """Take a view, (REGIONS, REGION_SIZE)."""
        if not self.views:
            self.views.append(view)
            return
        away = np.nan_to_num(distance(np.stack(self.views), view[None])[:, 0], nan=1.0)
        nearest = int(away.argmin())
        if away[nearest] > OTHER:
            if self.other_since_s is None:
                self.other_since_s = stamp_s
            if stamp_s - self.other_since_s < RELIGHT_S:
                return
            self.views = []
        self.other_since_s = None
        if not self.views or (away[nearest] > SAME_VIEW and len(self.views) < MAX_VIEWS):
            self.views.append(view)
            return
        known = self.views[nearest]
        was, now = known.any(axis=1, keepdims=True), view.any(axis=1, keepdims=True)
        gain = np.where(now, np.where(was, VIEW_GAIN, 1.0), 0.0)
        # Roots of histograms: what is mixed are the histograms.
        self.views[nearest] = np.sqrt((1.0 - gain) * known**2 + gain * view**2)


class Reidentification:
    """The people whom a tracker knows by what they look like."""

    def __init__(self) -> None:
        self._people: dict[int, _Person] = {}

    def __len__(self) -> int:
        """Count the people."""
        return len(self._people)

    def remembers(self, track_id: int) -> bool:
        """Say whether a person has a gallery."""
        return track_id in self._people

    def distances(self, ids: np.ndarray, views: np.ndarray | None) -> np.ndarray | None:
        """
        Compare the people of tracks with detections.

        Parameters
        ----------
        ids : (N,) int
            Of the tracks.
        views : (M, REGIONS, REGION_SIZE) float64 or None
            `Detections.appearance`.

        Returns
        -------
        (N, M) float64 or None
            Mean Hellinger distance of the regions that both have, 0 to 1, of the view most alike;
            NaN where they have none. None when that is so everywhere.
        """
        if views is None or not self._people:
            return None
        found = np.full((len(ids), len(views)), np.nan)
        rows = [row for row, track_id in enumerate(ids.tolist()) if track_id in self._people]
        galleries = [self._people[track_id].views for track_id in ids[rows].tolist()]
        if rows:
            first = np.cumsum([0, *map(len, galleries[:-1])])
            apart = distance(np.concatenate(galleries).reshape(-1, *views.shape[1:]), views)
            found[rows] = np.fmin.reduceat(apart, first, axis=0)
        return found

    def carry(self, motion: np.ndarray) -> None:
        """Carry the places through the camera's motion (3, 3) since the image before."""
        for person in self._people.values():
            person.centre = apply_homography(motion, person.centre)

    def see(
        self, ids: np.ndarray, stamp_s: float, born_s: np.ndarray, confirmed: np.ndarray,
        places: np.ndarray, heights_px: np.ndarray, views: np.ndarray, good: np.ndarray,
    ) -> None:
        """
        Note where people are, and learn what they look like.

        Parameters
        ----------
        ids : (n,) int
            Tracks seen in this image.
        stamp_s : float
        born_s : (n,) float64
            When their tracks began.
        confirmed : (n,) bool
        places : (2, n, 2) float64
            Centres, px, and velocities, px/s.
        heights_px : (n,) float64
        views : (n, REGIONS, REGION_SIZE) float64
        good : (n,) bool
            Whose view may be learnt.
        """
        good = good & views.any(axis=(1, 2))
        for i, track_id in enumerate(ids.tolist()):
            person = self._people.get(track_id)
            if person is None:
                if not good[i]:
                    continue
                person = self._people[track_id] = _Person(float(born_s[i]))
            person.confirmed |= bool(confirmed[i])
            person.seen_s, person.height_px = stamp_s, float(heights_px[i])
            person.centre, person.velocity = places[0, i], places[1, i]
            if good[i]:
                person.learn(views[i], stamp_s)

    def forget(self, stamp_s: float, longest_s: float, living: np.ndarray) -> None:
        """Forget people without a track in `living` (n,): TENTATIVE ones, others in time."""
        stay = set(living.tolist())
        self._people = {
            track_id: person for track_id, person in self._people.items() if track_id in stay
            or (person.confirmed and stamp_s - person.seen_s <= longest_s)
        }

    def recognise(
        self, new: np.ndarray, visible: np.ndarray, stamp_s: float
    ) -> list[tuple[int, int]]:
        """
        Find new tracks that are people who went missing.

        Parameters
        ----------
        new : (n,) int
            Ids of tracks in the image that are not CONFIRMED yet.
        visible : (k,) int
            Ids of the other people in the image.
        stamp_s : float

        Returns
        -------
        list of (new, missing)
            Pairs of ids without a doubt.
        """
        people = self._people
        rows, seen = ([i for i in ids.tolist() if i in people] for ids in (new, visible))
        missing = [i for i in people if people[i].confirmed and i not in seen and i not in rows]
        if not rows or not missing:
            return []
        cost = np.array([[_cost(people[i], people[n], stamp_s) for i in missing] for n in rows])
        # Those in the image are not the same person, but show what can be told apart.
        others = PLACE + np.array([
            min([_nearest(people[i], people[n]) for i in seen], default=np.inf) for n in rows])
        pairs = []
        order = np.argsort(cost, axis=None)
        for row, column in zip(*np.unravel_index(order, cost.shape)):
            best = cost[row, column]
            if not best <= SAME:
                continue
            rivals = np.concatenate([
                np.delete(cost[row], column), np.delete(cost[:, column], row), [others[row]]])
            if np.fmin.reduce(rivals, initial=np.inf) - best >= MARGIN:
                pairs.append((rows[row], missing[column]))
                cost[row] = cost[:, column] = np.inf
        return pairs

    def rename(self, new: int, old: int) -> float:
        """Join the galleries of one person under the older id; return when it was born, s."""
        person, before = self._people.pop(new), self._people[old]
        for view in person.views:
            before.learn(view, person.seen_s)
        before.seen_s, before.height_px = person.seen_s, person.height_px
        before.centre, before.velocity = person.centre, person.velocity
        before.other_since_s = None
        return before.born_s


def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """
    Return the mean Hellinger distance of the regions that both have.

    Parameters
    ----------
    one, other : (N, R, B) and (M, R, B) float64
        Roots of histograms that sum to 1; 0 in regions that were not seen.

    Returns
    -------
    (N, M) float64
        0 to 1; NaN without such a region.
    """
    both = one.any(axis=2).T[:, :, None] & other.any(axis=2).T[:, None]
    shared = one.transpose(1, 0, 2) @ other.transpose(1, 2, 0)
    apart = np.sqrt(np.maximum(1.0 - shared, 0.0)) * both
    count = both.sum(axis=0)
    return np.asarray(np.where(count, apart.sum(axis=0) / np.maximum(count, 1), np.nan))


def _nearest(one: _Person, other: _Person) -> float:
    """Return the distance of the two views most alike, infinite without any to compare."""
    apart = distance(np.stack(one.views), np.stack(other.views))
    return float(np.fmin.reduce(apart, axis=None, initial=np.inf))


def _cost(person: _Person, new: _Person, stamp_s: float) -> float:
    """Return how unlike a new track is to a missing person; infinite when it cannot be it."""
    away_s = new.born_s - person.seen_s
    if away_s <= 0.0:
        return math.inf  # both were in one image
    ratio = abs(math.log(new.height_px / person.height_px))
    most = math.log(min(SIZE_RATIO * SIZE_RATIO_PER_S**away_s, MAX_SIZE_RATIO))
    if ratio > most:
        return math.inf
    place = person.centre + person.velocity * min(away_s, 1.0)
    reach = person.height_px * (REACH + REACH_PER_S * (stamp_s - person.seen_s))
    far = float(np.nan_to_num(np.hypot(*(new.centre - place)), nan=np.inf)) / reach
    return _nearest(person, new) + PLACE * min(far, 1.0) + SIZE * ratio / most


def overlapped(people: Detections, those: Detections) -> np.ndarray:
    """Say (N,) bool of which of `those` another one of the people covers more than `OVERLAP`."""
    boxes, mine = (
        boxes_around(np.where(d.valid[..., None], d.xy, np.nan)) for d in (people, those))
    low = np.maximum(mine[:, None, :2], boxes[:, :2])
    high = np.minimum(mine[:, None, 2:], boxes[:, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=2)
    shared[(mine[:, None] == boxes).all(axis=2)] = 0.0
    area = (mine[:, 2:] - mine[:, :2]).prod(axis=1)
    return np.asarray((shared > OVERLAP * area[:, None]).any(axis=1))
