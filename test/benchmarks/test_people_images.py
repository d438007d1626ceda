# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The images that are timed hold as many people as they say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.people_images import FRAMES, people_images
from pose_ros.media.sources import SourceError


@pytest.mark.parametrize('people, size', [(1, (640, 480)), (5, (640, 480)), (1, (1920, 1080))])
def test_they_hold_as_many_people_as_they_say(people: int, size: tuple[int, int]) -> None:
    pytest.importorskip('onnxruntime')
    from pose_ros.backends import load_backend
    from pose_ros.core.config import EstimatorConfig
    from pose_ros.core.estimator.two_pass import TwoPassEstimator

    try:
        images = people_images(people, size)
    except SourceError as error:
        pytest.skip(str(error))
    assert len(images) == FRAMES
    image = images[5]
    assert image.shape == (size[1], size[0], 3) and image.dtype == np.uint8
    config = EstimatorConfig()
    assert len(TwoPassEstimator(load_backend(config), config).estimate(image, 1.0)) == people
