# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A world to measure lifting in: people made of capsules, whose joints are known, seen in depth.

People stand before a wall on a floor; each pixel's depth is that of the nearest capsule, wall or
floor along its ray, then noise, flying pixels and holes are added. Frame: the camera's optical
frame, metres (x right, y down, z forward).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.depth_lifting import LATERAL_M
from pose_ros.core.pose3d.depth_noise import DepthNoise
from pose_ros.core.skeleton import (
    LEFT_EAR,
    LEFT_EYE,
    LEFT_HIP,
    LEFT_SHOULDER,
    NOSE,
    NUM_KEYPOINTS,
)

ARMS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    'hanging': ((0.15, -1.0, 0.1), (0.05, -1.0, 0.2)),
    'in_front': ((0.15, -1.0, 0.3), (-0.75, 0.25, 0.7)),
    'aside': ((1.0, -0.1, 0.1), (1.0, 0.2, 0.2)),
    'forward': ((0.1, -0.5, 0.8), (-0.1, 0.2, 1.0)),
    'raised': ((0.7, 0.6, 0.1), (0.1, 1.0, 0.3)),
}
"""Direction of upper arm and forearm: outwards, up, forwards of the body."""

_DEEPEST_M = [0.03] * 3 + [0.08] * 2 + [0.16] * 12  # a visible joint's distance to its skin

FLOOR_M = 1.2
"""The camera's height over the floor, metres."""


@dataclass
class Figure:
    """
    One person.

    Attributes
    ----------
    x_m, z_m : float
        Where the middle of the hips is.
    yaw : float
        Radians; 0 faces the camera.
    height_m : float
        Stature.
    girth : float
        Radii of the limbs over the usual ones.
    arms : (str, str)
        Left and right, of ARMS.
    swing : float
        Radians by which legs and hanging arms are swung.
    bend : (4, 3) float64
        Added to the directions of left upper arm, left forearm, right upper arm, right forearm.
    sitting : bool
        Thighs point forwards.
    build : 4 floats
        Lengths of arms, legs and trunk, and breadth, over the usual share of the stature.
    """

    x_m: float = 0.0
    z_m: float = 2.0
    yaw: float = 0.0
    height_m: float = 1.72
    girth: float = 1.0
    arms: tuple[str, str] = ('hanging', 'hanging')
    swing: float = 0.0
    bend: np.ndarray | None = None
    sitting: bool = False
    build: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)


def random_figure(rng: np.random.Generator, x_m: float, z_m: float, turn: float = 0.6) -> Figure:
    """Return a person in any of the postures, turned by up to `turn` radians."""
    names = list(ARMS)
    return Figure(
        x_m,
        z_m,
        rng.uniform(-turn, turn),
        rng.uniform(1.55, 1.92),
        rng.uniform(0.85, 1.15),
        (names[rng.integers(len(names))], names[rng.integers(len(names))]),
        rng.uniform(-0.3, 0.3),
        rng.normal(0.0, 0.15, (4, 3)),
    )


def joints(figure: Figure) -> np.ndarray:
    """Return where the keypoints of a figure are, (17, 3) float64 m: joint centres, and marks."""
    h = figure.height_m
    up = np.array([0.0, -1.0, 0.0])
    left = np.array([np.cos(figure.yaw), 0.0, np.sin(figure.yaw)])
    forward = np.array([np.sin(figure.yaw), 0.0, -np.cos(figure.yaw)])
    bend = np.zeros((4, 3)) if figure.bend is None else figure.bend
    place = np.empty((NUM_KEYPOINTS, 3))
    hips = np.array([figure.x_m, FLOOR_M - 0.53 * h, figure.z_m])
    arms, legs, trunk, breadth = figure.build
    chest = hips + trunk * 0.288 * h * up
    head = chest + 0.125 * h * up + 0.02 * forward
    skull = 0.057 * h * figure.girth**0.5
    for name, (aside, above, before) in {
        'nose': (0.0, -0.2, 1.0), 'eye': (0.32, 0.1, 0.9), 'ear': (1.0, 0.0, 0.0),
    }.items():
        for side, sign in enumerate((1, -1)):
            mark = sign * aside * left + above * up + before * forward
            mark = head + skull * mark / np.linalg.norm(mark)
            place[{'nose': NOSE, 'eye': LEFT_EYE + side, 'ear': LEFT_EAR + side}[name]] = mark
    for side, sign in enumerate((1, -1)):
        out = sign * left
        shoulder = chest + breadth * 0.104 * h * out
        hip = hips + breadth * 0.055 * h * out
        place[LEFT_SHOULDER + side], place[LEFT_HIP + side] = shoulder, hip
        swing = sign * figure.swing
        upper, lower = (np.array(d) + bend[2 * side + i] for i, d in
                        enumerate(ARMS[figure.arms[side]]))
        if figure.arms[side] == 'hanging':
            upper, lower = upper + [0, 0, -swing], lower + [0, 0, -swing]
        axes = np.stack([out, up, forward])
        elbow = shoulder + arms * 0.180 * h * _unit(upper @ axes)
        place[7 + side], place[9 + side] = elbow, elbow + arms * 0.150 * h * _unit(lower @ axes)
        thigh = -up + swing * forward + 0.03 * out
        if figure.sitting:
            thigh = forward + 0.1 * thigh
        knee = hip + legs * 0.245 * h * _unit(thigh)
        place[13 + side] = knee
        place[15 + side] = knee + legs * 0.246 * h * _unit(-up + (swing - 0.15) * forward)
    return place


