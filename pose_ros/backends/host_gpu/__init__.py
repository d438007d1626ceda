# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The host in place of a GPU: for tests, and for the dry run of `pose_ros gpu-check`.

PyCUDA is replaced by memory of the host and by the real kernels compiled with g++, TensorRT by
ONNX Runtime on the same addresses. Nothing of it is used to find people.
"""
