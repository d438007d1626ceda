# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Late frames on real footage, every one of them late; the shipped networks."""

from __future__ import annotations

from demo_footage import demo_footage
import numpy as np
import pytest

from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.oks import symmetric_oks
from pose_ros.media.sources import open_source


def _sure(people: Keypoints) -> Keypoints:
    """Return the people whom the tracker takes for people."""
    return people.select((people.person_score >= TrackerConfig.new_track_score) & (
        np.isfinite(people.xy).all(axis=2).sum(axis=1) >= TrackerConfig.min_keypoints))


@pytest.mark.slow
def test_followed_people_are_those_whom_the_first_pass_finds(backend) -> None:
    config = EstimatorConfig()
    demo_footage()
    with open_source('demo') as source:
        frames = [(f.time_s, f.image.copy()) for f in source if f.index in range(22, 48, 2)]
    late, looked_for = TwoPassEstimator(backend, config), TwoPassEstimator(backend, config)
    followed, shares = 0, []
    for stamp_s, image in frames:
        found = late.estimate(image, stamp_s, late=True)
        if late.times.detect_s:
            continue
        followed += 1
        wanted = looked_for.estimate(image)
        sure = _sure(wanted)
        if len(sure):
            alike = symmetric_oks(sure.xy, found.xy)
            assert (alike.max(axis=1) > 0.5).all(), stamp_s
            nearest = found.select(alike.argmax(axis=1))
            off = np.nanmedian(np.linalg.norm(nearest.xy - sure.xy, axis=2), axis=1)
            size = np.sqrt(np.ptp(sure.boxes_xyxy().reshape(-1, 2, 2), axis=1).prod(axis=1))
            shares += list(off / size)
        for person in _sure(found).xy:
            assert symmetric_oks(person[None], wanted.xy).max() > 0.5, stamp_s
    print(f'{followed} of {len(frames)} images followed, {len(shares)} people in them; '
          f'keypoints {100 * np.median(shares):.1f} % of the size away')
    assert followed >= 4 and len(shares) >= 4 and np.median(shares) < 0.02
