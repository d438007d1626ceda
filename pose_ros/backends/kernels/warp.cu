// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Frame -> network input: any number of regions of one frame in one launch.
// Reference: core/preprocess.py, network_input().
#include "frame.cuh"
#include "half.cuh"

// OpenCV's fixed point (imgwarp.cpp, warpAffine): what is sampled, and so what the network sees, is
// the same on every runtime, down to the last bit.
#define COORDINATE_BITS 10
#define SHARE_BITS 5  // coordinates are rounded to 1/32 pixel

// The affine's row at (x, y), in units of 1/32 pixel.
__device__ inline long long coordinate(const double *row, int x, int y)
{
  const double unit = 1 << COORDINATE_BITS;
  const long long sum = (long long)rint(row[0] * x * unit) +
                        (long long)rint((row[1] * y + row[2]) * unit);
  const int drop = COORDINATE_BITS - SHARE_BITS;
  return (sum + (1 << (drop - 1))) >> drop;
}

__device__ inline int mean_of(int sum, int block)
{
  if (block == 1) return sum;
  if (block == 2) return (sum + 2) >> 2;  // cv2.resize has its own code for halves
  return (int)rintf(sum * (1.0f / (block * block)));
}

// Adds a pixel of the frame averaged over blocks; outside of the whole blocks is black.
__device__ inline void add_block(
  Pixel &sum, int weight, const unsigned char *bytes, const Frame &frame, int block, int x, int y)
{
  if (x < 0 || y < 0 || x >= frame.width / block || y >= frame.height / block) return;
  Pixel all = {0, 0, 0};
  for (int row = y * block; row < (y + 1) * block; ++row) {
    for (int column = x * block; column < (x + 1) * block; ++column) {
      const Pixel pixel = pixel_at(bytes, frame, column, row);
      all.blue += pixel.blue;
      all.green += pixel.green;
      all.red += pixel.red;
    }
  }
  sum.blue += weight * mean_of(all.blue, block);
  sum.green += weight * mean_of(all.green, block);
  sum.red += weight * mean_of(all.red, block);
}

// One thread per pixel of the input: grid (ceil(width / threads), height, B).
extern "C" __global__ void warp_views(
  const unsigned char *bytes, const Frame *frame_, const Target *target_, const View *views,
  void *input)
{
  const Frame frame = *frame_;
  const Target target = *target_;
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y;
  if (x >= target.width) return;
  const View &view = views[blockIdx.z];
  const long long x_view = coordinate(view.reduced_from_input, x, y);
  const long long y_view = coordinate(view.reduced_from_input + 3, x, y);
  const int one = 1 << SHARE_BITS;
  Pixel sum = {0, 0, 0};
  // Far outside nothing is seen, and the numbers might not fit an int.
  if (x_view > -one && y_view > -one && x_view < (long long)frame.width * one &&
      y_view < (long long)frame.height * one) {
    const int left = (int)(x_view >> SHARE_BITS), top = (int)(y_view >> SHARE_BITS);
    const int right_share = (int)x_view & (one - 1), bottom_share = (int)y_view & (one - 1);
    for (int corner = 0; corner < 4; ++corner) {
      const int is_right = corner & 1, is_bottom = corner >> 1;
      const int weight = (is_right ? right_share : one - right_share) *
                         (is_bottom ? bottom_share : one - bottom_share);
      if (weight > 0)
        add_block(sum, weight, bytes, frame, view.block, left + is_right, top + is_bottom);
    }
  }
  const int half_unit = one * one / 2;
  const int blue = (sum.blue + half_unit) >> (2 * SHARE_BITS);
  const int green = (sum.green + half_unit) >> (2 * SHARE_BITS);
  const int red = (sum.red + half_unit) >> (2 * SHARE_BITS);
  const int channels[3] = {target.is_rgb ? red : blue, green, target.is_rgb ? blue : red};
  const int plane = target.width * target.height;
  int index = blockIdx.z * 3 * plane + y * target.width + x;
  for (int channel = 0; channel < 3; ++channel, index += plane) {
    const float value = (channels[channel] - target.mean[channel]) / target.std[channel];
    write_number(input, target.is_half, index, value);
  }
}
