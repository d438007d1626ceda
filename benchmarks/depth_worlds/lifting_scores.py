# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What lifting, and guessing by a stature, are worth in the synthetic world of known joints."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.depth_worlds import monocular_scores
from benchmarks.depth_worlds.depth_pictures import depth_picture
from benchmarks.depth_worlds.synthetic_rgbd import Scene, observe, random_figure, render
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.pose3d.depth_lifting import DepthReason, Lifted, lift
from pose_ros.core.pose3d.depth_noise import DepthNoise

DISTANCE_M = 2.0
K = (525.0, 0.0, 320.0, 0.0, 525.0, 240.0, 0.0, 0.0, 1.0)
SENSORS = {
    'structured-light': DepthNoise.structured_light(),
    'time-of-flight': DepthNoise.time_of_flight(),
    'stereo': DepthNoise.stereo(640.0, 0.05),
}
NEAR_WALL_M, ON_WALL_M = 0.25, 0.08
"""A joint's skin is on the wall when it is as near to it, and the true joint is not near it."""

_CHI2_95_OF_3 = 7.815


def measure(people: int, pictures: list[np.ndarray] | None = None) -> dict[str, Any]:
    """
    Measure on people at 2 m before walls 0.35 to 1.5 m behind them.

    Parameters
    ----------
    people : int
        For each sensor.
    pictures : list, optional
        Pictures of the first of each sensor are appended to it.
    """
    camera = CameraModel.from_camera_info(640, 480, '', (), K)
    assert camera is not None
    report: dict[str, Any] = {}
    bar = tqdm(total=people * len(SENSORS), unit='person', desc='synthetic', file=sys.stderr)
    for number, (name, noise) in enumerate(SENSORS.items()):
        rng = np.random.default_rng(100 + number)
        errors: list[float] = []
        inside: list[bool] = []
        on_wall = lifted_visible = visible = 0
        for i in range(people):
            figure = random_figure(rng, rng.uniform(-0.2, 0.2), DISTANCE_M)
            scene = render(
                [figure], camera, rng, DISTANCE_M + rng.uniform(0.35, 1.5), noise,
                wall_slope=rng.uniform(-0.3, 0.3),
            )
            keypoints = observe(scene, camera, rng)
            lifted = lift(scene.depth, camera, keypoints, noise)
            there = (lifted.reason == DepthReason.LIFTED) & scene.visible
            error = (lifted.position - scene.joints)[there]
            errors += np.linalg.norm(error, axis=1).tolist()
            squared = np.einsum(
                'ki,kij,kj->k', error, np.linalg.inv(lifted.covariance[there]), error
            )
            inside += (squared < _CHI2_95_OF_3).tolist()
            on_wall += _on_wall(scene, lifted, keypoints.xy)
            visible += int(scene.visible.sum())
            lifted_visible += int(there.sum())
            if pictures is not None and i < 2:
                pictures.append(
                    depth_picture(
                        scene.depth, camera, lifted.position, keypoints.xy, scene.joints
                    )
                )
            bar.update()
        own = float(noise.sigma_m(np.array(DISTANCE_M)))
        report[name] = {
            'joints': len(errors),
            'mean_error_m': round(float(np.mean(errors)), 4),
            'allowed_m': round(0.03 + own, 4),
            'sensor_sigma_m': round(own, 4),
            'lifted_of_visible': round(lifted_visible / visible, 4),
            'inside_95': round(float(np.mean(inside)), 4),
            'on_wall': on_wall,
        }
    bar.close()
    return {
        'people': people, 'sensors': report, 'by_stature': monocular_scores.measure(people, camera)
    }


def _on_wall(scene: Scene, lifted: Lifted, xy: np.ndarray) -> int:
    """Count the joints whose skin was taken to be the wall, hidden joints included."""
    there = lifted.reason == DepthReason.LIFTED
    u, v = np.rint(xy[there]).astype(int).T
    wall_m = scene.wall_m[v, u]
    clear = scene.joints[there][:, 2] < wall_m - NEAR_WALL_M
    return int((clear & (np.abs(lifted.surface_m[there] - wall_m) < ON_WALL_M)).sum())


def lines(report: dict[str, Any]) -> list[str]:
    """Return the report as text."""
    found = [
        f'synthetic people at {DISTANCE_M:g} m, {report["people"]} for each sensor',
        f'{"sensor":18s} {"mean error":>10s} {"allowed":>9s} {"lifted":>7s} {"in 95 %":>8s} '
        f'{"on the wall":>11s}',
    ]
    found += [
        f'{name:18s} {1e3 * r["mean_error_m"]:7.1f} mm {1e3 * r["allowed_m"]:6.1f} mm '
        f'{r["lifted_of_visible"]:7.1%} {r["inside_95"]:8.1%} {r["on_wall"]:5d} of {r["joints"]}'
        for name, r in report['sensors'].items()
    ]
    return found + monocular_scores.lines(report['by_stature'])
