# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with images, topics, transport and machine, told from what was noted of them."""
