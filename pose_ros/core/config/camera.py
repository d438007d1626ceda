# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of pose_camera."""

from __future__ import annotations

from dataclasses import dataclass

from pose_ros.core.config.parameter import param


@dataclass(frozen=True)
class CameraConfig:
    """Parameters of pose_camera."""

    source: str = param(
        '0', 'Webcam index or /dev path, rtsp:// or http:// address, video file, image or folder '
        'of images', live=False
    )
    rate_hz: float = param(
        0.0, 'Images per second, Hz; 0: as the source says', low=0.0, high=1000.0, live=False
    )
    loop: bool = param(False, 'Begin again when the source ends', live=False)
    exit_at_end: bool = param(False, 'End the process when the source ends', live=False)
    wait_for_subscribers: int = param(
        0, 'Send nothing before so many subscribe to the image', low=0, high=100, live=False
    )
    reliable: bool = param(
        True, 'QoS of the image: reliable serves every subscriber; false: best effort', live=False
    )
    frame_id: str = param('camera_optical_frame', 'Optical frame in the header of every image')
    camera_info: str = param(
        '', 'Calibration YAML of camera_calibration, a path or file:// or package:// address; '
        'empty: no camera_info is sent', live=False
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)
