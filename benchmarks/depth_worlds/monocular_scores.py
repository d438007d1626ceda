# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What 3-D by an assumed stature are worth: people of all sizes, builds and postures."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints, random_figure
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.depth_lifting import LATERAL_M
from pose_ros.core.pose3d.monocular import lift_monocular
from pose_ros.core.tracking.tracks import PositionSource

MEAN_M, SIGMA_M = 1.7, 0.1
"""Stature of the people, and what is assumed of it."""

BUILD_SIGMA = 0.05
"""How far arms, legs, trunk and breadth are from their usual share of the stature."""

DISTANCES_M: dict[str, tuple[float, float]] = {
    'standing': (1.8, 5.0),
    'sitting': (1.8, 5.0),
    'close': (0.8, 1.6),
    'far': (5.0, 9.0),
    'tilted': (1.8, 5.0),
}
"""Kinds of people, all turned anyhow: close ones are cut off, tilted are seen from the ceiling."""

TILT_RAD = np.radians(35.0)


def random_person(rng: np.random.Generator, kind: str) -> tuple[Figure, np.ndarray]:
    """Return a person, and the joints (17, 3) in 3-D."""
    z_m = rng.uniform(*DISTANCES_M[kind])
    figure = random_figure(rng, rng.uniform(-0.3, 0.3) * z_m, z_m, np.pi)
    figure.height_m = rng.normal(MEAN_M, SIGMA_M)
    arms, legs, trunk, breadth = rng.normal(1.0, BUILD_SIGMA, 4).tolist()
    figure.build = arms, legs, trunk, breadth
    figure.sitting = kind == 'sitting'
    truth = joints(figure)
    if kind == 'tilted':
        c, s = np.cos(TILT_RAD), np.sin(TILT_RAD)
        turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        middle = truth.mean(axis=0)
        truth = (truth - middle) @ turn.T + [middle[0], 0.0, z_m]
    return figure, truth


def see(truth: np.ndarray, camera: CameraModel, rng: np.random.Generator) -> Keypoints:
    """Return what a network sees of joints (17, 3): its usual noise, nothing outside the image."""
    noisy = truth.copy()
    noisy[:, :2] += rng.normal(0, 1, (17, 2)) * LATERAL_M[:, None]
    xy = camera.project(noisy).astype(np.float32)
    width, height = camera.image_size
    inside = ((xy >= 0) & (xy <= [width - 1, height - 1])).all(axis=1)
    xy[~inside] = np.nan
    return Keypoints(xy[None], inside[None].astype(np.float32), np.ones(1, np.float32))


def errors(
    kind: str, people: int, camera: CameraModel, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Guess where people are.

    Returns
    -------
    sigmas, squares : (K,) float64
        Of each joint: the error of depth over the sigma stated, and the normalised error squared.
    relative : (P,) float64
        Of each person: the median error of depth over the depth.
    """
    rng = np.random.default_rng(seed)
    sigmas: list[float] = []
    squares: list[float] = []
    relative: list[float] = []
    for _ in range(people):
        _, truth = random_person(rng, kind)
        found = lift_monocular(camera, see(truth, camera, rng), MEAN_M, SIGMA_M)
        there = found.source[0] == PositionSource.MONOCULAR
        if not there.any():
            continue
        error = found.position[0, there] - truth[there]
        P = found.covariance[0, there]
        sigmas += (error[:, 2] / np.sqrt(P[:, 2, 2])).tolist()
        squares += np.einsum('ki,kij,kj->k', error, np.linalg.inv(P), error).tolist()
        relative.append(float(np.median(error[:, 2] / truth[there, 2])))
    return np.array(sigmas), np.array(squares), np.array(relative)


def measure(people: int, camera: CameraModel) -> dict[str, Any]:
    """Measure `people` of each kind."""
    report: dict[str, Any] = {}
    for kind in tqdm(DISTANCES_M, unit='kind', desc='by stature', file=sys.stderr):
        sigmas, _, relative = errors(kind, people, camera)
        report[kind] = {
            'people': len(relative),
            'inside_95': round(float(np.mean(np.abs(sigmas) < 1.96)), 4),
            'median_error': round(float(np.median(np.abs(relative))), 4),
            'bias': round(float(relative.mean()), 4),
        }
    return report


def lines(report: dict[str, Any]) -> list[str]:
    """Return the report as text."""
    return [
        f'without depth, by an assumed stature of {MEAN_M:g} +- {SIGMA_M:g} m',
        f'{"people":10s} {"error of depth":>14s} {"bias":>7s} {"in 95 %":>8s}',
        *(
            f'{kind:10s} {r["median_error"]:14.1%} {r["bias"]:+7.1%} {r["inside_95"]:8.1%}'
            for kind, r in report.items()
        ),
    ]
