# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What `python -m benchmarks.tracking` measures: worlds, sequences, other trackers, scores."""
