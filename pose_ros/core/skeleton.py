# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The 17 keypoints of a person: the only place where their order exists.

Order, edges and sigmas are those of the COCO keypoint task (Lin et al., ECCV 2014;
cocodataset.org/#keypoints-eval).
"""

from __future__ import annotations

import numpy as np

KEYPOINT_NAMES: tuple[str, ...] = (
    'nose',
    'left_eye',
    'right_eye',
    'left_ear',
    'right_ear',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hip',
    'right_hip',
    'left_knee',
    'right_knee',
    'left_ankle',
    'right_ankle',
)
NUM_KEYPOINTS = len(KEYPOINT_NAMES)

(
    NOSE,
    LEFT_EYE,
    RIGHT_EYE,
    LEFT_EAR,
    RIGHT_EAR,
    LEFT_SHOULDER,
    RIGHT_SHOULDER,
    LEFT_ELBOW,
    RIGHT_ELBOW,
    LEFT_WRIST,
    RIGHT_WRIST,
    LEFT_HIP,
    RIGHT_HIP,
    LEFT_KNEE,
    RIGHT_KNEE,
    LEFT_ANKLE,
    RIGHT_ANKLE,
) = range(NUM_KEYPOINTS)

EDGES: tuple[tuple[int, int], ...] = (
    (NOSE, LEFT_EYE),
    (NOSE, RIGHT_EYE),
    (LEFT_EYE, LEFT_EAR),
    (RIGHT_EYE, RIGHT_EAR),
    (LEFT_SHOULDER, RIGHT_SHOULDER),
    (LEFT_SHOULDER, LEFT_ELBOW),
    (LEFT_ELBOW, LEFT_WRIST),
    (RIGHT_SHOULDER, RIGHT_ELBOW),
    (RIGHT_ELBOW, RIGHT_WRIST),
    (LEFT_SHOULDER, LEFT_HIP),
    (RIGHT_SHOULDER, RIGHT_HIP),
    (LEFT_HIP, RIGHT_HIP),
    (LEFT_HIP, LEFT_KNEE),
    (LEFT_KNEE, LEFT_ANKLE),
    (RIGHT_HIP, RIGHT_KNEE),
    (RIGHT_KNEE, RIGHT_ANKLE),
)
"""Bones to draw, as pairs of keypoint indices."""

FLIP_PAIRS: tuple[tuple[int, int], ...] = tuple(
    (i, KEYPOINT_NAMES.index(name.replace('left_', 'right_')))
    for i, name in enumerate(KEYPOINT_NAMES)
    if name.startswith('left_')
)
"""Pairs (left, right) that change places in a mirrored image."""

FLIP_INDEX: np.ndarray = np.arange(NUM_KEYPOINTS)
"""(17,) int: keypoints[FLIP_INDEX] are the keypoints of the mirrored person."""
for _left, _right in FLIP_PAIRS:
    FLIP_INDEX[[_left, _right]] = _right, _left
FLIP_INDEX.setflags(write=False)

OKS_SIGMAS: np.ndarray = np.array(
    [0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062]
    + [0.107, 0.107, 0.087, 0.087, 0.089, 0.089]
)
"""(17,) float64: per-keypoint constants of OKS, COCO's cocoeval.py (`kpt_oks_sigmas`)."""
OKS_SIGMAS.setflags(write=False)
