# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Verbs that still have to move to `cli` and `benchmarks`."""
