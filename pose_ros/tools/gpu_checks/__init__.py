# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What `pose_ros gpu-check` looks at: one concern a file, each a function of a Site."""
