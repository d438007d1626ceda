# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Lifted joints find the tracks they belong to, through what the tracker does with them."""

import numpy as np

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints
from pose_ros.core.config import TrackerConfig
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.joints3d import Joints3D
from pose_ros.core.skeleton import FLIP_INDEX, LEFT_WRIST
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import PositionSource


def seen(shifts: list[float], order: list[int]) -> tuple[Keypoints, Joints3D]:
    place = np.stack([joints(Figure(x)) for x in shifts])[order]
    xy = (place[..., :2] / place[..., 2:] * 525 + [320, 240]).astype(np.float32)
    n = len(place)
    covariance = np.broadcast_to(np.eye(3) * 1e-4, (n, 17, 3, 3)).copy()
    measured = Joints3D(place, covariance, np.full((n, 17), PositionSource.DEPTH, np.int8))
    return Keypoints(xy, np.ones((n, 17), np.float32), np.ones(n, np.float32)), measured


def test_each_track_gets_its_own_joints_whatever_the_order():
    tracker = Tracker(TrackerConfig())
    for i, order in enumerate([[0, 1], [1, 0], [0, 1], [1, 0]]):
        keypoints, measured = seen([-0.5, 0.5], order)
        tracks = tracker.update(i / 30, keypoints)
        position, covariance, source = measured.of(tracks)
        assert np.abs(position[0] - joints(Figure(-0.5))).max() < 1e-6
        assert np.abs(position[1] - joints(Figure(0.5))).max() < 1e-6
        assert (covariance[..., 0, 0] == 1e-4).all()
        assert (source == PositionSource.DEPTH).all()


def test_exchanged_sides_are_exchanged_in_3d_as_well():
    tracker = Tracker(TrackerConfig())
    for i in range(10):
        keypoints, measured = seen([0.0], [0])
        if i == 9:
            keypoints = Keypoints(keypoints.xy[:, FLIP_INDEX], keypoints.score,
                                  keypoints.person_score)
            measured = measured._replace(position=measured.position[:, FLIP_INDEX])
        tracks = tracker.update(i / 30, keypoints)
    position, *_ = measured.of(tracks)
    found = np.isfinite(position[0, :, 0])
    assert found[LEFT_WRIST]
    assert np.abs(position[0, found] - joints(Figure())[found]).max() < 1e-6


def test_what_was_not_observed_has_no_joint():
    tracker = Tracker(TrackerConfig())
    keypoints, measured = seen([0.0], [0])
    for i in range(5):
        tracks = tracker.update(i / 30, keypoints)
    keypoints.xy[0, LEFT_WRIST], keypoints.score[0, LEFT_WRIST] = np.nan, 0.0
    tracks = tracker.update(0.2, keypoints)
    position, covariance, source = measured.of(tracks)
    assert source[0, LEFT_WRIST] == PositionSource.NONE
    assert np.isnan(position[0, LEFT_WRIST]).all() and np.isnan(covariance[0, LEFT_WRIST]).all()
    assert np.isfinite(position[0, 0]).all()
    nobody = tracker.update(0.23, Keypoints.empty())
    position, *_ = measured.of(nobody)
    assert position.shape == (1, 17, 3) and np.isnan(position).all()


def test_tracks_know_their_detection():
    tracker = Tracker(TrackerConfig())
    keypoints, measured = seen([-0.5, 0.0, 0.5], [2, 0, 1])
    assert tracker.update(0.0, keypoints).detection.tolist() == [0, 1, 2]
    keypoints, measured = seen([-0.5, 0.0, 0.5], [0, 2])
    tracks = tracker.update(0.03, keypoints)
    assert tracks.detection.tolist() == [1, 0, -1]
    position, *_ = measured.of(tracks)
    assert np.isnan(position[2]).all()
    np.testing.assert_array_equal(position[:2], measured.position[[1, 0]])
    # Whom a repeated stamp, or a moment without an image, shows is not looked at.
    for later in (tracker.update(0.03, keypoints.select(slice(1))), tracker.predict(0.05)):
        assert (later.detection == -1).all() and not later.exchanged.any()
        assert np.isnan(Joints3D.unknown(0).of(later).position).all()
