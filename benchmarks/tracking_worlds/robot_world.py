# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A robot with a camera among walking people: what its estimator would publish, and the truth.

Ground plane: x, y in metres, heading counter-clockwise. Person 0 is the one to follow. All
randomness comes from one seed; nothing here knows of ROS or of a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints
from benchmarks.tracking_worlds.synthetic_world import View, detect
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.estimator.appearance import BINS, REGIONS
from pose_ros.core.estimator.appearance import SIZE as APPEARANCE_SIZE
from pose_ros.core.estimator.person_score import BEST_KEYPOINTS
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.depth_lifting import LATERAL_M, OFFSET_SIGMA
from pose_ros.core.pose3d.depth_noise import DepthNoise
from pose_ros.core.pose3d.joints3d import Joints3D
from pose_ros.core.skeleton import (
    LEFT_ANKLE,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    NUM_KEYPOINTS,
)
from pose_ros.core.tracking.tracks import PositionSource

SIZE, FOCAL_PX = (640, 480), 460.0
"""Horizontal field of view 70 degrees: between the colour cameras of RealSense D435 and D455."""
REGION_ENDS = ((LEFT_SHOULDER, LEFT_HIP), (LEFT_HIP, LEFT_KNEE), (LEFT_KNEE, LEFT_ANKLE))
"""Of the regions that appearance is taken from: left keypoints, the right ones follow them."""
BODY_M = 0.2
"""Half the width of a body, as what it hides."""
WALK_M_S = 1.2
_STEP_S = 0.01


@dataclass
class Path:
    """
    A walk: `legs` of (duration s, speed m/s, turn rad/s), from a place and heading at `start_s`.

    Before its start a person stands; after the last leg too.
    """

    x: float
    y: float
    heading: float
    legs: list[tuple[float, float, float]]
    start_s: float = 0.0

    def __post_init__(self) -> None:
        """Integrate it; speeds change within 1.5 m/s^2, turns by 6 rad/s^2."""
        rows, speed, turn, gone = [(self.x, self.y, self.heading, 0.0, 0.0)], 0.0, 0.0, 0.0
        for duration_s, wanted, wanted_turn in [*self.legs, (1.5, 0.0, 0.0)]:
            for _ in range(round(duration_s / _STEP_S)):
                speed += float(np.clip(wanted - speed, -1.5 * _STEP_S, 1.5 * _STEP_S))
                turn += float(np.clip(wanted_turn - turn, -6.0 * _STEP_S, 6.0 * _STEP_S))
                x, y, heading, *_ = rows[-1]
                heading, gone = heading + turn * _STEP_S, gone + speed * _STEP_S
                rows.append((x + speed * _STEP_S * np.cos(heading),
                             y + speed * _STEP_S * np.sin(heading), heading, speed, gone))
        self._rows = np.array(rows)

    def at(self, t_s: float) -> np.ndarray:
        """Return x, y, heading, speed, distance walked."""
        row = round((t_s - self.start_s) / _STEP_S)
        return np.asarray(self._rows[min(max(row, 0), len(self._rows) - 1)])


@dataclass
class World:
    """People, their heights and the posts that hide them, each a line x1, y1, x2, y2."""

    paths: list[Path]
    heights: np.ndarray
    posts: np.ndarray
    duration_s: float


