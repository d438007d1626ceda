# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The checks of a subscription of images: noted image by image, judged once a second."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

from pose_ros.core.camera_image import CameraImage
from pose_ros.diagnostics.exposure import exposure, exposure_findings
from pose_ros.diagnostics.findings import Finding, Level
from pose_ros.diagnostics.stream import StreamStatistics, StreamSummary
from pose_ros.diagnostics.stream_checks import (
    ClockFacts,
    drop_findings,
    rate_findings,
    stamp_findings,
)
from pose_ros.diagnostics.topic_checks import (
    IMAGE_TYPES,
    VIDEO_TYPES,
    Endpoint,
    silent_findings,
)
from pose_ros.ros.diagnostics import endpoints

SILENT_AFTER_S = 2.0
_LOOK_EVERY_S = 1.0
_OUTPUTS = ('/pose/overlay',)
_UNSUPPORTED = 2**64 - 1  # RMW_MESSAGE_INFO_SEQUENCE_NUMBER_UNSUPPORTED, rmw/types.h


def takes_message_info() -> bool:
    """Whether rclpy gives MessageInfo to callbacks: since Iron (ros2/rclpy#922)."""
    return hasattr(Subscription, 'CallbackType')


class DropCounter:
    """Counts the messages of one publisher that never came, by the middleware's numbers."""

    def __init__(self) -> None:
        self._last = 0

    def dropped_before(self, info: dict[str, Any]) -> int:
        """
        Return how many were published between the message before and that of a MessageInfo.

        0 when there is no way to know: the first, a publisher that began anew, a middleware
        without numbers (0 or 2^64 - 1 always).
        """
        number = info.get('publication_sequence_number')
        if number is None or number == _UNSUPPORTED:
            return 0
        number = int(number)
        last, self._last = self._last, number
        return number - last - 1 if 0 < last < number else 0


