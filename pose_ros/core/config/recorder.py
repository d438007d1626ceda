# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of pose_recorder."""

from __future__ import annotations

from dataclasses import dataclass

from pose_ros.core.config.parameter import param


@dataclass(frozen=True)
class RecorderConfig:
    """Parameters of pose_recorder."""

    folder: str = param('pose_recording', 'Where the files go; made when absent', live=False)
    video: bool = param(
        True, 'Write the overlay as annotated.mp4 and contact_sheet.png', live=False
    )
    video_hz: float = param(25.0, 'Images per second of the video, Hz', low=1.0, high=240.0,
                            live=False)
    bag: bool = param(True, 'Write pose and pose/tracked into an MCAP bag', live=False)
    line_period_s: float = param(
        0.5, 'Print a line of rate, people and latency so often, s; 0: never', low=0.0, high=60.0,
        live=False,
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)
