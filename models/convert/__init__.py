# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorFlow.js graph models, and the way from them to ONNX."""
