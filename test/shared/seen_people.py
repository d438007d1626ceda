# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""People as a network sees them, made up, and the tracker fed with them."""

from __future__ import annotations

import numpy as np

from pose_ros.core.body import STANDING
from pose_ros.core.keypoints import Keypoints

RATE_HZ = 25.0


def person(u, v=50.0, height=200.0):
    """Return an upright skeleton (17, 2) whose middle stands at column u."""
    return STANDING * height + [u, v]


def seen(*people, score=0.8, keypoint_score=0.96, noise_px=0.0, seed=0):
    """Return Keypoints of upright people."""
    xy = np.array(people, np.float32).reshape(-1, 17, 2)
    xy = xy + np.random.default_rng(seed).normal(0, noise_px + 1e-9, xy.shape)
    n = len(xy)
    return Keypoints(
        xy.astype(np.float32),
        np.full((n, 17), keypoint_score, np.float32),
        np.full(n, score, np.float32),
    )


def feed(tracker, frames, start=0):
    """Update with a list of Keypoints at RATE_HZ; return the outputs."""
    return [
        tracker.update((start + i) / RATE_HZ, frame, (640, 480)) for i, frame in enumerate(frames)
    ]
