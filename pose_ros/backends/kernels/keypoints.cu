// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Centres and maps -> keypoints in frame pixels, one block per keypoint, person and view.
// Reference: core/decode.py, _person_at() and _argmax_...().
#include "arg_max.cuh"
#include "half.cuh"
#include "structs.cuh"

// Writes x, y in pixels of the frame and the score; a score that is NaN tells the host that the
// network's numbers were not finite.
__device__ inline void write_keypoint(
  float *keypoint, const Decoder &decoder, const View &view, float x_map, float y_map, float score,
  bool broken)
{
  const double x = x_map * decoder.stride + decoder.offset_px;
  const double y = y_map * decoder.stride + decoder.offset_px;
  const double *affine = view.image_from_input;
  keypoint[0] = (float)(affine[0] * x + affine[1] * y + affine[2]);
  keypoint[1] = (float)(affine[3] * x + affine[4] * y + affine[5]);
  keypoint[2] = broken ? nanf("") : score;
}

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

// Plain heatmaps, one person per view: arg max, moved a quarter towards the higher neighbour.
// Reference: core/decode.py, decode_heatmaps(). Grid (keypoints, B); `keypoints` is
// (B, keypoints, 3).
extern "C" __global__ void keypoints_of_heatmaps(
  const void *heatmaps, const Decoder *decoder_, const View *views, float *keypoints)
{
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
  if (threadIdx.x != 0) return;
  const int at = broken ? 0 : best.index;
  const int y = at / width, x = at % width;
  float x_map = x, y_map = y;
  // Not at the map's edge: there one of the neighbours is unknown.
  if (y > 0 && y < height - 1) {
    const float below = read_number(heatmaps, decoder.is_half, first + at + width);
    const float above = read_number(heatmaps, decoder.is_half, first + at - width);
    y_map += 0.25f * ((below > above) - (below < above));
  }
  if (x > 0 && x < width - 1) {
    const float right = read_number(heatmaps, decoder.is_half, first + at + 1);
    const float left = read_number(heatmaps, decoder.is_half, first + at - 1);
    x_map += 0.25f * ((right > left) - (right < left));
  }
  const float score = fminf(fmaxf(best.value, 0.0f), 1.0f);
  write_keypoint(keypoints + 3 * place, decoder, views[view], x_map, y_map, score, broken);
}
