// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// The kernels as C functions: host_NAME(grid, threads, reversed, arguments...).
#include "host_cuda.h"
#include "pose.cu"

#define LAUNCH(waits, kernel, ...) \
  host::launch(Index3{grid[0], grid[1], grid[2]}, threads, reversed, waits, kernel, __VA_ARGS__)
#define GRID const unsigned *grid, unsigned threads, int reversed

extern "C" {

bool host_warp_views(GRID, void **a)
{
  return LAUNCH(
    false, warp_views, (const unsigned char *)a[0], (const Frame *)a[1], (const Target *)a[2],
    (const View *)a[3], (const int *)a[4], a[5]);
}

bool host_center_peaks(GRID, void **a)
{
  return LAUNCH(
    true, center_peaks, a[0], (const Decoder *)a[1], (int *)a[2], (int *)a[3], (int *)a[4],
    (float *)a[5]);
}

bool host_middle_person(GRID, void **a)
{
  return LAUNCH(
    true, middle_person, a[0], (const Decoder *)a[1], (int *)a[2], (int *)a[3], (float *)a[4]);
}

bool host_keypoints_at_centers(GRID, void **a)
{
  return LAUNCH(
    true, keypoints_at_centers, a[0], a[1], a[2], (const Decoder *)a[3], (const View *)a[4],
    (const int *)a[5], (const int *)a[6], (float *)a[7]);
}

bool host_keypoints_of_heatmaps(GRID, void **a)
{
  return LAUNCH(
    true, keypoints_of_heatmaps, a[0], (const Decoder *)a[1], (const View *)a[2], (float *)a[3]);
}

int host_sizes(int which)
{
  const int sizes[] = {sizeof(Frame), sizeof(Target), sizeof(View), sizeof(Decoder)};
  return sizes[which];
}

unsigned short host_half_from_float(float value) { return half_from_float(value); }
float host_float_from_half(unsigned short half) { return float_from_half(half); }
}
