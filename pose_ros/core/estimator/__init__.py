# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One image to people: views of it, the two passes, ROI tracking, scores."""
