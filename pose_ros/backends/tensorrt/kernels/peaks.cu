// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Centre map -> people's centres, one block per view.
// Reference: core/decode/movenet.py, center_peaks() and decode_person().
#include "arg_max.cuh"
#include "half.cuh"
#include "structs.cuh"

// A peak is the largest of the 5x5 map pixels around it, itself included.
__device__ inline bool is_peak(
  const void *centers, const Decoder &decoder, int first, int x, int y, float value)
{
  const int reach = 2;
  for (int row = y - reach; row <= y + reach; ++row) {
    if (row < 0 || row >= decoder.height) continue;
    for (int column = x - reach; column <= x + reach; ++column) {
      if (column < 0 || column >= decoder.width) continue;
      const int index = first + row * decoder.width + column;
      if (read_number(centers, decoder.is_half, index) > value) return false;
    }
  }
  return true;
}

// The peaks of each view, highest first, into its `max_people` places of `cell` and `score`.
// `candidates` is scratch, one int per map pixel of all views. A view's count is -1 when its map
// has a value that is not finite.
extern "C" __global__ void center_peaks(
  const void *centers, const Decoder *decoder_, int *candidates, int *count, int *cell,
  float *score)
{
  __shared__ int found;
  const Decoder decoder = *decoder_;
  const int cells = decoder.width * decoder.height;
  const int view = blockIdx.x, first = view * cells;
  if (threadIdx.x == 0) found = 0;
  __syncthreads();
  bool broken = false;
  for (int c = threadIdx.x; c < cells; c += blockDim.x) {
    const float value = read_number(centers, decoder.is_half, first + c);
    broken |= !is_finite(value);
    if (value < decoder.min_center) continue;
    if (is_peak(centers, decoder, first, c % decoder.width, c / decoder.width, value))
      candidates[first + atomicAdd(&found, 1)] = c;
  }
  broken = any_of_block(broken);  // has a barrier: `found` and `candidates` are complete
  if (threadIdx.x == 0) count[view] = broken ? -1 : min(found, decoder.max_people);
  if (broken) return;
  // A candidate's place is the number of those before it, whatever order they were found in.
  for (int i = threadIdx.x; i < found; i += blockDim.x) {
    const int own = candidates[first + i];
    const float value = read_number(centers, decoder.is_half, first + own);
    int place = 0;
    for (int k = 0; k < found && place < decoder.max_people; ++k) {
      const int other = candidates[first + k];
      const float theirs = read_number(centers, decoder.is_half, first + other);
      place += theirs > value || (theirs == value && other < own);
    }
    if (place < decoder.max_people) {
      cell[view * decoder.max_people + place] = own;
      score[view * decoder.max_people + place] = value;
    }
  }
}

// The one person that each view is about: the centre divided by (distance to the middle + 1.8) is
// largest. `max_people` is 1.
extern "C" __global__ void middle_person(
  const void *centers, const Decoder *decoder_, int *count, int *cell, float *score)
{
  const Decoder decoder = *decoder_;
  const int cells = decoder.width * decoder.height;
  const int view = blockIdx.x, first = view * cells;
  Best best = nothing_yet();
  bool broken = false;
  for (int c = threadIdx.x; c < cells; c += blockDim.x) {
    const float value = read_number(centers, decoder.is_half, first + c);
    broken |= !is_finite(value);
    const float y = c / decoder.width - decoder.height / 2;
    const float x = c % decoder.width - decoder.width / 2;
    improve(best, value / (sqrtf(x * x + y * y) + 1.8f), c);
  }
  best = best_of_block(best);
  broken = any_of_block(broken);
  if (threadIdx.x != 0) return;
  count[view] = broken ? -1 : 1;
  if (broken) return;
  cell[view] = best.index;
  score[view] = read_number(centers, decoder.is_half, first + best.index);
}
