# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Keypoints of an image and a registered depth image -> 3-D joints.

1. The person's own depths: samples along the bones. Their 40 % quantile is where the body is; what
   lies behind a gap in them is background.
2. At each keypoint a window as wide as the limb: of its samples within the person's depths, the
   nearest surface with enough support is the limb, since what lies before it would hide it.
3. The median of that surface's samples near the keypoint is the skin; the joint lies deeper along
   the same ray, by OFFSET_M.
4. Bones longer than any person's take their wrong end with them (`bone_lengths`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import Keypoints, doubt
from pose_ros.core.pose3d.bone_lengths import BONES, THIGH, impossible
from pose_ros.core.pose3d.depth_noise import DepthNoise, check_depth, sample_m
from pose_ros.core.pose3d.joints3d import Joints3D, along_rays
from pose_ros.core.skeleton import EDGES, OKS_SIGMAS
from pose_ros.core.tracking.tracks import PositionSource

OFFSET_M: np.ndarray = np.array(
    [0.0] * 3 + [0.02] * 2 + [0.053] * 2 + [0.046] * 2 + [0.026] * 2
    + [0.085] * 2 + [0.062] * 2 + [0.035] * 2
)
"""
(17,) float64: how far the joint lies behind the skin, along the ray, metres.

Nose and eyes are marks on the skin: 0. Ears are seen at the edge of the head, and the cheek before
them is nearer: 20 mm, not at all from the side. Elsewhere the radius of the limb, its girth over
2 pi, mean of men and women of ANSUR II (Gordon et al., Natick/TR-15/007, 2014): upper arm 53,
forearm below the elbow 46, wrist 26, knee (lower thigh and calf) 62, ankle 35 mm. Hip: between the
60 mm from the front (22 % of the distance of the iliac spines behind them, Bell et al., Human
Movement Science 8, 1989, and 10 mm of skin) and the 99 mm of the thigh from the side.
"""

OFFSET_SIGMA: np.ndarray = np.array(
    [0.01] * 3 + [0.03] * 2 + [0.025] * 2 + [0.02] * 4 + [0.035] * 2 + [0.02] * 2 + [0.03] * 2
)
"""(17,) float64: standard deviation of that: limbs seen obliquely, other people, clothes; m."""

WINDOW_M: np.ndarray = np.array(
    [0.02] * 5 + [0.05] * 2 + [0.04] * 2 + [0.03] * 2 + [0.07] * 2 + [0.05] * 2 + [0.035] * 2
)
"""(17,) float64: radius of the window, metres: about the limb's own."""

SMALLEST_WINDOW_PX, LARGEST_WINDOW_PX = 2.0, 60.0

FRONT: np.ndarray = np.array(
    [0.2] * 3 + [0.5] * 2 + [0.35] * 2 + [0.2] * 4 + [0.35] * 2 + [0.2] * 2 + [0.5] * 2
)
"""
(17,) float64: share of a window's samples that makes a surface.

More at shoulders and hips, which arms cross, at ears, beside which the cheek is nearer, and at
ankles, before which the foot is.
"""

IN_FRONT_M: np.ndarray = np.array([0.6] * 5 + [0.45] * 2 + [0.9] * 4 + [0.45] * 2 + [0.9] * 4)
"""(17,) float64: a joint this much nearer than the body is another person's: the reach of arms."""

GAP_M = 0.25
"""A gap as deep in the person's own depths separates the person from what is behind."""

BEHIND_M = 0.12
"""Joints may lie as far behind the last of the person's own depths."""

LATERAL_M: np.ndarray = 0.19 * OKS_SIGMAS
"""
(17,) float64: standard deviation of a keypoint across the ray at score 1, metres.

The tracker's NOISE (0.25 OKS sigmas times the OKS scale 0.45 of the height) at 1.69 m.
"""

LATERAL_OF_DOUBT = 3.0
"""How much it rises with `keypoints.doubt`, over what it is at score 1."""

STEEPEST = 0.35
"""Sine of the steepest angle that counts: limbs end, and what ends them is round."""

_FAR, _NEAR, _ = BONES[BONES[:, 2] <= THIGH].T
_ALONG = np.linspace(0.0, 1.0, 8)
_FROM, _TO = np.array([*EDGES, (5, 12), (6, 11)]).T
_X, _Y = np.meshgrid(np.arange(-4, 5) / 4.0, np.arange(-4, 5) / 4.0)
_DISC = np.stack([_X, _Y], axis=-1)[np.hypot(_X, _Y) <= 1.0]  # (49, 2) in radii
_DISC = _DISC[np.argsort(np.hypot(_DISC[:, 0], _DISC[:, 1]), kind='stable')]
_INNER = int((np.hypot(_DISC[:, 0], _DISC[:, 1]) <= 0.6).sum())  # the first of them
_RANK = np.arange(1000)
_FEWEST = 3  # samples that make a surface


