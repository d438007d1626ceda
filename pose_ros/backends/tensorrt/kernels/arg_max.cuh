// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// The largest of many values and where it is, found by all threads of a block together.
#pragma once

#include "half.cuh"

#define MAX_THREADS 256

struct Best {
  float value;
  int index;
};

__device__ inline Best nothing_yet()
{
  Best best = {-3.402823466e38f, 0x7fffffff};
  return best;
}

// Of equal values the first one counts, as for NumPy.
__device__ inline void improve(Best &best, float value, int index)
{
  if (value > best.value || (value == best.value && index < best.index)) {
    best.value = value;
    best.index = index;
  }
}

// Every thread gives its best and gets that of the block. All threads of the block must call it,
// and there are a power of two of them, at most MAX_THREADS.
__device__ inline Best best_of_block(Best own)
{
  __shared__ Best bests[MAX_THREADS];
  __syncthreads();  // whoever still reads the result of an earlier call
  bests[threadIdx.x] = own;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) {
      const Best other = bests[threadIdx.x + half];
      improve(bests[threadIdx.x], other.value, other.index);
    }
    __syncthreads();
  }
  return bests[0];
}

// True for every thread when it is for one. All threads of the block must call it.
__device__ inline bool any_of_block(bool own)
{
  __shared__ int any;
  __syncthreads();
  if (threadIdx.x == 0) any = 0;
  __syncthreads();
  if (own) any = 1;
  __syncthreads();
  return any != 0;
}
