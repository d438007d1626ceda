// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Numbers of the engine's type, float or half, by index. No cuda_fp16.h: NVRTC comes without it.
#pragma once

#ifdef __CUDACC__
__device__ inline unsigned short half_from_float(float value)
{
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}

__device__ inline float float_from_half(unsigned short bits)
{
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}
#endif  // the host's are in the shim of the tests

__device__ inline float read_number(const void *numbers, int is_half, int index)
{
  if (is_half) return float_from_half(((const unsigned short *)numbers)[index]);
  return ((const float *)numbers)[index];
}

__device__ inline void write_number(void *numbers, int is_half, int index, float value)
{
  if (is_half)
    ((unsigned short *)numbers)[index] = half_from_float(value);
  else
    ((float *)numbers)[index] = value;
}

// FLT_MAX: the comparison is false for NaN.
__device__ inline bool is_finite(float value) { return fabsf(value) <= 3.402823466e38f; }
