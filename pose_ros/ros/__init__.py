# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The ROS side: nodes, and every conversion between messages and arrays."""