def make_world(seed: int) -> World:
    """
    Return a world: a person who walks, turns, stands, looks back and walks on; bystanders.

    The first bystander crosses between the person and the robot behind, the second comes towards
    them and passes, the third stands between them for 2 s, so that nothing is seen of the person
    for longer than a track is kept, and goes on. The frame of a door hides the person in the turn.
    """
    rng = np.random.default_rng(seed)
    bend, bend_s = float(rng.choice([-1.0, 1.0])) * rng.uniform(1.0, 1.5), 1.2
    first_s, second_s = rng.uniform(5.0, 7.0), rng.uniform(4.0, 5.5)
    pause_s = 2.0 + first_s + bend_s + second_s
    person = Path(1.5, 0.0, 0.0, [
        (2.0, 0.0, 0.0), (first_s, WALK_M_S, 0.0), (bend_s, WALK_M_S, bend / bend_s),
        (second_s, WALK_M_S, 0.0), (1.5, 0.0, 0.0), (1.5, 0.0, np.pi / 1.5), (1.5, 0.0, 0.0),
        (1.5, 0.0, -np.pi / 1.5), (rng.uniform(3.0, 4.0), WALK_M_S, rng.uniform(-0.1, 0.1)),
    ])
    # The robot will be about where the person was 1.25 s ago.
    cross_s = 2.0 + rng.uniform(2.0, first_s - 2.0)
    between = (person.at(cross_s) + person.at(cross_s - 1.25)) / 2
    angle = float(rng.choice([-1.0, 1.0])) * rng.uniform(1.2, 1.9)
    crossing = _across(between, angle, rng.uniform(0.6, WALK_M_S), cross_s)
    pass_s = 2.0 + first_s + bend_s + rng.uniform(1.0, second_s - 1.0)
    x, y, heading, *_ = person.at(pass_s)
    beside = rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 0.8)
    towards = Path(
        x - beside * np.sin(heading) + 6.0 * np.cos(heading),
        y + beside * np.cos(heading) + 6.0 * np.sin(heading), heading + np.pi,
        [(12.0, WALK_M_S, 0.0)], pass_s - 5.0)
    x, y, heading, *_ = person.at(pause_s + 1.0)
    behind = np.array([x - 0.5 * np.cos(heading), y - 0.5 * np.sin(heading)])
    blocking = _across(
        behind, heading + float(rng.choice([-1.0, 1.0])) * 1.57, WALK_M_S, pause_s + 2.0, 2.0)
    turn_s = 2.0 + first_s + 0.8 * bend_s
    here, robot = person.at(turn_s), person.at(turn_s - 1.25)
    post, line = 0.65 * here[:2] + 0.35 * robot[:2], here[:2] - robot[:2]
    across = np.array([-line[1], line[0]]) / np.linalg.norm(line) * rng.uniform(0.05, 0.1)
    posts = np.array([[*(post - across), *(post + across)]])
    people = [person, crossing, towards, blocking]
    duration_s = sum(leg[0] for leg in person.legs) - 0.5
    return World(people, rng.uniform(1.6, 1.9, len(people)), posts, duration_s)


def _across(
    place: np.ndarray, heading: float, pace: float, at_s: float, stands_s: float = 0.0
) -> Path:
    """Return the walk of a person who is at a place at a time, and may stand there for a while."""
    before_s = 3.0
    # Speeding up, and slowing down to stand, take time.
    way_m = pace * before_s - pace**2 / 3.0 * (1.0 if stands_s == 0 else 0.0)
    legs = [(12.0, pace, 0.0)]
    if stands_s:
        legs = [(before_s, pace, 0.0), (stands_s, 0.0, 0.0), (8.0, pace, 0.0)]
    return Path(place[0] - way_m * np.cos(heading), place[1] - way_m * np.sin(heading), heading,
                legs, at_s - before_s)


@dataclass
class Robot:
    """A unicycle: first-order lag, limits, and wheels that are not what the odometry thinks."""

    x: float = 0.0
    y: float = 0.0
    heading: float = 0.0
    speed: float = 0.0
    turn: float = 0.0
    drift: tuple[float, float] = (0.97, 1.03)  # true speed and turn over those that were asked for
    lag_s: float = 0.1
    limits: tuple[float, float] = (2.0, 2.5)

    def drive(self, speed: float, turn: float, dt_s: float) -> None:
        """Move on under a command."""
        wanted = np.clip([speed, turn], -np.array(self.limits), self.limits) * self.drift
        share = 1.0 - np.exp(-dt_s / self.lag_s)
        self.speed += share * (float(wanted[0]) - self.speed)
        self.turn += share * (float(wanted[1]) - self.turn)
        self.heading += self.turn * dt_s
        self.x += self.speed * dt_s * float(np.cos(self.heading))
        self.y += self.speed * dt_s * float(np.sin(self.heading))


