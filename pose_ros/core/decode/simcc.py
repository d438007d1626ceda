# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Two vectors per joint, one per axis -> keypoints (SimCC; RTMPose).

Li et al., SimCC: a Simple Coordinate Classification Perspective for Human Pose Estimation, ECCV
2022: each axis of the input is divided into bins, `simcc_split` of them per pixel, and the highest
bin is the coordinate. The score is the lower of the two heights, as in RTMPose (Jiang et al.,
arXiv 2303.07399).
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.joint_names import in_our_order
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.model_spec import ModelSpec


def decode_simcc(simcc_x: np.ndarray, simcc_y: np.ndarray, spec: ModelSpec) -> Keypoints:
    """
    Read one person per crop.

    Parameters
    ----------
    simcc_x : (B, K, width * split) float32
        Heights of the bins along x.
    simcc_y : (B, K, height * split) float32
        Along y.
    spec : ModelSpec
        Split ratio, offset, scale of the score and the names of the K joints.

    Returns
    -------
    Keypoints
        B people in input pixels; the person score is the mean of the keypoint scores.
    """
    xy = np.stack([simcc_x.argmax(axis=2), simcc_y.argmax(axis=2)], axis=-1)
    xy = xy.astype(np.float32) / np.float32(spec.simcc_split) + np.float32(spec.offset_px)
    height = np.minimum(simcc_x.max(axis=2), simcc_y.max(axis=2))
    score = np.clip(height * np.float32(spec.score_scale), 0.0, 1.0)
    return in_our_order(spec.keypoints, xy, score, score.mean(axis=1))
