# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A scene of people for the estimator to follow, seen by a backend made up for it."""

from __future__ import annotations

import numpy as np

from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.core import geometry
from pose_ros.core.backend import StageTimes
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.oks import symmetric_oks

IMAGE = np.full((480, 640, 3), 90, np.uint8)
PERIOD_S = 0.04
START_S = 1.7e9  # stamps are as large as today's
BODY = np.random.default_rng(3).uniform(-1, 1, (17, 2))
BODY[:2] = [[-1, -1], [1, 1]]


def person(x, y, size=100.0):
    """Return 17 keypoints in a square around (x, y)."""
    return BODY * size / 2 + (x, y)


class Stage:
    """
    A backend that sees people, a nearer one (later in the list) before those behind.

    The first pass sees them `coarse_px` away, and ghosts. The second pass sees the person nearest
    to the middle of the crop and not hidden; where none is it gives a weak skeleton, as networks
    do. `calls` names the passes over an image, `looks` has their input sizes and crops besides.
    """

    name, encodings = 'stage', ('bgr8',)
    detector = read_spec(find_model('pose_multipose'))
    refiner = read_spec(find_model('movenet_thunder'))

    def __init__(self, *people, center=0.9, score=0.8, ghosts=(), coarse_px=0.0):
        self.people, self.ghosts, self.times = list(people), list(ghosts), StageTimes()
        self.center, self.score, self.coarse_px = center, score, coarse_px
        self.looks = []

    @property
    def calls(self):
        return [name for name, _ in self.looks]

    def load(self, frame):
        self.looks = []

    def _visible(self):
        middles = [p.mean(0) for p in self.people]
        return [
            p for n, p in enumerate(self.people)
            if all(np.abs(middles[n] - m).max() > 40 for m in middles[n + 1:])
        ]

    def _keypoints(self, people, center, strength=1.0):
        xy = np.asarray(people, np.float32).reshape(-1, 17, 2)
        return Keypoints(
            xy, np.full(xy.shape[:2], self.score * strength, np.float32),
            np.full(len(xy), center * strength, np.float32),
        )

    def detect(self, input_from_image, input_size):
        self.looks.append(('detect', input_size))
        seen = [p + self.coarse_px for p in self._visible()]
        return self._keypoints(seen + self.ghosts, self.center)

    def refine(self, input_from_image):
        self.looks.append(('refine', len(input_from_image)))
        inverse = geometry.invert(input_from_image)
        middles = geometry.apply(inverse, np.full((1, 1, 2), 127.5))[:, 0]
        half = 128 / input_from_image[:, 0, 0]
        found = []
        for middle, reach in zip(middles, half):
            seen = [p for p in self._visible() if np.abs(p.mean(0) - middle).max() < reach]
            seen.sort(key=lambda p: np.abs(p.mean(0) - middle).max())
            found.append(self._keypoints(seen[:1], 0.9) if seen else self._keypoints(
                [person(*middle, 60.0)], 0.9, 0.15))
        return Keypoints.concatenate(found)

    def close(self):
        pass


class Run:
    """Images of one stage, one after the other."""

    def __init__(self, stage, image=IMAGE, **parameters):
        self.stage, self.image = stage, image
        self.estimator = TwoPassEstimator(
            stage, EstimatorConfig(camera_motion='off', **parameters))
        self.number = 0

    def step(self, periods=1, late=False, camera_motion=None):
        """Return whom the next image shows."""
        self.number += periods
        return self.estimator.estimate(
            self.image, START_S + self.number * PERIOD_S, late=late, camera_motion=camera_motion)


def sees(found, *people):
    """Whether exactly these people were found."""
    if len(found) != len(people):
        return False
    alike = symmetric_oks(np.array(people, np.float32), found.xy) > 0.8
    return bool(alike.any(axis=1).all() and alike.any(axis=0).all())
