# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Affines and homographies of the image plane, named target_from_source.

An affine is a (2, 3) float64 array A with `target = A[:, :2] @ source + A[:, 2]`. Pixel centres
are integers. Letterboxing and cropping are the same thing: one affine, composed once, applied
once. Stacks of affines (B, 2, 3) work wherever one does. A homography is (3, 3): how a plane, or
all of the image of a camera that turns, moves.
"""

from __future__ import annotations

import numpy as np

LARGEST_AREA_RATIO = 1.6
"""A camera's image that grows or shrinks by more from one image to the next is a wrong fit."""


def letterbox(image_size: tuple[int, int], input_size: tuple[int, int]) -> np.ndarray:
    """
    Fit a whole image into the network's input, centred, aspect ratio kept.

    Parameters
    ----------
    image_size, input_size : (width, height)
        Pixels.

    Returns
    -------
    (2, 3) float64
        input_from_image.
    """
    (width, height), (input_width, input_height) = image_size, input_size
    scale = min(input_width / width, input_height / height)
    # The middle of the pixel grid 0..w-1 is (w - 1) / 2.
    return np.array(
        [
            [scale, 0.0, (input_width - 1 - scale * (width - 1)) / 2],
            [0.0, scale, (input_height - 1 - scale * (height - 1)) / 2],
        ]
    )


def crop(
    box_xyxy: np.ndarray,
    input_size: tuple[int, int],
    padding: float = 1.0,
    aspect: float = 0.0,
) -> np.ndarray:
    """
    Fit boxes of an image into the network's input, centred.

    Parameters
    ----------
    box_xyxy : (..., 4) float
        x_min, y_min, x_max, y_max in image pixels.
    input_size : (width, height)
        Pixels.
    padding : float
        Factor by which the box is enlarged around its centre first.
    aspect : float
        Width / height to which the box is widened then; it fills the input. 0: that of the input,
        so that nothing is distorted.

    Returns
    -------
    (..., 2, 3) float64
        input_from_image.
    """
    box = np.asarray(box_xyxy, np.float64)
    input_width, input_height = input_size
    centre = (box[..., :2] + box[..., 2:]) / 2
    size = np.maximum((box[..., 2:] - box[..., :2]) * padding, 1.0)
    # How much wider than high a square of the image becomes.
    stretch = input_width / input_height / aspect if aspect else 1.0
    scale_y = np.minimum(input_width / (size[..., 0] * stretch), input_height / size[..., 1])
    scale_x = scale_y * stretch
    middle = np.array([(input_width - 1) / 2, (input_height - 1) / 2])
    input_from_image = np.zeros((*box.shape[:-1], 2, 3))
    input_from_image[..., 0, 0], input_from_image[..., 1, 1] = scale_x, scale_y
    input_from_image[..., 2] = middle - np.stack([scale_x, scale_y], axis=-1) * centre
    return input_from_image


def mirrored(input_from_image: np.ndarray, input_width: int) -> np.ndarray:
    """
    Exchange left and right of the input.

    Parameters
    ----------
    input_from_image : (..., 2, 3) float64
        Affines.
    input_width : int
        Pixels.

    Returns
    -------
    (..., 2, 3) float64
        The same regions of the image, seen in a mirror.
    """
    turned = input_from_image.copy()
    turned[..., 0, :] *= -1.0
    turned[..., 0, 2] += input_width - 1
    return turned


def upright(image_size: tuple[int, int], clockwise_deg: int) -> tuple[np.ndarray, tuple[int, int]]:
    """
    Turn a whole image by quarters.

    Parameters
    ----------
    image_size : (width, height)
        Pixels.
    clockwise_deg : int
        0, 90, 180 or 270: how far it is turned, clockwise as one sees it.

    Returns
    -------
    upright_from_image : (2, 3) float64
        Pixels to pixels of the turned image, exactly.
    upright_size : (width, height)
        Of the turned image, pixels.
    """
    width, height = image_size
    # x' = rows[0] @ (x, y, 1): where the image's x and y axes point after the turn.
    right, down = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    left, up = [-1.0, 0.0, width - 1.0], [0.0, -1.0, height - 1.0]
    rows = {0: [right, down], 90: [up, right], 180: [left, up], 270: [down, left]}[clockwise_deg]
    return np.array(rows), (width, height) if clockwise_deg in (0, 180) else (height, width)


def map_boxes(target_from_source: np.ndarray, box_xyxy: np.ndarray) -> np.ndarray:
    """
    Map boxes by an affine that keeps or exchanges the axes.

    Parameters
    ----------
    target_from_source : (..., 2, 3) float
        One affine, or one per box.
    box_xyxy : (..., 4) float
        x_min, y_min, x_max, y_max in source pixels; NaN stays NaN.

    Returns
    -------
    (..., 4) float64
        In target pixels.
    """
    corners = apply(target_from_source, box_xyxy.reshape(*box_xyxy.shape[:-1], 2, 2))
    return np.concatenate([corners.min(axis=-2), corners.max(axis=-2)], axis=-1)


