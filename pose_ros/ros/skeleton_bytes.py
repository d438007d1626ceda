# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What was seen in one image, as the bytes of a SkeletonArray that travel.

rclpy turns a message of five people into bytes by way of 85 Keypoint objects; most of what they
hold is NaN in every image. Here one message of so many people is serialised by rclpy and kept, and
only what differs from image to image is written into its bytes.

Where that stands follows from the message definitions and the rules of CDR (OMG DDSI-RTPS 2.5,
section 10; CORBA 3.0, 15.3): a value of n bytes stands at a multiple of n, counted from the end of
the 4 bytes that say how the rest is encoded; a string is its length with the closing zero, then
its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
import struct

from builtin_interfaces.msg import Time
import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from pose_ros.core.keypoints import Keypoints, boxes_around
from pose_ros.core.skeleton import NUM_KEYPOINTS
from pose_ros.msg import SkeletonArray
from pose_ros.ros.conversions import keypoints_to_msg

_STAMP = struct.Struct('=iI')
# stale_s, image_width, image_height, received, published, convert_ms ... track_ms
_FACTS = struct.Struct('=fIIiIiIfffff')
_ENCAPSULATION = 4
_MOST_TEMPLATES = 64


@dataclass(frozen=True)
class _Template:
    """
    The bytes of a message about so many people, and where in them its values are.

    Attributes
    ----------
    data : (n,) uint8
        Written into for each message.
    words : (n / 4,) float32
        The same memory.
    facts : int
        Where `_FACTS` begins, bytes.
    people : (N, 5) int
        Of `words`: score and box of each person.
    points : (N, 17, 3) int
        Of `words`: score, x and y of each keypoint.
    states : (N, 17) int
        Of `data`.
    """

    data: np.ndarray
    words: np.ndarray
    facts: int
    people: np.ndarray
    points: np.ndarray
    states: np.ndarray


class LayoutError(ValueError):
    """The message is not laid out as was thought."""


class SkeletonBytes:
    """
    Writes messages for which `keypoints_to_msg` and rclpy's serialisation give the same.

    Attributes
    ----------
    pose : SkeletonArray
        What `begin` returns: the same object for every message.
    """

    def __init__(self) -> None:
        """Know no template yet."""
        self.pose = SkeletonArray()
        self._templates: dict[tuple[str, str, int], _Template] = {}

    def begin(self, header: Header, image_size: tuple[int, int]) -> SkeletonArray:
        """Return a message about an image, for all but the skeletons; times are to be filled."""
        pose = self.pose
        pose.header, pose.image_frame_id = header, header.frame_id
        pose.image_width, pose.image_height = image_size
        return pose

    def write(self, people: Keypoints) -> bytes:
        """
        Write the message that was begun, and filled since.

        Parameters
        ----------
        people : Keypoints
            Image pixels. A keypoint with a NaN coordinate becomes MISSING.

        Returns
        -------
        bytes
            CDR, as `rclpy.serialization.serialize_message` gives it.
        """
        pose = self.pose
        key = (pose.header.frame_id, pose.model, len(people))
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            template = self._templates[key] = _template(pose, len(people))
        stamp, received, published = pose.header.stamp, pose.received, pose.published
        _STAMP.pack_into(template.data, _ENCAPSULATION, stamp.sec, stamp.nanosec)
        _FACTS.pack_into(
            template.data, template.facts, pose.stale_s, pose.image_width, pose.image_height,
            received.sec, received.nanosec, published.sec, published.nanosec, pose.convert_ms,
            pose.detect_ms, pose.refine_ms, pose.network_ms, pose.track_ms,
        )
        if len(people):
            _write_people(template, people)
        return template.data.tobytes()


