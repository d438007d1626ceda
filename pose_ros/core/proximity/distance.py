# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
How near people are to a volume: distance of the body, its lower bound, rate, time to contact.

Information, not certified safety: a person that no camera sees is not in it, the network may
be wrong about a joint by more than its covariance says, and bodies are thicker than capsules in
a coat.

The body is capsules around the keypoints (`body_capsules`). Distances to a convex volume are
convex along a capsule's axis, so the nearest place is found by looking twice, the second time
closer.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from pose_ros.core.pose3d.tracker3d import STATURE_M
from pose_ros.core.proximity.body_capsules import (
    BEGIN,
    END,
    RADIUS_M,
    RADIUS_SIGMA_M,
    reach_of_unseen,
)
from pose_ros.core.proximity.zones import Zone
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.core.tracking.skeleton_filter import AGILITY

WALK_M_S = 1.6
"""Speed of approach of a human in ISO 13855: what is taken for people who are not seen."""

LIMB_M_S: np.ndarray = np.array(
    [0.2] * 7 + [0.5] * 2 + [0.9] * 2 + [0.2] * 2 + [0.7] * 2 + [1.2] * 2
)
"""(17,) float64: how fast keypoints move against the body, one standard deviation."""

_STEPS = np.linspace(0.0, 1.0, 9)
_LEAST = 1e-9


@dataclass(frozen=True, eq=False)
class Proximity:
    """
    How near each of N people is to a zone.

    Attributes
    ----------
    distance_m : (N,) float64
        Shortest, from the skin of what is known of the body to the zone, negative inside; NaN for
        a person without a 3-D joint.
    sigma_m : (N,) float64
        Its standard deviation.
    bound_m : (N,) float64
        The true distance is above it with the stated confidence, limbs that are not seen
        included: they may be anywhere within their length.
    rate_m_s, rate_sigma_m_s : (N,) float64
        Rate of change of the distance, negative when coming nearer, and its standard deviation.
    contact_s : (N,) float64
        Time until `bound_m` is used up at this rate; 0 when it is already, NaN when not coming
        nearer.
    joint : (N,) int64
        The keypoint that has most to do with the nearest place; -1 when none is known.
    joints : (N,) int64
        How many keypoints are known.
    on_person, on_zone : (N, 3) float64
        Where the distance is shortest: on the skin, and on the zone's surface. Optical frame, m.
    """

    distance_m: np.ndarray
    sigma_m: np.ndarray
    bound_m: np.ndarray
    rate_m_s: np.ndarray
    rate_sigma_m_s: np.ndarray
    contact_s: np.ndarray
    joint: np.ndarray
    joints: np.ndarray
    on_person: np.ndarray
    on_zone: np.ndarray


def proximity(
    zone: Zone,
    position: np.ndarray,
    velocity: np.ndarray,
    covariance: np.ndarray,
    confidence: float = 0.95,
    unseen_limbs: bool = True,
    whole_sigma_m: np.ndarray | None = None,
) -> Proximity:
    """
    Measure how near people are.

    Parameters
    ----------
    zone : Zone
        Of the robot, or any other, standing still in the camera's frame.
    position, velocity : (N, 17, 3) float64
        Optical frame, m and m/s; NaN where unknown.
    covariance : (N, 17, 3, 3) float64
        Of the position, m^2.
    confidence : float
        Probability that the true distance is above `bound_m`, in (0, 1).
    unseen_limbs : bool
        Whether limbs that are not known count for `bound_m`.
    whole_sigma_m : (N,) float64, optional
        How uncertain each person is as a whole besides, such as `walked_sigma_m`.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f'confidence = {confidence!r}: must be between 0 and 1')
    known = np.isfinite(position).all(axis=2) & np.isfinite(covariance).all(axis=(2, 3))
    there, z = known.any(axis=1), NormalDist().inv_cdf(confidence)
    blank = np.where(known, 1.0, np.nan)
    position, covariance = position * blank[..., None], covariance * blank[..., None, None]
    whole = np.zeros(len(position)) if whole_sigma_m is None else whole_sigma_m
    body = _Body(zone, position, covariance, z, whole)
    distance, sigma, away, on_axis, weight = body.nearest()
    bound = body.bound_m
    if unseen_limbs and not known.all():
        guess = reach_of_unseen(position, covariance)
        beyond = _Body(zone, *guess, z, whole)
        beyond.nearest()
        bound = np.fmin(bound, beyond.bound_m)
    rate, rate_sigma = _rate(weight, velocity * blank[..., None], body.covariance, away)
    closing = rate < -_LEAST
    contact = np.where(closing, bound / np.where(closing, -rate, 1.0), np.nan)
    contact = np.where(bound <= 0, 0.0, contact)
    joint = np.where(there, weight.argmax(axis=1), -1)
    radius, distance = body.radius_m, np.where(there, distance, np.nan)
    found = Proximity(
        distance, sigma, bound, rate, rate_sigma, contact, joint, known.sum(axis=1),
        on_axis - radius[:, None] * away, on_axis - (distance + radius)[:, None] * away,
    )
    for values in vars(found).values():
        if values.dtype == np.float64:
            values[~there] = np.nan
    return found


def walked_sigma_m(since_s: np.ndarray) -> np.ndarray:
    """
    Return how uncertain the place of people not seen for `since_s` is, (N,) m.

    With 95 % they have come no farther than `WALK_M_S` times as long.
    """
    return WALK_M_S / NormalDist().inv_cdf(0.95) * np.maximum(since_s, 0.0)


def _rate(
    weight: np.ndarray, velocity: np.ndarray, covariance: np.ndarray, away: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return rate and its standard deviation, (N,) m/s each, of places `weight` (N, 17) of joints.

    Messages have no covariance of velocities. In the steady state of a filter of constant
    velocity it follows from that of the position: with measurement noise r and agility q, both
    densities, P_xx = sqrt(2) r^(3/4) q^(1/4) and P_vv = sqrt(2) r^(1/4) q^(3/4) (Bar-Shalom, Li
    and Kirubarajan, Estimation with Applications, 2001, 8.2), so P_vv = (2 P_xx q^2)^(1/3).

    One limb's velocity is noisy, the body's is not, and limbs stay with the body: each keypoint's
    is the mean of both, weighted by what is known of it and by LIMB_M_S.
    """
    own = np.einsum('nkd,nd->nk', velocity, away)
    along = np.einsum('ni,nkij,nj->nk', away, covariance, away)
    variance = np.cbrt(2.0 * np.maximum(along, 0.0) * (AGILITY * STATURE_M) ** 4)
    known, limb = np.isfinite(own), LIMB_M_S**2
    precision = np.where(known, 1.0 / (variance + limb), 0.0)
    total = np.maximum(precision.sum(axis=1), _LEAST)[:, None]
    body = (precision * np.where(known, own, 0.0)).sum(axis=1)[:, None] / total
    share = np.where(known, limb / (limb + variance), 0.0)
    rate = body + share * np.where(known, own - body, 0.0)
    left = np.where(known, share * variance, limb)
    square = (weight * weight * left).sum(axis=1) + weight.sum(axis=1) ** 2 / total[:, 0]
    return (weight * rate).sum(axis=1), np.sqrt(square)