@dataclass(frozen=True, eq=False)
class Shot:
    """
    What the estimator makes of one image.

    Attributes
    ----------
    keypoints, joints : Keypoints, Joints3D
        Of M people.
    source : (M,) int
        Which person each is; -1 for none.
    appearance : (M, D) float32
        A descriptor of each.
    motion : (3, 3) float64
        Homography of the background from the image before.
    places : (N, 2) float64
        The truth: x to the right and z forwards of every person, m, camera's frame.
    """

    keypoints: Keypoints
    joints: Joints3D
    source: np.ndarray
    appearance: np.ndarray
    motion: np.ndarray
    places: np.ndarray


@dataclass
class RobotCamera:
    """The camera of a robot, and the estimator behind it: noise, misses, false people, depth."""

    world: World
    rng: np.random.Generator
    view: View = field(default_factory=View)

    def __post_init__(self) -> None:
        """Give each person a look, and depth its errors that repeat."""
        n = len(self.world.paths)
        k = (FOCAL_PX, 0, SIZE[0] / 2, 0, FOCAL_PX, SIZE[1] / 2, 0, 0, 1)
        model = CameraModel.from_camera_info(*SIZE, '', (), k)
        assert model is not None
        self.model = model
        # One colour each region: where its peak is, in every histogram. The last is of no person.
        self._colors = self.rng.uniform(0.0, 1.0, (n + 1, REGIONS, len(BINS))) * BINS
        self._bias = self.rng.normal(0.0, OFFSET_SIGMA, (n, NUM_KEYPOINTS))
        self._noise = DepthNoise.structured_light()
        self._heading: float | None = None

    def shoot(self, robot: Robot, t_s: float) -> Shot:
        """Take an image."""
        bodies, places = self._bodies(robot, t_s)
        ahead = np.where(bodies[..., 2:] > 0.3, bodies, [0.0, 0.0, 0.3])
        xy = self.model.project(ahead)
        seen = (bodies[..., 2] > 0.3) & self._in_sight(robot, bodies, places)
        seen &= ((xy >= 0) & (xy <= np.array(SIZE) - 1)).all(axis=2)
        xy[~seen] = np.nan
        height_px = FOCAL_PX * self.world.heights / np.maximum(places[:, 1], 1.0)
        keypoints, source = detect(xy, seen, height_px, SIZE, self.view, self.rng, BEST_KEYPOINTS)
        return Shot(keypoints, self._lift(keypoints, source, xy, bodies, height_px), source,
                    self._appearance(keypoints, source), self._motion(robot), places)

    def _appearance(self, keypoints: Keypoints, source: np.ndarray) -> np.ndarray:
        """
        Return a descriptor as `core.estimator.appearance` makes it: histograms of each region.

        A peak of a bin's width, which light and folds move from image to image; on every bin some
        of what is behind. 0 where a region is not seen. Hellinger distances two seconds apart:
        0.15 in the median and 0.27 at 90 % for the same person, 0.61 and 0.40 at 2 % for others,
        near those in TUD-Campus: 0.17 and 0.27, 0.68 and 0.38.
        """
        parts, light = [], self.rng.normal(0.0, 0.4, (len(source), 1))
        for size, peak in zip(BINS, np.moveaxis(self._colors[source], 2, 0)):
            peak = peak + light + self.rng.normal(0.0, 0.25, peak.shape)
            bins = np.exp(-0.5 * ((np.arange(size) + 0.5 - peak[..., None]) / 1.1) ** 2)
            bins += self.rng.uniform(0.0, 0.05, bins.shape)
            parts.append(bins / bins.sum(axis=2, keepdims=True) / len(BINS))
        found = np.concatenate(parts, axis=2)
        seen = np.isfinite(keypoints.xy[..., 0])
        for region, (top, bottom) in enumerate(REGION_ENDS):
            sides = seen[:, top:top + 2] & seen[:, bottom:bottom + 2]
            found[~(sides.all(axis=1) if region == 0 else sides.any(axis=1)), region] = 0.0
        return found.reshape(len(source), APPEARANCE_SIZE).astype(np.float32)

    def _bodies(self, robot: Robot, t_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Return keypoints (N, 17, 3) and places (N, 2) in the camera's frame, m."""
        bodies, places = [], []
        c, s = np.cos(robot.heading), np.sin(robot.heading)
        for path, height_m in zip(self.world.paths, self.world.heights.tolist()):
            x, y, heading, speed, gone = path.at(t_s)
            dx, dy = x - robot.x, y - robot.y
            forward, left = c * dx + s * dy, c * dy - s * dx
            swing = 0.4 * np.tanh(speed / 0.6) * np.sin(2 * np.pi * gone / (0.83 * height_m))
            bodies.append(joints(Figure(
                -left, forward, np.pi + heading - robot.heading, height_m, swing=swing)))
            places.append((-left, forward))
        return np.stack(bodies), np.array(places)

    def _in_sight(
        self, robot: Robot, bodies: np.ndarray, places: np.ndarray
    ) -> np.ndarray:
        """Return which keypoints are hidden by no post and no other person, (N, 17) bool."""
        ends = bodies[..., [0, 2]]
        free = np.ones(ends.shape[:2], bool)
        length = np.linalg.norm(ends, axis=2)
        for i, place in enumerate(places):
            along = ends @ place / np.maximum(length, 1e-6)  # of the body, along each ray
            aside = np.sqrt(np.maximum(place @ place - along**2, 0.0))
            hidden = (along > 0) & (along < length - BODY_M) & (aside < BODY_M)
            hidden[i] = False
            free &= ~hidden
        c, s = np.cos(robot.heading), np.sin(robot.heading)
        for x1, y1, x2, y2 in self.world.posts.tolist():
            a, b = (
                np.array([s * (x - robot.x) - c * (y - robot.y),
                          c * (x - robot.x) + s * (y - robot.y)]) for x, y in ((x1, y1), (x2, y2)))
            across = _cross(ends, a) * _cross(ends, b) < 0
            beyond = _cross(a - b, ends - b) * _cross(a - b, -b) < 0
            free &= ~(across & beyond)
        return free

    def _lift(
        self, keypoints: Keypoints, source: np.ndarray, xy: np.ndarray, bodies: np.ndarray,
        height_px: np.ndarray,
    ) -> Joints3D:
        """Give the keypoints their depth, as `depth_lifting` does, with its noise."""
        shape = keypoints.xy.shape[:2]
        depth_m = np.broadcast_to(self.rng.uniform(2.0, 5.0, (shape[0], 1)), shape).copy()
        for row, person in enumerate(source.tolist()):
            if person < 0:
                continue
            depth_m[row] = bodies[person, :, 2] + self._bias[person]
            # A keypoint that is wildly wrong has another thing's depth, and is not lifted.
            wrong = np.linalg.norm(keypoints.xy[row] - xy[person], axis=1)
            depth_m[row, wrong > 0.1 * height_px[person]] = np.nan
        sigma_m = self._noise.sigma_m(depth_m)
        depth_m = depth_m + self.rng.normal(size=shape) * np.nan_to_num(sigma_m)
        rays = self.model.rays(keypoints.xy.astype(np.float64))
        lines = np.concatenate([rays, np.ones((*shape, 1))], axis=2)
        position = lines * depth_m[..., None]
        along = (sigma_m**2 + OFFSET_SIGMA**2)[..., None, None]
        covariance = along * lines[..., :, None] * lines[..., None, :]
        covariance[..., [0, 1], [0, 1]] += (4 * LATERAL_M**2)[:, None]
        unknown = ~np.isfinite(position).all(axis=2)
        position[unknown], covariance[unknown] = np.nan, np.nan
        kind = np.where(unknown, PositionSource.NONE, PositionSource.DEPTH).astype(np.int8)
        return Joints3D(position, covariance, kind)

    def _motion(self, robot: Robot) -> np.ndarray:
        """Return how the background moved since the image before, with 0.3 px of noise."""
        turned = 0.0 if self._heading is None else robot.heading - self._heading
        self._heading = robot.heading
        c, s = np.cos(turned), np.sin(turned)
        k = np.array([[FOCAL_PX, 0, SIZE[0] / 2], [0, FOCAL_PX, SIZE[1] / 2], [0, 0, 1]])
        motion = k @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.linalg.inv(k)
        motion[:2, 2] += self.rng.normal(0.0, 0.3, 2)
        return np.asarray(motion / motion[2, 2])


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])
