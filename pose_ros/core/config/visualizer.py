# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of pose_visualizer."""

from __future__ import annotations

from dataclasses import dataclass

from pose_ros.core.config.parameter import param


@dataclass(frozen=True)
class VisualizerConfig:
    """Parameters of pose_visualizer."""

    skeletons: str = param(
        'tracked', 'Which topic is drawn: observed (pose), tracked or predicted (below pose/)',
        choices=('observed', 'tracked', 'predicted'), live=False,
    )
    image_transport: str = param(
        'raw', 'raw: topic image; compressed: topic image/compressed',
        choices=('raw', 'compressed'), live=False,
    )
    image_buffer: int = param(
        10, 'Latest images kept until the skeletons of the same stamp come', low=1, high=100
    )
    tentative: bool = param(False, 'Draw people who are not confirmed yet as well')
    plane_distance_m: float = param(
        2.0, 'Distance at which flat skeletons are drawn as markers, m', low=0.01, high=100.0
    )
    line_width_m: float = param(0.02, 'Width of bones as markers, m', low=0.001, high=1.0)
    covariance: bool = param(
        False, 'Markers: an ellipsoid around each keypoint that it is in with 95 %'
    )
    velocity: bool = param(
        False, 'Markers: an arrow from each keypoint to where it will be in 0.25 s'
    )
    rectified: bool = param(
        False, 'The image is rectified: P of camera_info holds, not K and D', live=False
    )
    marker_lifetime_s: float = param(
        0.5, 'Markers vanish when nothing new comes for so long, s; 0: never', low=0.0, high=60.0
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)
