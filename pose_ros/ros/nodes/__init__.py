# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The nodes, a file each."""

NODES = (
    'pose_estimator', 'pose_tracker', 'pose_visualizer', 'pose_camera', 'pose_recorder',
    'pose_proximity', 'pose_standards',
)
