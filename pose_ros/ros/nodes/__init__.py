# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The nodes, a file each."""

from pose_ros.core.config import NODE_CONFIGS

NODES = tuple(NODE_CONFIGS)
