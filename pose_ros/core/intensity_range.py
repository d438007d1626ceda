# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Which values of sixteen-bit images become black and white (automatic gain).

Few cameras use all sixteen bits: infrared cameras give 10 bits, machine vision 12, thermal cameras
some hundred counts somewhere in 14. The range is that of the content, and steady over time: what
comes and goes in the picture must not make it flicker.
"""

from __future__ import annotations

import math

import numpy as np

FULL = 65535.0
# Values that are this share of the full range apart use all sixteen bits, and are shown as eight
# bits of such a camera would be; fourteen bits reach a quarter.
WELL_EXPOSED = 0.3
# Shares of the values that may be too dark or too bright: hot pixels, a lamp.
DARK, BRIGHT = 0.005, 0.995
# Fewer counts between black and white would only show the noise.
LEAST_COUNTS = 64.0
# The range follows the content with this time constant: what comes in and is as far from the rest
# as the rest is wide changes the grey of the rest by less than three levels of 255 per image.
FOLLOW_S = 2.0
# Between images whose stamps do not tell.
USUAL_PERIOD_S = 0.1
# After a longer gap, or when the clock went back, the range is that of the image.
LONGEST_GAP_S = 10.0
_SAMPLES = 128  # along each axis


class IntensityRange:
    """
    The range of a stream of images.

    Attributes
    ----------
    low, high : float
        Counts that become 0 and 255 at present.
    """

    def __init__(self) -> None:
        self.low, self.high = 0.0, FULL
        self._stamp_s: float | None = None
        self._started = False

    def follow(
        self, values: np.ndarray, is_grey: bool, stamp_s: float | None = None
    ) -> tuple[float, float]:
        """
        Take in an image.

        Parameters
        ----------
        values : (H, W) or (H, W, C) uint16
            Its values.
        is_grey : bool
            Whether the lowest values may become black; of colours 0 does.
        stamp_s : float, optional
            When it was taken.

        Returns
        -------
        low, high : float
            Counts that become 0 and 255.
        """
        low, high = _content(values, is_grey)
        gap_s = USUAL_PERIOD_S
        if stamp_s is not None and self._stamp_s is not None and stamp_s != self._stamp_s:
            gap_s = stamp_s - self._stamp_s
        self._stamp_s = stamp_s
        share = 1.0 - math.exp(-max(gap_s, 0.0) / FOLLOW_S)
        is_another_scene = low >= self.high or high <= self.low
        if not self._started or is_another_scene or not 0.0 <= gap_s <= LONGEST_GAP_S:
            share = 1.0
        self._started = True
        self.low += share * (low - self.low)
        self.high += share * (high - self.high)
        return self.low, self.high


def _content(values: np.ndarray, is_grey: bool) -> tuple[float, float]:
    """Return the range that one image asks for."""
    # Odd steps: even ones would see one colour of a Bayer pattern only.
    step_y, step_x = ((n // _SAMPLES) | 1 for n in values.shape[:2])
    some = values[step_y // 2::step_y, step_x // 2::step_x]
    some = some[..., :3] if some.ndim == 3 else some  # without alpha
    low, high = np.quantile(some, (DARK, BRIGHT)).tolist()
    if high - low >= WELL_EXPOSED * FULL:
        return 0.0, FULL
    if not is_grey:
        return 0.0, max(high, LEAST_COUNTS)
    spare = max(0.0, LEAST_COUNTS - (high - low)) / 2
    low = max(0.0, low - spare)
    return low, max(high + spare, low + LEAST_COUNTS)
