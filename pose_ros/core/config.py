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
    default : bool, int, float or str
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
        if isinstance(value, float) and not math.isfinite(value):
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
        'auto', 'Runtime of the networks; auto takes the best one here', choices=('auto', 'onnx'),
        live=False,
    )
    num_threads: int = param(
        2, 'CPU threads inside a network; 0 for all cores', low=0, high=64, live=False
    )
    detect_size_px: int = param(
        256, 'Long side of the whole image in the first pass, px, multiple of 32', low=64, high=1024
    )
    max_people: int = param(10, 'Largest number of people per image', low=1, high=100)
    min_person_score: float = param(
        0.2, 'People with a lower score are not published', low=0.0, high=1.0
    )
    min_keypoint_score: float = param(
        0.1, 'Keypoints with a lower score are MISSING', low=0.0, high=1.0
    )
    duplicate_oks: float = param(
        0.7, 'Two skeletons more alike than this OKS are one person', low=0.0, high=1.0
    )
    crop_padding: float = param(
        1.25, 'Side of the second pass crop over that of the keypoints box', low=1.0, high=3.0
    )
    image_transport: str = param(
        'raw', 'raw: topic image; compressed: topic image/compressed',
        choices=('raw', 'compressed'), live=False,
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)


@dataclass(frozen=True)
class TrackerConfig:
    """Parameters of pose_tracker."""

    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)


@dataclass(frozen=True)
class VisualizerConfig:
    """Parameters of pose_visualizer."""

    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)


@dataclass(frozen=True)
class CameraConfig:
    """Parameters of pose_camera."""

    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)
