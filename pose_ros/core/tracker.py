# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
People over time: which detection is whom, and where everybody's keypoints are and go.

A track is TENTATIVE until it was seen often enough, then CONFIRMED; it is LOST when it was not
seen lately, and ends when that lasts. Time is the images' stamps and nothing else, there is no
randomness: the same input gives the same output, bit for bit.
"""

from __future__ import annotations

from collections import Counter
import math

import numpy as np

from pose_ros.core.association import associate
from pose_ros.core.config import TrackerConfig
from pose_ros.core.detections import Detections, clean
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.likeness import oks_likeness
from pose_ros.core.oks import distinct
from pose_ros.core.one_euro import OneEuroFilter
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.core.skeleton_filter import SkeletonFilter
from pose_ros.core.tracks import KeypointState, Tracks, TrackState

PRESETS = {
    'responsive': (1.5, 1.0, 1.5),
    'balanced': (0.7, 1.0, 0.0),
    'smooth': (0.4, 1.2, -0.5),
}
"""Preset -> process noise, measurement noise and calmest of the SkeletonFilter."""

_TENTATIVE, _CONFIRMED, _LOST = (
    np.int8(state) for state in (TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.LOST)
)
PRESENCE_GAIN = 0.15
"""Weight of one image in a person's presence."""

DEPENDABLE = 0.75
"""Presence of a person whose absence from two images means something."""

_EYE = np.eye(2, dtype=np.float32)
_MISSING, _OBSERVED, _PREDICTED = (np.int8(state) for state in KeypointState)