class DepthReason(IntEnum):
    """
    Why a keypoint has a 3-D position, or has none.

    NO_KEYPOINT: not seen in the image. NO_DEPTH: nothing measured in the window. BACKGROUND: only
    what is too far from the person's own depths, or too little else. BONE: at the end of a bone
    that cannot be. BORDER: where the limb leaves the image, which networks take for the joint.
    """

    LIFTED = 0
    NO_KEYPOINT = 1
    NO_DEPTH = 2
    BACKGROUND = 3
    BONE = 4
    BORDER = 5


# As plain numbers: NumPy takes its time over an enum.
_LIFTED, _NO_KEYPOINT, _NO_DEPTH, _BACKGROUND, _BONE, _BORDER = (int(r) for r in DepthReason)
_NONE, _DEPTH = np.int8(PositionSource.NONE), np.int8(PositionSource.DEPTH)


@dataclass(frozen=True, eq=False)
class Lifted:
    """
    3-D joints, optical frame.

    Attributes
    ----------
    position : (N, 17, 3) float64
        Metres; NaN where not LIFTED.
    covariance : (N, 17, 3, 3) float64
        m^2; NaN where not LIFTED.
    surface_m : (N, 17) float64
        Depth of the skin, metres; NaN where none was found.
    reason : (N, 17) int8
        DepthReason.
    """

    position: np.ndarray
    covariance: np.ndarray
    surface_m: np.ndarray
    reason: np.ndarray

    @property
    def joints(self) -> Joints3D:
        """The joints without what only lifting knows."""
        source = np.where(self.reason == _LIFTED, _DEPTH, _NONE)
        return Joints3D(self.position, self.covariance, source)

    def counts(self) -> dict[str, int]:
        """Count the keypoints by reason."""
        counted = np.bincount(self.reason.ravel(), minlength=len(DepthReason)).tolist()
        return {reason.name.lower(): counted[reason] for reason in DepthReason}


def lift(
    depth: np.ndarray,
    camera: CameraModel,
    keypoints: Keypoints,
    noise: DepthNoise | None = None,
) -> Lifted:
    """
    Find the joints of every person in 3-D.

    Parameters
    ----------
    depth : (H, W) uint16 or float32
        Millimetres or metres along the optical axis, registered to the image; 0, NaN and infinite
        are missing.
    camera : CameraModel
        Of the image.
    keypoints : Keypoints
        Image pixels.
    noise : DepthNoise, optional
        Of the depth sensor.

    Raises
    ------
    DepthError
        When the depth image is of another type or size than the image.
    """
    check_depth(depth, camera.image_size)
    noise = noise or DepthNoise()
    xy = keypoints.xy.astype(np.float64)
    known = np.isfinite(xy).all(axis=2) & (keypoints.score > 0)
    xy[~known] = np.nan
    body_m, last_m = _body_depth(depth, xy)
    focal_px = float(camera.focal.mean())
    radius_px = np.minimum(WINDOW_M * focal_px / body_m[:, None], LARGEST_WINDOW_PX)
    radius_px = np.fmax(radius_px, SMALLEST_WINDOW_PX)  # also where no body was found
    surface_m, spread_m, some = _surface(depth, xy, radius_px, body_m, last_m, noise)
    lines = camera.points(xy, np.ones(xy.shape[:2]))
    scale = 1.0 / np.sqrt((lines * lines).sum(axis=2))
    offset_m = OFFSET_M * _obliquity(lines * surface_m[..., None], lines * scale[..., None])
    position = lines * (surface_m + offset_m * scale)[..., None]
    offset_variance = OFFSET_SIGMA**2 + (offset_m - OFFSET_M) ** 2
    variance = noise.sigma_m(surface_m) ** 2 + offset_variance + spread_m**2
    covariance = along_rays(variance, lines)
    lateral = lateral_sigma_m(keypoints) ** 2 + (0.3 * surface_m / focal_px) ** 2
    covariance[..., 0, 0] += lateral
    covariance[..., 1, 1] += lateral
    found = np.isfinite(position).all(axis=2)
    reason = np.where(found, _LIFTED, np.where(some, _BACKGROUND, _NO_DEPTH))
    reason[_at_border(xy, radius_px / 2, camera.image_size)] = _BORDER
    reason[~known] = _NO_KEYPOINT
    position[reason != _LIFTED] = np.nan
    reason[impossible(position, covariance)] = _BONE
    missing = reason != _LIFTED
    position[missing] = covariance[missing] = np.nan
    return Lifted(position, covariance, surface_m, reason.astype(np.int8))


