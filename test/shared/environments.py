# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What makes a process of a test use the shipped Fast DDS profile, and an environment without."""

from __future__ import annotations

import os

from pose_ros.diagnostics.transport import PROFILE_VARIABLES
from pose_ros.ros.shipped_files import QOS_FROM_PROFILE

# All tests run with it: see test/conftest.py.
PROFILE = {name: os.environ[name] for name in (*PROFILE_VARIABLES, QOS_FROM_PROFILE)}


def without_profile() -> dict[str, str]:
    """Return this process's environment as a user's is who has set nothing."""
    return {name: value for name, value in os.environ.items() if name not in PROFILE}
