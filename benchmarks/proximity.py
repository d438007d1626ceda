# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`python -m benchmarks.proximity`: distances to zones against the truth of a synthetic RGB-D world.

People made of capsules walk up to zones, past them, reach for them, disappear behind a pillar and
cross each other; a depth camera sees them with its noise, and everything from lifting to filter
runs as in the nodes. The truth is the distance of the capsules themselves.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
import sys
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.depth_worlds.synthetic_rgbd import Figure, Scene, capsules, joints, observe, render
from pose_ros.cli.report import add_json_argument, finish, machine
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.config import TrackerConfig
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.depth_lifting import lift
from pose_ros.core.pose3d.depth_noise import DepthNoise
from pose_ros.core.pose3d.tracker3d import Tracker3D
from pose_ros.core.proximity.distance import proximity
from pose_ros.core.proximity.last_seen import LastSeenTracks
from pose_ros.core.proximity.zones import Zone, make_zone
from pose_ros.core.tracking.tracker import Tracker

HELP = 'measure distances to zones against a synthetic RGB-D world'
DESCRIPTION = (
    'Prints for each scene in how many frames the true distance is above the stated bound, and '
    'how far above (the margin): a bound that always holds because it is far too low is of no use.'
)
EPILOG = (
    'examples:\n  python -m benchmarks.proximity\n'
    '  python -m benchmarks.proximity --seeds 8 --confidence 0.99 --json proximity.json'
)
RATE_HZ = 15.0
SIZE = (320, 240)
PILLAR_PX = (140, 178)
"""First and last column of the pillar, which stands at half the people's distance."""

ZONES: dict[str, Callable[[float], Zone]] = {
    'camera': lambda z_m: make_zone('sphere', (0, 0, 0, 0.3)),
    'box': lambda z_m: make_zone('box', (-0.7, 0.5, z_m - 0.9, 0.5, 0.8, 0.5)),
    'arm': lambda z_m: make_zone(
        'capsule', (0.6, 1.0, z_m - 0.7, 0.5, 0.0, z_m - 0.9, 0.08)),
    'fence': lambda z_m: make_zone('planes', (0, 0, 1, z_m - 1.6)),
}
"""Name of each zone, made for people who stand at a distance."""


@dataclass
class Play:
    """A scene: `figures(t_s, z_m, u)` are the people at a moment; `u` in [0, 1) vary it."""

    figures: Callable[[float, float, np.ndarray], list[Figure]]
    pillar: bool = False


def _person(u: np.ndarray, x_m: float, z_m: float, yaw: float = 0.0, **more: Any) -> Figure:
    bend = 0.3 * (u[6:18].reshape(4, 3) - 0.5)
    more.setdefault('bend', bend)
    return Figure(x_m, z_m, yaw + u[0] - 0.5, 1.58 + 0.32 * u[1], 0.87 + 0.26 * u[2], **more)


def _towards(t_s: float, z_m: float, u: np.ndarray) -> list[Figure]:
    x_m, swing = 0.6 * (u[3] - 0.5), 0.3 * float(np.sin(6 * t_s + 6 * u[4]))
    return [_person(u, x_m, z_m - (0.3 + 0.2 * u[5]) * t_s, swing=swing)]


def _past(t_s: float, z_m: float, u: np.ndarray) -> list[Figure]:
    swing = 0.3 * float(np.sin(6 * t_s + 6 * u[4]))
    return [_person(u, -0.9 + (0.5 + 0.3 * u[5]) * t_s, z_m, 1.0, swing=swing)]


def _reach(t_s: float, z_m: float, u: np.ndarray) -> list[Figure]:
    share = 0.5 - 0.5 * float(np.cos(np.pi * min(max(t_s - 0.6 - 0.4 * u[4], 0.0) / 1.0, 1.0)))
    bend = 0.2 * (u[6:18].reshape(4, 3) - 0.5)
    # From hanging to stretched out towards the camera.
    bend[2:] += share * np.array([[0.0, 0.8, 0.9], [0.0, 1.0, 0.8]])
    return [_person(u, 0.4 * (u[3] - 0.5), z_m, bend=bend)]


