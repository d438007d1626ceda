# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Test of slow_for_people by nav2_msgs: test_standards.py builds it and runs this.

By hand, where it is installed: ./run pytest test/ros/nav2_checks.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nav2_msgs.msg import SpeedLimit
import pytest

from pose_ros.msg import Proximity, ProximityArray

EXAMPLE = Path(__file__).parents[2] / 'examples' / 'slow_for_people.py'


def test_the_limit_is_nav2s_where_0_is_none(start: Any, ros: Any) -> None:
    limits = ros.collect(SpeedLimit, 'speed_limit')
    proximity = ros.probe.create_publisher(ProximityArray, 'pose/proximity', 1)
    start(str(EXAMPLE), '--ros-args', '-p', 'recovery_m_s2:=10.0')
    assert ros.spin_until(lambda: limits and proximity.get_subscription_count() > 0, 60)
    assert limits[-1].speed_limit == pytest.approx(0.15) and not limits[-1].percentage
    for people, expected in (
        ([], 0.0), ([Proximity(state=Proximity.MEASURED, bound_m=1.5)], 0.5),
        ([Proximity(state=Proximity.MEASURED, bound_m=0.1)], 0.01), ([], 0.0),
    ):
        for _ in range(15):
            msg = ProximityArray(people=people)
            msg.header.stamp = ros.probe.get_clock().now().to_msg()
            proximity.publish(msg)
            ros.spin_for(0.04)
        assert limits[-1].speed_limit == pytest.approx(expected)
    assert limits[-1].header.stamp.sec > 0
