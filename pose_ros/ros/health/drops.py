# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How many messages of a publisher never came, from the numbers that the middleware gives them."""

from __future__ import annotations

from typing import Any

from rclpy.subscription import Subscription

_UNSUPPORTED = 2**64 - 1  # RMW_MESSAGE_INFO_SEQUENCE_NUMBER_UNSUPPORTED, rmw/types.h


def takes_message_info() -> bool:
    """Whether rclpy gives MessageInfo to callbacks: since Iron (ros2/rclpy#922)."""
    return hasattr(Subscription, 'CallbackType')


class DropCounter:
    """Watches the sequence numbers of one publisher."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._last = 0

    def dropped_before(self, info: dict[str, Any]) -> int:
        """
        Take the MessageInfo of the next message.

        Returns
        -------
        int
            How many were published between it and the message before. 0 when there is no way to
            know: the first, a publisher that began anew, a middleware without numbers (0 or
            2^64 - 1 always).
        """
        number = info.get('publication_sequence_number')
        if number is None or number == _UNSUPPORTED:
            return 0
        number = int(number)
        last, self._last = self._last, number
        return number - last - 1 if 0 < last < number else 0
