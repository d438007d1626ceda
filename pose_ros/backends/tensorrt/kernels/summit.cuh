// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// The summit of the Gaussian that a heatmap is trained to be, from the pixels around its highest.
// Reference: core/decode/heatmaps.py, _log_windows() and _newton_step().
#pragma once

#include "half.cuh"
#include "structs.cuh"

#define MAX_BLUR_RADIUS 50  // of the largest sigma that a ModelSpec may have
#define MAX_REACH 2         // of DARK; UDP has 1
#define MAX_SIDE (2 * MAX_REACH + 1)
#define MIN_HEIGHT 1e-10f   // logarithms stay finite
#define MAX_STEP_PX 1.0f    // a summit farther away is none

// Writes one dimension of the Gaussian and returns its sum, which is not 1.
__device__ inline float blur_taps(float *taps, int radius, float sigma)
{
  for (int i = threadIdx.x; i <= 2 * radius; i += blockDim.x) {
    const float distance = i - radius;
    taps[i] = radius > 0 ? expf(-0.5f * (distance / sigma) * (distance / sigma)) : 1.0f;
  }
  __syncthreads();
  float sum = 0.0f;
  for (int i = 0; i <= 2 * radius; ++i) sum += taps[i];
  return sum;
}

// The logarithms of a map, smoothed, at up to `reach` pixels from (x, y): first along its rows,
// then along its columns. Outside of the map is 0. All threads of the block must call it.
__device__ inline void log_window(
  const void *heatmaps, const Decoder &decoder, int first, int x, int y, int reach, float *logs)
{
  __shared__ float taps[2 * MAX_BLUR_RADIUS + 1];
  __shared__ float rows[(2 * (MAX_BLUR_RADIUS + MAX_REACH) + 1) * MAX_SIDE];
  const int radius = decoder.blur_radius, side = 2 * reach + 1, pad = radius + reach;
  const float sum = blur_taps(taps, radius, decoder.blur_sigma);
  for (int i = threadIdx.x; i < (2 * pad + 1) * side; i += blockDim.x) {
    const int row = y - pad + i / side, left = x - pad + i % side;
    float total = 0.0f;
    if (row >= 0 && row < decoder.height) {
      for (int t = 0; t <= 2 * radius; ++t) {
        const int column = left + t;
        if (column < 0 || column >= decoder.width) continue;
        const int at = first + row * decoder.width + column;
        total += taps[t] * read_number(heatmaps, decoder.is_half, at);
      }
    }
    rows[i] = total / sum;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < side * side; i += blockDim.x) {
    float total = 0.0f;
    for (int t = 0; t <= 2 * radius; ++t) total += taps[t] * rows[t * side + i];
    logs[i] = logf(fmaxf(total / sum, MIN_HEIGHT));
  }
  __syncthreads();
}

__device__ inline float short_step(float step)
{
  return fminf(fmaxf(step, -MAX_STEP_PX), MAX_STEP_PX);
}

// A Newton step from the middle of the window; none where there is no summit.
__device__ inline void step_to_summit(const float *logs, int reach, float *x, float *y)
{
  const int down = 2 * reach + 1;
  const float *middle = logs + reach * down + reach;
  const float dx = (middle[1] - middle[-1]) / 2, dy = (middle[down] - middle[-down]) / 2;
  const float twice = 2 * middle[0], square = reach * reach;
  const float dxx = (middle[reach] - twice + middle[-reach]) / square;
  const float dyy = (middle[reach * down] - twice + middle[-reach * down]) / square;
  const float dxy =
    (middle[down + 1] - middle[down - 1] - middle[-down + 1] + middle[-down - 1]) / 4;
  const float det = dxx * dyy - dxy * dxy;
  if (!(det > 0.0f) || !(dxx < 0.0f)) return;
  *x += short_step((dxy * dy - dyy * dx) / det);
  *y += short_step((dxy * dx - dxx * dy) / det);
}
