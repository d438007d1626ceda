# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Every parameter of every node: one frozen dataclass per node, the single source.

ROS parameters, `config/pose.yaml` and the README's tables are made from these or checked against
them. Facts of a network are not parameters: they stand in its ModelSpec.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
import math
from typing import Any


def param(
    default: Any,
    description: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    live: bool = True,
) -> Any:
    """
    Describe one parameter.

    Parameters
    ----------
    default : bool, int, float, str or tuple of float
        Its type is the parameter's type.
    description : str
        One sentence, with the unit.
    low, high : float, optional
        Smallest and largest allowed value of a number, both allowed themselves.
    choices : tuple of str
        The allowed values of a string; empty when any will do.
    live : bool
        Whether it may change while the node is active; else it is read when configuring.
    """
    metadata = {
        'description': description,
        'low': low,
        'high': high,
        'choices': choices,
        'live': live,
    }
    return field(default=default, metadata=metadata)


def check(config: Any) -> None:
    """
    Check the values of a config against their descriptions.

    Raises
    ------
    ValueError
        With one line that names the parameter, its value and what is allowed.
    """
    for f in fields(config):
        value, low, high = getattr(config, f.name), f.metadata['low'], f.metadata['high']
        choices = f.metadata['choices']
        if type(value) is not type(f.default):
            wanted = type(f.default).__name__
            raise ValueError(f'{f.name} = {value!r}: must be a {wanted}')
        numbers = value if isinstance(value, tuple) else (value,)
        if any(isinstance(v, float) and not math.isfinite(v) for v in numbers):
            raise ValueError(f'{f.name} = {value!r}: must be finite')
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f'{f.name} = {value!r}: must be between {low} and {high}')
        if choices and value not in choices:
            raise ValueError(f'{f.name} = {value!r}: must be one of {", ".join(choices)}')


