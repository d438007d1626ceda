# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of pose_tracker."""

from __future__ import annotations

from dataclasses import dataclass

from pose_ros.core.config.parameter import param


@dataclass(frozen=True)
class TrackerConfig:
    """Parameters of pose_tracker."""

    preset: str = param(
        'balanced',
        'How the filter trades delay for jitter: responsive, balanced or smooth',
        choices=('responsive', 'balanced', 'smooth'),
    )
    filter: str = param(
        'constant-velocity',
        'Filter of the published keypoints: a Kalman filter of either motion model, or One Euro',
        choices=('constant-velocity', 'constant-acceleration', 'one-euro'),
    )
    process_noise: float = param(
        1.0, 'Agility of people over that of the preset; higher: less delay, more jitter',
        low=0.01, high=100.0,
    )
    measurement_noise: float = param(
        1.0, 'Noise of the detections over what is usual for the networks; higher: smoother',
        low=0.01, high=100.0,
    )
    one_euro_min_cutoff_hz: float = param(
        1.0, 'Cutoff at rest, Hz', low=0.01, high=60.0, group='one_euro'
    )
    one_euro_beta: float = param(
        10.0, 'Rise of the cutoff with speed, Hz per body height/s', low=0.0, high=1000.0,
        group='one_euro',
    )
    min_keypoint_score: float = param(
        0.6, 'Keypoints with a lower score (probability) are not used', low=0.0, high=1.0
    )
    min_keypoints: int = param(
        5, 'A new track needs as many keypoints', low=1, high=17
    )
    new_track_score: float = param(
        0.55, 'A new track needs a person score (probability) as high', low=0.0, high=1.0
    )
    low_score: float = param(
        0.2, 'Detections between this person score and new_track_score only continue tracks',
        low=0.0, high=1.0,
    )
    match_similarity: float = param(
        0.25, 'Smallest similarity (OKS widened by the uncertainty) of a detection to its track',
        low=0.0, high=1.0,
    )
    gate_sigma: float = param(
        4.0, 'A measured keypoint farther from its prediction, in sigmas, is not used', low=1.0,
        high=100.0,
    )
    resolve_swaps: bool = param(
        True, 'Undo exchanges of left and right limbs by the network'
    )
    confirm_hits: int = param(
        2, 'Detections before a track is CONFIRMED', low=1, high=100
    )
    confirm_score_sum: float = param(
        1.8, 'Sum of the person scores of its detections before a track is CONFIRMED',
        low=0.0, high=100.0,
    )
    confirm_s: float = param(
        0.07, 'Age before a track is CONFIRMED, s', low=0.0, high=10.0
    )
    lost_after_s: float = param(
        0.25, 'A TENTATIVE track not seen for longer ends; a CONFIRMED one is LOST without a new '
        'image for longer (and at once when an image does not show it), s',
        low=0.0, high=10.0,
    )
    max_lost_s: float = param(
        1.5, 'A track not seen for longer ends, s', low=0.0, high=60.0
    )
    reidentify_s: float = param(
        30.0, 'With appearance in pose: a person not seen for up to as long is found again by it '
        'under the same id, and a target is waited for, s; then what they look like is forgotten',
        low=0.0, high=600.0,
    )
    max_prediction_s: float = param(
        0.5, 'A keypoint not seen for longer is MISSING, s', low=0.0, high=10.0
    )
    prediction_rate_hz: float = param(
        50.0, 'Rate of pose/predicted while someone listens, Hz; 0 for never', low=0.0, high=1000.0
    )
    lead_time_s: float = param(
        0.0, 'pose/predicted is for so long after its publication, s', low=0.0, high=1.0
    )
    stale_after_s: float = param(
        1.0, 'Without an image for longer, STALE is published, s; 0 for never', low=0.0, high=60.0
    )
    target_hold_s: float = param(
        2.0, 'A target out of sight is waited for as long before another is chosen, s',
        low=0.0, high=60.0,
    )
    output_frame: str = param(
        '', "Frame of the positions that are published, by tf2; empty: the image's optical frame",
        live=False,
    )
    fixed_frame: str = param(
        '', 'Frame in which the world stands still while the camera moves, odom for example, by '
        'tf2: velocities in 3-D are relative to it; empty: to the camera', live=False,
    )
    transform_timeout_s: float = param(
        0.1, 'Output waits at most so long for the transform to output_frame or fixed_frame, s',
        low=0.0, high=2.0,
    )
    body_frames_enabled: bool = param(
        False, 'Publish a TF frame for each person, in the middle of the hips (REP 155)',
        live=False, group='body_frames',
    )
    body_frames_prefix: str = param(
        'body_', "What the name of a body's frame begins with; its id follows",
        group='body_frames',
    )
    track_3d: bool = param(
        True, 'Filter 3-D positions where pose has them, with camera_info', live=False
    )
    rectified: bool = param(
        False, 'The image is rectified: P of camera_info holds, not K and D', live=False
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)
