#!/usr/bin/env -S --block-signal=INT python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Run a node; installed once per node, under its name, which is that of its module."""

from pathlib import Path
import sys

from pose_ros.ros.start_node import start_node

sys.exit(start_node(Path(sys.argv[0]).name))
