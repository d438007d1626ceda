# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of pose_ros: NumPy only, no ROS, no CUDA, no clock, no files, no logging."""