@dataclass(frozen=True)
class EstimatorConfig:
    """Parameters of pose_estimator."""

    mode: str = param(
        'two-pass',
        'two-pass: everyone, sharpened in a crop each; one-pass: everyone, whole image only; '
        'single: one person, followed from crop to crop',
        choices=('two-pass', 'one-pass', 'single'),
    )
    detector_model: str = param(
        '', 'ONNX file of the first pass, empty for the shipped one', live=False
    )
    refiner_model: str = param(
        '', 'ONNX file of the second pass, empty for the shipped one', live=False
    )
    backend: str = param(
        'auto', 'Runtime of the networks; auto: TensorRT on an NVIDIA GPU, else ONNX Runtime',
        choices=('auto', 'tensorrt', 'onnx', 'openvino'), live=False,
    )
    onnx_provider: str = param(
        'auto', 'What ONNX Runtime computes on; auto: CUDA where onnxruntime-gpu has it, else the '
        'CPU',
        choices=('auto', 'cpu', 'cuda', 'openvino'), live=False,
    )
    precision: str = param(
        'auto', 'What the networks are computed in; auto: fp16 by TensorRT, bf16 by OpenVINO on '
        'processors that can; ONNX Runtime always takes fp32',
        choices=('auto', 'fp16', 'bf16', 'fp32'), live=False
    )
    num_threads: int = param(
        2, 'CPU threads inside a network; 0 for all cores', low=0, high=64, live=False
    )
    detect_size_px: int = param(
        448, 'Long side of the whole image in the first pass, px; larger finds smaller people',
        low=64, high=1024
    )
    detect_second_size_px: int = param(
        192,
        'The first pass looks at this size as well when in doubt, px; smaller finds larger '
        'people; 0: it does not',
        low=0, high=1024
    )
    min_candidate_score: float = param(
        0.07, 'People of the first pass with a lower score are not looked at in a crop',
        low=0.0, high=1.0,
    )
    max_crops: int = param(
        10,
        'Largest number of crops per image, the best people first; the others stay as the first '
        'pass saw them',
        low=1, high=100
    )
    max_people: int = param(20, 'Largest number of people per image', low=1, high=100)
    min_person_score: float = param(
        0.01, 'People with a lower score are not published', low=0.0, high=1.0
    )
    min_keypoint_score: float = param(
        0.2, 'Keypoints with a lower score are MISSING', low=0.0, high=1.0
    )
    min_follow_score: float = param(
        0.05, 'Single: a followed person with a lower score is looked for in the whole image',
        low=0.0, high=1.0,
    )
    redetect_s: float = param(
        0.0,
        'Two-pass: people are followed from crop to crop and the first pass runs only every so '
        'often, s, and when somebody is lost: several times the rate, but new and '
        'doubtful people are seen up to so much later; 0: on every image',
        low=0.0, high=10.0,
    )
    follow_when_late: bool = param(
        True,
        'Two-pass: an image that had to wait for the one before does without the first pass, '
        'never two in a row: nearly twice the rate where the camera is faster than the networks',
    )
    duplicate_oks: float = param(
        0.6, 'Two skeletons more alike than this OKS are one person', low=0.0, high=1.0
    )
    crop_padding: float = param(
        1.25,
        'Side of the second pass crop over that of the keypoints box, for a network whose '
        'crop_scale is 1.1; in proportion to it for others',
        low=1.0, high=3.0
    )
    mirror_crops: bool = param(
        False,
        'The second pass looks at the mirror image of each crop as well: a little more accurate, '
        'and twice as long',
    )
    image_transport: str = param(
        'raw', 'raw: topic image; compressed: topic image/compressed',
        choices=('raw', 'compressed'), live=False,
    )
    expected_rate_hz: float = param(
        0.0, 'Images per second that the camera should send, Hz; 0: as many as it usually does',
        low=0.0, high=1000.0,
    )
    people_from: str = param(
        'network',
        'network: the first pass finds people; detections: topic detections does '
        '(vision_msgs/Detection2DArray), the second pass looks into its boxes',
        choices=('network', 'detections'), live=False,
    )
    detections_class: str = param(
        'person', 'Detections of this class_id are people; several with commas, empty for all'
    )
    detections_min_score: float = param(
        0.3, 'Detections with a lower score are not used', low=0.0, high=1.0
    )
    detections_tolerance_s: float = param(
        0.002, 'Detections belong to an image when their stamps differ by at most this, s',
        low=0.0, high=1.0,
    )
    detections_wait_s: float = param(
        0.5, 'Images wait at most so long for their detections, s', low=0.01, high=5.0
    )
    depth: bool = param(
        False, 'Positions in metres from topics depth and camera_info', live=False
    )
    depth_transport: str = param(
        'raw', 'raw: topic depth; compressedDepth: topic depth/compressedDepth (PNG)',
        choices=('raw', 'compressedDepth'), live=False,
    )
    depth_tolerance_s: float = param(
        0.02, 'Depth belongs to an image when their stamps differ by at most this, s', low=0.0,
        high=1.0,
    )
    depth_wait_s: float = param(
        0.05, 'Skeletons wait at most so long for their depth, s', low=0.001, high=1.0, live=False
    )
    depth_sensor: str = param(
        'structured-light', 'Kind of depth camera: how its noise grows with distance',
        choices=('structured-light', 'time-of-flight', 'stereo'),
    )
    stereo_baseline_m: float = param(
        0.05, 'Distance of the two cameras of a stereo depth camera, m', low=0.005, high=2.0
    )
    monocular: bool = param(
        False,
        'Where no depth is: positions in metres from camera_info and an assumed stature, marked '
        'POSITION_MONOCULAR',
        live=False,
    )
    assumed_height_m: float = param(
        1.7, 'Monocular: mean stature of the people to expect, m', low=0.5, high=2.5
    )
    assumed_height_sigma_m: float = param(
        0.1, 'Monocular: standard deviation of their stature, m', low=0.01, high=0.5
    )
    rectified: bool = param(
        False, 'The image is rectified: P of camera_info holds, not K and D', live=False
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)


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
        1.0, 'One Euro: cutoff at rest, Hz', low=0.01, high=60.0
    )
    one_euro_beta: float = param(
        10.0, 'One Euro: rise of the cutoff with speed, Hz per body height/s', low=0.0, high=1000.0
    )
    min_keypoint_score: float = param(
        0.15, 'Keypoints with a lower score are not used', low=0.0, high=1.0
    )
    min_keypoints: int = param(
        5, 'A new track needs as many keypoints', low=1, high=17
    )
    new_track_score: float = param(
        0.2, 'A new track needs a person score as high', low=0.0, high=1.0
    )
    low_score: float = param(
        0.1, 'Detections between this person score and new_track_score only continue tracks',
        low=0.0, high=1.0,
    )
    match_similarity: float = param(
        0.25, 'Smallest likeness (OKS widened by the uncertainty) of a detection to its track',
        low=0.0, high=1.0,
    )
    duplicate_oks: float = param(
        0.7, 'A detection more alike than this to one in use does not start a track',
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
        3, 'Detections before a track is CONFIRMED', low=1, high=100
    )
    confirm_evidence: float = param(
        0.9, 'Sum of the person scores of its detections before a track is CONFIRMED',
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
    max_gap_s: float = param(
        5.0, 'A longer jump between two stamps ends all tracks, s', low=0.1, high=3600.0
    )
    target_frame: str = param(
        '', "Frame of the positions that are published, by tf2; empty: the image's optical frame",
        live=False,
    )
    transform_timeout_s: float = param(
        0.1, 'Output waits at most so long for the transform to target_frame, s',
        low=0.0, high=2.0,
    )
    body_frames: bool = param(
        False, 'Publish a TF frame for each person, in the middle of the hips (REP 155)',
        live=False,
    )
    body_frame_prefix: str = param(
        'body_', "What the name of a body's frame begins with; its id follows"
    )
    metres: bool = param(
        True, 'Filter positions in metres where pose has them, with camera_info', live=False
    )
    rectified: bool = param(
        False, 'The image is rectified: P of camera_info holds, not K and D', live=False
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)


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


@dataclass(frozen=True)
class CameraConfig:
    """Parameters of pose_camera."""

    source: str = param(
        '0', 'Webcam index, video file, image or folder of images', live=False
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
        '', 'Calibration YAML of camera_calibration; empty: no camera_info is sent', live=False
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)


@dataclass(frozen=True)
class StandardsConfig:
    """Parameters of pose_standards."""

    bodies: str = param(
        'humans/bodies',
        'Topics of hri_msgs begin with it; REP-155 wants /humans/bodies, which it is without a '
        'namespace',
        live=False,
    )
    body_id_prefix: str = param(
        'b', "Body ids are this and the person's id; a letter first", live=False
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)


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
