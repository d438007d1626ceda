// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Frame -> network input: any number of regions of one frame in one launch.
// Reference: core/estimator/preprocess.py, network_input().
#include "frame.cuh"
#include "half.cuh"

// OpenCV's fixed point (imgwarp.cpp, warpAffine): what is sampled, and so what the network sees, is
// the same on every runtime, down to the last bit.
#define COORDINATE_BITS 10
#define SHARE_BITS 5  // coordinates are rounded to 1/32 pixel

// The sum of a column's and a row's number, in units of 1/32 pixel.
__device__ inline long long coordinate(int column, int row)
{
  const int drop = COORDINATE_BITS - SHARE_BITS;
  return ((long long)column + row + (1 << (drop - 1))) >> drop;
}

__device__ inline int mean_of(int sum, int block)
{
  if (block == 1) return sum;
  if (block == 2) return (sum + 2) >> 2;  // cv2.resize has its own code for halves
  return (int)rintf(sum * (1.0f / (block * block)));
}

// A pixel of the frame averaged over blocks; outside of the whole blocks is black.
__device__ inline Pixel block_at(
  const unsigned char *bytes, const Frame &frame, int block, int x, int y)
{
  Pixel all = {0, 0, 0};
  if (x < 0 || y < 0 || x >= frame.width / block || y >= frame.height / block) return all;
  for (int row = y * block; row < (y + 1) * block; ++row) {
    for (int column = x * block; column < (x + 1) * block; ++column) {
      const Pixel pixel = pixel_at(bytes, frame, column, row);
      all.blue += pixel.blue;
      all.green += pixel.green;
      all.red += pixel.red;
    }
  }
  all.blue = mean_of(all.blue, block);
  all.green = mean_of(all.green, block);
  all.red = mean_of(all.red, block);
  return all;
}

// What cv2.warpAffine gives where the column and the row meet.
__device__ inline Pixel warped_pixel(
  const unsigned char *bytes, const Frame &frame, const View &view, const int *column,
  const int *row)
{
  const long long x_view = coordinate(column[0], row[0]);
  const long long y_view = coordinate(column[1], row[1]);
  const int one = 1 << SHARE_BITS;
  Pixel sum = {0, 0, 0};
  // Far outside nothing is seen, and the numbers might not fit an int.
  if (x_view <= -one || y_view <= -one || x_view >= (long long)frame.width * one ||
      y_view >= (long long)frame.height * one)
    return sum;
  const int left = (int)(x_view >> SHARE_BITS), top = (int)(y_view >> SHARE_BITS);
  const int right_share = (int)x_view & (one - 1), bottom_share = (int)y_view & (one - 1);
  for (int corner = 0; corner < 4; ++corner) {
    const int is_right = corner & 1, is_bottom = corner >> 1;
    const int weight = (is_right ? right_share : one - right_share) *
                       (is_bottom ? bottom_share : one - bottom_share);
    if (weight == 0) continue;
    const Pixel pixel = block_at(bytes, frame, view.block, left + is_right, top + is_bottom);
    sum.blue += weight * pixel.blue;
    sum.green += weight * pixel.green;
    sum.red += weight * pixel.red;
  }
  const int half_unit = one * one / 2;
  sum.blue = (sum.blue + half_unit) >> (2 * SHARE_BITS);
  sum.green = (sum.green + half_unit) >> (2 * SHARE_BITS);
  sum.red = (sum.red + half_unit) >> (2 * SHARE_BITS);
  return sum;
}

// One axis of cv2.resize (resize.cpp, fixed point of 11 bits): two pixels and their weights.
struct Samples {
  int first, second;
  int first_weight, second_weight;
};

__device__ inline Samples samples_of(const int *entry, int from_size)
{
  Samples samples;
  samples.first = entry[0];
  samples.second = min(entry[0] + 1, from_size - 1);
  samples.first_weight = entry[1] >> 16;
  samples.second_weight = entry[1] & 0xffff;
  return samples;
}

__device__ inline int resized_value(
  const Samples &across, const Samples &down, int top_left, int top_right, int bottom_left,
  int bottom_right)
{
  const int top = top_left * across.first_weight + top_right * across.second_weight;
  const int bottom = bottom_left * across.first_weight + bottom_right * across.second_weight;
  return (((down.first_weight * (top >> 4)) >> 16) + ((down.second_weight * (bottom >> 4)) >> 16) +
          2) >> 2;
}

// What cv2.resize gives at (x, y) of the rectangle that the whole frame fills; black outside.
__device__ inline Pixel resized_pixel(
  const unsigned char *bytes, const Frame &frame, const View &view, const int *column,
  const int *row, int x, int y)
{
  Pixel pixel = {0, 0, 0};
  x -= view.resized_left;
  y -= view.resized_top;
  if (x < 0 || y < 0 || x >= view.resized_width || y >= view.resized_height) return pixel;
  const int block = view.block;
  const Samples across = samples_of(column, frame.width / block);
  const Samples down = samples_of(row, frame.height / block);
  const Pixel a = block_at(bytes, frame, block, across.first, down.first);
  const Pixel b = block_at(bytes, frame, block, across.second, down.first);
  const Pixel c = block_at(bytes, frame, block, across.first, down.second);
  const Pixel d = block_at(bytes, frame, block, across.second, down.second);
  pixel.blue = resized_value(across, down, a.blue, b.blue, c.blue, d.blue);
  pixel.green = resized_value(across, down, a.green, b.green, c.green, d.green);
  pixel.red = resized_value(across, down, a.red, b.red, c.red, d.red);
  return pixel;
}

// One thread per pixel of the input: grid (ceil(width / threads), height, B). `tables` has two
// numbers for each column and row of each view (structs.py, views_of): the affine at it, in units of
// 1/1024 pixel, or the first of two pixels and their weights.
extern "C" __global__ void warp_views(
  const unsigned char *bytes, const Frame *frame_, const Target *target_, const View *views,
  const int *tables, void *input)
{
  const Frame frame = *frame_;
  const Target target = *target_;
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y;
  if (x >= target.width) return;
  const View &view = views[blockIdx.z];
  const int *columns = tables + blockIdx.z * 2 * (target.width + target.height);
  const int *column = columns + 2 * x, *row = columns + 2 * (target.width + y);
  const Pixel pixel = view.resized_width > 0
                        ? resized_pixel(bytes, frame, view, column, row, x, y)
                        : warped_pixel(bytes, frame, view, column, row);
  const int channels[3] = {
    target.is_rgb ? pixel.red : pixel.blue, pixel.green, target.is_rgb ? pixel.blue : pixel.red};
  const int plane = target.width * target.height;
  int index = blockIdx.z * 3 * plane + y * target.width + x;
  for (int channel = 0; channel < 3; ++channel, index += plane) {
    const float value = (channels[channel] - target.mean[channel]) / target.std[channel];
    write_number(input, target.is_half, index, value);
  }
}
