# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth images registered to the colour image: what a pixel says in 3-D, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NEAREST_M = 0.1
"""Nothing is measured nearer: zero means missing, and no sensor of this kind sees closer."""

FARTHEST_M = 20.0
"""A greater depth is a fault or of no use for a person."""


class DepthError(ValueError):
    """A depth image is not usable with this image; the message says why, in one line."""


@dataclass(frozen=True)
class DepthNoise:
    """
    Standard deviation of a depth pixel: sigma(z) = constant + linear z + quadratic z^2.

    Attributes
    ----------
    constant_m : float
        Metres.
    linear : float
        Metres per metre.
    quadratic_per_m : float
        Metres per square metre.
    """

    constant_m: float = 0.001
    linear: float = 0.0
    quadratic_per_m: float = 0.002

    @classmethod
    def stereo(
        cls, focal_px: float, baseline_m: float, disparity_sigma_px: float = 0.1
    ) -> DepthNoise:
        """
        Return the noise of a stereo camera: z = f b / d, so sigma_z = z^2 sigma_d / (f b).

        Parameters
        ----------
        focal_px : float
            Focal length of the stereo pair, px.
        baseline_m : float
            Distance of its two cameras, m; a RealSense D435 has 0.05, D455 0.095.
        disparity_sigma_px : float
            How well the disparity is found, px.
        """
        return cls(0.0, 0.0, disparity_sigma_px / (focal_px * baseline_m))

    @classmethod
    def structured_light(cls) -> DepthNoise:
        """
        Return the noise of the first Kinect and its like.

        Khoshelham and Oude Elberink (Sensors 12(2), 2012): 1.425e-3 m at 1 m, with the square of
        the distance; the constant is for the steps of its output, 1 mm and more.
        """
        return cls(0.001, 0.0, 1.425e-3)

    @classmethod
    def time_of_flight(cls) -> DepthNoise:
        """
        Return the noise of time of flight: a constant that hardly depends on distance.

        Azure Kinect's data sheet: systematic error below 11 mm + 0.1 % of the distance, random
        error at most 17 mm within the range; a standard deviation of half the systematic bound.
        """
        return cls(0.0055, 0.0005, 0.0)

    def sigma_m(self, depth_m: np.ndarray) -> np.ndarray:
        """Return the standard deviation at depths (...), metres."""
        return self.constant_m + depth_m * (self.linear + depth_m * self.quadratic_per_m)


def check_depth(depth: np.ndarray, image_size: tuple[int, int]) -> None:
    """
    Check that a depth image fits the image it is to be used with.

    Raises
    ------
    DepthError
        When the type or size is another.
    """
    if depth.ndim != 2 or depth.dtype not in (np.uint16, np.float32):
        raise DepthError(
            f'a depth image is (H, W) uint16 in mm or float32 in m, got {depth.shape} '
            f'{depth.dtype}'
        )
    size = (depth.shape[1], depth.shape[0])
    if size != tuple(image_size):
        raise DepthError(
            f'the depth image is {size[0]}x{size[1]}, the image {image_size[0]}x{image_size[1]}: '
            'depth must be registered to the image (aligned_depth_to_color, depth_registered)'
        )


def sample_m(depth: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """
    Look up depths at the nearest pixels; only what is asked for is converted.

    Parameters
    ----------
    depth : (H, W) uint16 or float32
        Millimetres or metres.
    xy : (..., 2) float
        Pixels; NaN and places outside the image are allowed.

    Returns
    -------
    (...) float32
        Metres; NaN where outside, missing (0, NaN, infinite) or beyond all reason.
    """
    height, width = depth.shape
    u, v = xy[..., 0], xy[..., 1]
    inside = (u >= -0.5) & (u < width - 0.5) & (v >= -0.5) & (v < height - 0.5)
    column = np.where(inside, u + 0.5, 0.0).astype(np.intp)
    row = np.where(inside, v + 0.5, 0.0).astype(np.intp)
    values = depth[row, column].astype(np.float32)
    if depth.dtype == np.uint16:
        values *= np.float32(0.001)
    values[~(inside & (values >= NEAREST_M) & (values <= FARTHEST_M))] = np.nan
    return values
