# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a camera can do wrong, for `make soak` and `make recovery`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import random
import time

import numpy as np
from system import System


class CameraFaults:
    """
    Faults of the camera of a System.

    Parameters
    ----------
    system : System
    image : (480, 640, 3) uint8
        What is sent where the fault is not in the picture.
    choose : random.Random

    Attributes
    ----------
    kinds : dict of str to callable
        Each does one fault, and returns when it is over.
    """

    def __init__(self, system: System, image: np.ndarray, choose: random.Random) -> None:
        self._system, self._image, self._choose = system, image, choose
        self.kinds: dict[str, Callable[[], None]] = {
            fault.__name__: fault for fault in (
                self.silence, self.away, self.burst, self.other_size, self.enormous,
                self.other_encoding, self.truncated, self.odd_stamps)}

    def sequence(self, choose: random.Random) -> Iterator[tuple[str, Callable[[], None]]]:
        """Give faults without end: all of them, in random order, again and again."""
        while True:
            yield from choose.sample(sorted(self.kinds.items()), len(self.kinds))

    def silence(self) -> None:
        """Send nothing for a while."""
        self._system.spin(self._choose.uniform(0.5, 2.5))

    def away(self) -> None:
        """Put another camera in place of this one."""
        system = self._system
        system.send_until_answered(self._image)
        system.stop_camera()
        system.spin(0.3)
        system.start_camera()
        # What is sent before they know each other is nobody's.
        unanswered = system.send_until_answered(self._image) - 1
        system.sent -= unanswered

    def burst(self) -> None:
        """Send 300 images at once."""
        small = self._image[:120, :160]
        for _ in range(300):
            self._system.send(small)

    def other_size(self) -> None:
        """Send another size, for a second."""
        height, width = self._choose.choice(((240, 320), (720, 1280), (1080, 1920), (17, 33)))
        self._system.play([np.full((height, width, 3), 90, np.uint8)], 10.0, 1.0)

    def enormous(self) -> None:
        """Send one image of 8K."""
        self._system.send(np.zeros((4320, 7680, 3), np.uint8))
        self._system.spin(1.0)

    def other_encoding(self) -> None:
        """Send encodings that are known, and that are not."""
        for encoding in ('rgb8', 'mono8', 'bayer_rggb8', '8UC5', ''):
            self._system.send(self._image, encoding=encoding)
            self._system.spin(0.1)

    def truncated(self) -> None:
        """Send images whose data does not fit their size."""
        for step, height in ((0, 480), (1919, 480), (1920, 481), (2**31, 1)):
            self._system.send(self._image, step=step, height=height)
            self._system.spin(0.05)

    def odd_stamps(self) -> None:
        """Send stamps of 0, of long ago, ahead of now, and one twice."""
        now = time.time_ns()
        for stamp in (0, now - 10**10, now + 10**10, now, now):
            self._system.send(self._image, stamp)
            self._system.spin(0.1)
