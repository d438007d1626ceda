#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Gestures of the people on pose/tracked as events on pose/gesture: raised hands, pointing.

An example to copy. A gesture begins when it has been seen for `hold_s`, and ends when it has not
been for `release_s`, when the person is lost, and when perception is stale or silent. Angles are
in 3-D where there is depth, else in the image, where pointing towards the camera is not seen.
"""

import math
import signal
import sys

import numpy as np
from rcl_interfaces.msg import ParameterDescriptor
import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.time import Time

from pose_ros.msg import Gesture, Skeleton, SkeletonArray

NONE = 0
LEFT_ARM = [Skeleton.LEFT_SHOULDER, Skeleton.LEFT_ELBOW, Skeleton.LEFT_WRIST]
RIGHT_ARM = [Skeleton.RIGHT_SHOULDER, Skeleton.RIGHT_ELBOW, Skeleton.RIGHT_WRIST]
RAISED = {(True, True): Gesture.BOTH_HANDS_RAISED, (True, False): Gesture.LEFT_HAND_RAISED,
          (False, True): Gesture.RIGHT_HAND_RAISED}
LIMITS = {  # parameter: default, lowest, highest
    'hold_s': (0.4, 0.0, 5.0),
    'release_s': (0.3, 0.0, 5.0),
    'raised_deg': (50.0, 0.0, 90.0),  # of the wrist over the shoulder's level
    'straight_deg': (150.0, 90.0, 180.0),  # at the elbow, of an arm that points
    'hanging_deg': (-45.0, -90.0, 0.0),  # an arm that points is above this
    'hysteresis_deg': (15.0, 0.0, 45.0),  # a gesture that goes on may be as much less clear
    'max_age_s': (0.5, 0.05, 5.0),  # believe nothing that is older
}


class GestureSwitch(Node):
    """Keeps for each person the gesture that was said, and the one that may come next."""

    def __init__(self):
        super().__init__('gesture_switch')
        fixed = ParameterDescriptor(dynamic_typing=True, read_only=True)
        for name, (default, low, high) in LIMITS.items():
            value = self.declare_parameter(name, default, fixed).value
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and low <= value <= high):
                raise ValueError(f'{name} is {value!r}: must be a number, {low:g} to {high:g}')
            setattr(self, name, float(value))
        simulated = self.get_parameter('use_sim_time').value
        self.clock = self.get_clock() if simulated else Clock(clock_type=ClockType.STEADY_TIME)
        self.said = {}  # id: Gesture, as it was published
        self.next = {}  # id: (gesture, since s): not said yet
        self.seen_s = {}  # id: stamp of the latest image that shows the person
        self.header, self.heard_s = None, self.clock.now().nanoseconds
        self.publisher = self.create_publisher(Gesture, 'pose/gesture', 10)
        self.create_subscription(SkeletonArray, 'pose/tracked', self.on_people, 1)
        self.create_timer(0.1, self.on_timer, clock=self.clock)

    def on_timer(self):
        silent_s = (self.clock.now().nanoseconds - self.heard_s) * 1e-9
        if abs(silent_s) > self.max_age_s:
            self.end_all()

    def on_people(self, msg):
        age_s = (self.get_clock().now() - Time.from_msg(msg.header.stamp)).nanoseconds * 1e-9
        if msg.status == SkeletonArray.STALE or abs(age_s) > self.max_age_s:
            self.end_all()
            return
        self.heard_s, self.header = self.clock.now().nanoseconds, msg.header
        now_s = msg.header.stamp.sec + msg.header.stamp.nanosec * 1e-9
        for person in msg.skeletons:
            if person.track_state == Skeleton.CONFIRMED and person.since_seen_s == 0:
                if not 0 <= now_s - self.seen_s.get(person.id, now_s) <= self.max_age_s:
                    self.next.pop(person.id, None)  # seen again after a while: from the beginning
                self.seen_s[person.id] = now_s
                self.judge(person, now_s, msg.header.frame_id == msg.image_frame_id)
        for person_id in [i for i, s in self.seen_s.items() if now_s - s > self.max_age_s]:
            del self.seen_s[person_id]
            self.end(person_id)

    def judge(self, person, now_s, optical):
        """Say that a gesture began or ended, when it is sure."""
        said = self.said.get(person.id)
        active = said.gesture if said else NONE
        gesture, direction, in_3d = self.seen(person, active, optical)
        if gesture == active:
            self.next.pop(person.id, None)
            return
        candidate, since_s = self.next.get(person.id, (NONE, now_s))
        if candidate != gesture or person.id not in self.next:
            self.next[person.id] = gesture, now_s
            since_s = now_s
        if now_s - since_s < (self.release_s if gesture == NONE else self.hold_s):
            return
        self.end(person.id)
        if gesture != NONE:
            event = Gesture(header=self.header, id=person.id, gesture=gesture, active=True,
                            in_3d=in_3d)
            event.direction.x, event.direction.y, event.direction.z = direction
            self.said[person.id] = event
            self.publisher.publish(event)

    def seen(self, person, active, optical):
        """Return the gesture in this image, its direction, and whether that is in 3-D."""
        raised, pointing = [], None
        for side, arm in enumerate((LEFT_ARM, RIGHT_ARM)):
            shoulder, elbow, wrist, in_3d = self.points(person, arm)
            up = np.array([0.0, -1.0, 0.0]) if optical or not in_3d else np.array([0.0, 0.0, 1.0])
            one_hand = RAISED[side == 0, side == 1]
            slack = self.hysteresis_deg if active in (one_hand, Gesture.BOTH_HANDS_RAISED) else 0.0
            raised.append(elevation(wrist - shoulder, up) > self.raised_deg - slack)
            slack = self.hysteresis_deg if active == Gesture.POINTING else 0.0
            straight = angle(shoulder - elbow, wrist - elbow) > self.straight_deg - slack
            if straight and elevation(wrist - shoulder, up) > self.hanging_deg - slack:
                pointing = tuple((wrist - elbow) / np.linalg.norm(wrist - elbow)), in_3d
        if any(raised):
            return RAISED[tuple(raised)], (0.0, 0.0, 0.0), False
        return (Gesture.POINTING, *pointing) if pointing else (NONE, (0.0, 0.0, 0.0), False)

    @staticmethod
    def points(person, arm):
        """Return shoulder, elbow and wrist, m or px; NaN when not seen in this image."""
        source = person.position_source[arm]
        in_3d = bool(np.isin(source, (Skeleton.POSITION_DEPTH, Skeleton.POSITION_PREDICTED)).all())
        fields = (person.x, person.y, person.z) if in_3d else (
            person.u, person.v, np.zeros_like(person.u))
        points = np.stack([f[arm] for f in fields], axis=1).astype(float)
        points[person.keypoint_state[arm] != Skeleton.OBSERVED] = math.nan
        return *points, in_3d

    def end(self, person_id):
        """Say that a person's gesture ended, if there is one."""
        self.next.pop(person_id, None)
        event = self.said.pop(person_id, None)
        if event is not None:
            event.active, event.header = False, self.header
            self.publisher.publish(event)

    def end_all(self):
        for person_id in [*self.said, *self.next]:
            self.end(person_id)
        self.seen_s.clear()


def elevation(vector, up):
    """Return the angle of a vector over the horizontal, degrees; NaN stays NaN."""
    return 90.0 - angle(vector, up)


def angle(a, b):
    """Return the angle between two vectors, degrees."""
    cosine = a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-9)
    return math.degrees(math.acos(np.clip(cosine, -1.0, 1.0)))


def main():
    stop = []
    # Not rclpy's handlers: they end the context, and then no gesture can be ended.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.append(True))
    try:
        node = GestureSwitch()
    except ValueError as error:
        print(f'gesture_switch: {error}', file=sys.stderr)
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not stop:
            executor.spin_once(timeout_sec=0.1)
    finally:
        node.end_all()
        rclpy.shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
