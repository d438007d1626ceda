# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of pose_estimator."""

from __future__ import annotations

from dataclasses import dataclass

from pose_ros.core.config.parameter import param


@dataclass(frozen=True)
class EstimatorConfig:
    """Parameters of pose_estimator."""

    mode: str = param(
        'two-pass',
        'two-pass: all people, refined in a crop each; one-pass: all, whole image only; '
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
        'auto', 'Runtime of the networks; auto: TensorRT on an NVIDIA GPU, else OpenVINO where it '
        'is installed and the processor has bfloat16, else ONNX Runtime',
        choices=('auto', 'tensorrt', 'onnx', 'openvino'), live=False,
    )
    gpu: int = param(
        0, "Which GPU TensorRT runs on: CUDA's number, see CUDA_VISIBLE_DEVICES",
        low=0, high=63, live=False,
    )
    onnx_provider: str = param(
        'auto', 'What ONNX Runtime computes on; auto: CUDA where onnxruntime-gpu has it, else the '
        'CPU',
        choices=('auto', 'cpu', 'cuda', 'openvino'), live=False,
    )
    openvino_device: str = param(
        'CPU', "What OpenVINO computes on: GPU and NPU are Intel's; AUTO chooses",
        choices=('CPU', 'GPU', 'NPU', 'AUTO'), live=False,
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
        12,
        'Largest number of crops per image, the best people first; the others stay as the first '
        'pass saw them',
        low=1, high=100
    )
    max_people: int = param(20, 'Largest number of people per image', low=1, high=100)
    min_person_score: float = param(
        0.05, 'People with a lower score (probability that the skeleton is right) are not '
        'published', low=0.0, high=1.0
    )
    min_keypoint_score: float = param(
        0.65, 'Keypoints with a lower score (probability that the keypoint is within its OKS '
        'tolerance) are MISSING', low=0.0, high=1.0
    )
    detection_interval_s: float = param(
        0.0,
        'Two-pass: ROI tracking: people are found in crops around where they were, and the first '
        'pass (detection) runs only every so often, s, and when a person is lost: several times '
        'the rate, but new and doubtful people are seen up to so much later; 0: on every image',
        low=0.0, high=10.0,
    )
    skip_detection_when_late: bool = param(
        True,
        'Two-pass: an image that had to wait for the one before does without the first pass, '
        'never two in a row: nearly twice the rate where the camera is faster than the networks',
    )
    nms_oks: float = param(
        0.6, 'NMS: of two skeletons more similar than this OKS the better one stays', low=0.0,
        high=1.0,
    )
    crop_padding: float = param(
        1.25,
        'Side of the second pass crop over that of the keypoints box, for a network whose '
        'crop_scale is 1.1; in proportion to it for others',
        low=1.0, high=3.0
    )
    flip_test: bool = param(
        False,
        'The second pass looks at the mirror image of each crop as well: a little more accurate, '
        'and twice as long',
    )
    appearance: bool = param(
        False,
        'Describe what each person looks like (colours of torso and legs), for pose_tracker to '
        'find the same person again; off for privacy',
    )
    image_transport: str = param(
        'raw', 'raw: topic image; compressed: topic image/compressed',
        choices=('raw', 'compressed'), live=False,
    )
    image_rotation: int = param(
        0,
        'How far images must be turned clockwise for people to stand upright, degrees: 180 for a '
        'camera mounted upside down. Only the networks see them turned: pixels and frames of the '
        'output stay those of the image',
        choices=(0, 90, 180, 270),
    )
    camera_motion: str = param(
        'auto',
        "How the camera's own motion between images is found, for the tracker; image: by optical "
        'flow of the background; tf: its rotation in fixed_frame, by tf2 and camera_info; auto: '
        'tf where fixed_frame is set and known, else image; off: not at all',
        choices=('off', 'image', 'tf', 'auto'), live=False,
    )
    fixed_frame: str = param(
        '', 'Frame in which the world stands still while the camera moves, odom for example; for '
        'camera_motion tf and auto', live=False,
    )
    expected_rate_hz: float = param(
        0.0, 'Images per second that the camera should send, Hz; 0: as many as it usually does',
        low=0.0, high=1000.0,
    )
    detections_enabled: bool = param(
        False,
        'Take people from topic detections (vision_msgs/Detection2DArray) instead of the first '
        'pass; the second pass looks into its boxes',
        live=False, group='detections',
    )
    detections_class_id: str = param(
        'person', 'Detections of this class_id are people; several with commas, empty for all',
        group='detections',
    )
    detections_min_score: float = param(
        0.3, 'Detections with a lower score are not used', low=0.0, high=1.0, group='detections'
    )
    detections_tolerance_s: float = param(
        0.002, 'Detections belong to an image when their stamps differ by at most this, s',
        low=0.0, high=1.0, group='detections',
    )
    detections_wait_s: float = param(
        0.5, 'Images wait at most so long for their detections, s', low=0.01, high=5.0,
        group='detections',
    )
    depth_enabled: bool = param(
        False, '3-D positions from topics depth and camera_info', live=False, group='depth'
    )
    depth_transport: str = param(
        'raw', 'raw: topic depth; compressedDepth: topic depth/compressedDepth (PNG)',
        choices=('raw', 'compressedDepth'), live=False, group='depth',
    )
    depth_unit_m: float = param(
        0.0, 'Metres of one unit of the depth image; 0: as REP 118 has it, 0.001 of 16UC1 and 1 '
        'of 32FC1', low=0.0, high=1.0, group='depth',
    )
    depth_registered: bool = param(
        False, 'Depth is registered to the image even if its frame has another name and tf does '
        'not say that the two are one', group='depth',
    )
    depth_tolerance_s: float = param(
        0.02, 'Depth belongs to an image when their stamps differ by at most this, s', low=0.0,
        high=1.0, group='depth',
    )
    depth_wait_s: float = param(
        0.05, 'Skeletons wait at most so long for their depth, s', low=0.001, high=1.0, live=False,
        group='depth',
    )
    depth_sensor: str = param(
        'structured-light', 'Kind of depth camera: how its noise grows with distance',
        choices=('structured-light', 'time-of-flight', 'stereo'), group='depth',
    )
    depth_stereo_baseline_m: float = param(
        0.05, 'Distance of the two cameras of a stereo depth camera, m', low=0.005, high=2.0,
        group='depth',
    )
    monocular_enabled: bool = param(
        False,
        'Where no depth is: 3-D positions from camera_info and an assumed stature, marked '
        'POSITION_MONOCULAR',
        live=False, group='monocular',
    )
    monocular_height_m: float = param(
        1.7, 'Mean stature of the people to expect, m', low=0.5, high=2.5, group='monocular'
    )
    monocular_height_sigma_m: float = param(
        0.1, 'Standard deviation of their stature, m', low=0.01, high=0.5, group='monocular'
    )
    rectified: bool = param(
        False, 'The image is rectified: P of camera_info holds, not K and D', live=False
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)
