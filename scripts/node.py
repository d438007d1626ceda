#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Run a node; installed once per node, under its name, which is that of its module."""

from importlib import import_module
from pathlib import Path
import sys

name = Path(sys.argv[0]).name
sys.exit(import_module(f'pose_ros.ros.nodes.{name}').main())
