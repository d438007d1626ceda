# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a user of training and export is told."""

from __future__ import annotations


class TrainingError(Exception):
    """Training or export cannot go on; the message says why, what is kept and what to do."""
