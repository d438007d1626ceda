# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A synthetic world of known joints seen in depth, and what 3-D are worth in it."""
