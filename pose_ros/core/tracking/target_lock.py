# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One person chosen among the tracks, and kept: a target for a controller to follow."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from pose_ros.core.keypoints import boxes_around
from pose_ros.core.tracking.tracks import Tracks, TrackState


class TargetMode(IntEnum):
    """Which person to choose; the values are those of LockTarget.srv."""

    RELEASE = 0
    BY_ID = 1
    NEAREST = 2
    LARGEST = 3


class TargetState(IntEnum):
    """What is known of the target; the values are those of Target.msg."""

    NONE = 0
    SEARCHING = 1
    LOCKED = 2
    LOST = 3
    REACQUIRED = 4


class TargetLock:
    """
    Chooses a person and keeps to this one, even if another comes nearer or is larger.

    Only a CONFIRMED person is chosen. The target stays the target while its track lives and for
    `hold_s` after it was last seen; then, unless it was chosen by id, another one is chosen.

    Attributes
    ----------
    mode : TargetMode
    state : TargetState
    id : int
        0 when there is no target.
    lost_s : float
        Since the target was last seen, seconds.
    """

    def __init__(self) -> None:
        """Begin without a target."""
        self.choose(TargetMode.RELEASE)

    def choose(self, mode: TargetMode, track_id: int = 0) -> None:
        """
        Choose anew, from the next `update` on.

        Raises
        ------
        ValueError
            When mode is BY_ID and the id is no id.
        """
        if mode == TargetMode.BY_ID and track_id < 1:
            raise ValueError('ids are 1, 2, 3, ...: 0 is no id')
        self.mode = TargetMode(mode)
        self.id = track_id if mode == TargetMode.BY_ID else 0
        self.state = TargetState.SEARCHING if mode else TargetState.NONE
        self.lost_s = 0.0
        self._seen_s: float | None = None

    def update(self, tracks: Tracks, image_size: tuple[int, int], hold_s: float) -> None:
        """
        Look for the target among the tracks of one image.

        Parameters
        ----------
        tracks : Tracks
            From Tracker.update.
        image_size : (width, height)
            Pixels.
        hold_s : float
            How long a target that is not seen is waited for.
        """
        if self.mode == TargetMode.RELEASE:
            return
        found = np.flatnonzero((tracks.id == self.id) & (tracks.state == TrackState.CONFIRMED))
        if len(found):
            again = self.state == TargetState.LOST
            self.state = TargetState.REACQUIRED if again else TargetState.LOCKED
            self._seen_s = tracks.stamp_s - float(tracks.since_seen_s[found[0]])
            self.lost_s = 0.0
            return
        if self._seen_s is not None:
            self.lost_s = max(tracks.stamp_s - self._seen_s, 0.0)
            self.state = TargetState.LOST
            living = bool(np.any(tracks.id == self.id))
            # Time that goes back means a new run of the same bag: the target is gone.
            if living or (tracks.stamp_s >= self._seen_s and self.lost_s <= hold_s):
                return
        if self.mode == TargetMode.BY_ID:
            return
        best = _best(tracks, self.mode, image_size)
        if best is None:
            self.state = TargetState.LOST if self.id else TargetState.SEARCHING
            return
        self.id = int(tracks.id[best])
        self.state, self.lost_s = TargetState.LOCKED, 0.0
        self._seen_s = tracks.stamp_s - float(tracks.since_seen_s[best])


def _best(tracks: Tracks, mode: TargetMode, image_size: tuple[int, int]) -> int | None:
    """Return the row of the CONFIRMED person to choose; the lower id of two equal ones."""
    boxes = boxes_around(tracks.xy).astype(np.float64)
    fit = (tracks.state == TrackState.CONFIRMED) & np.isfinite(boxes).all(axis=1)
    if not fit.any():
        return None
    if mode == TargetMode.LARGEST:
        merit = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    else:
        middle = (np.array(image_size) - 1.0) / 2.0
        merit = -np.hypot(*((boxes[:, :2] + boxes[:, 2:]) / 2.0 - middle).T)
    return int(np.argmax(np.where(fit, merit, -np.inf)))
