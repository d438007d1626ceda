#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Follow the person of pose/target: keep a distance, turn towards, stop when in doubt.

An example to copy, not certified safety, and it sees no obstacles: the base must stop by itself
when `cmd_vel` is silent, for nothing else stops it when this process is killed with SIGKILL.
Choose the person with the service pose/lock_target. The camera looks forwards, and level.
"""

from collections import deque
import math
import signal
import sys

from geometry_msgs.msg import Twist
import numpy as np
from rcl_interfaces.msg import ParameterDescriptor
import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.signals import SignalHandlerOptions
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo

from pose_ros.msg import Skeleton, SkeletonArray, Target

SHOULDERS = [Skeleton.LEFT_SHOULDER, Skeleton.RIGHT_SHOULDER]
HIPS = [Skeleton.LEFT_HIP, Skeleton.RIGHT_HIP]
TORSO_M = 0.5  # from shoulders to hips; only without 3-D positions
STANDS_M_S = 0.4  # a person who was slower when last seen stood: the rest is noise
LIMITS = {  # parameter: default, lowest, highest
    'keep_distance_m': (1.5, 0.5, 10.0),
    'min_distance_m': (0.7, 0.3, 10.0),  # nearer than this, no way forwards
    'max_speed_m_s': (0.8, 0.01, 3.0),
    'max_reverse_m_s': (0.0, 0.0, 1.0),  # backwards is blind: only where the base looks itself
    'max_turn_rad_s': (1.0, 0.01, 4.0),
    'max_acceleration_m_s2': (0.8, 0.01, 5.0),
    'max_deceleration_m_s2': (2.0, 0.1, 10.0),
    'max_turn_rad_s2': (4.0, 0.1, 20.0),
    'max_age_s': (0.7, 0.05, 2.0),  # act on nothing that was seen longer ago
    'search_s': (0.0, 0.0, 10.0),  # then turn on the spot to where the person went, as long
    'base_delay_s': (0.1, 0.0, 1.0),  # from a command to the base's motion
    'distance_gain': (1.5, 0.05, 5.0),  # m/s for each m too far
    'turn_gain': (2.0, 0.05, 10.0),  # rad/s for each rad aside
    'match_speed': (1.0, 0.0, 1.0),  # share of the person's own speed that is driven
}


class FollowPerson(Node):
    """One Twist for each message of pose/predicted, and zero when there is none."""

    def __init__(self):
        super().__init__('follow_person')
        fixed = ParameterDescriptor(dynamic_typing=True, read_only=True)
        for name, (default, low, high) in LIMITS.items():
            value = self.declare_parameter(name, default, fixed).value
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and low <= value <= high):
                raise ValueError(f'{name} is {value!r}: must be a number, {low:g} to {high:g}')
            setattr(self, name, float(value))
        if self.min_distance_m > self.keep_distance_m:
            raise ValueError('min_distance_m must not be above keep_distance_m')
        # Silence is measured by a clock that is never set; in a simulation by the simulation's.
        simulated = self.get_parameter('use_sim_time').value
        self.clock = self.get_clock() if simulated else Clock(clock_type=ClockType.STEADY_TIME)
        self.target_id, self.camera = 0, None
        self.speed = self.turn = 0.0
        self.person, self.seen_s = np.zeros((2, 2)), -math.inf  # place and velocity; when seen
        self.driven = deque(maxlen=100)  # (s, m/s, rad/s): what was sent
        self.sent_s = self.heard_s = self.now_s()
        self.publisher = self.create_publisher(Twist, 'cmd_vel', 1)
        self.create_subscription(Target, 'pose/target', self.on_target, 1)
        self.create_subscription(SkeletonArray, 'pose/predicted', self.on_people, 1)
        self.create_subscription(
            CameraInfo, 'camera_info', self.on_camera_info, qos_profile_sensor_data)
        self.create_timer(0.05, self.on_timer, clock=self.clock)

    def now_s(self):
        return self.clock.now().nanoseconds * 1e-9

    def on_target(self, msg):
        known = msg.state in (Target.LOCKED, Target.LOST, Target.REACQUIRED)
        if not known or msg.id != self.target_id:
            self.seen_s = -math.inf  # nothing that was wanted before is wanted now
        self.target_id = msg.id if known else 0

    def on_camera_info(self, msg):
        self.camera = msg.k.reshape(3, 3) if msg.k[0] > 0 else None

    def on_timer(self):
        if abs(self.now_s() - self.heard_s) > self.max_age_s:
            self.drive(0.0, 0.0)
            self.get_logger().warning('silence on pose/predicted: is pose_tracker running?',
                                      throttle_duration_sec=10.0)

    def on_people(self, msg):
        self.heard_s = self.now_s()
        self.drive(*self.wanted(msg))

    def wanted(self, msg):
        """Return the speed, m/s, and the turn, rad/s, to have; zero when in doubt."""
        age_s = (self.get_clock().now() - Time.from_msg(msg.header.stamp)).nanoseconds * 1e-9
        if msg.status == SkeletonArray.STALE or not abs(age_s) <= self.max_age_s:
            return 0.0, 0.0
        person = next((s for s in msg.skeletons if s.id == self.target_id != 0), None)
        found = np.full((2, 2), np.nan)
        if person is not None and person.since_seen_s <= self.max_age_s:
            seen_s = self.now_s() - person.since_seen_s - max(age_s, 0.0)
            found = self.place(msg, person, seen_s)
        if np.isfinite(found).all():
            self.person, self.seen_s = found, seen_s
        lost_s = self.now_s() - self.seen_s
        if lost_s > self.max_age_s + self.search_s:
            return 0.0, 0.0
        # `drive` carries the person on, who walks as before, or stands.
        if lost_s > self.max_age_s or (
                np.isnan(found).any() and math.hypot(*self.person[1]) < STANDS_M_S):
            self.person[1] = 0.0
        (forward, left), (away, _) = self.person
        distance, bearing = math.hypot(forward, left), math.atan2(left, forward)
        turn = max(-self.max_turn_rad_s, min(self.turn_gain * bearing, self.max_turn_rad_s))
        if lost_s > self.max_age_s:
            return 0.0, turn
        speed = self.match_speed * away
        speed += self.distance_gain * (distance - self.keep_distance_m)
        # Always slow enough to stop before min_distance_m.
        room = max(distance - self.min_distance_m, 0.0)
        speed = min(speed, self.max_speed_m_s, math.sqrt(2 * self.max_deceleration_m_s2 * room))
        return max(speed, -self.max_reverse_m_s) * max(math.cos(bearing), 0.0), turn

    def place(self, msg, person, seen_s):
        """Return where the torso is, and its velocity: forwards and left, m and m/s."""
        torso = SHOULDERS + HIPS
        known = [k for k in torso if math.isfinite(person.z[k])]
        if known:
            x, y, z, dx, dy, dz = (
                float(getattr(person, f)[known].mean()) for f in ('x', 'y', 'z', 'dx', 'dy', 'dz'))
            if msg.header.frame_id == msg.image_frame_id:  # a camera: x right, z forwards
                place = np.array([[z, -x], [dz, -dx]])
            else:  # output_frame, of the base: x forwards, y left
                place = np.array([[x, y], [dx, dy]])
            if msg.velocity_frame_id in ('', msg.image_frame_id):  # seen from the moving camera
                sent = (d for d in reversed(self.driven) if d[0] <= seen_s - self.base_delay_s)
                _, speed, turn = next(sent, (0.0, 0.0, 0.0))
                place[1] += speed - turn * place[0, 1], turn * place[0, 0]
            return place
        if self.camera is None:
            self.get_logger().warning('neither 3-D positions nor camera_info: standing still',
                                      throttle_duration_sec=10.0)
            return np.full((2, 2), np.nan)
        height = (person.v[HIPS] - person.v[SHOULDERS]).mean()  # NaN unless all four are known
        forward = self.camera[1, 1] * TORSO_M / max(height, 1.0)
        left = -forward * (person.u[torso].mean() - self.camera[0, 2]) / self.camera[0, 0]
        return np.array([[forward, left], [0.0, 0.0]])

    def drive(self, speed, turn):
        """Send a Twist as near to what is wanted as the accelerations allow."""
        now_s = self.now_s()
        dt_s = min(max(now_s - self.sent_s, 0.0), 0.1)
        slower = abs(speed) < abs(self.speed) or speed * self.speed < 0
        rate = self.max_deceleration_m_s2 if slower else self.max_acceleration_m_s2
        step, turn_step = rate * dt_s, self.max_turn_rad_s2 * dt_s
        self.speed += max(-step, min(speed - self.speed, step))
        self.turn += max(-turn_step, min(turn - self.turn, turn_step))
        self.sent_s = now_s
        self.driven.append((now_s, self.speed, self.turn))
        # Where the person will be when the robot has moved on: for when there is no other place.
        self.person[0] += (self.person[1] - [self.speed, 0.0]) * dt_s
        c, s = math.cos(self.turn * dt_s), math.sin(self.turn * dt_s)
        self.person = self.person @ np.array([[c, -s], [s, c]])
        self.send()

    def send(self):
        twist = Twist()
        twist.linear.x, twist.angular.z = float(self.speed), float(self.turn)
        self.publisher.publish(twist)

    def halt(self):
        """Send zero, and wait until it has arrived."""
        self.speed = self.turn = 0.0
        self.send()
        self.publisher.wait_for_all_acked(Duration(seconds=0.5))


def main():
    stop = []
    # Not rclpy's handlers: they end the context, and then nothing can be sent.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.append(True))
    try:
        node = FollowPerson()
    except ValueError as error:
        print(f'follow_person: {error}', file=sys.stderr)
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not stop:
            executor.spin_once(timeout_sec=0.1)
    finally:
        node.halt()
        rclpy.shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
