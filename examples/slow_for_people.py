#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A speed limit from pose/proximity: the nearer a person may be, the slower.

An example to copy, not certified safety: a person that no camera sees slows nothing down. With
nav2_msgs it publishes nav2_msgs/SpeedLimit on `speed_limit`, else std_msgs/Float32, m/s. To Nav2
a limit of 0 means none: it is sent when nobody is near, and what is near slows down to CRAWL_M_S;
stopping is the collision monitor's.
"""

import math
import signal
import sys

from rcl_interfaces.msg import ParameterDescriptor
import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.time import Time
from std_msgs.msg import Float32

from pose_ros.msg import Proximity, ProximityArray

try:
    from nav2_msgs.msg import SpeedLimit
except ImportError:
    SpeedLimit = None

CRAWL_M_S = 0.01
LIMITS = {  # parameter: default, lowest, highest
    'max_speed_m_s': (1.0, 0.05, 10.0),  # nobody near
    'unknown_speed_m_s': (0.15, 0.0, 10.0),  # no image, or a person without a known place
    'stop_distance_m': (0.5, 0.0, 20.0),  # at this bound_m, or nearer: limit 0
    'slow_distance_m': (2.5, 0.1, 50.0),  # from here on slower
    'recovery_m_s2': (0.5, 0.01, 10.0),  # the limit falls at once, and rises so fast
    'max_age_s': (0.5, 0.05, 5.0),
}


class SlowForPeople(Node):
    """One limit for each message of pose/proximity, and a low one when there is none."""

    def __init__(self):
        super().__init__('slow_for_people')
        fixed = ParameterDescriptor(dynamic_typing=True, read_only=True)
        for name, (default, low, high) in LIMITS.items():
            value = self.declare_parameter(name, default, fixed).value
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and low <= value <= high):
                raise ValueError(f'{name} is {value!r}: must be a number, {low:g} to {high:g}')
            setattr(self, name, float(value))
        if self.stop_distance_m >= self.slow_distance_m:
            raise ValueError('stop_distance_m must be below slow_distance_m')
        if self.unknown_speed_m_s > self.max_speed_m_s:
            raise ValueError('unknown_speed_m_s must not be above max_speed_m_s')
        simulated = self.get_parameter('use_sim_time').value
        self.clock = self.get_clock() if simulated else Clock(clock_type=ClockType.STEADY_TIME)
        self.heard_s = self.sent_s = self.now_s()
        self.limit = 0.0
        self.publisher = self.create_publisher(SpeedLimit or Float32, 'speed_limit', 1)
        self.create_subscription(ProximityArray, 'pose/proximity', self.on_people, 1)
        self.create_timer(0.1, self.on_timer, clock=self.clock)

    def now_s(self):
        return self.clock.now().nanoseconds * 1e-9

    def on_timer(self):
        if abs(self.now_s() - self.heard_s) > self.max_age_s:
            self.send(self.unknown_speed_m_s)
            self.get_logger().warning('silence on pose/proximity: is pose_proximity running?',
                                      throttle_duration_sec=10.0)

    def on_people(self, msg):
        self.heard_s = self.now_s()
        age_s = (self.get_clock().now() - Time.from_msg(msg.header.stamp)).nanoseconds * 1e-9
        limits = [self.max_speed_m_s, *(self.limit_for(person) for person in msg.people)]
        if msg.status == ProximityArray.STALE or abs(age_s) > self.max_age_s:
            limits.append(self.unknown_speed_m_s)
        self.send(min(limits))

    def limit_for(self, person):
        """Return the speed for one person; `bound_m`: the true distance is hardly ever less."""
        if person.state not in (Proximity.MEASURED, Proximity.PREDICTED) or (
                not math.isfinite(person.bound_m)):
            return self.unknown_speed_m_s
        way = self.slow_distance_m - self.stop_distance_m
        share = (person.bound_m - self.stop_distance_m) / way
        return self.max_speed_m_s * min(max(share, 0.0), 1.0)

    def send(self, limit):
        now_s = self.now_s()
        rise = self.recovery_m_s2 * min(max(now_s - self.sent_s, 0.0), 0.2)
        self.limit, self.sent_s = min(limit, self.limit + rise), now_s
        if SpeedLimit is None:
            self.publisher.publish(Float32(data=self.limit))
            return
        free = self.limit >= self.max_speed_m_s  # some controllers take no limit above their own
        msg = SpeedLimit(percentage=False, speed_limit=0.0 if free else max(self.limit, CRAWL_M_S))
        msg.header.stamp = self.get_clock().now().to_msg()
        self.publisher.publish(msg)


def main():
    stop = []
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.append(True))
    try:
        node = SlowForPeople()
    except ValueError as error:
        print(f'slow_for_people: {error}', file=sys.stderr)
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not stop:
            executor.spin_once(timeout_sec=0.1)
    finally:
        node.send(min(node.unknown_speed_m_s, node.limit))  # a limit lasts: not the last high one
        rclpy.shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
