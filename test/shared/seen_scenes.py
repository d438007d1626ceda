# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Topics as the nodes would send them, made without the nodes: quick, and known exactly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from benchmarks.depth_worlds.synthetic_rgbd import observe, render
from benchmarks.proximity import PLAYS
from pose_ros.backends import load_backend
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.pose3d.depth_lifting import lift
from pose_ros.core.pose3d.depth_noise import DepthNoise
from pose_ros.core.pose3d.tracker3d import Tracker3D
from pose_ros.core.proximity.distance import proximity
from pose_ros.core.proximity.zones import make_zone
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.media.sources import open_source
from pose_ros.msg import Proximity, ProximityArray
from pose_ros.ros.conversions import keypoints_to_msg, stamp_from_ns, stamp_ns, tracks_to_msg
from pose_ros.ros.images import image_to_msg
from pose_ros.ros.recording.bag import skeleton_types

BEGIN_NS = 1_700_000_000_123_456_789
Topics = dict[str, Any]


def of_footage(images: int, first: int = 60) -> Iterator[Topics]:
    """Yield image, pose, pose/tracked, pose/predicted of the demo's footage, by the networks."""
    config = EstimatorConfig()
    estimator, tracker = TwoPassEstimator(load_backend(config), config), Tracker(TrackerConfig())
    with open_source('demo') as source:
        for frame in source:
            if frame.index < first:
                continue
            if frame.index >= first + images:
                return
            t_ns = BEGIN_NS + int((frame.index - first) * 40_000_000)
            header = Header(stamp=stamp_from_ns(t_ns), frame_id='eye')
            size = (frame.image.shape[1], frame.image.shape[0])
            keypoints = estimator.estimate(frame.image)
            tracks = tracker.update(t_ns * 1e-9, keypoints, size)
            later = Header(stamp=stamp_from_ns(t_ns + 20_000_000), frame_id='eye')
            ahead = tracker.predict(t_ns * 1e-9 + 0.02)
            topics = {
                'image': image_to_msg(frame.image, header),
                'pose': keypoints_to_msg(keypoints, header, size),
                'pose/tracked': tracks_to_msg(tracks, header, size),
                'pose/predicted': tracks_to_msg(ahead, later, size),
            }
            for name in list(topics)[1:]:
                topics[name].detect_ms, topics[name].track_ms = 30.0 + frame.index, 0.5
                topics[name].latency_s = 0.05
            yield topics


def of_play(name: str, seconds: float, z_m: float = 2.6, seed: int = 3) -> Iterator[Topics]:
    """Yield the topics of a synthetic scene in 3-D: camera_info and pose/proximity as well."""
    rate_hz, size, k = 15.0, (640, 480), (525.0, 0, 320, 0, 525.0, 240, 0, 0, 1)
    camera = CameraModel.from_camera_info(*size, '', (), k)
    assert camera is not None
    rng, noise = np.random.default_rng(seed), DepthNoise.structured_light()
    u = rng.random(24)
    tracker, space = Tracker(TrackerConfig()), Tracker3D(camera)
    zone = make_zone('sphere', (0.0, 0.0, 0.0, 0.3))
    for i in range(int(seconds * rate_hz)):
        t_s = i / rate_hz
        t_ns = BEGIN_NS + round(t_s * 1e9)
        header = Header(stamp=stamp_from_ns(t_ns), frame_id='eye')
        scene = render(PLAYS[name].figures(t_s, z_m, u), camera, rng, z_m + 1.5, noise, holes=4)
        keypoints = observe(scene, camera, rng)
        lifted = lift(scene.depth, camera, keypoints, noise).joints
        tracks = tracker.update(t_ns * 1e-9, keypoints, size)
        known = space.update(t_ns * 1e-9, tracks, *lifted.of(tracks)).of(tracks)
        near = proximity(zone, known.position, known.velocity, known.covariance)
        shade = np.clip(255 - scene.depth.astype(np.float64) / 20, 0, 255).astype(np.uint8)
        pose = keypoints_to_msg(keypoints, header, size)
        tracked = tracks_to_msg(tracks, header, size, known)
        for msg in (pose, tracked):
            msg.detect_ms, msg.track_ms, msg.network_ms = 20.0 + 5 * np.sin(t_s), 0.5, 18.0
            msg.latency_s = 0.04
        yield {
            'camera_info': CameraInfo(
                header=header, width=size[0], height=size[1], k=[float(v) for v in k]),
            'image': image_to_msg(cv2.applyColorMap(shade, cv2.COLORMAP_BONE), header),
            'pose': pose,
            'pose/tracked': tracked,
            'pose/proximity': ProximityArray(header=header, zone='robot', people=[
                Proximity(id=int(person), distance_m=float(near.distance_m[row]),
                          bound_m=float(near.bound_m[row]), rate_m_s=float(near.rate_m_s[row]))
                for row, person in enumerate(tracks.id)
            ]),
        }


def write_bag(
    folder: Path, frames: list[Topics], namespace: str = '', sqlite: bool = False
) -> Path:
    """Write messages into a bag, MCAP or SQLite3, as rosbag2 does."""
    from rosbags.rosbag2 import StoragePlugin, Writer

    types = skeleton_types()
    plugin = StoragePlugin.SQLITE3 if sqlite else StoragePlugin.MCAP
    with Writer(folder, version=8, storage_plugin=plugin) as writer:
        connections: dict[str, Any] = {}
        for frame in frames:
            for name, msg in frame.items():
                topic = f'{namespace}/{name}'
                if topic not in connections:
                    package = type(msg).__module__.split('.')[0]
                    kind = f'{package}/msg/{type(msg).__name__}'
                    connections[topic] = writer.add_connection(topic, kind, typestore=types)
                writer.write(connections[topic], stamp_ns(msg.header.stamp),
                             bytes(serialize_message(msg)))
    return folder
