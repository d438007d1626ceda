# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of pose_proximity."""

from __future__ import annotations

from dataclasses import dataclass

from pose_ros.core.config.parameter import param


@dataclass(frozen=True)
class ProximityConfig:
    """Parameters of pose_proximity."""

    zone_name: str = param('robot', 'What the zone is called in the messages')
    zone_shape: str = param(
        'sphere', 'Shape of the zone', choices=('sphere', 'box', 'capsule', 'planes')
    )
    zone: tuple[float, ...] = param(
        (0.0, 0.0, 0.0, 0.3),
        'Numbers of the zone, m: sphere x y z radius; box x y z and three sizes; capsule x y z, '
        'x y z, radius; planes nx ny nz offset each (behind all of them is the zone)',
    )
    zone_frame: str = param(
        '',
        'tf2 frame that these numbers are in; empty, or without tf2: the frame at zone_pose',
        live=False,
    )
    zone_pose: tuple[float, ...] = param(
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        'Fixed pose of the zone in the frame of the positions: x y z, m, and quaternion x y z w',
    )
    transform_hold_s: float = param(
        0.2, 'Where zone_frame is not known yet, a transform up to so much older is taken, s',
        low=0.0, high=10.0,
    )
    confidence: float = param(
        0.95, 'Probability that the true distance is above bound_m', low=0.5, high=0.9999
    )
    unseen_limbs: bool = param(
        True, 'Limbs that are not seen, which may be anywhere within their length, lower bound_m'
    )
    stale_after_s: float = param(
        1.0, 'Without skeletons for longer, STALE is published, s; 0 for never', low=0.0, high=60.0
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)
