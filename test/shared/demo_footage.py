# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The demo's footage, which a bare ROS 2 does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from pose_ros.media.sources import SourceError, demo_paths


def demo_footage() -> list[Path]:
    """Return the videos of `demo`; skips the test where they are not installed."""
    try:
        return demo_paths()
    except SourceError as error:
        pytest.skip(str(error))
