# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The networks on an NVIDIA GPU: TensorRT or TensorRT-RTX, driven through PyCUDA."""