def _write_people(template: _Template, people: Keypoints) -> None:
    seen = np.isfinite(people.xy).all(axis=2)
    points = np.empty((len(people), NUM_KEYPOINTS, 3), np.float32)
    points[..., 0], points[..., 1:] = people.score, people.xy
    if not seen.all():
        points[~seen] = 0.0, np.nan, np.nan
    who = np.empty((len(people), 5), np.float32)
    who[:, 0], who[:, 1:] = people.person_score, boxes_around(points[..., 1:])
    template.words[template.people] = who
    template.words[template.points] = points
    # MISSING is 0, OBSERVED 1.
    template.data[template.states] = seen


def _template(pose: SkeletonArray, count: int) -> _Template:
    """Let rclpy serialise a message about nobody in particular, and find the places in it."""
    nobody = Keypoints(
        np.full((count, NUM_KEYPOINTS, 2), np.nan, np.float32),
        np.zeros((count, NUM_KEYPOINTS), np.float32), np.zeros(count, np.float32),
    )
    frame_id, model = pose.header.frame_id, pose.model
    message = keypoints_to_msg(nobody, pose.header, (0, 0))
    message.model = model
    data = np.frombuffer(serialize_message(message), np.uint8).copy()
    at = _ENCAPSULATION + _STAMP.size
    for text in (frame_id, frame_id):
        at = _up(at, 4) + _length(text)
    facts = _up(at + 1, 4)  # after the status
    at = _up(facts + _FACTS.size + _length(model), 4) + 4
    who = np.empty((count, 5), np.intp)
    points = np.empty((count, NUM_KEYPOINTS, 3), np.intp)
    states = np.empty((count, NUM_KEYPOINTS), np.intp)
    for person in range(count):
        score = at + 8  # after id and track_state
        who[person] = score // 4 + np.arange(5)
        at = score + 7 * 4
        for keypoint in range(NUM_KEYPOINTS):
            states[person, keypoint] = at
            first = _up(at + 1, 4)
            points[person, keypoint] = first // 4 + np.arange(3)
            source = first + 9 * 4
            # Two vectors of doubles, then the covariance.
            at = _up(source + 1 - _ENCAPSULATION, 8) + _ENCAPSULATION + 6 * 8 + 9 * 4
    if at != len(data):
        raise LayoutError(f'rclpy writes {len(data)} bytes, not {at}')
    return _Template(data, data.view(np.float32), facts, who, points, states)


def _length(text: str) -> int:
    """Return the bytes of a string; rclpy cuts it off at a zero."""
    return 4 + len(text.partition('\0')[0].encode()) + 1


def _up(at: int, step: int) -> int:
    """Return the next multiple of a step."""
    return -(-at // step) * step


def same_as_rclpy() -> bool:
    """
    Compare with rclpy: another middleware, or another definition of a message, may differ.

    Returns
    -------
    bool
        Whether what `SkeletonBytes` writes is read as the message that it stands for.
    """
    values = np.arange(2 * NUM_KEYPOINTS * 2, dtype=np.float32).reshape(2, NUM_KEYPOINTS, 2)
    people = Keypoints(values, values[..., 0] / 100, np.array([0.25, 0.5], np.float32))
    people.xy[1, 3] = np.nan
    # The lengths of the strings decide where everything behind them stands.
    for count, frame_id, model in ((0, '', 'abc'), (1, 'a', ''), (2, 'abcd', 'a'), (2, 'ab', 'a')):
        seen = people.select(slice(count))
        header = Header(stamp=Time(sec=1, nanosec=2), frame_id=frame_id)
        wanted = keypoints_to_msg(seen, header, (640, 480))
        wanted.model = model
        wanted.received, wanted.published = Time(sec=3, nanosec=4), Time(sec=5, nanosec=6)
        wanted.convert_ms, wanted.detect_ms, wanted.refine_ms = 1.5, 2.5, 3.5
        wanted.network_ms, wanted.track_ms, wanted.stale_s = 4.5, 5.5, 6.5
        writer = SkeletonBytes()
        writer.pose = wanted
        try:
            written = writer.write(seen)
        except LayoutError:
            return False
        # Not byte by byte: what stands between values is whatever was in the memory.
        if repr(deserialize_message(written, SkeletonArray)) != repr(wanted):
            return False
    return True
