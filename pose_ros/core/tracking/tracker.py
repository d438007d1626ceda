# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
People over time: which detection is of which track, and where keypoints are and go.

A track is TENTATIVE until it was seen often enough, then CONFIRMED; it is LOST when the latest
image does not show it, and ends when that lasts. Time is the images' stamps and nothing else,
there is no randomness: the same input gives the same output, bit for bit.
"""

from __future__ import annotations

from collections import Counter
import math

import numpy as np

from pose_ros.core.config import TrackerConfig
from pose_ros.core.geometry import usable_homography
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.oks import distinct
from pose_ros.core.tracking.association import associate
from pose_ros.core.tracking.detections import Detections, clean
from pose_ros.core.tracking.ego_motion import EgoMotion, carried
from pose_ros.core.tracking.lifecycle import Lifecycle
from pose_ros.core.tracking.one_euro import OneEuroPeople
from pose_ros.core.tracking.reidentification import Reidentification, overlapped
from pose_ros.core.tracking.similarity import oks_similarity
from pose_ros.core.tracking.skeleton_filter import SkeletonFilter
from pose_ros.core.tracking.tracks import KeypointState, Tracks

PRESETS = {
    'responsive': (1.5, 1.0, 1.5),
    'balanced': (0.7, 1.0, 0.0),
    'smooth': (0.4, 1.2, -0.5),
}
"""Preset -> process noise, measurement noise and log_q_floor of the SkeletonFilter."""

MAX_GAP_S = 5.0
"""A longer jump between two stamps ends all tracks: by then a person is anywhere in the image."""

DUPLICATE_OKS = 0.7
"""A detection more similar than this to one in use does not start a track. The estimator's own NMS
has let it through at `nms_oks` (0.6), so that this is for detections of others."""

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
        size_change, bad_keypoint, bad_person, duplicate_person, bad_camera_motion, bad_appearance,
        reidentified.
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self.config = config or TrackerConfig()
        self.counters: Counter[str] = Counter()
        self._next_id = 1
        self._image_size: tuple[int, int] | None = None
        self.end_all()

    def configure(self, config: TrackerConfig) -> None:
        """Take other parameters from now on; the tracks stay."""
        self.config = config
        process, measurement, log_q_floor = PRESETS[config.preset]
        skeletons = self._filter
        skeletons.set_order(3 if config.filter == 'constant-acceleration' else 2)
        skeletons.process_noise = process * config.process_noise
        skeletons.measurement_noise = measurement * config.measurement_noise
        skeletons.log_q_floor = log_q_floor
        skeletons.gate_sigma = config.gate_sigma
        skeletons.resolve_swaps = config.resolve_swaps

    def end_all(self) -> None:
        """End all tracks; ids go on, so that no two people ever share one."""
        self._stamp_s: float | None = None
        self._filter = SkeletonFilter()
        self._life = Lifecycle()
        self._one_euro = OneEuroPeople()
        self._ego = EgoMotion()
        self._known = Reidentification()
        self.configure(self.config)

    def update(
        self,
        stamp_s: float,
        keypoints: Keypoints,
        image_size: tuple[int, int] | None = None,
        camera_motion: np.ndarray | None = None,
    ) -> Tracks:
        """
        Take what was seen in one image.

        Parameters
        ----------
        stamp_s : float
            The image's stamp, seconds. A repeated stamp is dropped; one that goes back (a bag
            that loops) or far ahead ends all tracks first.
        keypoints : Keypoints
            The people found; anything may stand in it.
        image_size : (width, height), optional
            Pixels; another size than before ends all tracks first.
        camera_motion : (3, 3) float, optional
            Homography from pixels of the image of the update before to this one's: how the camera
            moved. None when it is not known; one that can be no camera's is counted and not used.

        Returns
        -------
        Tracks
            All tracks, at `stamp_s`.
        """
        if not self._accept(stamp_s, image_size):
            self._life.detection[:] = -1
            return self._tracks()
        detected = clean(keypoints, self.config.min_keypoint_score, self.counters)
        self._carry(camera_motion, stamp_s - self._filter.stamp_s)
        self._filter.predict(stamp_s)
        similarity = oks_similarity(self._filter, detected)
        life = self._life
        pairs = associate(
            self._filter, detected, similarity, life.confirmed, stamp_s - life.seen_s, self.config,
            self._known.distances(life.id, detected.appearance),
        )
        confirmed = life.id[life.confirmed]
        life.look()
        if pairs:
            rows, columns = (np.array(index) for index in zip(*pairs))
            n = len(pairs)
            # All tracks in the given order: whole arrays are cheaper than picked rows.
            in_order = n == len(detected.xy) and bool((columns == np.arange(n)).all())
            measured = detected if in_order else detected.select(columns)
            all_found = n == len(life.id)
            self._see(slice(None) if all_found else rows, measured, columns)
        self._begin(pairs, similarity, detected)
        if detected.appearance is not None:
            self._recognise(detected, confirmed)
        self._end(stamp_s)
        if len(self._known):
            self._known.forget(stamp_s, self.config.reidentify_s, life.id)
        return self._tracks()

    def waits_for(self, track_id: int) -> bool:
        """Say whether a person may still be found again by what they look like."""
        return self._known.remembers(track_id)

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
        if image_size is not None and min(image_size) <= 0:
            image_size = None  # a message that does not say
        last = self._stamp_s
        if stamp_s == last:
            self.counters['repeated_stamp'] += 1
            return False
        reason = ''
        if last is not None and stamp_s < last:
            reason = 'backward_stamp'
        elif last is not None and stamp_s - last > MAX_GAP_S:
            reason = 'forward_jump'
        elif image_size is not None and self._image_size not in (None, image_size):
            reason = 'size_change'
        if reason:
            self.counters[reason] += 1
            known = self._known
            self.end_all()
            if reason == 'forward_jump':
                self._known = known
        self._image_size = image_size or self._image_size
        if self._stamp_s is None:
            self._filter.stamp_s = stamp_s
        self._stamp_s = stamp_s
        return True

    def _carry(self, camera_motion: np.ndarray | None, dt_s: float) -> None:
        """Carry all states through the camera's motion since the image before."""
        if self._image_size is None or dt_s <= 0:
            return
        known = camera_motion
        if known is not None and not np.array_equal(known, np.eye(3)):
            known = usable_homography(known, self._image_size)
            if known is None:
                self.counters['bad_camera_motion'] += 1
        motion = self._ego.update(known, dt_s, self._image_size)
        if motion is not None:
            sigma_px = self._ego.spread_px_s * dt_s if known is None else 0.0
            self._filter.carry(motion, sigma_px, dt_s)
            self._one_euro.carry(motion)
            self._known.carry(motion)

    def _see(
        self, rows: np.ndarray | slice, measured: Detections, detection: np.ndarray
    ) -> None:
        """Correct the tracks `rows` by what was seen of them, rows `detection` of the people."""
        used = self._filter.update(rows, measured)
        life, stamp_s = self._life, self._filter.stamp_s
        life.see(
            rows, stamp_s, measured.person_score, used.score, detection, self._filter.exchanged,
            self.config,
        )
        if self.config.filter == 'one-euro':
            beta = self.config.one_euro_beta / self._filter.height_px[rows]
            cutoff_hz = self.config.one_euro_min_cutoff_hz * PRESETS[self.config.preset][0]
            xy = np.where(used.valid[..., None], used.xy, np.nan)
            self._one_euro.update(stamp_s, life.id[rows].tolist(), xy, cutoff_hz, beta.tolist())

    def _begin(
        self, pairs: list[tuple[int, int]], similarity: np.ndarray, detected: Detections
    ) -> None:
        """Start tracks from the strong detections that belong to no track."""
        if len(pairs) == len(detected.xy):
            return
        config = self.config
        fit = (detected.person_score >= config.new_track_score) & (
            detected.valid.sum(axis=1) >= config.min_keypoints
        )
        fit[[column for _, column in pairs]] = False
        if not fit.any():
            return
        double = similarity[[row for row, _ in pairs]].max(axis=0, initial=0.0)
        double = fit & (double > DUPLICATE_OKS)
        chosen = np.flatnonzero(fit & ~double)
        chosen = chosen[distinct(detected.select(chosen).keypoints(), DUPLICATE_OKS)]
        doubles = int(fit.sum()) - len(chosen)
        if doubles:
            self.counters['duplicate_person'] += doubles
        new = detected.select(chosen)
        self._filter.add(new)
        self._life.add(self._next_id, self._filter.stamp_s, new.person_score, new.score, chosen)
        self._next_id += len(chosen)

    def _recognise(self, detected: Detections, confirmed: np.ndarray) -> None:
        """
        Learn what people look like; new tracks of people who went missing take their ids.

        The ids `confirmed` (n,) of tracks that were CONFIRMED before this image stay.
        """
        life, skeletons, known = self._life, self._filter, self._known
        seen = life.detection >= 0
        if detected.appearance is None or not seen.any():
            return
        rows, columns = np.flatnonzero(seen), life.detection[seen]
        sure = detected.select(detected.person_score >= self.config.new_track_score)
        known.see(
            life.id[rows], skeletons.stamp_s, life.born_s[rows], life.confirmed[rows],
            np.stack([skeletons.centre(), skeletons.body_velocity()])[:, rows],
            skeletons.height_px[rows], detected.appearance[columns],
            ~overlapped(sure, detected.select(columns)),
        )
        new = seen & ~np.isin(life.id, confirmed)
        for given, old in known.recognise(
            life.id[new], life.id[seen & ~new], skeletons.stamp_s
        ):
            row = int(np.flatnonzero(life.id == given)[0])
            life.born_s[row] = known.rename(given, old)
            # The id of the track that was LOST, if it has not ended yet, is that of the new one.
            stays = life.id != old
            life.id[row] = old
            self._reorder(np.flatnonzero(stays))
            self.counters['reidentified'] += 1
        self._reorder(np.argsort(life.id, kind='stable'))

    def _reorder(self, rows: np.ndarray) -> None:
        """Keep the tracks `rows` (n,), in that order."""
        if not np.array_equal(rows, np.arange(len(self._life.id))):
            self._filter.keep(rows)
            self._life.keep(rows)
            self._one_euro.keep(self._life.id.tolist())

    def _end(self, stamp_s: float) -> None:
        """End the tracks that were not seen for too long."""
        life = self._life
        unseen_s = stamp_s - life.seen_s
        gone = unseen_s > self.config.lost_after_s
        if not gone.any():
            return
        keep = ~gone | (life.confirmed & (unseen_s <= self.config.max_lost_s))
        if self._image_size is not None:
            # A track that left the image does not come back as a person who enters it.
            centre = self._filter.centre()
            keep &= ~gone | ((centre >= 0) & (centre < self._image_size)).all(axis=1)
        if not keep.all():
            self._filter.keep(keep)
            life.keep(keep)
            self._one_euro.keep(life.id.tolist())

    def _tracks(self, stamp_s: float | None = None) -> Tracks:
        """Report all tracks now, or carried ahead to `stamp_s`."""
        config, skeletons, life = self.config, self._filter, self._life
        observed, detection = life.keypoint_score > 0, life.detection.copy()
        if stamp_s is None:
            stamp_s = skeletons.stamp_s
            x, P = skeletons.x, skeletons.P
            if config.filter == 'one-euro':
                x = x.copy()
                x[:, :, 0] = self._one_euro.shown(life.id.tolist(), x[:, :, 0], observed)
        else:
            x, P = skeletons.ahead(stamp_s)
            motion = self._ego.ahead(stamp_s - skeletons.stamp_s)
            if motion is not None:
                x, P, _ = carried(x, P, motion)
                P[..., 0, 0] += (self._ego.spread_px_s * (stamp_s - skeletons.stamp_s)) ** 2
            observed, detection = np.zeros_like(observed), np.full_like(detection, -1)
        unseen_s = stamp_s - life.seen_s
        there = skeletons.known & (stamp_s - skeletons.seen_s <= config.max_prediction_s)
        keypoint_state = np.where(there, _PREDICTED, _MISSING)
        keypoint_state[observed] = _OBSERVED
        blank = np.where(there, np.float32(1.0), np.float32(np.nan))[..., None, None]
        if not self._ego.is_still:
            x = x.copy()
            x[:, :, 1] += self._ego.velocity(x[:, :, 0])
        motion = x[:, :, :2].astype(np.float32) * blank
        covariance = P[:, :, :1, :1].astype(np.float32) * (blank * _EYE)
        tracks = Tracks(
            stamp_s=stamp_s,
            id=life.id.copy(),
            state=life.states(unseen_s, config),
            score=life.score.astype(np.float32),
            age_s=stamp_s - life.born_s,
            since_seen_s=unseen_s,
            xy=motion[:, :, 0],
            velocity=motion[:, :, 1],
            covariance=covariance,
            keypoint_state=keypoint_state,
            keypoint_score=np.where(observed, life.keypoint_score, 0.0).astype(np.float32),
            detection=detection,
            exchanged=life.exchanged & observed,
        )
        here = unseen_s <= config.max_lost_s
        return tracks if here.all() else tracks.select(here)
