// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Every kernel of the package: what is compiled to pose.ptx.
#include "warp.cu"
#include "peaks.cu"
#include "keypoints.cu"
#include "heatmaps.cu"
