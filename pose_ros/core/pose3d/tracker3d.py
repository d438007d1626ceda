# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Tracked people in 3-D: a companion of the tracker, keyed by its track ids.

Each keypoint has a constant-velocity Kalman filter over x, y, z with full 3x3 covariances (the
noise along the ray differs from that across it). Where there is depth, the lifted joint is the
measurement. Where there is none, the pixel still is: it pins the joint across its ray and says
nothing along it, where the variance then grows by the motion model. So a keypoint passes between
the two without a jump, and is given up in 3-D when its place along the ray is lost.

After each image the bones are pulled to the person's own lengths (`bone_pull`).

Positions from an assumed body size (`monocular`) are wrong by the same factor in every image, so
that most of their variance is kept out of the filter, which would average it away, and added to
what it gives out. A person is known by depth or by size, never by both: size begins when no joint
is held by depth any more, and ends with the first joint that has depth again.
"""

from __future__ import annotations

import numpy as np

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.core.pose3d.bone_lengths import LimbLengths, lengths
from pose_ros.core.pose3d.bone_pull import pulled
from pose_ros.core.pose3d.depth_lifting import OFFSET_SIGMA
from pose_ros.core.pose3d.joints3d import along_rays
from pose_ros.core.pose3d.monocular import common_variance
from pose_ros.core.pose3d.tracks3d import Tracks3D
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.core.tracking.skeleton_filter import AGILITY, INITIAL_SPEED
from pose_ros.core.tracking.tracks import KeypointState, PositionSource, Tracks

STATURE_M = 1.7
"""Turns the image filter's body heights into metres."""

GATE = 16.27
"""A joint farther from its prediction is not used: 99.9 % of chi-square with 3 degrees."""

REACQUIRE_S = 0.2
"""A joint measured outside its gate for as long is believed: the prediction was wrong."""

FOLLOW_BODY_S = 0.2
"""Time constant with which a joint without depth takes over the body's velocity along the ray."""

LOST_SIGMA_M = 0.3
"""A joint whose place along the ray is less certain has no 3-D position any more."""

ALONG_RAY_M = 10.0
"""Standard deviation along the ray of a keypoint that is only seen in the image."""

PIXEL_NOISE = 2.0
"""Variance of a tracked keypoint as a measurement: it is filtered, so its errors repeat."""

MAX_GAP_S = 5.0
"""After a longer gap everything begins anew, as in the tracker."""

_EYE = np.eye(3)
_EYE_6 = np.eye(6)
_TINY = 1e-12 * _EYE
# Blocks of a 6x6 matrix: place with place, place with speed, speed with speed.
_PLACE, _MOVES, _SPEED = (
    np.kron(np.array(block, np.float64), _EYE)
    for block in ([[1, 0], [0, 0]], [[0, 1], [0, 0]], [[0, 0], [0, 1]])
)
_NONE, _DEPTH, _PREDICTED, _MONOCULAR = (np.int8(source) for source in PositionSource)


