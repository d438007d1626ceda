# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The frames of a tracker: output in a frame of the user's choice, and a TF frame for each body.

A transform for the stamp of an image often comes a little later than the image. What waits for
one is kept in order and given on as soon as it is there, or without 3-D after a set time; the
node goes on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from std_msgs.msg import Header

from pose_ros.core.config import TrackerConfig
from pose_ros.core.pose3d.body_frame import body_frame, moved
from pose_ros.core.pose3d.tracks3d import Tracks3D
from pose_ros.core.tracking.tracks import Tracks, TrackState
from pose_ros.ros.conversions import stamp_ns
from pose_ros.ros.managed_node import ManagedNode
from pose_ros.ros.stamp_sync import StampSync
from pose_ros.ros.transforms import NoTransform, Transforms, transforms_of

_Publish = Callable[[Tracks3D | None, str], None]

_LOOK_AGAIN_S = 0.005
_MOST_WAITING = 200


class FrameOutput:
    """
    Transforms what a tracker publishes.

    Parameters
    ----------
    node : ManagedNode
    config : TrackerConfig
        Of it output_frame, transform_timeout_s, body_frames, body_frames_prefix.
    connect : callable
        Makes the Transforms of a node; ModuleNotFoundError when tf2 is not here.

    Attributes
    ----------
    target : str
        Frame of the output; empty for the image's own.
    reason : str
        Why the latest output has no 3-D, or stays in the image's frame; empty when all is well.
    """

    def __init__(
        self,
        node: ManagedNode,
        config: TrackerConfig,
        connect: Callable[[ManagedNode], Transforms] = transforms_of,
    ) -> None:
        self._node = node
        self._config = config
        self._sync: StampSync[tuple[Tracks3D | None]] = StampSync(_MOST_WAITING)
        self._sync.watch(node, _LOOK_AGAIN_S)
        self._why = ''
        self._transforms: Transforms | None = None
        self.target, self.reason = '', ''
        asked = [
            name for name, wanted in (
                ('output_frame', config.output_frame), ('body_frames', config.body_frames_enabled)
            ) if wanted
        ]
        if asked:
            try:
                self._transforms = connect(node)
                self.target = config.output_frame
            except ModuleNotFoundError as error:
                self.reason = (
                    f'{" and ".join(asked)}: not without {error.name}; '
                    "positions are in the image's optical frame"
                )
                node.get_logger().warning(self.reason)

    def close(self) -> None:
        """Give on what still waits, without 3-D, and stop."""
        self._sync.close()
        if self._transforms is not None:
            self._transforms.close()
            self._transforms = None

    def apply(self, config: TrackerConfig) -> None:
        """Use other parameters from now on."""
        self._config = config

    def give(self, header: Header, joints: Tracks3D | None, publish: _Publish) -> None:
        """
        Have joints published in the target frame.

        Parameters
        ----------
        header : Header
            Of the image.
        joints : Tracks3D or None
            In the image's optical frame; None for no positions.
        publish : callable
            Takes the joints and their frame. Called once, at once or within transform_timeout_s,
            in the order of the calls.
        """
        if not self.target:
            publish(joints, header.frame_id)
            return
        if joints is not None and not np.isfinite(joints.position).any():
            joints = None

        def find() -> tuple[Tracks3D | None] | None:
            if joints is None:
                return (None,)
            found = self._moved(joints, header.frame_id, stamp_ns(header.stamp))
            return None if found is None else (found,)

        def done(found: tuple[Tracks3D | None] | None) -> None:
            if found is None:
                self.reason = (
                    f'no transform from {header.frame_id!r} to {self.target!r}: {self._why}')
                self._node.complain('without_transform', f'no 3-D: {self.reason}')
            elif joints is not None:
                self.reason = ''
            publish(found[0] if found else None, self.target)

        self._sync.offer(
            stamp_ns(header.stamp), done, self._config.transform_timeout_s, find)

    def now(
        self, joints: Tracks3D | None, image_frame: str, image_ns: int
    ) -> tuple[Tracks3D | None, str]:
        """Return joints in the target frame if the transform of a time is known, and the frame."""
        if not self.target:
            return joints, image_frame
        moved_joints = None if joints is None else self._moved(joints, image_frame, image_ns)
        return moved_joints, self.target

    def _moved(self, joints: Tracks3D, frame: str, time_ns: int) -> Tracks3D | None:
        """Return joints in the target frame; None while the transform is not known."""
        assert self._transforms is not None
        try:
            return moved(joints, self._transforms.lookup(self.target, frame, time_ns))
        except NoTransform as error:
            self._why = str(error)
            return None

    def send_bodies(self, tracks: Tracks, joints: Tracks3D, header: Header) -> None:
        """Publish the TF frame of each CONFIRMED person whose trunk is known, if asked for."""
        if self._transforms is None or not self._config.body_frames_enabled:
            return
        frames = {}
        for row, track in enumerate(tracks.id.tolist()):
            if tracks.state[row] == TrackState.CONFIRMED:
                frame = body_frame(joints.position[row])
                if frame is not None:
                    frames[f'{self._config.body_frames_prefix}{track}'] = frame
        if frames:
            self._transforms.send(frames, header.frame_id, stamp_ns(header.stamp))
