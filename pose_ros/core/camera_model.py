# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The camera of sensor_msgs/CameraInfo: pixels to rays and points to pixels, distortion included.

REP 104 (https://ros.org/reps/rep-0104.html): K, D, R, P describe the full-resolution image; the
region of interest shifts the principal point, then binning scales everything, as image_geometry
does. K[0] = 0 means uncalibrated.

Distortion after OpenCV, calib3d (https://docs.opencv.org/4.x/d9/d0c/group__calib3d.html) and its
fisheye module: radial, tangential, thin prism, tilted sensor. OpenCV undoes it by fixed-point
iteration, which stops short or diverges where distortion is strong; here it is Newton's method on
the same formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pose_ros.core.geometry import apply_homography

_ITERATIONS = 20
_TOLERANCE = 1e-9  # of normalised coordinates: a millionth of a pixel

# Names of distortion models as drivers write them, lower case, letters and digits only. The
# polynomial models are one formula with more or fewer coefficients, OpenCV's; '' is taken for it.
_POLYNOMIAL = frozenset((
    '', 'none', 'pinhole', 'perspective', 'plumbbob', 'radtan', 'radialtangential', 'brown',
    'brownconrady', 'opencv', 'opencvpinhole', 'fullopencv', 'rationalpolynomial', 'rational',
    'thinprism', 'rationalpolynomialthinprism',
))
_EQUIDISTANT = frozenset((
    'equidistant', 'equi', 'fisheye', 'opencvfisheye', 'kannalabrandt', 'kannalabrandt4', 'kb4',
    'kannalabrandt8', 'kb8',
))
_COUNTS = {'polynomial': 14, 'equidistant': 4}


class CameraError(ValueError):
    """A camera_info is not usable; the message says why, in one line."""


@dataclass(frozen=True, eq=False)
class CameraModel:
    """
    A calibrated camera, for the image as it is published.

    Attributes
    ----------
    image_size : (width, height)
        Of the published image, px.
    matrix : (3, 3) float64
        Camera matrix of the published image, px.
    distortion_model : str
        'polynomial' or 'equidistant'; '' for none.
    distortion : (14,) float64
        k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4, tau_x, tau_y of polynomial, the last two in
        radians; k1..k4, 0, .. of equidistant.
    """

    image_size: tuple[int, int]
    matrix: np.ndarray
    distortion_model: str
    distortion: np.ndarray

    @classmethod
    def from_camera_info(
        cls,
        width: int,
        height: int,
        distortion_model: str,
        d: Sequence[float],
        k: Sequence[float],
        p: Sequence[float] = (),
        binning: tuple[int, int] = (0, 0),
        roi: tuple[int, int, int, int] = (0, 0, 0, 0),
        rectified: bool = False,
    ) -> CameraModel | None:
        """
        Make the camera from the fields of sensor_msgs/CameraInfo.

        Parameters
        ----------
        width, height : int
            Of the full-resolution image, px.
        distortion_model : str
            'plumb_bob', 'rational_polynomial', 'equidistant' or another name of these, in any
            case. Empty: by the coefficients, as OpenCV.
        d : sequence of float
            Coefficients in OpenCV's order; empty or zeros for none.
        k : 9 floats
            Camera matrix of the raw image, row-major.
        p : 12 floats
            Projection matrix of the rectified image, row-major; only used when `rectified`. R is
            not needed: the points are in that image's own, rotated optical frame.
        binning : (x, y)
            0 means 1.
        roi : (x_offset, y_offset, width, height)
            Part of the raw image, in full-resolution px; width and height 0 mean all of it.
        rectified : bool
            The image is one of the `image_rect` kind: P holds and there is no distortion.

        Returns
        -------
        CameraModel or None
            None when the camera is uncalibrated (K[0] = 0).

        Raises
        ------
        CameraError
            When the fields contradict each other, or the distortion is not known here.
        """
        values = np.array(p if rectified else k, np.float64)
        if values.size != (12 if rectified else 9):
            raise CameraError(
                f'camera_info has {values.size} numbers in {"P" if rectified else "K"}'
            )
        matrix = values.reshape(3, -1)[:, :3].copy()
        if matrix[0, 0] == 0:
            return None
        coefficients = np.zeros(0) if rectified else np.array(d, np.float64)
        if not (np.isfinite(matrix).all() and np.isfinite(coefficients).all()):
            raise CameraError('camera_info has a number that is not finite in K, P or D')
        if matrix[0, 0] < 0 or matrix[1, 1] <= 0:
            raise CameraError(
                f'camera_info has focal lengths {matrix[0, 0]:g}, {matrix[1, 1]:g}: must be > 0'
            )
        x_offset, y_offset, roi_width, roi_height = roi
        size = (roi_width or width, roi_height or height)
        inside = 0 <= x_offset <= width - size[0] and 0 <= y_offset <= height - size[1]
        if not (inside and min(size) > 0):
            raise CameraError(
                f'camera_info has the region {size[0]}x{size[1]} at {x_offset}, {y_offset} '
                f'in an image of {width}x{height}'
            )
        bins = max(binning[0], 1), max(binning[1], 1)
        matrix[:2, 2] -= x_offset, y_offset
        matrix[:2] /= np.array(bins)[:, None]
        model, distortion = _distortion('' if rectified else distortion_model, coefficients)
        return cls((size[0] // bins[0], size[1] // bins[1]), matrix, model, distortion)

    @property
    def focal(self) -> np.ndarray:
        """fx, fy: (2,) float64, px."""
        return self.matrix[[0, 1], [0, 1]]

    def rays(self, xy: np.ndarray) -> np.ndarray:
        """
        Return the undistorted normalised coordinates of pixels.

        Parameters
        ----------
        xy : (..., 2) float
            Pixels of the published image, pixel centres at integers.

        Returns
        -------
        (..., 2) float64
            X / Z and Y / Z in the optical frame; NaN where xy is, and where no point in front of
            the camera is seen (distortion that cannot be undone there).
        """
        distorted = (np.asarray(xy, np.float64) - self.matrix[:2, 2]) / self.focal
        if not self.distortion_model:
            return distorted
        if self.distortion_model == 'equidistant':
            return _undo_equidistant(distorted, self.distortion)
        if (tilt := _tilt(self.distortion)) is not None:
            distorted = apply_homography(np.linalg.inv(tilt), distorted)
        return _undo_polynomial(distorted, self.distortion)

    def points(self, xy: np.ndarray, depth_m: np.ndarray) -> np.ndarray:
        """
        Return the points seen at pixels, at a depth along z.

        Parameters
        ----------
        xy : (..., 2) float
            Pixels.
        depth_m : (...) float
            Metres along the optical axis.

        Returns
        -------
        (..., 3) float64
            Metres, optical frame.
        """
        rays, z = self.rays(xy), np.asarray(depth_m, np.float64)[..., None]
        return np.concatenate([rays * z, z], axis=-1)

    def project(self, points: np.ndarray) -> np.ndarray:
        """
        Project points of the optical frame into the published image, distortion included.

        Parameters
        ----------
        points : (..., 3) float
            Metres.

        Returns
        -------
        (..., 2) float64
            Pixels; NaN for points that are not in front of the camera.
        """
        points = np.asarray(points, np.float64)
        rays = points[..., :2] / np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
        if self.distortion_model == 'equidistant':
            rays = _equidistant(rays, self.distortion)
        elif self.distortion_model:
            rays = _polynomial(rays, self.distortion)[0]
            if (tilt := _tilt(self.distortion)) is not None:
                rays = apply_homography(tilt, rays)
        return rays * self.focal + self.matrix[:2, 2]


def _distortion(name: str, coefficients: np.ndarray) -> tuple[str, np.ndarray]:
    """Return the model and its 14 coefficients; model '' when there is nothing to undo."""
    letters = ''.join(c for c in name.lower() if c.isalnum())
    # The eight of KannalaBrandt8 are fx, fy, cx, cy and the four here.
    model = 'equidistant' if letters in _EQUIDISTANT else 'polynomial'
    used = np.trim_zeros(coefficients, 'b')
    distortion = np.zeros(_COUNTS['polynomial'])
    # An equidistant lens with k = 0 still is no pinhole.
    if not used.size and model == 'polynomial':
        return '', distortion
    if model == 'polynomial' and letters not in _POLYNOMIAL:
        raise CameraError(
            f'camera_info has the distortion model {name!r}, not known here: plumb_bob, '
            'rational_polynomial (up to 14 coefficients) or equidistant'
        )
    if used.size > _COUNTS[model]:
        raise CameraError(
            f'camera_info has {used.size} coefficients in D, more than {_COUNTS[model]} of '
            f'{name or model}'
        )
    distortion[:used.size] = used
    return model, distortion


def _tilt(distortion: np.ndarray) -> np.ndarray | None:
    """Return the homography (3, 3) of a tilted sensor; None where it is not tilted."""
    tau_x, tau_y = distortion[12:].tolist()
    if not (tau_x or tau_y):
        return None
    about_x = np.array([
        [1.0, 0.0, 0.0],
        [0.0, np.cos(tau_x), np.sin(tau_x)],
        [0.0, -np.sin(tau_x), np.cos(tau_x)],
    ])
    about_y = np.array([
        [np.cos(tau_y), 0.0, -np.sin(tau_y)],
        [0.0, 1.0, 0.0],
        [np.sin(tau_y), 0.0, np.cos(tau_y)],
    ])
    rotation = about_y @ about_x
    onto_sensor = np.array([
        [rotation[2, 2], 0.0, -rotation[0, 2]],
        [0.0, rotation[2, 2], -rotation[1, 2]],
        [0.0, 0.0, 1.0],
    ])
    return np.asarray(onto_sensor @ rotation)


def _polynomial(rays: np.ndarray, distortion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distort normalised coordinates (..., 2) up to the tilt; also the Jacobian (..., 2, 2)."""
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = distortion[:12].tolist()
    x, y = rays[..., 0], rays[..., 1]
    r2 = x * x + y * y
    upper = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    lower = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
    radial = upper / lower
    slope = (
        k1 + r2 * (2 * k2 + 3 * r2 * k3) - radial * (k4 + r2 * (2 * k5 + 3 * r2 * k6))
    ) / lower
    # Of the thin prism: what it adds, and its slope along x over x, or along y over y.
    prism_x, prism_y = r2 * (s1 + s2 * r2), r2 * (s3 + s4 * r2)
    slope_x, slope_y = 2 * (s1 + 2 * s2 * r2), 2 * (s3 + 2 * s4 * r2)
    jacobian = np.empty((*rays.shape, 2))
    jacobian[..., 0, 0] = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x + x * slope_x
    jacobian[..., 1, 1] = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x + y * slope_y
    cross = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
    jacobian[..., 0, 1] = cross + y * slope_x
    jacobian[..., 1, 0] = cross + x * slope_y
    distorted = np.empty_like(rays)
    distorted[..., 0] = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x) + prism_x
    distorted[..., 1] = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y + prism_y
    return distorted, jacobian


def _undo_polynomial(distorted: np.ndarray, distortion: np.ndarray) -> np.ndarray:
    rays = distorted.copy()
    with np.errstate(over='ignore', invalid='ignore', divide='ignore'):
        for _ in range(_ITERATIONS):
            now, jacobian = _polynomial(rays, distortion)
            error = now - distorted
            a, b = jacobian[..., 0, 0], jacobian[..., 0, 1]
            c, d = jacobian[..., 1, 0], jacobian[..., 1, 1]
            determinant = a * d - b * c
            good = (np.abs(error) < _TOLERANCE).all(axis=-1) & (determinant > 0)
            # What is NaN, or has run away, stays so: it is not waited for.
            if (good | ~np.isfinite(determinant)).all():
                break
            rays[..., 0] -= (d * error[..., 0] - b * error[..., 1]) / determinant
            rays[..., 1] -= (a * error[..., 1] - c * error[..., 0]) / determinant
    return np.where(good[..., None], rays, np.nan)


def _theta_distorted(theta: np.ndarray, distortion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distorted angle and its derivative."""
    k1, k2, k3, k4 = distortion[:4].tolist()
    t2 = theta * theta
    return (
        theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4)))),
        1 + t2 * (3 * k1 + t2 * (5 * k2 + t2 * (7 * k3 + t2 * 9 * k4))),
    )


def _equidistant(rays: np.ndarray, distortion: np.ndarray) -> np.ndarray:
    radius = np.hypot(rays[..., 0], rays[..., 1])
    theta_distorted, _ = _theta_distorted(np.arctan(radius), distortion)
    scale = np.where(radius > 1e-12, theta_distorted / np.maximum(radius, 1e-12), 1.0)
    return rays * scale[..., None]


def _undo_equidistant(distorted: np.ndarray, distortion: np.ndarray) -> np.ndarray:
    wanted = np.hypot(distorted[..., 0], distorted[..., 1])
    theta = np.minimum(wanted, np.pi / 2)
    with np.errstate(over='ignore', invalid='ignore', divide='ignore'):
        for _ in range(_ITERATIONS):
            now, slope = _theta_distorted(theta, distortion)
            error = now - wanted
            good = (np.abs(error) < _TOLERANCE) & (slope > 0) & (theta < np.pi / 2) & (theta >= 0)
            if (good | ~np.isfinite(error)).all():
                break
            theta = theta - error / slope
        scale = np.where(wanted > 1e-12, np.tan(theta) / np.maximum(wanted, 1e-12), 1.0)
    return np.where(good[..., None], distorted * scale[..., None], np.nan)
