# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`python -m benchmarks.closed_loop`: a simulated robot follows a person, by the real nodes.

pose_tracker and examples/follow_person.py run as processes of their own, with `use_sim_time`. The
simulation publishes what the estimator would, and drives by the `cmd_vel` that comes back. It
goes on only when the nodes have answered: the figures do not depend on how busy the machine is.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.tracking_worlds.robot_world import (
    FOCAL_PX,
    SIZE,
    Robot,
    RobotCamera,
    World,
    make_world,
)
from pose_ros.cli.report import add_json_argument, finish, machine

HELP = 'a simulated robot follows a person by the real nodes'
DESCRIPTION = (
    'Prints how well the distance is kept, how fast the robot reacts and stops, and for how long '
    'the wrong person was followed: with everything, and without each part.'
)
EPILOG = (
    'examples:\n  python -m benchmarks.closed_loop\n'
    '  python -m benchmarks.closed_loop --worlds 3 --only everything'
)
FOLLOW = Path(__file__).parents[1] / 'examples' / 'follow_person.py'
KEEP_M, WITHIN_M = 1.5, 0.3
TICK_NS = 33_333_334
"""One more than the period of the tracker's predictions: each tick has exactly one."""
PREDICTION_HZ = 30.0
FRAME = 'camera_optical'
SETTLE_S = 5.0
"""The first seconds of a world are not counted: the person stands, then starts."""
WRONG_WITHIN_M = 0.6
_ANSWER_S, _GIVE_UP_S = 0.5, 20.0


@dataclass(frozen=True)
class Variant:
    """What is switched on."""

    name: str
    camera_motion: bool = True
    prediction: bool = True
    appearance: bool = True


VARIANTS = (
    Variant('everything'), Variant('no ego-motion', camera_motion=False),
    Variant('no prediction', prediction=False), Variant('no appearance', appearance=False),
    Variant('none of them', False, False, False),
)


