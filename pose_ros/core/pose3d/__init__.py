# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""3-D joints: from depth or an assumed stature, filtered, and moved between frames."""
