# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Camera calibration: the YAML of camera_calibration as CameraInfo; a camera without one."""

from __future__ import annotations

import os
from pathlib import Path
import re
from typing import Any
from urllib.parse import unquote

from ament_index_python.packages import get_package_share_directory
import numpy as np
from sensor_msgs.msg import CameraInfo
import yaml

from pose_ros.core.camera_model import CameraModel


class CalibrationError(ValueError):
    """A calibration is not usable; the message says why, in one line."""


def calibration_path(text: str) -> Path:
    """
    Return the file that a path or an address of camera_info_manager means.

    Parameters
    ----------
    text : str
        A path, which may begin with ~ and hold variables of the environment, file://PATH or
        package://PACKAGE/PATH. ROS_HOME is ~/.ros where it is not set.

    Raises
    ------
    CalibrationError
        When the address is of another kind, or there is no such package.
    """
    home = os.environ.get('ROS_HOME') or '~/.ros'
    text = os.path.expandvars(text.replace('${ROS_HOME}', home).replace('$ROS_HOME', home))
    scheme, is_address, rest = text.partition('://')
    file = re.fullmatch(r'file:(?://(?:localhost)?)?(.*)', text, re.IGNORECASE | re.DOTALL)
    try:
        if file:
            return Path(unquote(file.group(1))).expanduser()
        if not is_address:
            return Path(text).expanduser()
        if scheme.lower() == 'package':
            package, _, path = unquote(rest).partition('/')
            return Path(get_package_share_directory(package), path)
    except (LookupError, ValueError, RuntimeError) as error:
        why = ' '.join(str(error).split())
        raise CalibrationError(f'the calibration {text} is not found: {why}') from error
    raise CalibrationError(
        f'the calibration {text}: must be a path, file:///PATH or package://PACKAGE/PATH'
    )


def camera_info_from_yaml(source: str | Path) -> CameraInfo:
    """
    Read the file that `camera_calibration` (camera_calibration_parsers) writes.

    Parameters
    ----------
    source : str or Path
        As `calibration_path` takes it.

    Returns
    -------
    CameraInfo
        Header not filled.

    Raises
    ------
    CalibrationError
        When the file cannot be read, or a field is missing or malformed.
    """
    path = calibration_path(str(source))
    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, ValueError) as error:
        raise CalibrationError(f'cannot read the calibration {path}: {error}') from error
    except (yaml.YAMLError, RecursionError) as error:
        raise CalibrationError(
            f'the calibration {path} is not YAML: {" ".join(str(error).split())}'
        ) from error
    try:
        info = CameraInfo(
            width=int(data['image_width']),
            height=int(data['image_height']),
            distortion_model=str(data.get('distortion_model', 'plumb_bob')),
            d=_numbers(data['distortion_coefficients'], None),
            k=_numbers(data['camera_matrix'], 9),
            r=_numbers(data.get('rectification_matrix', {'data': np.eye(3).ravel()}), 9),
        )
        k = info.k
        flat = [k[0], k[1], k[2], 0.0, k[3], k[4], k[5], 0.0, k[6], k[7], k[8], 0.0]
        info.p = _numbers(data.get('projection_matrix', {'data': flat}), 12)
    except KeyError as error:
        raise CalibrationError(f'the calibration {path} lacks the field {error}') from error
    except (AttributeError, TypeError, ValueError, OverflowError, AssertionError) as error:
        # AssertionError: the field checks of messages, for example a negative width.
        raise CalibrationError(f'the calibration {path} is malformed: {error}') from error
    if not (0 < info.width < 2**31 and 0 < info.height < 2**31 and k[0] > 0 and k[4] > 0):
        raise CalibrationError(
            f'the calibration {path} has image size {info.width}x{info.height} and focal lengths '
            f'{k[0]:g}, {k[4]:g}: all must be above 0'
        )
    return info


def _numbers(field: Any, count: int | None) -> list[float]:
    values = [float(value) for value in field['data']]
    if not np.isfinite(values).all() or (count is not None and len(values) != count):
        raise ValueError(f'expected {count or "some"} finite numbers, got {values}')
    return values


def default_camera(image_size: tuple[int, int]) -> CameraModel:
    """Return a camera with a horizontal field of view of 60 degrees and no distortion."""
    width, height = image_size
    focal = width / 2 / np.tan(np.radians(30.0))
    matrix = np.array(
        [[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]]
    )
    return CameraModel(image_size, matrix, '', np.zeros(8))
