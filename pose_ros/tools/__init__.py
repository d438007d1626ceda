# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Offline verbs of the command `pose_ros`; never imported by core or ros."""