class ImageChecks:
    """
    Watches the images of one subscription.

    Parameters
    ----------
    node : Node
        Whose they are.
    subscription : callable
        Returns the subscription, or None.
    """

    def __init__(self, node: Node, subscription: Callable[[], Any]) -> None:
        self._node = node
        self._subscription = subscription
        self._statistics, self.stream = StreamStatistics(), StreamSummary()
        self._good_s = self._last_s = time.monotonic()
        self._ever = False
        self._busy_s, self._busy_since_s, self._busy_share = 0.0, time.monotonic(), 0.0
        self._problem, self._problems, self._good = '', 0, 0
        self._exposure, self._looked_s = '', 0.0

    # -- for every image ------------------------------------------------------------------------

    def counting(self, on_image: Callable[..., None]) -> Callable[..., None]:
        """
        Return the callback of the subscription.

        Parameters
        ----------
        on_image : callable
            Gets each message and, where rclpy tells (Iron and newer), how many were dropped
            before it.
        """
        drops = DropCounter()

        def with_info(msg: Any, info: dict[str, Any]) -> None:
            dropped = drops.dropped_before(info)
            if dropped and self._node.count_publishers(self._subscription().topic_name) != 1:
                dropped = 0  # the numbers of one publisher say nothing about the other
            on_image(msg, dropped)

        return with_info if takes_message_info() else on_image

    def came(self, msg: Any, now_ns: int, dropped: int | None) -> None:
        """Note an image that came at `now_ns` of the node's clock, `dropped` before it."""
        steady_ns = time.monotonic_ns()
        stamp = msg.header.stamp
        self._statistics.add(
            stamp.sec * 1_000_000_000 + stamp.nanosec, now_ns, steady_ns, dropped,
            msg.header.frame_id, len(msg.data),
        )
        self._last_s = steady_ns * 1e-9
        self._ever = True

    def used(self, callback_s: float, image: CameraImage, people: int) -> None:
        """Note that an image was worked on for so long, and how many people were found in it."""
        self._busy_s += callback_s
        self._good += 1
        self._good_s = time.monotonic()
        if people:
            self._exposure = ''
        elif self._good_s - self._looked_s > _LOOK_EVERY_S:
            self._exposure, self._looked_s = exposure(image), self._good_s

    def unusable(self, problem: str) -> None:
        """Note that an image could not be used."""
        self._problem = problem
        self._problems += 1

    # -- once a second --------------------------------------------------------------------------

    def silent_s(self) -> float:
        """Return for how long no image has come, s."""
        return time.monotonic() - self._last_s

    def since_good_s(self) -> float:
        """Return for how long no image could be used, s; since the start, when none ever could."""
        return time.monotonic() - self._good_s

    def values(self) -> dict[str, str]:
        """Return what is measured, for /diagnostics."""
        stream = self.stream
        return {
            'image_rate_hz': f'{stream.rate_hz:.2f}',
            'image_uneven': f'{stream.uneven:.2f}',
            'image_age_s': f'{stream.age_s:.4f}',
            'image_bytes': str(stream.bytes),
            'image_drop_share': f'{stream.drop_share:.3f}',
            'busy_share': f'{self._busy_share:.2f}',
            'since_good_image_s': f'{self.since_good_s():.3f}',
        }

    def findings(self, clock: ClockFacts, expected_hz: float) -> list[Finding]:
        """Judge; to be called about once a second."""
        subscription = self._subscription()
        if subscription is None:
            return []
        topic = subscription.topic_name
        self._measure_busy()
        found = self._unusable_findings(topic)
        if self.silent_s() >= SILENT_AFTER_S:
            return found + self.silent_findings()
        stream = self.stream = self._statistics.summary()
        return [
            *found,
            *stamp_findings(stream, clock, topic, self._busy_share),
            *rate_findings(stream, expected_hz, self._statistics.usual_hz(stream), topic),
            *drop_findings(stream, self._busy_share, topic),
            *exposure_findings(self._exposure, topic),
        ]

    def silent_findings(self) -> list[Finding]:
        """Say why nothing comes, however short that is so."""
        subscription, node = self._subscription(), self._node
        topic, me = subscription.topic_name, node.get_fully_qualified_name()
        publishers, subscriptions = endpoints(node, topic)
        kind = IMAGE_TYPES['Compressed' in subscription.msg_type.__name__]
        mine = next((s for s in subscriptions if s.node == me and s.type == kind), None)
        return silent_findings(
            topic, mine or Endpoint(me, kind, 'best_effort'), publishers, image_topics(node),
            self.silent_s(), self._ever)

    def _measure_busy(self) -> None:
        now_s = time.monotonic()
        passed_s = now_s - self._busy_since_s
        if passed_s > 0.5:
            self._busy_share = min(1.0, self._busy_s / passed_s)
            self._busy_s, self._busy_since_s = 0.0, now_s

    def _unusable_findings(self, topic: str) -> list[Finding]:
        problems, good = self._problems, self._good
        self._problems = self._good = 0
        if not problems:
            return []
        hint = 'look at the driver: it sends broken images'
        if good:
            return [Finding(
                Level.WARN, 'image', 'some_unusable',
                f'{problems} of the last {problems + good} images on {topic} could not be used: '
                f'{self._problem}', hint)]
        if 'encoding' in self._problem:
            hint = "set the driver's pixel format to bgr8 or rgb8, or install cv_bridge"
        return [Finding(
            Level.ERROR, 'image', 'unusable', f'no image on {topic} can be used: {self._problem}',
            hint)]


def image_topics(node: Node) -> dict[str, str]:
    """Return the topics of images and video with a publisher, and their types; not our own."""
    return {
        name: types[0]
        for name, types in node.get_topic_names_and_types()
        if (types[0] in IMAGE_TYPES or types[0] in VIDEO_TYPES)
        and not name.endswith(_OUTPUTS) and node.count_publishers(name)
    }
