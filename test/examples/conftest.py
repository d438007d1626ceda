# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the examples: as processes, skipped where there is no ROS."""

import pytest

pytest.importorskip('rclpy', reason='rclpy is not here: ./run pytest brings it')
pytest.importorskip('pose_ros.msg', reason='the messages are not built: ./run pytest does it')

from ros_fixtures import domain_id, ros, start  # noqa: E402, F401