def lateral_sigma_m(keypoints: Keypoints) -> np.ndarray:
    """Return the standard deviation (N, 17) of keypoints across their rays, metres."""
    return np.asarray(LATERAL_M * (1.0 + LATERAL_OF_DOUBT * doubt(keypoints.score)))


def _obliquity(skin: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """
    Return how much farther it is from skin to joint in limbs seen obliquely, (N, 17), 1 or more.

    A ray that meets the axis of a limb at an angle goes r / sin(angle) through it. At the far end
    of a limb always: before it lies the limb itself, or hand and toes; at the near end only when
    the limb comes towards the camera.
    """
    bones = skin[:, _FAR] - skin[:, _NEAR]
    squared = np.maximum((bones * bones).sum(axis=2), 1e-4)
    # Both ends' rays are nearly the same.
    cosine_squared = (bones * rays[:, _FAR]).sum(axis=2) ** 2 / squared
    factor = np.sqrt(1.0 / np.maximum(1.0 - cosine_squared, STEEPEST**2))
    factor = np.fmax(factor, 1.0)
    coming = np.where(bones[..., 2] < 0, factor, 1.0)
    factors = np.ones(skin.shape[:2])
    # Each joint is the far end of one limb and the near end of one.
    factors[:, _FAR] = factor
    factors[:, _NEAR] = np.maximum(factors[:, _NEAR], coming)
    return factors


def _at_border(
    xy: np.ndarray, margin_px: np.ndarray, image_size: tuple[int, int]
) -> np.ndarray:
    inside = (xy >= margin_px[..., None]) & (
        xy <= np.array(image_size) - 1 - margin_px[..., None]
    )
    return np.asarray(~inside.all(axis=2))


def _body_depth(depth: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each body is and how far back it reaches, (N,) metres each; NaN if unknown."""
    n = len(xy)
    begin, end = xy[:, _FROM, None], xy[:, _TO, None]
    along = begin + (end - begin) * _ALONG[:, None]
    places = np.concatenate([along.reshape(n, _FROM.size * _ALONG.size, 2), xy], axis=1)
    own = np.sort(sample_m(depth, places), axis=1)  # NaN last
    count = np.isfinite(own).sum(axis=1)
    rows = np.arange(n)
    middle = (0.4 * count).astype(np.intp)
    body_m = np.where(count >= _FEWEST, own[rows, middle], np.nan).astype(np.float64)
    # Behind the first gap beyond the middle is background.
    ends = np.ones(own.shape, bool)
    ends[:, :-1] = ~(own[:, 1:] - own[:, :-1] <= GAP_M)
    ends &= _RANK[:own.shape[1]] >= middle[:, None]
    last_m = own[rows, ends.argmax(axis=1)]
    return body_m, last_m.astype(np.float64)


def _surface(
    depth: np.ndarray,
    xy: np.ndarray,
    radius_px: np.ndarray,
    body_m: np.ndarray,
    last_m: np.ndarray,
    noise: DepthNoise,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return depth and spread of the limb's surface, (N, 17) m, and where there is any depth."""
    places = xy[..., None, :] + radius_px[..., None, None] * _DISC
    values = sample_m(depth, places)
    ordered = np.sort(values, axis=2)  # NaN last
    some = ordered[..., 0] == ordered[..., 0]
    near = body_m[:, None] - IN_FRONT_M
    far = np.broadcast_to((last_m + BEHIND_M)[:, None], near.shape)
    first, count = _between(ordered, near, far)
    front = _pick(ordered, first + (FRONT * count).astype(np.intp))
    thick = WINDOW_M + 3.0 * noise.sigma_m(front)
    near, far = np.maximum(near, front - thick), np.minimum(far, front + thick)
    first, count = _between(ordered, near, far)
    inner = np.sort(values[..., :_INNER], axis=2)
    first_inside, inside = _between(inner, near, far)
    surface = np.where(
        inside >= _FEWEST,
        _pick(inner, first_inside + inside // 2), _pick(ordered, first + count // 2),
    )
    # Half the distance of the quartiles: a step, or a slope, under the window.
    spread = _pick(ordered, first + 3 * count // 4) - _pick(ordered, first + count // 4)
    few = count < _FEWEST
    surface[few], spread[few] = np.nan, np.nan
    return surface, spread / 2, some


def _between(
    ordered: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return where the values within bounds begin, and how many there are, (N, 17) each."""
    first = (ordered < low[..., None]).sum(axis=2)
    return first, (ordered <= high[..., None]).sum(axis=2) - first


def _pick(ordered: np.ndarray, index: np.ndarray) -> np.ndarray:
    n, k, size = ordered.shape
    flat = np.arange(0, n * k * size, size) + np.minimum(index, size - 1).ravel()
    return ordered.ravel()[flat].reshape(n, k).astype(np.float64)


