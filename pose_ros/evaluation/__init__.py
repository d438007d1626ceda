# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""COCO keypoints: the labels, the scores of results, and the report of them."""
