# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runtimes that run the networks: one file each, heavy imports inside."""