def _two(t_s: float, z_m: float, u: np.ndarray) -> list[Figure]:
    other = np.roll(u, 7)
    return [
        _person(u, -0.3 + 0.3 * t_s, z_m, swing=0.3 * float(np.sin(6 * t_s))),
        _person(other, 0.9 - 0.5 * t_s, z_m + 0.7, swing=0.3 * float(np.cos(6 * t_s))),
    ]


PLAYS: dict[str, Play] = {
    'towards': Play(_towards),
    'past': Play(_past),
    'reach': Play(_reach),
    'pillar': Play(_past, pillar=True),
    'two': Play(_two),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument('--seeds', type=int, default=3, metavar='N',
                        help='people and noise of each scene; default: %(default)s')
    parser.add_argument('--seconds', type=float, default=3.0, metavar='S',
                        help='length of a scene; default: %(default)s')
    parser.add_argument('--confidence', type=float, default=0.95, metavar='P',
                        help='of the bound; default: %(default)s')
    parser.add_argument('--scenes', nargs='+', choices=sorted(PLAYS), default=list(PLAYS),
                        help='default: all')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    if not 0.5 <= args.confidence < 1.0 or args.seeds < 1 or args.seconds <= 0.5:
        raise ArgumentError('--confidence in [0.5, 1), --seeds from 1, --seconds above 0.5')
    jobs = [(name, z_m, seed) for name in args.scenes for z_m in (2.0, 4.0)
            for seed in range(args.seeds)]
    rows: dict[str, list[np.ndarray]] = {}
    for name, z_m, seed in tqdm(jobs, unit='scene', file=sys.stderr):
        found = watch(PLAYS[name], z_m, seed, args.seconds, args.confidence)
        rows.setdefault(f'{name} {z_m:.0f} m', []).append(found)
    scenes = {name: summary(np.concatenate(parts)) for name, parts in rows.items()}
    scenes['all'] = summary(np.concatenate([row for parts in rows.values() for row in parts]))
    _print(scenes, args.confidence)
    finish({'confidence': args.confidence, 'scenes': scenes, 'machine': machine()}, args.json)
    return 0


class ArgumentError(ValueError):
    """An argument is out of its range."""


ERRORS = (ArgumentError,)


def watch(
    play: Play, z_m: float, seed: int, seconds: float, confidence: float = 0.95
) -> np.ndarray:
    """
    Look at one scene.

    Returns
    -------
    (F, 6) float64
        One row for each person, zone and image after the first half second: true distance, bound,
        estimate, its sigma, rate less the true one, sigma of the rate. NaN without 3-D.
    """
    k = (262.5, 0, SIZE[0] / 2, 0, 262.5, SIZE[1] / 2, 0, 0, 1)
    camera = CameraModel.from_camera_info(*SIZE, '', (), k)
    assert camera is not None
    noise, rng = DepthNoise.structured_light(), np.random.default_rng(seed)
    u = rng.random(24)
    tracker, space, kept = Tracker(TrackerConfig()), Tracker3D(camera), LastSeenTracks()
    zones = [make(z_m) for make in ZONES.values()]
    rows, whose = [], {}
    for i in range(int(seconds * RATE_HZ)):
        t_s = i / RATE_HZ
        figures = play.figures(t_s, z_m, u)
        scene = render(figures, camera, rng, z_m + 2.0, noise, holes=4)
        keypoints = observe(scene, camera, rng)
        if play.pillar:
            keypoints = _behind_pillar(scene, keypoints, z_m / 2)
        lifted = lift(scene.depth, camera, keypoints, noise).joints
        tracks = tracker.update(t_s, keypoints, SIZE)
        known = space.update(t_s, tracks, *lifted.of(tracks)).of(tracks)
        if t_s < 0.5:
            continue
        # Who is who, by the image; who has no keypoint left is who he was.
        spots = camera.project(np.stack([joints(f) for f in figures]))
        apart = np.linalg.norm(tracks.xy[:, None] - spots[None], axis=3)
        for row, person in enumerate(tracks.id.tolist()):
            if np.isfinite(apart[row]).any():
                whose[person] = int(np.nanmean(apart[row], axis=1).argmin())
        now = kept.update(
            t_s, 0.0, tracks.id, known.position, known.velocity, known.covariance)
        moments = [play.figures(t_s + d_s, z_m, u) for d_s in (-0.02, 0.0, 0.02)]
        bodies = [[_axes(figure) for figure in moment] for moment in moments]
        for zone in zones:
            near = proximity(zone, *now[:3], confidence, whole_sigma_m=now.sigma_m)
            for person, track in enumerate(tracks.id.tolist()):
                if track not in whose:
                    continue
                before, here, after = (_nearest(zone, *body[whose[track]]) for body in bodies)
                rows.append((
                    here, near.bound_m[person], near.distance_m[person], near.sigma_m[person],
                    near.rate_m_s[person] - (after - before) / 0.04, near.rate_sigma_m_s[person],
                ))
    return np.array(rows, np.float64).reshape(-1, 6)


def true_distance(zone: Zone, figure: Figure) -> float:
    """Return the shortest distance of a figure's body from a zone, metres."""
    return _nearest(zone, *_axes(figure))


def _axes(figure: Figure) -> tuple[np.ndarray, np.ndarray]:
    """Return points (C, 33, 3) along a figure's capsules, and their radii (C, 1), metres."""
    begin, end, radius, _ = capsules(figure)
    steps = np.linspace(0.0, 1.0, 33)[None, :, None]
    return begin[:, None] * (1.0 - steps) + end[:, None] * steps, radius[:, None]


def _nearest(zone: Zone, points: np.ndarray, radius: np.ndarray) -> float:
    return float((zone.distance(points)[0] - radius).min())


def _behind_pillar(scene: Scene, keypoints: Keypoints, pillar_m: float) -> Keypoints:
    """Stand a pillar before the scene, in place; return the keypoints that are left."""
    first, last = PILLAR_PX
    scene.depth[:, first:last + 1] = round(pillar_m * 1000)
    hidden = (keypoints.xy[..., 0] >= first) & (keypoints.xy[..., 0] <= last)
    left = ~hidden
    there = (left & np.isfinite(keypoints.xy[..., 0])).any(axis=1)
    return Keypoints(
        np.where(left[..., None], keypoints.xy, np.float32(np.nan))[there],
        np.where(left, keypoints.score, np.float32(0.0))[there], keypoints.person_score[there],
    )


def summary(rows: np.ndarray) -> dict[str, float]:
    """Return the figures of rows as `watch` gives them."""
    known = rows[np.isfinite(rows[:, 1])]
    true, bound, distance, _, rate_error, rate_sigma = known.T
    margin = true - bound
    return {
        'frames': len(rows),
        'without_3d': round(1.0 - len(known) / len(rows), 4),
        'coverage': round(float((margin >= 0).mean()), 4),
        'margin_median_m': round(float(np.median(margin)), 4),
        'margin_p95_m': round(float(np.percentile(margin, 95)), 4),
        'error_median_m': round(float(np.median(np.abs(distance - true))), 4),
        'rate_rms_m_s': round(float(np.sqrt((rate_error**2).mean())), 4),
        'rate_in_2_sigma': round(float((np.abs(rate_error) <= 2 * rate_sigma).mean()), 4),
    }


def _print(scenes: dict[str, dict[str, float]], confidence: float) -> None:
    print(f'true distance above the bound of confidence {confidence:g} (information, not '
          'certified safety)')
    print(f'{"scene":14s} {"frames":>7s} {"no 3-D":>9s} {"above":>7s} {"margin median":>14s} '
          f'{"p95":>8s} {"error":>8s} {"rate rms":>10s} {"in 2 sigma":>11s}')
    for name, row in scenes.items():
        print(f'{name:14s} {row["frames"]:7d} {row["without_3d"]:9.1%} {row["coverage"]:7.1%} '
              f'{row["margin_median_m"]:12.3f} m {row["margin_p95_m"]:6.3f} m '
              f'{row["error_median_m"]:6.3f} m {row["rate_rms_m_s"]:6.2f} m/s '
              f'{row["rate_in_2_sigma"]:11.1%}')


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('benchmarks.proximity'))
