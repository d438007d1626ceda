#!/usr/bin/env -S --block-signal=INT python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Run the command `pose_ros` from the installed ROS package."""

import sys

from pose_ros.cli.__main__ import run

sys.exit(run())