def capsules(figure: Figure) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[int, ...]]]:
    """
    Return the body of a figure.

    Returns
    -------
    begin, end : (C, 3) float64
        Metres.
    radius : (C,) float64
        Metres.
    near : list of C tuples
        The keypoints that a capsule is the flesh of.
    """
    p, h = joints(figure), figure.height_m / 1.72
    ears = (p[3] + p[4]) / 2
    chest, hips = (p[5] + p[6]) / 2, (p[11] + p[12]) / 2
    parts: list[tuple[np.ndarray, np.ndarray, float, tuple[int, ...]]] = [
        (ears, ears, float(np.linalg.norm(p[3] - ears)) / h / figure.girth, (0, 1, 2, 3, 4)),
        (chest, ears, 0.05, ()),
        (p[5], p[6], 0.06, (5, 6)),
        (p[11], p[12], 0.095, (11, 12)),
        (chest + 0.1 * (hips - chest), hips, 0.11, ()),
    ]
    for s in (0, 1):
        inner = 0.35 * chest + 0.65 * p[5 + s]
        hand = p[9 + s] + 0.09 * _unit(p[9 + s] - p[7 + s])
        toe = p[15 + s] + 0.15 * _unit(np.cross([0.0, 1.0, 0.0], p[11] - p[12]))
        parts += [
            (inner + 0.08 * (hips - chest), p[11 + s], 0.09, (11 + s,)),
            (p[5 + s], p[7 + s], 0.052, (5 + s, 7 + s)),
            (p[7 + s], 0.5 * (p[7 + s] + p[9 + s]), 0.044, (7 + s,)),
            (p[7 + s], p[9 + s], 0.03, (9 + s,)),
            (p[9 + s], hand, 0.027, (9 + s,)),
            (p[11 + s], p[13 + s], 0.072, (11 + s, 13 + s)),
            (p[13 + s], 0.6 * p[13 + s] + 0.4 * p[15 + s], 0.06, (13 + s,)),
            (p[13 + s], p[15 + s], 0.042, (15 + s,)),
            (p[15 + s], toe, 0.035, (15 + s,)),
        ]
    begin, end = np.stack([a for a, *_ in parts]), np.stack([b for _, b, *_ in parts])
    radius = np.array([r for _, _, r, _ in parts]) * h * figure.girth
    return begin, end, radius, [near for *_, near in parts]


@dataclass
class Scene:
    """
    What the sensor gives, and the truth.

    Attributes
    ----------
    depth : (H, W) uint16
        Millimetres, 0 missing.
    joints : (N, 17, 3) float64
        Metres.
    visible : (N, 17) bool
        Inside the image, and nothing else's surface before it.
    wall_m : (H, W) float64
        Depth of wall and floor alone, metres.
    """

    depth: np.ndarray
    joints: np.ndarray
    visible: np.ndarray
    wall_m: np.ndarray


@lru_cache(maxsize=2)
def _rays(camera: CameraModel) -> np.ndarray:
    """Return the ray (H, W, 3) of each pixel, z = 1."""
    width, height = camera.image_size
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    return np.concatenate([camera.rays(grid), np.ones((height, width, 1))], axis=2)


def render(
    figures: list[Figure],
    camera: CameraModel,
    rng: np.random.Generator,
    wall_m: float = 4.0,
    noise: DepthNoise | None = None,
    holes: int = 12,
    wall_slope: float = 0.0,
) -> Scene:
    """
    Look at people before a wall.

    Parameters
    ----------
    wall_m : float
        Depth of the wall on the optical axis, metres.
    noise : DepthNoise, optional
        Of the sensor.
    holes : int
        Number of places where it sees nothing.
    wall_slope : float
        The wall's depth per metre to the right.
    """
    width, height = camera.image_size
    rays = _rays(camera)
    wall = wall_m / np.maximum(1.0 - wall_slope * rays[..., 0], 0.1)
    with np.errstate(divide='ignore'):
        wall = np.minimum(wall, np.where(rays[..., 1] > 0, FLOOR_M / rays[..., 1], np.inf))
    depth, label = wall.copy(), np.full((height, width), -1)
    owners: list[tuple[int, tuple[int, ...]]] = []
    for i, figure in enumerate(figures):
        for begin, end, radius, near in zip(*capsules(figure)):
            _draw(depth, label, rays, camera, begin, end, float(radius), len(owners))
            owners.append((i, near))
    place = np.stack([joints(figure) for figure in figures])
    visible = np.zeros(place.shape[:2], bool)
    spots = np.rint(camera.project(place))
    for i, k in np.ndindex(visible.shape):
        u, v = spots[i, k]
        if 0 <= u < width and 0 <= v < height:
            owner = label[int(v), int(u)]
            under_m = place[i, k, 2] - depth[int(v), int(u)]
            # The flesh of the joint itself, or another part of the body that lies on it.
            visible[i, k] = (
                owner >= 0 and owners[owner][0] == i
                and abs(under_m) < (_DEEPEST_M[k] if k in owners[owner][1] else 0.05)
            )
    return Scene(_sense(depth, rng, noise or DepthNoise(), holes), place, visible, wall)


