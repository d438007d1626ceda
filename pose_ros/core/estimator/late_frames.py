# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether images come faster than they are worked on."""

from __future__ import annotations

# An image that is there within this share of the time that the one before took is late: it was
# waiting, or all but. It is more than what a middleware needs to hand over one that waits.
LATE_SHARE = 0.15


class LateFrames:
    """
    Tells images that had to wait for the one before from those that were waited for.

    Nothing but the times of the work itself: neither the camera's clock nor numbers of messages,
    which not every middleware has.

    Attributes
    ----------
    late : bool
        Whether the image that is worked on was there when the one before was done.
    """

    def __init__(self) -> None:
        self._began_s, self._ended_s = 0.0, 0.0
        self.late = False

    def begin(self, now_s: float) -> None:
        """Note that the work on an image begins, at `now_s` of a steady clock."""
        took_s, idle_s = self._ended_s - self._began_s, now_s - self._ended_s
        self._began_s = now_s
        self.late = 0.0 <= idle_s < LATE_SHARE * took_s

    def end(self, now_s: float) -> None:
        """Note that the work on this image ended, at `now_s`."""
        self._ended_s = now_s
