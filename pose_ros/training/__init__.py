# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Training of heatmap networks, in PyTorch: nothing else of the package imports it."""
