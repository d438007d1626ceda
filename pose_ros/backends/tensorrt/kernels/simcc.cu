// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Two vectors per joint, one per axis -> keypoints. Reference: core/decode_simcc.py.
#include "arg_max.cuh"
#include "half.cuh"
#include "write_keypoint.cuh"

// The highest of `count` numbers from `first` on; `broken` becomes true where one is none. All
// threads of the block must call it.
__device__ inline Best highest_bin(
  const void *bins, int is_half, int first, int count, bool *broken)
{
  Best best = nothing_yet();
  for (int i = threadIdx.x; i < count; i += blockDim.x) {
    const float value = read_number(bins, is_half, first + i);
    *broken |= !is_finite(value);
    improve(best, value, i);
  }
  return best_of_block(best);
}

// Grid (keypoints, B); `decoder` has the number of bins as width and height; `keypoints` is
// (B, keypoints, 3).
extern "C" __global__ void keypoints_of_simcc(
  const void *simcc_x, const void *simcc_y, const Decoder *decoder_, const View *views,
  float *keypoints)
{
  const Decoder decoder = *decoder_;
  const int view = blockIdx.y, place = view * decoder.keypoints + blockIdx.x;
  const int columns = decoder.width, rows = decoder.height;
  bool broken = false;
  const Best x = highest_bin(simcc_x, decoder.is_half, place * columns, columns, &broken);
  const Best y = highest_bin(simcc_y, decoder.is_half, place * rows, rows, &broken);
  broken = any_of_block(broken);
  if (threadIdx.x != 0) return;
  const float score = fminf(fmaxf(fminf(x.value, y.value), 0.0f), 1.0f);
  write_keypoint(
    keypoints + 3 * place, decoder, views[view], broken ? 0 : x.index, broken ? 0 : y.index,
    score, broken);
}
