# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Every parameter of every node: one frozen dataclass per node, the single source.

ROS parameters, `config/pose.yaml` and `docs/parameters.md` are made from these or checked against
them. Facts of a network are not parameters: they stand in its ModelSpec.
"""

from __future__ import annotations

from typing import Any

from pose_ros.core.config.camera import CameraConfig
from pose_ros.core.config.estimator import EstimatorConfig
from pose_ros.core.config.parameter import (
    allowed,
    check,
    check_value,
    coerce,
    name_of,
    named_fields,
    nearest,
)
from pose_ros.core.config.proximity import ProximityConfig
from pose_ros.core.config.recorder import RecorderConfig
from pose_ros.core.config.standards import StandardsConfig
from pose_ros.core.config.tracker import TrackerConfig
from pose_ros.core.config.visualizer import VisualizerConfig

__all__ = [
    'CameraConfig',
    'EstimatorConfig',
    'NODE_CONFIGS',
    'ProximityConfig',
    'RecorderConfig',
    'StandardsConfig',
    'TrackerConfig',
    'VisualizerConfig',
    'allowed',
    'check',
    'check_value',
    'coerce',
    'name_of',
    'named_fields',
    'nearest',
]

NODE_CONFIGS: dict[str, type[Any]] = {
    'pose_estimator': EstimatorConfig,
    'pose_tracker': TrackerConfig,
    'pose_visualizer': VisualizerConfig,
    'pose_camera': CameraConfig,
    'pose_recorder': RecorderConfig,
    'pose_proximity': ProximityConfig,
    'pose_standards': StandardsConfig,
}
"""Name of each node and the dataclass of its parameters."""