class Tracker:
    """
    Tracks of the people seen by one camera.

    Parameters
    ----------
    config : TrackerConfig

    Attributes
    ----------
    counters : Counter
        What was dropped or odd, by name: repeated_stamp, backward_stamp, forward_jump, bad_stamp,
        size_change, bad_keypoint, bad_person, duplicate_person.
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self.config = config or TrackerConfig()
        self.counters: Counter[str] = Counter()
        self._next_id = 1
        self._image_size: tuple[int, int] | None = None
        self._clear()
        self.configure(self.config)

    def configure(self, config: TrackerConfig) -> None:
        """Take other parameters from now on; the tracks stay."""
        self.config = config
        process, measurement, calmest = PRESETS[config.preset]
        skeletons = self._filter
        skeletons.set_order(3 if config.filter == 'constant-acceleration' else 2)
        skeletons.process_noise = process * config.process_noise
        skeletons.measurement_noise = measurement * config.measurement_noise
        skeletons.calmest = calmest
        skeletons.gate_sigma = config.gate_sigma
        skeletons.resolve_swaps = config.resolve_swaps

    def reset(self) -> None:
        """Become like new: no tracks, ids from 1, counters 0."""
        self._next_id = 1
        self._image_size = None
        self.counters.clear()
        self.end_all()

    def _clear(self) -> None:
        self._stamp_s: float | None = None
        self._filter = SkeletonFilter()
        self._id = np.empty(0, np.int64)
        self._confirmed = np.empty(0, bool)
        self._hits = np.empty(0, np.int64)
        self._evidence = np.empty(0)
        self._presence = np.empty(0)
        self._misses = np.empty(0, np.int64)
        self._score = np.empty(0)
        self._born_s = np.empty(0)
        self._seen_s = np.empty(0)
        self._keypoint_score = np.empty((0, NUM_KEYPOINTS))
        self._one_euro: dict[int, OneEuroFilter] = {}

    def end_all(self) -> None:
        """End all tracks; ids go on, so that no two people ever share one."""
        self._clear()
        self.configure(self.config)

    def update(
        self,
        stamp_s: float,
        keypoints: Keypoints,
        image_size: tuple[int, int] | None = None,
    ) -> Tracks:
        """
        Take what was seen in one image.

        Parameters
        ----------
        stamp_s : float
            The image's stamp, seconds. A repeated stamp is dropped; one that goes back (a bag
            that loops) or far ahead ends all tracks first.
        keypoints : Keypoints
            Everybody seen; anything may stand in it.
        image_size : (width, height), optional
            Pixels; another size than before ends all tracks first.

        Returns
        -------
        Tracks
            Everybody tracked, at `stamp_s`.
        """
        if not self._accept(stamp_s, image_size):
            return self._tracks()
        detected = clean(keypoints, self.config.min_keypoint_score, self.counters)
        self._filter.predict(stamp_s)
        likeness = oks_likeness(self._filter, detected)
        unseen_s = stamp_s - self._seen_s
        pairs = associate(
            self._filter, detected, likeness, self._confirmed, unseen_s, self.config
        )
        self._keypoint_score[:] = 0.0
        self._misses += 1
        if pairs:
            rows, columns = (np.array(index) for index in zip(*pairs))
            n = len(pairs)
            # Everybody in the given order: whole arrays are cheaper than picked rows.
            in_order = n == len(detected.xy) and bool((columns == np.arange(n)).all())
            measured = detected if in_order else detected.select(columns)
            self._see(slice(None) if n == len(self._id) else rows, measured)
        self._begin(pairs, likeness, detected)
        self._end(stamp_s)
        return self._tracks()

    def predict(self, stamp_s: float) -> Tracks:
        """
        Look ahead, and change nothing.

        Parameters
        ----------
        stamp_s : float
            A later time than the latest update's; an earlier one counts as that.

        Returns
        -------
        Tracks
            At `stamp_s`: no keypoint is OBSERVED, covariances have grown, what was not seen for
            `max_prediction_s` is MISSING, and what was not seen for `max_lost_s` is left out.
        """
        if self._stamp_s is None:
            return Tracks.empty(stamp_s)
        return self._tracks(max(stamp_s, self._stamp_s))

    def _accept(self, stamp_s: float, image_size: tuple[int, int] | None) -> bool:
        """Say whether this is a new image, and end all tracks when it does not follow the last."""
        if not math.isfinite(stamp_s):
            self.counters['bad_stamp'] += 1
            return False
        last = self._stamp_s
        if stamp_s == last:
            self.counters['repeated_stamp'] += 1
            return False
        reason = ''
        if last is not None and stamp_s < last:
            reason = 'backward_stamp'
        elif last is not None and stamp_s - last > self.config.max_gap_s:
            reason = 'forward_jump'
        elif image_size is not None and self._image_size not in (None, image_size):
            reason = 'size_change'
        if reason:
            self.counters[reason] += 1
            self.end_all()
        self._image_size = image_size or self._image_size
        if self._stamp_s is None:
            self._filter.stamp_s = stamp_s
        self._stamp_s = stamp_s
        return True

    def _see(self, rows: np.ndarray | slice, measured: Detections) -> None:
        """Correct the tracks `rows` by what was seen of them."""
        used = self._filter.update(rows, measured)
        self._keypoint_score[rows] = used.score
        if self.config.filter == 'one-euro':
            self._smooth(rows, used)
        self._hits[rows] += 1
        self._score[rows] = measured.person_score
        self._seen_s[rows] = self._stamp()
        self._evidence[rows] += measured.person_score
        # How dependably this person is seen: 1 when found in every image.
        missed = self._misses[rows] - 1
        self._presence[rows] *= (1.0 - PRESENCE_GAIN) ** (missed + 1)
        self._presence[rows] += PRESENCE_GAIN
        self._misses[rows] = 0
        self._confirmed |= (
            (self._hits >= self.config.confirm_hits)
            & (self._evidence >= self.config.confirm_evidence)
            & (self._seen_s - self._born_s >= self.config.confirm_s)
        )

    def _smooth(self, rows: np.ndarray | slice, used: Detections) -> None:
        """Run the One Euro filters of the tracks `rows`."""
        config = self.config
        cutoff_hz = config.one_euro_min_cutoff_hz * PRESETS[config.preset][0]
        ids, heights = self._id[rows].tolist(), self._filter.height_px[rows].tolist()
        for track, height_px, xy, valid in zip(ids, heights, used.xy, used.valid):
            one_euro = self._one_euro.setdefault(track, OneEuroFilter())
            one_euro.min_cutoff_hz = cutoff_hz
            one_euro.beta = config.one_euro_beta / height_px
            one_euro.update(self._stamp(), np.where(valid[:, None], xy, np.nan))

    def _begin(
        self, pairs: list[tuple[int, int]], likeness: np.ndarray, detected: Detections
    ) -> None:
        """Start tracks from the strong detections that belong to nobody."""
        if len(pairs) == len(detected.xy):
            return
        config = self.config
        fit = (detected.person_score >= config.new_track_score) & (
            detected.valid.sum(axis=1) >= config.min_keypoints
        )
        fit[[column for _, column in pairs]] = False
        if not fit.any():
            return
        double = likeness[[row for row, _ in pairs]].max(axis=0, initial=0.0)
        double = fit & (double > config.duplicate_oks)
        chosen = np.flatnonzero(fit & ~double)
        chosen = chosen[distinct(detected.select(chosen).keypoints(), config.duplicate_oks)]
        doubles = int(fit.sum()) - len(chosen)
        if doubles:
            self.counters['duplicate_person'] += doubles
        n = len(chosen)
        stamp = np.full(n, self._stamp())
        self._filter.add(detected.select(chosen))
        self._id = np.concatenate([self._id, self._next_id + np.arange(n)])
        self._next_id += n
        self._confirmed = np.concatenate([self._confirmed, np.zeros(n, bool)])
        self._hits = np.concatenate([self._hits, np.ones(n, np.int64)])
        self._evidence = np.concatenate([self._evidence, detected.person_score[chosen]])
        self._presence = np.concatenate([self._presence, np.full(n, PRESENCE_GAIN)])
        self._misses = np.concatenate([self._misses, np.zeros(n, np.int64)])
        self._score = np.concatenate([self._score, detected.person_score[chosen]])
        self._born_s = np.concatenate([self._born_s, stamp])
        self._seen_s = np.concatenate([self._seen_s, stamp])
        self._keypoint_score = np.concatenate([self._keypoint_score, detected.score[chosen]])

    def _end(self, stamp_s: float) -> None:
        """End the tracks that were not seen for too long."""
        unseen_s = stamp_s - self._seen_s
        gone = unseen_s > self.config.lost_after_s
        if not gone.any():
            return
        keep = ~gone | (self._confirmed & (unseen_s <= self.config.max_lost_s))
        if self._image_size is not None:
            # Who has left the image does not come back as who enters it.
            centre = self._filter.centre()
            keep &= ~gone | ((centre >= 0) & (centre < self._image_size)).all(axis=1)
        if keep.all():
            return
        self._filter.keep(keep)
        for gone in self._id[~keep].tolist():
            self._one_euro.pop(gone, None)
        for name in (
            '_id', '_confirmed', '_hits', '_evidence', '_presence', '_misses', '_score', '_born_s',
            '_seen_s', '_keypoint_score',
        ):
            setattr(self, name, getattr(self, name)[keep])

    def _stamp(self) -> float:
        return self._filter.stamp_s

    def _show_smooth(self, x: np.ndarray, observed: np.ndarray) -> np.ndarray:
        """Return x with the positions of observed keypoints replaced by One Euro's."""
        x = x.copy()
        for row, track in enumerate(self._id.tolist()):
            one_euro = self._one_euro.get(track)
            if one_euro is not None and one_euro.value is not None:
                x[row, observed[row], 0] = one_euro.value[observed[row]]
        return x

    def _tracks(self, stamp_s: float | None = None) -> Tracks:
        """Report everybody now, or carried ahead to `stamp_s`."""
        if stamp_s is None:
            stamp_s = self._filter.stamp_s
            x, P = self._filter.x, self._filter.P
            observed = self._keypoint_score > 0
            if self.config.filter == 'one-euro':
                x = self._show_smooth(x, observed)
        else:
            x, P = self._filter.ahead(stamp_s)
            observed = np.zeros_like(self._keypoint_score, bool)
        config, skeletons = self.config, self._filter
        unseen_s = stamp_s - self._seen_s
        state = np.where(self._confirmed, _CONFIRMED, _TENTATIVE)
        # Someone who was in every image and is not in two of them has gone, or the scene has.
        vanished = (self._misses >= 2) & (self._presence >= DEPENDABLE)
        state[self._confirmed & (vanished | (unseen_s > config.lost_after_s))] = _LOST
        there = skeletons.known & (stamp_s - skeletons.seen_s <= config.max_prediction_s)
        keypoint_state = np.where(there, _PREDICTED, _MISSING)
        keypoint_state[observed] = _OBSERVED
        blank = np.where(there, np.float32(1.0), np.float32(np.nan))[..., None, None]
        motion = x[:, :, :2].astype(np.float32) * blank
        covariance = P[:, :, :1, :1].astype(np.float32) * (blank * _EYE)
        tracks = Tracks(
            stamp_s=stamp_s,
            id=self._id.copy(),
            state=state,
            score=self._score.astype(np.float32),
            age_s=stamp_s - self._born_s,
            since_seen_s=unseen_s,
            xy=motion[:, :, 0],
            velocity=motion[:, :, 1],
            covariance=covariance,
            keypoint_state=keypoint_state,
            keypoint_score=np.where(observed, self._keypoint_score, 0.0).astype(np.float32),
        )
        here = unseen_s <= config.max_lost_s
        return tracks if here.all() else tracks.select(here)
