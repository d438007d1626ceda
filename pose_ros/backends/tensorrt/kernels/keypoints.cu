// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Centres and maps -> keypoints in frame pixels, one block per keypoint, person and view.
// Reference: core/decode/movenet.py, _person_at() and _argmax_...().
#include "arg_max.cuh"
#include "half.cuh"
#include "write_keypoint.cuh"

// The window in which heatmap * exp(-d^2 / 2 sigma^2) is looked at: 3 sigma on each side.
struct Window {
  int low, high;   // both inside
  float guess;
  float nearest;   // distance of the window's nearest pixel to the guess
};

__device__ inline Window window_around(float guess, float sigma, int size)
{
  const int reach = (int)ceilf(3.0f * sigma);
  const int middle = (int)rintf(fminf(fmaxf(guess, -1e6f), 1e6f));
  Window window;
  window.low = min(max(middle - reach, 0), size - 1);
  window.high = min(max(middle + reach, 0), size - 1);
  window.guess = guess;
  window.nearest = min(max(middle, 0), size - 1) - guess;
  return window;
}

// The exponent is counted from the nearest pixel's: a guess outside of the map must not make
// every product 0.
__device__ inline float gaussian_weight(const Window &window, int position, float falloff)
{
  const float distance = position - window.guess;
  return expf(falloff * (distance - window.nearest) * (distance + window.nearest));
}

// Grid (keypoints, max_people, B); `keypoints` is (B, max_people, keypoints, 3).
extern "C" __global__ void keypoints_at_centers(
  const void *heatmaps, const void *regress, const void *offsets, const Decoder *decoder_,
  const View *views, const int *count, const int *cell, float *keypoints)
{
  const Decoder decoder = *decoder_;
  const int keypoint = blockIdx.x, person = blockIdx.y, view = blockIdx.z;
  if (person >= count[view]) return;
  const int width = decoder.width, height = decoder.height, cells = width * height;
  const int center = cell[view * decoder.max_people + person];
  const int pair = (view * decoder.keypoints + keypoint) * 2 * cells;  // dy map, then dx map
  const float y_guess = center / width + read_number(regress, decoder.is_half, pair + center);
  const float x_guess =
    center % width + read_number(regress, decoder.is_half, pair + cells + center);
  const int first = (view * decoder.keypoints + keypoint) * cells;
  Best best = nothing_yet();
  bool broken = !is_finite(y_guess) || !is_finite(x_guess);
  if (decoder.is_gaussian) {
    const float falloff = -0.5f / (decoder.weighting * decoder.weighting);
    const Window rows = window_around(y_guess, decoder.weighting, height);
    const Window columns = window_around(x_guess, decoder.weighting, width);
    const int across = columns.high - columns.low + 1;
    const int all = across * (rows.high - rows.low + 1);
    for (int i = threadIdx.x; i < all; i += blockDim.x) {
      const int y = rows.low + i / across, x = columns.low + i % across;
      const float value = read_number(heatmaps, decoder.is_half, first + y * width + x);
      broken |= !is_finite(value);
      const float weight_y = gaussian_weight(rows, y, falloff);
      improve(best, value * weight_y * gaussian_weight(columns, x, falloff), y * width + x);
    }
  } else {
    for (int c = threadIdx.x; c < cells; c += blockDim.x) {
      const float value = read_number(heatmaps, decoder.is_half, first + c);
      broken |= !is_finite(value);
      const float y = c / width - y_guess, x = c % width - x_guess;
      improve(best, value / (sqrtf(y * y + x * x) + decoder.weighting), c);
    }
  }
  best = best_of_block(best);
  broken = any_of_block(broken);
  if (threadIdx.x != 0) return;
  const int at = broken ? 0 : best.index;
  const float y = at / width + read_number(offsets, decoder.is_half, pair + at);
  const float x = at % width + read_number(offsets, decoder.is_half, pair + cells + at);
  const int place = (view * decoder.max_people + person) * decoder.keypoints + keypoint;
  write_keypoint(
    keypoints + 3 * place, decoder, views[view], x, y,
    read_number(heatmaps, decoder.is_half, first + at),
    broken || !is_finite(x) || !is_finite(y));
}
