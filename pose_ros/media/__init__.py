# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures in and out, without ROS: image sources, drawing, annotated videos."""