def box_intersection(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the area (...) that boxes (..., 4) share, see `box_iou`; NaN where a value is NaN."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    return np.asarray((high - low).clip(0.0).prod(axis=-1))


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """
    Return the intersection over union of boxes.

    Parameters
    ----------
    a, b : (..., 4) float
        x_min, y_min, x_max, y_max; broadcast against each other.

    Returns
    -------
    (...) float
        In [0, 1]; 0 where a value is NaN.
    """
    shared = box_intersection(a, b)
    both = (a[..., 2:] - a[..., :2]).prod(axis=-1) + (b[..., 2:] - b[..., :2]).prod(axis=-1)
    return np.nan_to_num(shared / np.maximum(both - shared, np.float32(1e-6)))


def invert(target_from_source: np.ndarray) -> np.ndarray:
    """Return source_from_target, (..., 2, 3); LinAlgError when it does not exist."""
    # In single numbers: NumPy takes several times as long for a handful of 2x2 matrices.
    inverse = []
    for a, b, tx, c, d, ty in target_from_source.reshape(-1, 6).tolist():
        det = a * d - b * c
        if not det:
            raise np.linalg.LinAlgError('an affine without inverse')
        inverse += [d / det, -b / det, (b * ty - d * tx) / det]
        inverse += [-c / det, a / det, (c * tx - a * ty) / det]
    return np.array(inverse, np.float64).reshape(target_from_source.shape)


def compose(c_from_b: np.ndarray, b_from_a: np.ndarray) -> np.ndarray:
    """Return c_from_a, (..., 2, 3)."""
    linear = c_from_b[..., :2] @ b_from_a[..., :2]
    offset = c_from_b[..., :2] @ b_from_a[..., 2:] + c_from_b[..., 2:]
    return np.concatenate([linear, offset], axis=-1)


def apply(target_from_source: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """
    Map points.

    Parameters
    ----------
    target_from_source : (..., 2, 3) float
        One affine, or one per set of points.
    xy : (..., K, 2) float
        Points in source pixels; NaN stays NaN.

    Returns
    -------
    (..., K, 2) float64
        Points in target pixels.
    """
    by_x, by_y, offset = (target_from_source[..., None, :, i] for i in range(3))
    return xy[..., :1] * by_x + xy[..., 1:] * by_y + offset


def apply_homography(homography: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """
    Map points.

    Parameters
    ----------
    homography : (3, 3) float64
        target_from_source.
    xy : (..., 2) float
        Points in source pixels; NaN stays NaN.

    Returns
    -------
    (..., 2) float64
        Points in target pixels.
    """
    with np.errstate(divide='ignore', invalid='ignore'):
        scale = xy @ homography[2, :2] + homography[2, 2]
        return np.asarray((xy @ homography[:2, :2].T + homography[:2, 2]) / scale[..., None])


def homography_jacobian(homography: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """
    Return the derivative of `apply_homography` at points.

    It carries velocities and covariances: v' = J v, P' = J P J^T.

    Parameters
    ----------
    homography : (3, 3) float64
    xy : (..., 2) float

    Returns
    -------
    (..., 2, 2) float64
    """
    scale = (xy @ homography[2, :2] + homography[2, 2])[..., None, None]
    target = apply_homography(homography, xy)
    return np.asarray((homography[:2, :2] - target[..., :, None] * homography[2, :2]) / scale)


def homography_of_rotation(
    camera_matrix: np.ndarray, optical_from_optical_before: np.ndarray
) -> np.ndarray:
    """
    Return how the image of a camera that turns moves: K R K^-1 (Hartley and Zisserman, 8.4.2).

    Parameters
    ----------
    camera_matrix : (3, 3) float64
        K; lens distortion is not taken into account.
    optical_from_optical_before : (3, 3) float64
        Rotation of the optical frame.

    Returns
    -------
    (3, 3) float64
        image_from_image_before, [2, 2] = 1.
    """
    motion = camera_matrix @ optical_from_optical_before @ np.linalg.inv(camera_matrix)
    return np.asarray(motion / motion[2, 2])


def usable_homography(homography: np.ndarray, image_size: tuple[int, int]) -> np.ndarray | None:
    """
    Check that a homography can be a camera's motion from one image to the next.

    Parameters
    ----------
    homography : (3, 3) float
    image_size : (width, height)
        Pixels.

    Returns
    -------
    (3, 3) float64 or None
        With [2, 2] = 1. None where a number is not finite, the image is mirrored, folded, moved
        out of itself, or its area changes by more than LARGEST_AREA_RATIO.
    """
    width, height = image_size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    with np.errstate(all='ignore'):
        motion = np.asarray(homography, np.float64) / homography[2][2]
        moved = apply_homography(motion, corners)
        # Gauss's formula: negative when mirrored.
        x, y = moved.T
        area_ratio = 0.5 * (x @ np.roll(y, -1) - y @ np.roll(x, -1)) / (width * height)
        usable = (
            np.isfinite(motion).all() and (corners @ motion[2, :2] > -1.0).all()
            and 1.0 / LARGEST_AREA_RATIO < area_ratio < LARGEST_AREA_RATIO
            and (np.abs(moved - corners).mean(axis=0) < [width, height]).all()
        )
    return motion if usable else None
