# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How large a person is in the image, from whichever keypoints are seen."""

from __future__ import annotations

import numpy as np

STANDING: np.ndarray = np.array(
    [
        [0.000, 0.080],
        [0.018, 0.065],
        [-0.018, 0.065],
        [0.042, 0.072],
        [-0.042, 0.072],
        [0.110, 0.180],
        [-0.110, 0.180],
        [0.130, 0.360],
        [-0.130, 0.360],
        [0.140, 0.510],
        [-0.140, 0.510],
        [0.065, 0.520],
        [-0.065, 0.520],
        [0.070, 0.740],
        [-0.070, 0.740],
        [0.070, 0.950],
        [-0.070, 0.950],
    ]
)
"""(17, 2) float64: keypoints of an upright person who faces the camera, in body heights, v down.

Segment lengths after Drillis and Contini (1966), as in Winter, Biomechanics and Motor Control of
Human Movement, figure 4.1.
"""
STANDING.setflags(write=False)

OKS_SCALE = 0.45
"""sqrt(area) of OKS over the body height: an upright person's segment is near 0.2 height^2."""


def body_height_px(xy: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """
    Estimate the height that each person would have upright, in pixels.

    It is the spread (root mean square distance from the centroid) of the keypoints that are seen
    over the spread of the same keypoints of STANDING, so that hidden legs do not shrink a person
    as they shrink the box.

    Parameters
    ----------
    xy : (N, 17, 2) float64
        Pixels; 0 where not valid.
    valid : (N, 17) bool

    Returns
    -------
    (N,) float64
        Pixels; NaN with fewer than two keypoints, or all in one place.
    """
    moments = (valid.astype(np.float64) @ _MOMENTS).T
    count = np.maximum(moments[0], 1.0)
    # The variance about the mean is the mean square less the square of the mean.
    reference = moments[3] / count - (moments[1] ** 2 + moments[2] ** 2) / count**2
    total = xy.sum(axis=1)
    square = np.einsum('nkd,nkd->n', xy, xy)
    spread = square / count - np.einsum('nd,nd->n', total, total) / count**2
    known = (count >= 2) & (spread > 1e-6)
    return np.sqrt(np.where(known, spread, np.nan) / np.maximum(reference, 1e-6))


_MOMENTS = np.stack(
    [np.ones(len(STANDING)), STANDING[:, 0], STANDING[:, 1], (STANDING**2).sum(axis=1)], axis=1
)
