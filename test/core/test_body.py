# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How large a person is, from whichever keypoints are seen."""

from __future__ import annotations

import numpy as np
import pytest
from seen_people import person

from pose_ros.core.body import body_height_px


def test_body_height_needs_no_legs():
    xy = person(100)[None]
    everything = np.ones((1, 17), bool)
    upper, seen_xy = everything.copy(), xy.copy()
    upper[:, 11:] = False
    seen_xy[:, 11:] = 0.0
    assert body_height_px(xy, everything) == pytest.approx([200.0])
    assert body_height_px(seen_xy, upper) == pytest.approx([200.0])
    assert np.isnan(body_height_px(0 * xy, np.zeros((1, 17), bool)))