@dataclass
class Result:
    """Figures of one world, a row for each tick after SETTLE_S."""

    error_m: list[float] = field(default_factory=list)
    wrong_s: float = 0.0
    locked_s: float = 0.0
    react_s: list[float] = field(default_factory=list)
    halt_s: list[float] = field(default_factory=list)
    ids: set[int] = field(default_factory=set)
    robot: Robot = field(default_factory=Robot)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('--worlds', type=int, default=20, metavar='N', help='default: 20')
    parser.add_argument('--first', type=int, default=0, metavar='SEED',
                        help='seed of the first world; default: 0')
    parser.add_argument('--rate', type=float, default=15.0, metavar='HZ',
                        help='of the camera; default: 15')
    parser.add_argument('--delay', type=float, default=0.12, metavar='S',
                        help='from the image to the skeletons; default: 0.12')
    parser.add_argument('--only', nargs='+', choices=[v.name for v in VARIANTS], metavar='NAME',
                        help=f'of {", ".join(v.name for v in VARIANTS)}; default: all')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the benchmark; return the exit status."""
    if args.worlds < 1 or not 1 <= args.rate <= 30 or not 0 <= args.delay <= 0.5:
        raise ArgumentError('--worlds from 1, --rate 1 to 30, --delay 0 to 0.5')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # end the nodes, too
    rows: dict[str, dict[str, float]] = {}
    for variant in VARIANTS:
        if args.only and variant.name not in args.only:
            continue
        results = []
        with running(variant) as loop:
            for seed in tqdm(range(args.first, args.first + args.worlds), variant.name,
                             unit='world', file=sys.stderr):
                results.append(loop.follow(make_world(seed), seed, args.rate, args.delay))
        rows[variant.name] = summary(results)
    stop = stop_on_silence(args.rate, args.delay)
    _print(rows, stop, args)
    finish({'variants': rows, 'silence': stop, 'machine': machine()}, args.json)
    return 0


class ArgumentError(ValueError):
    """An argument is out of its range."""


class NoAnswer(RuntimeError):
    """A node does not answer."""


ERRORS = (ArgumentError, NoAnswer)


def summary(results: list[Result]) -> dict[str, float]:
    """Return the figures over worlds."""
    error = np.abs(np.concatenate([r.error_m for r in results]))
    react, halt = ([s for r in results for s in getattr(r, n)] for n in ('react_s', 'halt_s'))
    return {
        'within': round(float((error <= WITHIN_M).mean()), 4),
        'error_median_m': round(float(np.median(error)), 3),
        'error_p95_m': round(float(np.percentile(error, 95)), 3),
        'react_s': round(float(np.median(react)), 2) if react else np.nan,
        'halt_s': round(float(np.median(halt)), 2) if halt else np.nan,
        'wrong_s': round(sum(r.wrong_s for r in results), 2),
        'wrong_worlds': sum(r.wrong_s > 0 for r in results),
        'locked': round(sum(r.locked_s for r in results)
                        / sum(len(r.error_m) * TICK_NS * 1e-9 for r in results), 4),
        'other_ids': sum(len(r.ids) - 1 for r in results),
        'worlds': len(results),
    }


@contextmanager
def running(variant: Variant, real_time: bool = False) -> Iterator[Loop]:
    """Start the nodes in a domain of their own; end them."""
    domain = 1 + os.getpid() % 100
    follow = ['max_speed_m_s:=1.8', 'max_reverse_m_s:=0.4', 'max_acceleration_m_s2:=2.0',
              'max_deceleration_m_s2:=3.0', 'search_s:=3.0', f'keep_distance_m:={KEEP_M}',
              f'match_speed:={float(variant.prediction)}']
    track = [f'prediction_rate_hz:={PREDICTION_HZ}']
    if not real_time:
        track.append('stale_after_s:=60.0')  # by the wall's clock, which means nothing here
    remap = [] if variant.prediction else ['-r', 'pose/predicted:=pose/tracked']
    commands = [
        ['-m', 'pose_ros.ros.start_node', 'pose_tracker', '--ros-args', *_set(track)],
        [str(FOLLOW), '--ros-args', *_set(follow), *remap],
    ]
    with ExitStack() as stack:
        for command in commands:
            process = subprocess.Popen(
                [sys.executable, *command], start_new_session=True,
                env={**os.environ, 'ROS_DOMAIN_ID': str(domain), 'OMP_NUM_THREADS': '1'})
            stack.callback(process.wait)
            stack.callback(process.send_signal, signal.SIGTERM)
        loop = Loop(domain, variant)
        stack.callback(loop.close)
        loop.connect()
        yield loop


def _set(values: list[str]) -> list[str]:
    parts = [part for value in ['use_sim_time:=true', *values] for part in ('-p', value)]
    return [*parts, '--log-level', 'error']  # each new world is a jump of time to them


class Loop:
    """The simulation's side of the topics."""

    def __init__(self, domain: int, variant: Variant) -> None:
        from geometry_msgs.msg import Twist
        import rclpy
        from rclpy.context import Context
        from rclpy.executors import SingleThreadedExecutor
        from rosgraph_msgs.msg import Clock
        from sensor_msgs.msg import CameraInfo

        from pose_ros.msg import SkeletonArray, Target
        from pose_ros.srv import LockTarget

        self.variant = variant
        self._rclpy, self._lock_target = rclpy, LockTarget
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self._node = rclpy.create_node('world', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        node = self._node
        self._clock = node.create_publisher(Clock, '/clock', 10)
        self._pose = node.create_publisher(SkeletonArray, 'pose', 10)
        self._info = node.create_publisher(CameraInfo, 'camera_info', 10)
        self._lock = node.create_client(LockTarget, 'pose/lock_target')
        self.twist, self.twists = Twist(), 0
        self.target_ns, self.target = 0, Target()
        node.create_subscription(Twist, 'cmd_vel', self._on_twist, 50)
        node.create_subscription(Target, 'pose/target', self._on_target, 50)
        self.now_ns = 100_000_000_000
        self._motion_since_ns: int | None = None

    def _on_twist(self, msg: Any) -> None:
        self.twist = msg
        self.twists += 1

    def _on_target(self, msg: Any) -> None:
        self.target = msg
        self.target_ns = msg.header.stamp.sec * 1_000_000_000 + msg.header.stamp.nanosec

    def close(self) -> None:
        """End the simulation's node."""
        self._executor.shutdown()
        self._node.destroy_node()
        self._rclpy.shutdown(context=self._context)

    def connect(self) -> None:
        """Wait until the nodes are there."""
        follow = 'pose/predicted' if self.variant.prediction else 'pose/tracked'
        topics = ('pose', '/clock', 'pose/target', 'camera_info', follow)

        def ready() -> bool:
            return (
                self._lock.service_is_ready() and self._node.count_publishers('cmd_vel') > 0
                and all(self._node.count_subscribers(t) > 0 for t in topics)
                and self._clock.get_subscription_count() >= 2
                and self._pose.get_subscription_count() >= 1)

        self._wait(ready, 60.0, 'the nodes do not start')
        self._spin(0.5)

    def _spin(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._executor.spin_once(timeout_sec=0.01)

    def _wait(self, done: Any, limit_s: float, complaint: str) -> bool:
        until_s = time.monotonic() + limit_s
        while not done():
            if time.monotonic() > until_s:
                if complaint:
                    raise NoAnswer(complaint)
                return False
            self._executor.spin_once(timeout_sec=0.05)
        return True

    def _tell_time(self) -> None:
        from rosgraph_msgs.msg import Clock

        msg = Clock()
        msg.clock.sec, msg.clock.nanosec = divmod(self.now_ns, 1_000_000_000)
        self._clock.publish(msg)

    def tick(self, answers: bool) -> None:
        """Say what time it is; wait for the robot's command if one will come."""
        before, waited_s = self.twists, 0.0
        self._tell_time()
        if not answers:
            self._executor.spin_once(timeout_sec=0.0)
            return
        while not self._wait(lambda: self.twists > before, _ANSWER_S, ''):
            waited_s += _ANSWER_S
            if waited_s > _GIVE_UP_S:
                raise NoAnswer('follow_person sends no cmd_vel')
            self._tell_time()  # it is best effort: say it again

    def lock(self, release: bool = False) -> None:
        """Let the largest person be the target from now on, and no other; or none."""
        request = self._lock_target.Request
        wanted = request(mode=request.RELEASE if release else request.LARGEST)
        for _ in range(1 if release else 2):
            future = self._lock.call_async(wanted)
            self._wait(future.done, 20.0, 'no answer from pose/lock_target')
            wanted = request(mode=request.BY_ID, id=future.result().id)

    def publish(self, shot: Any, stamp_ns: int) -> None:
        """Send an image's skeletons; wait until they are tracked."""
        from std_msgs.msg import Header

        from pose_ros.msg import SkeletonArray
        from pose_ros.ros.conversions import keypoints_to_msg, stamp_from_ns

        facts: dict[str, Any] = {}
        if self.variant.camera_motion and self._motion_since_ns is not None:
            facts = {
                'camera_motion': shot.motion.ravel(),
                'camera_motion_s': (stamp_ns - self._motion_since_ns) * 1e-9,
                'camera_motion_source': SkeletonArray.CAMERA_MOTION_IMAGE}
        header = Header(stamp=stamp_from_ns(stamp_ns), frame_id=FRAME)
        self._motion_since_ns = stamp_ns
        people = shot.keypoints
        if self.variant.appearance:
            people = replace(people, appearance=shot.appearance)
        self._pose.publish(keypoints_to_msg(people, header, SIZE, shot.joints, **facts))
        self._wait(lambda: self.target_ns >= stamp_ns, _GIVE_UP_S, 'no pose/target')

    def camera_info(self) -> None:
        """Tell the tracker the camera."""
        from sensor_msgs.msg import CameraInfo

        k = [FOCAL_PX, 0.0, SIZE[0] / 2, 0.0, FOCAL_PX, SIZE[1] / 2, 0.0, 0.0, 1.0]
        msg = CameraInfo(width=SIZE[0], height=SIZE[1], k=k)
        msg.header.frame_id = FRAME
        self._info.publish(msg)

    def follow(self, world: World, seed: int, rate_hz: float, delay_s: float) -> Result:
        """Run one world from the beginning; the nodes go on from the world before."""
        from geometry_msgs.msg import Twist

        start_ns = self.now_ns = self.now_ns + 6_000_000_000  # all tracks end
        self._motion_since_ns = None
        self.lock(release=True)
        result, queue = Result(), deque[tuple[int, Any]]()
        robot, camera = result.robot, RobotCamera(world, np.random.default_rng(seed))
        self.camera_info()
        shots, locked, rest = 0, False, _Reactions(result)
        while (t_s := (self.now_ns - start_ns) * 1e-9) < world.duration_s:
            if shots / rate_hz <= t_s:
                queue.append((self.now_ns, camera.shoot(robot, t_s)))
                shots += 1
            answers = locked and self.variant.prediction
            while queue and queue[0][0] + delay_s * 1e9 <= self.now_ns:
                stamp_ns, shot = queue.popleft()
                before = self.twists
                self.publish(shot, stamp_ns)
                if not self.variant.prediction:  # follow_person answers this message itself
                    self._wait(lambda b=before: self.twists > b, _GIVE_UP_S, 'no cmd_vel')
                if t_s > 1.0 and not locked:
                    self.lock()
                    locked = True
                if locked:
                    self._judge(result, shot, t_s, 1.0 / rate_hz)
            self.tick(answers)
            twist = self.twist if locked else Twist()  # before that it is for the world before
            robot.drive(twist.linear.x, twist.angular.z, TICK_NS * 1e-9)
            self.now_ns += TICK_NS
            person = world.paths[0].at(t_s)
            rest.look(t_s, float(person[3]), robot.speed)
            if t_s > SETTLE_S:
                apart_m = np.hypot(person[0] - robot.x, person[1] - robot.y)
                result.error_m.append(float(apart_m) - KEEP_M)
        return result

    def _judge(self, result: Result, shot: Any, t_s: float, frame_s: float) -> None:
        """See whom the target is."""
        from pose_ros.msg import Target

        target = self.target
        if target.state not in (Target.LOCKED, Target.REACQUIRED) or not target.skeletons:
            return
        skeleton = target.skeletons[0]
        here = np.array([np.nanmean(skeleton.x), np.nanmean(skeleton.z)])
        if not np.isfinite(here).all():
            return
        apart = np.linalg.norm(shot.places - here, axis=1)
        result.locked_s += frame_s if t_s > SETTLE_S else 0.0
        result.ids.add(int(target.id))
        if apart.argmin() != 0 and apart[0] > WRONG_WITHIN_M:
            result.wrong_s += frame_s


@dataclass
class _Reactions:
    """How long after the person the robot starts, and how long after the person it stops."""

    result: Result
    _walks: bool = False
    _since_s: float | None = None

    def look(self, t_s: float, person_m_s: float, robot_m_s: float) -> None:
        walks = person_m_s > (0.1 if self._walks else 0.3)
        if walks != self._walks:
            self._walks, self._since_s = walks, t_s
        if self._since_s is None:
            return
        if self._walks and robot_m_s > 0.15:
            self.result.react_s.append(t_s - self._since_s)
            self._since_s = None
        elif not self._walks and robot_m_s < 0.1:
            self.result.halt_s.append(t_s - self._since_s)
            self._since_s = None


def stop_on_silence(rate_hz: float, delay_s: float) -> dict[str, float]:
    """
    Let the camera fall silent while the robot drives, with the defaults for that.

    Returns
    -------
    dict
        Seconds after the last skeletons until pose/target says STALE (stale_s), and until the
        robot stands (stand_s); its speed before, m/s.
    """
    from pose_ros.msg import Target

    stale_s, stand_s = np.nan, np.nan
    with running(VARIANTS[0], real_time=True) as loop:
        robot = loop.follow(replace(make_world(0), duration_s=6.0), 0, rate_hz, delay_s).robot
        began_ns, began_s, speed = loop.now_ns, time.monotonic(), robot.speed
        # From here on in real time: what is stale is so by the wall's clock.
        while (silent_s := (loop.now_ns - began_ns) * 1e-9) < 3.0:
            loop._spin(max(began_s + silent_s - time.monotonic(), 0.005))
            loop.tick(False)
            robot.drive(loop.twist.linear.x, loop.twist.angular.z, TICK_NS * 1e-9)
            loop.now_ns += TICK_NS
            if np.isnan(stale_s) and loop.target.state == Target.STALE:
                stale_s = time.monotonic() - began_s
            if np.isnan(stand_s) and abs(robot.speed) < 0.02 and abs(robot.turn) < 0.02:
                stand_s = silent_s
    return {'speed_m_s': round(speed, 2), 'stale_s': round(stale_s, 2),
            'stand_s': round(stand_s, 2)}


def _print(
    rows: dict[str, dict[str, float]], stop: dict[str, float], args: argparse.Namespace
) -> None:
    print(f'a person who walks at 1.2 m/s, stops and turns, kept at {KEEP_M} m; camera '
          f'{args.rate:g} Hz, {1e3 * args.delay:.0f} ms late; {args.worlds} worlds')
    print(f'{"":16s} {"within 0.3 m":>12s} {"median":>8s} {"95 %":>8s} {"starts":>7s} '
          f'{"stops":>7s} {"in sight":>8s} {"other ids":>9s} {"wrong person":>20s}')
    for name, row in rows.items():
        print(f'{name:16s} {row["within"]:12.1%} {row["error_median_m"]:6.2f} m '
              f'{row["error_p95_m"]:6.2f} m {row["react_s"]:5.2f} s {row["halt_s"]:5.2f} s '
              f'{row["locked"]:8.1%} {row["other_ids"]:9d} {row["wrong_s"]:7.1f} s '
              f'in {row["wrong_worlds"]} worlds')
    print(f'camera silent at {stop["speed_m_s"]:.2f} m/s: STALE after {stop["stale_s"]:.2f} s, '
          f'the robot stands after {stop["stand_s"]:.2f} s')


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('benchmarks.closed_loop'))
