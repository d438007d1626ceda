# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with images, topics and shared memory, and what to do: no ROS in here."""