def observe(
    scene: Scene, camera: CameraModel, rng: np.random.Generator, sigma: float = 1.0
) -> Keypoints:
    """
    Return what a network would see: projections, with Gaussian noise and every keypoint there.

    Parameters
    ----------
    sigma : float
        Noise over the usual one, which is that of `lifting.LATERAL_M` at score 1.
    """
    across = rng.normal(0.0, sigma, (*scene.visible.shape, 2)) * LATERAL_M[:, None]
    moved = scene.joints.copy()
    moved[..., :2] += across
    xy = camera.project(moved).astype(np.float32)
    width, height = camera.image_size
    inside = ((xy >= 0) & (xy <= [width - 1, height - 1])).all(axis=2)
    return Keypoints(
        np.where(inside[..., None], xy, np.float32(np.nan)),
        inside.astype(np.float32),
        np.ones(len(xy), np.float32),
    )


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _draw(
    depth: np.ndarray,
    label: np.ndarray,
    rays: np.ndarray,
    camera: CameraModel,
    begin: np.ndarray,
    end: np.ndarray,
    radius: float,
    number: int,
) -> None:
    """Cast rays at a capsule, in place (after Inigo Quilez, 'capsule intersection')."""
    if min(begin[2], end[2]) - radius < 0.05:
        return
    corners = np.array([[s * radius, t * radius, -radius] for s in (-1, 1) for t in (-1, 1)])
    spots = camera.project(np.concatenate([begin + corners, end + corners]))
    low = np.maximum(np.floor(spots.min(axis=0)).astype(int) - 2, 0)
    high = np.ceil(spots.max(axis=0)).astype(int) + 3
    part = np.s_[low[1]:max(high[1], 0), low[0]:max(high[0], 0)]
    d = rays[part]
    axis, dd = end - begin, np.einsum('...i,...i->...', d, d)
    hit = np.full(dd.shape, np.inf)
    length2, ad, ao = float(axis @ axis), d @ axis, float(-begin @ axis)
    with np.errstate(invalid='ignore', divide='ignore'):
        if length2 > 1e-9:
            a = length2 * dd - ad * ad
            b = -length2 * (d @ begin) - ao * ad
            c = length2 * float(begin @ begin) - ao * ao - radius**2 * length2
            t = (-b - np.sqrt(b * b - a * c)) / a
            along = ao + t * ad
            hit = np.where((along > 0) & (along < length2), t, hit)
        for centre in (begin, end):
            b = -(d @ centre)
            t = (-b - np.sqrt(b * b - dd * (float(centre @ centre) - radius**2))) / dd
            hit = np.fmin(hit, t)
    nearer = hit < depth[part]
    depth[part] = np.where(nearer, hit, depth[part])
    label[part] = np.where(nearer, number, label[part])


def _sense(
    depth: np.ndarray, rng: np.random.Generator, noise: DepthNoise, holes: int
) -> np.ndarray:
    """Return what a sensor makes of true depths, uint16 mm."""
    seen = depth + rng.standard_normal(depth.shape, np.float32) * noise.sigma_m(depth)
    step = np.zeros(depth.shape, bool)
    step[:, 1:] = np.abs(np.diff(depth, axis=1)) > 0.1
    step[1:] |= np.abs(np.diff(depth, axis=0)) > 0.1
    # At edges pixels are mixed, or missing, more so on one side: the shadow of the projector.
    v, u = np.nonzero(step)
    part = rng.random(len(v))
    other = depth[v, np.maximum(u - 2, 0)]
    mixed = rng.random(len(v)) < 0.5
    seen[v, u] = np.where(mixed, part * depth[v, u] + (1 - part) * other, seen[v, u])
    height, width = depth.shape
    for shift in range(4):
        gone = rng.random(len(v)) < 0.6
        seen[v[gone], np.minimum(u[gone] + shift, width - 1)] = 0.0
    for _ in range(holes):
        cu, cv, a = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(3, 14)
        part_v, part_u = max(int(cv - a), 0), max(int(cu - a), 0)
        patch = seen[part_v:int(cv + a) + 1, part_u:int(cu + a) + 1]
        y, x = np.ogrid[:patch.shape[0], :patch.shape[1]]
        patch[(y + part_v - cv) ** 2 + (x + part_u - cu) ** 2 < a * a] = 0.0
    return np.clip(np.rint(seen * 1000.0), 0, 65535).astype(np.uint16)