class _Body:
    """The capsules of N people, measured against a zone."""

    def __init__(
        self, zone: Zone, position: np.ndarray, covariance: np.ndarray, z: float, whole: np.ndarray
    ) -> None:
        self.zone, self.z, self.whole_sigma_m = zone, z, whole
        self.position = np.where(np.isfinite(position), position, 0.0)
        self.covariance = np.where(np.isfinite(covariance), covariance, 0.0)
        needed = ((BEGIN != 0) | (END != 0)).astype(np.float64)
        lacking = (~np.isfinite(position).all(axis=2)).astype(np.float64)
        self.whole = lacking @ needed.T == 0
        self.bound_m = np.full(len(position), np.inf)
        self.radius_m = np.zeros(len(position))

    def nearest(self) -> tuple[np.ndarray, ...]:
        """Return distance, sigma, away, place on the axis and weight (N, 17) of the nearest."""
        n, c = self.whole.shape
        places = c * len(_STEPS)
        steps = np.broadcast_to(_STEPS, (n, c, len(_STEPS)))
        distance, *_ = self._measure(steps)
        best = np.take_along_axis(steps, distance.argmin(axis=2)[..., None], axis=2)
        closer = np.clip(best + (_STEPS - 0.5) * 2 * _STEPS[1], 0.0, 1.0)
        distance, sigma, away, on_axis, weight = self._measure(closer)
        flat = distance.reshape(n, places).argmin(axis=1)
        rows = np.arange(n)
        self.radius_m = RADIUS_M[flat // len(_STEPS)]
        return (
            distance.reshape(n, places)[rows, flat],
            sigma.reshape(n, places)[rows, flat],
            away.reshape(n, places, 3)[rows, flat],
            on_axis.reshape(n, places, 3)[rows, flat],
            weight.reshape(n, places, NUM_KEYPOINTS)[rows, flat],
        )

    def _measure(self, steps: np.ndarray) -> tuple[np.ndarray, ...]:
        """Measure places along the capsules, (N, C, S) in [0, 1]; lower the bound."""
        weight = BEGIN[:, None] * (1.0 - steps[..., None]) + END[:, None] * steps[..., None]
        n, c, s, k = weight.shape
        flat = weight.reshape(n, c * s, k)
        points = (flat @ self.position).reshape(n, c, s, 3)
        joint_covariance = self.covariance.reshape(n, k, 9)
        covariance = (flat**2 @ joint_covariance).reshape(n, c, s, 3, 3)
        distance, away = self.zone.distance(points)
        variance = ((covariance @ away[..., None])[..., 0] * away).sum(axis=-1)
        # Where no direction leads away (at the very point), any may be the uncertain one.
        nowhere = (away * away).sum(axis=-1) < 0.5
        variance = np.where(nowhere, np.trace(covariance, axis1=-2, axis2=-1), variance)
        variance = np.maximum(variance, 0.0) + (RADIUS_SIGMA_M**2)[:, None]
        variance = variance + (self.whole_sigma_m**2)[:, None, None]
        sigma = np.sqrt(variance)
        distance = np.where(self.whole[..., None], distance - RADIUS_M[:, None], np.inf)
        low = (distance - self.z * sigma).min(axis=(1, 2))
        self.bound_m = np.minimum(self.bound_m, low)
        return distance, sigma, away, points, weight
