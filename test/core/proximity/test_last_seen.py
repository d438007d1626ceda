# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who is not known in 3-D any more is where he was, less and less surely."""

import numpy as np
import pytest

from pose_ros.core.proximity.last_seen import KEPT_S, LastSeenTracks

COVARIANCE = np.broadcast_to(np.eye(3) * 1e-4, (1, 17, 3, 3))
HERE, GONE = np.ones((1, 17, 3)), np.full((1, 17, 3), np.nan)
ONE = np.array([7])


def test_sightings_age():
    kept = LastSeenTracks()
    now = kept.update(10.0, 0.0, ONE, HERE, HERE, COVARIANCE)
    assert now.sigma_m == 0.0 and (now.velocity == HERE).all()
    later = kept.update(10.5, 0.0, ONE, GONE, GONE, GONE[..., None] * np.ones(3))
    assert (later.position == HERE).all() and (later.velocity == 0).all()
    assert (later.covariance == COVARIANCE).all()
    assert later.sigma_m[0] * 1.645 == pytest.approx(0.8, abs=1e-3)
    # The same image, looked at later.
    assert kept.update(10.5, 0.5, ONE, GONE, GONE, GONE[..., None] * np.ones(3)).sigma_m == (
        pytest.approx(2 * later.sigma_m))
    again = kept.update(11.0, 0.0, ONE, HERE, HERE, COVARIANCE)
    assert again.sigma_m == 0.0


def test_the_old_the_unknown_and_the_past_are_forgotten():
    nothing = GONE[..., None] * np.ones(3)
    kept = LastSeenTracks()
    kept.update(10.0, 0.0, ONE, HERE, HERE, COVARIANCE)
    assert np.isnan(kept.update(11 + KEPT_S, 0.0, ONE, GONE, GONE, nothing).position).all()
    kept.update(50.0, 0.0, ONE, HERE, HERE, COVARIANCE)
    kept.update(50.1, 0.0, np.array([8]), HERE, HERE, COVARIANCE)  # 7 has ended
    assert np.isnan(kept.update(50.2, 0.0, ONE, GONE, GONE, nothing).position).all()
    kept.update(60.0, 0.0, ONE, HERE, HERE, COVARIANCE)
    assert np.isnan(kept.update(1.0, 0.0, ONE, GONE, GONE, nothing).position).all()  # a bag loops
