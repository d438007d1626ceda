# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What is changed at random in a crop, so that the network does not learn the photos by heart.

Place, scale, rotation and mirroring are one affine from crop to crop, composed with the crop's own
so that the photo is sampled once. Colour and occlusion change the crop's pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pose_ros.core import geometry
from pose_ros.core.skeleton import FLIP_INDEX, LEFT_HIP
from pose_ros.evaluation import degrade


@dataclass(frozen=True)
class Augmentation:
    """
    How much is changed; `Augmentation.none()` changes nothing.

    Attributes
    ----------
    scale : float
        Largest factor of size, either way; log-uniform.
    rotation_deg : float
        Standard deviation of the angle, cut off at twice that; no rotation in four of ten crops
        (Sun et al., HRNet, CVPR 2019, section 4.1, rotates up to 45 degrees).
    shift : float
        Standard deviation of the shift, in sides of the crop.
    flip : float
        Probability of mirroring.
    color : float
        Largest relative change of brightness, contrast and of each channel.
    occlusion : float
        Probability that a rectangle is covered, by one colour or by a part of another crop
        (DeVries and Taylor, Cutout, 2017; Yun et al., CutMix, ICCV 2019).
    half_body : float
        Probability that the crop is around the upper or the lower body only, of people with at
        least eight labelled keypoints (Wang et al., MSPN, 2019, section 4.1).
    degrade : float
        Probability of each of noise, blur and low light; JPEG compression twice as often
        (`degraded_part`).
    """

    scale: float = 1.3
    rotation_deg: float = 20.0
    shift: float = 0.04
    flip: float = 0.5
    color: float = 0.3
    occlusion: float = 0.3
    half_body: float = 0.0
    degrade: float = 0.0

    @classmethod
    def none(cls) -> Augmentation:
        """Return the one that changes nothing."""
        return cls(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def random_affine(
    augmentation: Augmentation, input_size: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, bool]:
    """
    Draw place, scale, rotation and mirroring.

    Returns
    -------
    changed_from_crop : (2, 3) float64
        Pixels of the crop to pixels of the changed crop.
    is_mirrored : bool
        Whether left and right have to change places (`mirrored`).
    """
    scale = augmentation.scale ** rng.uniform(-1.0, 1.0)
    spread = rng.standard_normal()
    angle = np.radians(augmentation.rotation_deg * np.clip(spread, -2.0, 2.0))
    if rng.uniform() < 0.4:
        angle = 0.0
    shift = augmentation.shift * rng.standard_normal(2) * np.array(input_size)
    is_mirrored = bool(rng.uniform() < augmentation.flip)
    middle = (np.array(input_size) - 1) / 2
    linear = scale * np.array([
        [np.cos(angle), -np.sin(angle)],
        [np.sin(angle), np.cos(angle)],
    ])
    if is_mirrored:
        linear = linear @ np.diag([-1.0, 1.0])
    offset = middle + shift - linear @ middle
    return np.column_stack([linear, offset]), is_mirrored


def changed_keypoints(
    xy: np.ndarray, changed_from_image: np.ndarray, is_mirrored: bool
) -> np.ndarray:
    """
    Move keypoints along, and exchange left and right in a mirrored crop.

    Parameters
    ----------
    xy : (17, 2) float
        Image pixels, NaN where unknown.
    changed_from_image : (2, 3) float
        Of the changed crop.
    is_mirrored : bool
        As `random_affine` says.

    Returns
    -------
    (17, 2) float32
        Pixels of the changed crop.
    """
    moved = geometry.apply(changed_from_image, xy).astype(np.float32)
    return moved[FLIP_INDEX] if is_mirrored else moved


def change_color(
    crop: np.ndarray, augmentation: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    """Return the crop, (H, W, 3) uint8, with other brightness, contrast and tint."""
    if augmentation.color <= 0:
        return crop
    draw = rng.uniform(-1.0, 1.0, 5) * augmentation.color
    gain = (1 + draw[0]) * (1 + draw[1:4] / 2)
    values = (np.arange(256)[:, None] - 127.5) * gain + 127.5 + 127.5 * draw[4]
    table = np.clip(values, 0, 255).astype(np.uint8)
    return np.stack([table[:, c].take(crop[..., c]) for c in range(3)], axis=-1)


def occlude(
    crop: np.ndarray,
    other: Callable[[], np.ndarray],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> None:
    """
    Cover a rectangle of the crop, in place.

    Parameters
    ----------
    crop : (H, W, 3) uint8
        Is changed.
    other : callable
        Gives what a part is taken of, (H, W, 3) uint8, in half of the cases; otherwise it is one
        colour.
    augmentation : Augmentation
        How often.
    rng : Generator
        Where, and by what.
    """
    if rng.uniform() >= augmentation.occlusion:
        return
    height, width = crop.shape[:2]
    box_h, box_w = (int(side * rng.uniform(0.1, 0.35)) for side in (height, width))
    top, left = rng.integers(0, height - box_h), rng.integers(0, width - box_w)
    color = rng.integers(0, 256, 3)
    covered = crop[top:top + box_h, left:left + box_w]
    if rng.uniform() < 0.5:
        covered[:] = other()[top:top + box_h, left:left + box_w]
    else:
        covered[:] = color


def half_body_box(
    xy: np.ndarray, augmentation: Augmentation, rng: np.random.Generator
) -> np.ndarray | None:
    """
    Choose a box around half of a person, at times.

    Parameters
    ----------
    xy : (17, 2) float
        Image pixels, NaN where not labelled.

    Returns
    -------
    (4,) float64 or None
        Around the labelled keypoints of the upper or the lower body, a fifth larger; None when
        the box stays as it is.
    """
    labelled = ~np.isnan(xy).any(axis=1)
    if rng.uniform() >= augmentation.half_body or labelled.sum() < 8:
        return None
    is_upper = np.arange(len(xy)) < LEFT_HIP
    half = xy[labelled & (is_upper == (rng.uniform() < 0.5))].astype(np.float64)
    if len(half) < 4:
        return None
    low, high = half.min(axis=0), half.max(axis=0)
    if (high - low).min() < 4.0:
        return None
    margin = 0.1 * (high - low)
    return np.concatenate([low - margin, high + margin])


def degraded_part(
    photo: np.ndarray,
    crop_from_image: np.ndarray,
    size: tuple[int, int],
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Degrade the part of a photo that a crop shows, as a camera would have degraded the photo.

    Parameters
    ----------
    photo : (H, W, 3) uint8
    crop_from_image : (2, 3) float64
        Where the crop is.
    size : (width, height)
        Of the crop, pixels.
    augmentation : Augmentation
        How often; JPEG compression twice as often as the others, since most cameras compress.
    rng : Generator
        What, and how much.

    Returns
    -------
    part : (H', W', 3) uint8
        The photo itself when nothing was chosen.
    crop_from_part : (2, 3) float64
    """
    drawn = rng.uniform(size=(4, 2))
    kinds = (('blur', 0.4, 1.6), ('dark', 0.05, 0.6), ('noise', 2.0, 15.0), ('jpeg', 30.0, 85.0))
    chosen = [
        (kind, low + (high - low) * amount)
        for (kind, low, high), (chance, amount) in zip(kinds, drawn)
        if chance < augmentation.degrade * (2 if kind == 'jpeg' else 1)
    ]
    box = geometry.map_boxes(geometry.invert(crop_from_image), np.array([0.0, 0.0, *size]))
    limit = np.array(photo.shape[1::-1])
    low = np.clip(np.floor(box[:2]).astype(int) - 8, 0, limit)
    high = np.clip(np.ceil(box[2:]).astype(int) + 8, 0, limit)
    if not chosen or (high - low).min() < 8:
        return photo, crop_from_image
    part = photo[low[1]:high[1], low[0]:high[0]]
    moved = np.array([[1.0, 0.0, low[0]], [0.0, 1.0, low[1]]])
    return degrade.degrade(part, chosen, rng), geometry.compose(crop_from_image, moved)
