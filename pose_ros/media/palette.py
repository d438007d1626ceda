# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Colours, as (blue, green, red): one per id, the same in overlay, markers and viewer.

The first seven are those of Okabe and Ito ("Color Universal Design", 2008), which people with
colour-blindness can tell apart. The others were chosen one by one, each farthest in CIELAB (as
seen with and without deuteranopia) from those before it, from red, grey, white and black.
"""

from __future__ import annotations

Color = tuple[int, int, int]

BLACK: Color = (0, 0, 0)
WHITE: Color = (255, 255, 255)
RIM: Color = (30, 30, 30)
RED: Color = (40, 40, 220)
GREY: Color = (170, 170, 170)

# Okabe and Ito's black is left out, and vermillion comes late: red is for STALE.
ID_COLORS: tuple[Color, ...] = (
    (233, 180, 86),  # sky blue
    (0, 159, 230),  # orange
    (115, 158, 0),  # bluish green
    (66, 228, 240),  # yellow
    (167, 121, 204),  # reddish purple
    (178, 114, 0),  # blue
    (0, 94, 213),  # vermillion
    (240, 16, 128),  # violet
    (16, 240, 16),  # green
    (208, 16, 240),  # magenta
    (32, 96, 112),  # olive
    (240, 112, 144),  # lavender
    (128, 240, 144),  # light green
    (144, 208, 240),  # sand
    (240, 240, 16),  # cyan
    (128, 16, 240),  # crimson
)
LEFT_COLOR: Color = ID_COLORS[0]
RIGHT_COLOR: Color = ID_COLORS[1]


def id_color(track_id: int) -> Color:
    """Return the BGR colour of a track: the same for the same id, different for neighbours."""
    return ID_COLORS[(track_id - 1) % len(ID_COLORS)]


def text_color(background: Color) -> Color:
    """
    Return black or white, whichever is easier to read on a colour.

    By the contrast of WCAG 2.1 (https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio), with which it
    is black from a relative luminance of 0.179 on.
    """
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in background)
    ]
    luminance = 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2]
    return BLACK if luminance > 0.179 else WHITE
