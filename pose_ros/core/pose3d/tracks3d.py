# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The joints of tracked people in 3-D at one moment: what the tracker gives out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_ros.core.tracking.tracks import KeypointState, PositionSource, Tracks

_NONE, _DEPTH = np.int8(PositionSource.NONE), np.int8(PositionSource.DEPTH)


@dataclass(frozen=True, eq=False)
class Tracks3D:
    """
    The joints of N tracked people, in the order of the tracks given.

    Attributes
    ----------
    stamp_s : float
        Seconds.
    id : (N,) int64
        Of the tracks.
    position, velocity : (N, 17, 3) float64
        Optical frame, m and m/s; NaN where not known in 3-D. Whether velocities are relative to
        the camera or to a fixed frame, `Tracker3D.update` says.
    covariance : (N, 17, 3, 3) float64
        Of the position, m^2, what is uncertain about the joint's depth below the skin included.
    source : (N, 17) int8
        PositionSource; NONE where not known in 3-D.
    """

    stamp_s: float
    id: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    covariance: np.ndarray
    source: np.ndarray

    @property
    def measured(self) -> np.ndarray:
        """Whether depth of this very image was used, (N, 17) bool."""
        return np.asarray(self.source == _DEPTH)

    def of(self, tracks: Tracks) -> Tracks3D:
        """Return these joints for `tracks`, in their order; NaN for others and where MISSING."""
        at = {track: row for row, track in enumerate(self.id.tolist())}
        rows = np.array([at.get(track, -1) for track in tracks.id.tolist()], np.intp)
        missing = tracks.keypoint_state == int(KeypointState.MISSING)

        def of_tracks(values: np.ndarray, blank: float) -> np.ndarray:
            # A last row for those at -1.
            nothing = np.full((1, *values.shape[1:]), blank, values.dtype)
            found = np.concatenate([values, nothing])[rows]
            found[missing] = blank
            return found

        return Tracks3D(
            self.stamp_s, tracks.id, of_tracks(self.position, np.nan),
            of_tracks(self.velocity, np.nan), of_tracks(self.covariance, np.nan),
            of_tracks(self.source, _NONE),
        )
