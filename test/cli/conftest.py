# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the command; those that start nodes take a domain of their own."""

from ros_fixtures import domain_id, ros, start  # noqa: F401
