# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a node counts and checks of itself and its input, for /diagnostics and the doctor."""