class Tracker3D:
    """
    Filters the joints of tracked people in 3-D.

    Parameters
    ----------
    camera : CameraModel, optional
        Of the image; without it keypoints that have no depth are only predicted.
    process_noise : float
        Agility over the usual one, as in the tracker.
    hold_lengths : bool
        Pull bones to the person's own lengths.
    """

    def __init__(
        self,
        camera: CameraModel | None = None,
        process_noise: float = 1.0,
        hold_lengths: bool = True,
    ) -> None:
        self.camera = camera
        self.process_noise = process_noise
        self.hold_lengths = hold_lengths
        self.reset()

    def reset(self) -> None:
        """Forget all people."""
        k = NUM_KEYPOINTS
        self._stamp_s: float | None = None
        self._id = np.empty(0, np.int64)
        # Position and velocity, and their covariance.
        self._x, self._P = np.empty((0, k, 6)), np.empty((0, k, 6, 6))
        self._known = np.empty((0, k), bool)
        self._rejected_s = np.empty((0, k))
        self._measured = np.empty((0, k), bool)
        # Known from an assumed body size, and the variance along the ray that all images share.
        self._assumed = np.empty((0, k), bool)
        self._common = np.empty((0, k))
        self.limbs = LimbLengths()

    @property
    def is_empty(self) -> bool:
        """Whether no joint is known in 3-D."""
        return not self._known.any()

    def update(
        self,
        stamp_s: float,
        tracks: Tracks,
        position: np.ndarray,
        covariance: np.ndarray,
        source: np.ndarray | None = None,
        camera_motion: Transform | None = None,
    ) -> Tracks3D:
        """
        Take what was seen of the tracks in one image.

        Parameters
        ----------
        stamp_s : float
            The image's stamp; one that goes back, or far ahead, forgets all people first.
        tracks : Tracks
            At `stamp_s`, image pixels.
        position : (N, 17, 3) float64
            Lifted joints of the same people, sides as in the tracks, m; NaN where none.
        covariance : (N, 17, 3, 3) float64
            m^2.
        source : (N, 17) int8, optional
            PositionSource; by default all is of depth.
        camera_motion : Transform, optional
            optical_from_optical_before: how the camera moved since the update before, in a frame
            in which the world stands still. Velocities are relative to that frame then; without,
            to the camera.
        """
        if self._stamp_s is not None and not 0 <= stamp_s - self._stamp_s <= MAX_GAP_S:
            self.reset()
        self._take(tracks.id)
        repeated = stamp_s == self._stamp_s
        if self._stamp_s is not None and not repeated:
            dt_s = stamp_s - self._stamp_s
            if camera_motion is not None:
                self._carry(camera_motion)
            self._x, self._P = self._ahead(dt_s)
            self._follow_body(dt_s)
        self._stamp_s = stamp_s
        if not repeated and len(tracks):
            assumed = np.zeros(position.shape[:2], bool)
            if source is not None:
                assumed = source == _MONOCULAR
            self._correct(stamp_s, tracks, position, covariance, assumed)
        return self._tracks(stamp_s, self._x, self._P, self._measured)

    def predict(self, stamp_s: float) -> Tracks3D:
        """Look ahead, and change nothing; an earlier time than the latest counts as that."""
        now_s = stamp_s if self._stamp_s is None else self._stamp_s
        x, P = self._ahead(max(stamp_s - now_s, 0.0))
        return self._tracks(stamp_s, x, P, np.zeros_like(self._measured))

    def _take(self, ids: np.ndarray) -> None:
        """Bring the states into the order of the tracks."""
        if np.array_equal(ids, self._id):
            return
        at = {track: row for row, track in enumerate(self._id.tolist())}
        rows = np.array([at.get(track, -1) for track in ids.tolist()], np.intp)
        old = rows >= 0
        for name in ('_x', '_P', '_known', '_rejected_s', '_measured', '_assumed', '_common'):
            before = getattr(self, name)
            after = np.zeros((len(rows), *before.shape[1:]), before.dtype)
            after[old] = before[rows[old]]
            setattr(self, name, after)
        self._rejected_s[~old] = np.nan
        self.limbs.take(rows)
        self._id = ids.copy()

    def _carry(self, moved: Transform) -> None:
        """
        Express all states in the camera's present frame.

        The process noise is the same in all directions, so that this is what a filter in the fixed
        frame would do, and rays and depths stay those of the camera.
        """
        both = np.kron(np.eye(2), moved.rotation)
        self._x = self._x @ both.T
        self._x[..., :3] += moved.translation
        self._P = both @ self._P @ both.T

    def _ahead(self, dt_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Return x and P, later."""
        # Of white noise on the velocity, as in `kalman.process_noise`.
        density = (self.process_noise * AGILITY * STATURE_M) ** 2
        F = _EYE_6 + dt_s * _MOVES
        Q = dt_s**3 / 3 * _PLACE + dt_s**2 / 2 * (_MOVES + _MOVES.T) + dt_s * _SPEED
        P = F @ self._P @ F.T + density[:, None, None] * Q
        return self._x @ F.T, P

    def _body_velocity(self) -> np.ndarray:
        """Return each person's velocity, (N, 3) m/s: of the joints, the surer the heavier."""
        spread = np.einsum('nkii->nk', self._P[..., 3:, 3:])
        weight = np.where(self._known, 1.0 / (spread + 1e-12), 0.0)
        total = np.maximum(weight.sum(axis=1), 1e-12)
        return (weight[:, None] @ self._x[..., 3:])[:, 0] / total[:, None]

    def _follow_body(self, dt_s: float) -> None:
        """Let joints without depth stop moving along their rays, but with the body, in place."""
        blind = self._known & ~self._measured
        if not blind.any():
            return
        own = self._x[..., 3:] - self._body_velocity()[:, None]
        line = _unit(self._x[..., :3])
        along = (own * line).sum(axis=2) * (1.0 - np.exp(-dt_s / FOLLOW_BODY_S))
        self._x[..., 3:] -= np.where(blind, along, 0.0)[..., None] * line

    def _correct(
        self, stamp_s: float, tracks: Tracks, z: np.ndarray, R: np.ndarray, assumed: np.ndarray
    ) -> None:
        lifted = np.isfinite(z).all(axis=2)
        assumed = assumed & lifted
        bones = lengths(np.where(assumed[..., None], np.nan, z), R)
        lifted &= ~self.limbs.implausible(bones, R)
        R = self._either(lifted, z, R, assumed)
        z = np.where(lifted[..., None], z, 0.0)
        R = np.where(lifted[..., None, None], R, _EYE)
        fresh = lifted & ~self._known
        use = lifted & self._known
        y = z - self._x[..., :3]
        inverse = np.linalg.inv(self._P[..., :3, :3] + R + _TINY)
        distance = np.einsum('nki,nkij,nkj->nk', y, inverse, y)
        outside = use & (distance > GATE)
        since = np.where(outside, np.fmin(self._rejected_s, stamp_s), np.nan)
        back = outside & (stamp_s - since >= REACQUIRE_S)
        self._rejected_s = np.where(back, np.nan, since)
        fresh |= back
        use &= ~outside
        seen = (tracks.keypoint_state == KeypointState.OBSERVED) & self._known & ~use & ~fresh
        if self.camera is None:
            seen[:] = False
        elif seen.any():
            self._see_rays(self.camera, seen, tracks, z, R, y, inverse)
        used = use | seen
        weight = np.where(used[..., None, None], inverse, 0.0)
        K = self._P[..., :3] @ weight
        self._x = self._x + (K @ y[..., None])[..., 0]
        P = self._P - K @ self._P[..., :3, :]
        # Rounding makes it asymmetric, which would grow from image to image.
        self._P = (P + np.swapaxes(P, 2, 3)) / 2
        self._begin(fresh, z, R)
        self._known |= fresh
        self._measured = use | fresh
        self.limbs.learn(bones, self._measured)
        if self.hold_lengths:
            self._x[..., :3] = pulled(
                self._x[..., :3], self._P[..., :3, :3], self._known & ~self._assumed, self.limbs
            )
        self._give_up()

    def _either(
        self, lifted: np.ndarray, z: np.ndarray, R: np.ndarray, assumed: np.ndarray
    ) -> np.ndarray:
        """
        Let each person be known by depth or by an assumed size; return R without what repeats.

        The assumed joints of people who are held by depth go from `lifted`.
        """
        if not (assumed.any() or self._assumed.any()):
            return R
        deep = (lifted & ~assumed) | (self._known & ~self._assumed)
        deep = deep.any(axis=1, keepdims=True)
        lifted &= ~(assumed & deep)
        self._known &= ~(self._assumed & deep)
        self._assumed = np.where(lifted, assumed, self._assumed & self._known)
        common = np.where(assumed, common_variance(z, R), 0.0)
        self._common = np.where(lifted, common, self._common)
        line = z / z[..., 2:]
        return np.where(assumed[..., None, None], R - along_rays(common, line), R)

    def _see_rays(
        self, camera: CameraModel, seen: np.ndarray, tracks: Tracks, z: np.ndarray,
        R: np.ndarray, y: np.ndarray, inverse: np.ndarray,
    ) -> None:
        """Fill in, where only the pixel is seen, a measurement that says nothing along its ray."""
        rays = camera.rays(tracks.xy[seen].astype(np.float64))
        good = np.isfinite(rays).all(axis=1)
        seen[seen] = good
        line = np.concatenate([rays[good], np.ones((int(good.sum()), 1))], axis=1)
        # What is not known along the ray must not be concluded from small errors across it.
        U = np.zeros((len(line), 6, 6))
        U[:, :3, :3] = along_rays(np.ones(len(line)), line)
        U /= (line * line).sum(axis=1)[:, None, None]
        U[:, 3:, 3:] = U[:, :3, :3]
        V, P = _EYE_6 - U, self._P[seen]
        P = U @ P @ U + V @ P @ V
        self._P[seen] = P
        x = self._x[seen][:, :3]
        depth_m = np.maximum(x[:, 2], 0.1)
        z[seen] = line * depth_m[:, None]
        R_seen = along_rays(np.full(len(line), ALONG_RAY_M**2), line)
        scale = depth_m[:, None] / camera.focal
        across = PIXEL_NOISE * tracks.covariance[seen].astype(np.float64)
        R_seen[:, :2, :2] += across * scale[:, :, None] * scale[:, None, :]
        R[seen] = R_seen
        y[seen] = z[seen] - x
        inverse[seen] = np.linalg.inv(P[:, :3, :3] + R_seen)

    def _begin(self, fresh: np.ndarray, z: np.ndarray, R: np.ndarray) -> None:
        """Start keypoints where they are measured, with the velocity of the rest of the body."""
        if not fresh.any():
            return
        body = self._body_velocity()
        person, _ = np.nonzero(fresh)
        self._x[fresh, :3], self._x[fresh, 3:] = z[fresh], body[person]
        P = np.zeros((len(person), 6, 6))
        P[:, :3, :3] = R[fresh]
        P[:, 3:, 3:] = (INITIAL_SPEED * STATURE_M) ** 2 * _EYE
        self._P[fresh] = P

    def _give_up(self) -> None:
        variance = self._P[..., 2, 2]
        self._known &= (variance < LOST_SIGMA_M**2) & (self._x[..., 2] > 0.0)

    def _tracks(
        self, stamp_s: float, x: np.ndarray, P: np.ndarray, measured: np.ndarray
    ) -> Tracks3D:
        position, velocity, xx = x[..., :3], x[..., 3:], P[..., :3, :3]
        blank = np.where(self._known, 1.0, np.nan)[..., None]
        # Errors of the depth below the skin repeat from image to image: no filter removes them.
        line = _unit(position)
        bias = along_rays(OFFSET_SIGMA**2, line)
        source = np.where(self._known, np.where(measured, _DEPTH, _PREDICTED), _NONE)
        if self._assumed.any():
            line = position / np.maximum(position[..., 2:], 1e-6)
            bias = np.where(
                self._assumed[..., None, None], along_rays(self._common, line), bias)
            source = np.where(self._known & self._assumed, _MONOCULAR, source)
        return Tracks3D(
            stamp_s, self._id, position * blank, velocity * blank,
            (xx + bias) * blank[..., None], source,
        )


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.sqrt((vectors * vectors).sum(axis=2))
    return np.asarray(vectors / np.maximum(length, 1e-6)[..., None])
