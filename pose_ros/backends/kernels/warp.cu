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

// What cv2.warpAffine gives at (x, y).
__device__ inline Pixel warped_pixel(
  const unsigned char *bytes, const Frame &frame, const View &view, int x, int y)
{
  const long long x_view = coordinate(view.reduced_from_input, x, y);
  const long long y_view = coordinate(view.reduced_from_input + 3, x, y);
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

__device__ inline Samples samples_of(int position, int size, int from_size)
{
  const double scale = 1.0 / ((double)size / from_size);
  float share = (float)((position + 0.5) * scale - 0.5);
  int first = (int)floorf(share);
  share -= first;
  if (first < 0 || first >= from_size - 1) {
    first = first < 0 ? 0 : from_size - 1;
    share = 0.0f;
  }
  Samples samples;
  samples.first = first;
  samples.second = min(first + 1, from_size - 1);
  samples.first_weight = (int)rintf((1.0f - share) * 2048.0f);
  samples.second_weight = (int)rintf(share * 2048.0f);
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
  const unsigned char *bytes, const Frame &frame, const View &view, int x, int y)
{
  Pixel pixel = {0, 0, 0};
  x -= view.resized_left;
  y -= view.resized_top;
  if (x < 0 || y < 0 || x >= view.resized_width || y >= view.resized_height) return pixel;
  const int block = view.block;
  const Samples across = samples_of(x, view.resized_width, frame.width / block);
  const Samples down = samples_of(y, view.resized_height, frame.height / block);
  const Pixel a = block_at(bytes, frame, block, across.first, down.first);
  const Pixel b = block_at(bytes, frame, block, across.second, down.first);
  const Pixel c = block_at(bytes, frame, block, across.first, down.second);
  const Pixel d = block_at(bytes, frame, block, across.second, down.second);
  pixel.blue = resized_value(across, down, a.blue, b.blue, c.blue, d.blue);
  pixel.green = resized_value(across, down, a.green, b.green, c.green, d.green);
  pixel.red = resized_value(across, down, a.red, b.red, c.red, d.red);
  return pixel;
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
  const Pixel pixel = view.resized_width > 0 ? resized_pixel(bytes, frame, view, x, y)
                                             : warped_pixel(bytes, frame, view, x, y);
  const int channels[3] = {
    target.is_rgb ? pixel.red : pixel.blue, pixel.green, target.is_rgb ? pixel.blue : pixel.red};
  const int plane = target.width * target.height;
  int index = blockIdx.z * 3 * plane + y * target.width + x;
  for (int channel = 0; channel < 3; ++channel, index += plane) {
    const float value = (channels[channel] - target.mean[channel]) / target.std[channel];
    write_number(input, target.is_half, index, value);
  }
}
