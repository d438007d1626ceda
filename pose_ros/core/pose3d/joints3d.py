# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Joints of one image in 3-D, wherever they come from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pose_ros.core.skeleton import FLIP_INDEX, NUM_KEYPOINTS
from pose_ros.core.tracking.tracks import KeypointState, PositionSource, Tracks


def along_rays(variance: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Return covariances (..., 3, 3) of a variance (...) along lines (..., 3), and none across."""
    return np.asarray(variance[..., None, None] * lines[..., :, None] * lines[..., None, :])


class Joints3D(NamedTuple):
    """
    The joints of N people, measured once.

    Attributes
    ----------
    position : (N, 17, 3) float64
        Optical frame, metres; NaN where unknown.
    covariance : (N, 17, 3, 3) float64
        m^2; NaN where unknown.
    source : (N, 17) int8
        PositionSource; NONE where unknown.
    """

    position: np.ndarray
    covariance: np.ndarray
    source: np.ndarray

    @classmethod
    def unknown(cls, n: int) -> Joints3D:
        """Return N people without a known joint."""
        k = NUM_KEYPOINTS
        return cls(
            np.full((n, k, 3), np.nan),
            np.full((n, k, 3, 3), np.nan),
            np.full((n, k), PositionSource.NONE, np.int8),
        )

    def of(self, tracks: Tracks) -> Joints3D:
        """
        Bring the joints of detections into the order of the tracks just updated with them.

        Parameters
        ----------
        tracks : Tracks
            M people, as `Tracker.update` returned them for the detections of these joints.

        Returns
        -------
        Joints3D
            Of the M people, sides as in the tracks; unknown where a keypoint was not observed.
        """
        found = Joints3D.unknown(len(tracks))
        track, keypoint = np.nonzero(
            (tracks.keypoint_state == int(KeypointState.OBSERVED))
            & (tracks.detection >= 0)[:, None])
        exchanged = tracks.exchanged[track, keypoint]
        source = np.where(exchanged, FLIP_INDEX[keypoint], keypoint)
        for own, measured in zip(found, self):
            own[track, keypoint] = measured[tracks.detection[track], source]
        return found
