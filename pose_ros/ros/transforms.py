# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Transforms between frames, from tf2 where there is one.

tf2_ros is not on PyPI. Without it `transforms_of` says why there are none, and nothing else of
the package needs them. Nothing here waits: a listener in a node that waits hears nothing.
"""

from __future__ import annotations

from typing import Any, Protocol

from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from rclpy.node import Node
from rclpy.time import Time
from std_msgs.msg import Header

from pose_ros.core.pose3d.body_frame import Transform
from pose_ros.ros.conversions import stamp_from_ns


class NoTransform(LookupError):
    """There is no such transform, now; the message says why, in one line."""


def plain_frame(name: str) -> str:
    """Return a frame's name as tf2 has it: without the leading slash of ROS 1."""
    return name.lstrip('/')


class Transforms(Protocol):
    """What is known of frames."""

    def lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        """Return target from source at a time, 0 for the latest; NoTransform when not known."""

    def send(self, frames: dict[str, Transform], parent: str, stamp_ns: int) -> None:
        """Publish where frames are in a parent frame."""

    def close(self) -> None:
        """Stop listening and publishing."""


def transforms_of(node: Node, sends: bool = True) -> Transforms:
    """
    Return the transforms that a node hears on /tf and /tf_static, and may send.

    Raises
    ------
    ModuleNotFoundError
        When tf2_ros is not installed.
    """
    return Tf2Transforms(node, sends)


class Tf2Transforms:
    """Transforms of tf2_ros."""

    def __init__(self, node: Node, sends: bool = True) -> None:
        """Begin to listen; ModuleNotFoundError without tf2_ros."""
        import tf2_ros

        self._node = node
        self._refused = tf2_ros.TransformException
        # Not with the node: that would add a service to it.
        self._buffer = tf2_ros.Buffer()
        self._listener: Any = tf2_ros.TransformListener(self._buffer, node)
        self._broadcaster: Any = tf2_ros.TransformBroadcaster(node) if sends else None

    def lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        """Return target from source at a time; NoTransform when it is not known (yet)."""
        try:
            # No timeout: it would sleep, and this node is the one that listens.
            found = self._buffer.lookup_transform(
                plain_frame(target), plain_frame(source), Time(nanoseconds=stamp_ns)
            ).transform
            q, t = found.rotation, found.translation
            return Transform.from_quaternion((q.x, q.y, q.z, q.w), (t.x, t.y, t.z))
        except (self._refused, ValueError) as error:
            raise NoTransform(' '.join(str(error).split())) from error

    def send(self, frames: dict[str, Transform], parent: str, stamp_ns: int) -> None:
        """Publish where frames are in a parent frame."""
        header = Header(stamp=stamp_from_ns(stamp_ns), frame_id=plain_frame(parent))
        assert self._broadcaster is not None
        self._broadcaster.sendTransform([
            _stamped(header, name, frame) for name, frame in frames.items()
        ])

    def close(self) -> None:
        """Stop listening and publishing; each of those that share it may call this."""
        if self._listener is not None:
            self._listener.unregister()
        if self._broadcaster is not None:
            self._node.destroy_publisher(self._broadcaster.pub_tf)
        self._listener = self._broadcaster = None


def _stamped(header: Header, name: str, frame: Transform) -> TransformStamped:
    msg = TransformStamped(header=header, child_frame_id=name)
    x, y, z, w = frame.quaternion()
    msg.transform.rotation = Quaternion(x=x, y=y, z=z, w=w)
    x, y, z = frame.translation.tolist()
    msg.transform.translation = Vector3(x=x, y=y, z=z)
    return msg
