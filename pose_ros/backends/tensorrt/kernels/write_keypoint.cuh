// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// A keypoint of a network's output -> a keypoint of the frame.
#pragma once

#include "structs.cuh"

// Writes x, y in pixels of the frame and the score; a score that is NaN tells the host that the
// network's numbers were not finite.
__device__ inline void write_keypoint(
  float *keypoint, const Decoder &decoder, const View &view, float x_map, float y_map, float score,
  bool broken)
{
  const double x = x_map * decoder.x_scale + decoder.offset_px;
  const double y = y_map * decoder.y_scale + decoder.offset_px;
  const double *affine = view.image_from_input;
  keypoint[0] = (float)(affine[0] * x + affine[1] * y + affine[2]);
  keypoint[1] = (float)(affine[3] * x + affine[4] * y + affine[5]);
  keypoint[2] = broken ? nanf("") : score;
}
