// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Plain heatmaps, one person per view -> keypoints: the highest pixel, refined below the pixel.
// Reference: core/decode/heatmaps.py.
#include "arg_max.cuh"
#include "half.cuh"
#include "summit.cuh"
#include "write_keypoint.cuh"

// A quarter of a pixel towards the higher neighbour, on each axis.
__device__ inline void quarter_step(
  const void *heatmaps, const Decoder &decoder, int pixel, float *x, float *y)
{
  const int width = decoder.width, column = (int)*x, row = (int)*y;
  // Not at the map's edge: there one of the neighbours is unknown.
  if (row > 0 && row < decoder.height - 1) {
    const float below = read_number(heatmaps, decoder.is_half, pixel + width);
    const float above = read_number(heatmaps, decoder.is_half, pixel - width);
    *y += 0.25f * ((below > above) - (below < above));
  }
  if (column > 0 && column < width - 1) {
    const float right = read_number(heatmaps, decoder.is_half, pixel + 1);
    const float left = read_number(heatmaps, decoder.is_half, pixel - 1);
    *x += 0.25f * ((right > left) - (right < left));
  }
}

// Grid (keypoints, B); `keypoints` is (B, keypoints, 3).
extern "C" __global__ void keypoints_of_heatmaps(
  const void *heatmaps, const Decoder *decoder_, const View *views, float *keypoints)
{
  __shared__ float logs[MAX_SIDE * MAX_SIDE];
  const Decoder decoder = *decoder_;
  const int keypoint = blockIdx.x, view = blockIdx.y;
  const int width = decoder.width, height = decoder.height, cells = width * height;
  const int place = view * decoder.keypoints + keypoint, first = place * cells;
  Best best = nothing_yet();
  bool broken = false;
  for (int c = threadIdx.x; c < cells; c += blockDim.x) {
    const float value = read_number(heatmaps, decoder.is_half, first + c);
    broken |= !is_finite(value);
    improve(best, value, c);
  }
  best = best_of_block(best);
  broken = any_of_block(broken);
  const int at = broken ? 0 : best.index;
  const int column = at % width, row = at / width;
  float x = column, y = row;
  // The same for all threads of the block, as are `best` and `broken`.
  if (decoder.refinement == TAYLOR || decoder.refinement == UDP) {
    const int reach = decoder.refinement == UDP ? 1 : 2;
    if (min(row, height - 1 - row) >= reach && min(column, width - 1 - column) >= reach) {
      log_window(heatmaps, decoder, first, column, row, reach, logs);
      step_to_summit(logs, reach, &x, &y);
    }
  }
  if (threadIdx.x != 0) return;
  if (decoder.refinement == QUARTER) quarter_step(heatmaps, decoder, first + at, &x, &y);
  const float score = fminf(fmaxf(best.value * decoder.score_scale, 0.0f), 1.0f);
  write_keypoint(keypoints + 3 * place, decoder, views[view], x, y, score, broken);
}
