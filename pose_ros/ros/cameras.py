# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Which cameras there are: a namespace with nodes of its own for each, and its image topic.

Each camera has its own estimator, tracker and topics (`/front/pose`, `/rear/pose`, ...), so ids
are counted for each camera by itself: person 3 of `front` and person 3 of `rear` are two people
until told otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
import re


class CamerasError(ValueError):
    """The cameras cannot be told apart; the message says which and what to write."""


@dataclass(frozen=True)
class Camera:
    """
    One camera.

    Attributes
    ----------
    namespace : str
        Of its nodes and topics, without a slash at the ends; empty for none.
    image : str or None
        Its image topic, raw or compressed (.../compressed); None for `image` in the namespace.
    """

    namespace: str
    image: str | None

    def remaps(self) -> list[str]:
        """
        Return the remaps that connect it, FROM:=TO, by the names that image_transport gives.

        >>> Camera('', '/front/image_raw').remaps()[-1]
        'camera_info:=/front/camera_info'
        """
        if not self.image:
            return []
        # The compressed topic itself may be named: the nodes see that by its name.
        raw = self.image.removesuffix('/compressed')
        beside = raw.rpartition('/')[0]
        return [
            f'image:={self.image}',
            f'image/compressed:={raw}/compressed',
            f'camera_info:={beside + "/" if beside or raw.startswith("/") else ""}camera_info',
        ]


def cameras(names: str, namespace: str = '', image: str | None = None) -> list[Camera]:
    """
    Read the argument `cameras`.

    Parameters
    ----------
    names : str
        `front,rear` or `front=/usb_front/image_raw,rear=/usb_rear/image_raw`; empty for one
        camera that has no name.
    namespace : str
        Around all of them.
    image : str, optional
        Topic of the cameras that have none of their own; below each camera's namespace when
        there are several.

    Raises
    ------
    CamerasError
        When a name is not one of ROS, comes twice, or two cameras would share a topic.

    Examples
    --------
    >>> [camera.image for camera in cameras('front,rear=/usb/image_raw', image='image_raw')]
    ['image_raw', '/usb/image_raw']
    """
    outer = namespace.strip('/')
    if not names:
        return [Camera(outer, image)]
    found = []
    for entry in names.split(','):
        name, given, own = entry.strip().partition('=')
        if not re.fullmatch(r'[A-Za-z_]\w*', name):
            raise CamerasError(
                f'camera {entry!r}: a name has letters, digits and _, and does not begin with a '
                'digit; expected front,rear or front=/front/image_raw,rear=/rear/image_raw'
            )
        if given and not own:
            raise CamerasError(f'camera {entry!r}: the topic after = is missing')
        found.append(Camera('/'.join(filter(None, (outer, name))), own or image))
    for kind, values in (
        ('name', [camera.namespace for camera in found]),
        ('topic', [c.image for c in found if c.image is not None and c.image.startswith('/')]),
    ):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise CamerasError(
                f'two cameras have the {kind} {twice[0]}: give each its own, '
                'front=/front/image_raw,rear=/rear/image_raw'
            )
    return found
