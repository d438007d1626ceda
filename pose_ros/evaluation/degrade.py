# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What cameras do to a picture: JPEG compression, sensor noise, blur, low light.

`pose_ros evaluate --degrade` measures what it costs, training augments with the same functions.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np


def jpeg(image: np.ndarray, quality: float, rng: np.random.Generator) -> np.ndarray:
    """Compress with a JPEG quality of 1 to 100, as MJPEG cameras do, and decode again."""
    _, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def noise(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise, sigma in grey levels of 0..255, independent in each channel."""
    added = rng.standard_normal(image.shape, np.float32) * np.float32(sigma)
    return np.clip(image + added + 0.5, 0, 255).astype(np.uint8)


def blur(image: np.ndarray, sigma_px: float, rng: np.random.Generator) -> np.ndarray:
    """Blur with a Gaussian: out of focus."""
    return cv2.GaussianBlur(image, (0, 0), sigma_px)


def dark(image: np.ndarray, gain: float, rng: np.random.Generator) -> np.ndarray:
    """
    Take `gain` (0 to 1) of the light.

    The pixels are taken for sRGB with the exponent 2.2; fewer photons make more shot noise, for a
    sensor that holds 2,000 electrons at white (a small pixel at four times its base gain).
    """
    electrons = 2000.0 * gain * (image.astype(np.float32) / 255) ** 2.2
    electrons += np.sqrt(electrons) * rng.standard_normal(image.shape, np.float32)
    linear = np.clip(electrons / 2000.0, 0, 1)
    return (255 * linear ** (1 / 2.2) + 0.5).astype(np.uint8)


KINDS: dict[str, tuple[Callable[..., np.ndarray], float, float]] = {
    'jpeg': (jpeg, 1, 100), 'noise': (noise, 0, 100), 'blur': (blur, 0.1, 20),
    'dark': (dark, 0.01, 1),
}  # fmt: skip
"""Function, smallest and largest strength, by name."""


def parse(text: str) -> list[tuple[str, float]]:
    """
    Read 'jpeg:68' or 'dark:0.2,noise:5'; nothing of an empty text.

    Raises
    ------
    ValueError
        When it is something else; the message says what is expected.
    """
    chosen = []
    for part in text.split(',') if text else ():
        kind, _, strength = part.partition(':')
        try:
            value = float(strength)
            _, low, high = KINDS[kind]
            is_right = low <= value <= high
        except (KeyError, ValueError):
            is_right = False
        if not is_right:
            ranges = ', '.join(f'{k}:{low:g}..{high:g}' for k, (_, low, high) in KINDS.items())
            raise ValueError(f'{part!r}: takes KIND:X of {ranges}')
        chosen.append((kind, value))
    return chosen


def degrade(
    image: np.ndarray, chosen: list[tuple[str, float]], rng: np.random.Generator
) -> np.ndarray:
    """
    Degrade an image, in the order given.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR; stays as it is.
    chosen : list of (kind, strength)
        As `parse` gives.
    rng : Generator
        Of the noise.

    Returns
    -------
    (H, W, 3) uint8
    """
    for kind, strength in chosen:
        image = KINDS[kind][0](image, strength, rng)
    return image
