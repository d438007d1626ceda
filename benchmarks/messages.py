# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`python -m benchmarks.messages`: what messages of skeletons cost, with 1, 5 and 20 people.

In one process, without a network: make, serialise, deserialise and read a SkeletonArray of tracked
people with 3-D positions; a callback of `pose_tracker`; and what a plain Python subscriber of
`pose/tracked` costs, from the wait to the end of an empty callback. Times are of the processor, in
the thread that does it: other processes matter little.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import os
import time
from typing import Any

import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header

from pose_ros.cli.report import add_json_argument, finish, machine
from pose_ros.core.config import TrackerConfig
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.joints3d import Joints3D
from pose_ros.core.pose3d.tracker3d import Tracker3D
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.msg import SkeletonArray
from pose_ros.ros import conversions
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode

HELP = 'measure what messages of skeletons cost'
DESCRIPTION = (
    'Prints medians in ms of processor time: making, serialising, deserialising and reading a '
    'SkeletonArray, a callback of pose_tracker without and with 3-D positions, and a plain Python '
    'subscriber.'
)
EPILOG = 'examples:\n  python -m benchmarks.messages\n  python -m benchmarks.messages --rounds 500'
PEOPLE = (1, 5, 20)
RATE_HZ = 25.0
SIZE = (1920, 1080)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('--rounds', type=int, default=200, help='measurements of each (200)')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the benchmark; returns the exit status."""
    context = Context()
    rclpy.init(context=context, domain_id=1 + os.getpid() % 100)
    try:
        figures = {str(count): _figures(count, args.rounds, context) for count in PEOPLE}
    finally:
        rclpy.shutdown(context=context)
    print(f'{"median, CPU ms":<28}' + ''.join(f'{count:>5} people' for count in PEOPLE))
    for name in figures[str(PEOPLE[0])]:
        print(f'{name:<28}' + ''.join(f'{figures[str(count)][name]:>12.3f}' for count in PEOPLE))
    finish({'machine': machine(), 'rounds': args.rounds, 'median_ms': figures}, args.json)
    return 0


def _people(count: int, shift_px: float) -> Keypoints:
    """Return people side by side, all keypoints seen, away from where they were."""
    k = np.arange(17)
    body = np.stack([20.0 + 12.0 * (k % 5), 12.0 * k], axis=1).astype(np.float32)
    offset = np.array([[90.0 * i + shift_px, 300.0] for i in range(count)], np.float32)
    score = np.full((count, 17), 0.9, np.float32)
    return Keypoints(body + offset[:, None], score, np.full(count, 0.95, np.float32))


def _joints(people: Keypoints) -> Joints3D:
    """Return positions of these people in the plane 3 m away, measured."""
    position = np.full((*people.xy.shape[:2], 3), 3.0)
    position[..., :2] = people.xy * (3.0 / 900.0)
    covariance = np.broadcast_to(np.eye(3) * 4e-4, (*position.shape, 3)).copy()
    return Joints3D(position, covariance, np.ones(position.shape[:2], np.int8))


def _header(index: int) -> Header:
    header = Header(frame_id='camera_optical_frame')
    header.stamp = conversions.stamp_from_ns(10**18 + int(index * 1e9 / RATE_HZ))
    return header


def _figures(count: int, rounds: int, context: Context) -> dict[str, float]:
    poses = {
        in_3d: [serialize_message(_pose(count, i, in_3d)) for i in range(rounds)]
        for in_3d in (False, True)
    }
    tracker, tracker3d = Tracker(TrackerConfig()), Tracker3D()
    for i in range(5):
        people = _people(count, float(i))
        tracks = tracker.update(i / RATE_HZ, people, SIZE)
        tracks3d = tracker3d.update(i / RATE_HZ, tracks, *_joints(people))

    def make() -> SkeletonArray:
        return conversions.tracks_to_msg(tracks, _header(5), SIZE, tracks3d)

    def read(msg: SkeletonArray) -> None:
        conversions.tracks_from_msg(msg)
        conversions.tracks3d_from_msg(msg)

    tracked = make()
    data = serialize_message(tracked)
    return {
        'make': _median_ms(rounds, make),
        'serialise': _median_ms(rounds, lambda: serialize_message(tracked)),
        'deserialise': _median_ms(rounds, lambda: deserialize_message(data, SkeletonArray)),
        'read as arrays': _median_ms(rounds, lambda: read(tracked)),
        'tracker callback, 2-D': _callback_ms(poses[False], context),
        'tracker callback, 3-D': _callback_ms(poses[True], context),
        'plain Python subscriber': _subscriber_ms(data, rounds, context),
        'bytes': float(len(data)),
    }


def _pose(count: int, index: int, in_3d: bool) -> SkeletonArray:
    people = _people(count, float(index))
    return conversions.keypoints_to_msg(
        people, _header(index), SIZE, _joints(people) if in_3d else None)


def _median_ms(rounds: int, run: Callable[[], Any]) -> float:
    times = []
    for _ in range(rounds):
        began_s = time.thread_time()
        run()
        times.append(time.thread_time() - began_s)
    return float(np.median(times)) * 1e3


def _callback_ms(poses: list[bytes], context: Context) -> float:
    """Return a tracker's time for a message, its deserialisation and the publishing included."""
    node = PoseTrackerNode(context=context)
    try:
        if not node.start():
            raise RuntimeError('pose_tracker did not start')
        times = []
        for data in poses:
            began_s = time.thread_time()
            node._on_pose(deserialize_message(data, SkeletonArray))
            times.append(time.thread_time() - began_s)
    finally:
        node.release()
        node.destroy_node()
    return float(np.median(times)) * 1e3


def _subscriber_ms(data: bytes, rounds: int, context: Context) -> float:
    """Return the time of `spin_once` for a message that has come already."""
    node = rclpy.create_node('plain_subscriber', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    came: list[bool] = []
    node.create_subscription(SkeletonArray, 'pose/tracked', lambda msg: came.append(True), 10)
    publisher = node.create_publisher(SkeletonArray, 'pose/tracked', 10)
    until_s = time.monotonic() + 5.0
    while not publisher.get_subscription_count() and time.monotonic() < until_s:
        executor.spin_once(timeout_sec=0.05)
    times = []
    try:
        for _ in range(rounds):
            publisher.publish(data)
            time.sleep(0.002)
            before = len(came)
            began_s = time.thread_time()
            executor.spin_once(timeout_sec=0.5)
            if len(came) > before:
                times.append(time.thread_time() - began_s)
    finally:
        executor.shutdown()
        node.destroy_node()
    return float(np.median(times)) * 1e3


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('benchmarks.messages'))
