// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// Frame -> network input: any number of regions of one frame in one launch.
// Reference: core/preprocess.py, network_input().
#include "frame.cuh"
#include "half.cuh"

struct Color {
  float blue, green, red;
};

// Adds a pixel of the frame averaged over blocks; outside of the whole blocks is black.
__device__ inline void add_block(
  Color &sum, float weight, const unsigned char *bytes, const Frame &frame, int block, int x, int y)
{
  if (x < 0 || y < 0 || x >= frame.width / block || y >= frame.height / block) return;
  int blue = 0, green = 0, red = 0;
  for (int row = y * block; row < (y + 1) * block; ++row) {
    for (int column = x * block; column < (x + 1) * block; ++column) {
      const Pixel pixel = pixel_at(bytes, frame, column, row);
      blue += pixel.blue;
      green += pixel.green;
      red += pixel.red;
    }
  }
  weight /= (float)(block * block);
  sum.blue += weight * blue;
  sum.green += weight * green;
  sum.red += weight * red;
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
  const double *affine = view.reduced_from_input;
  const double x_reduced = affine[0] * x + affine[1] * y + affine[2];
  const double y_reduced = affine[3] * x + affine[4] * y + affine[5];
  Color color = {0.0f, 0.0f, 0.0f};
  // Far outside nothing is seen, and the numbers might not fit an int.
  if (x_reduced > -1 && y_reduced > -1 && x_reduced < frame.width && y_reduced < frame.height) {
    const int left = (int)floor(x_reduced), top = (int)floor(y_reduced);
    const float right_share = (float)(x_reduced - left), bottom_share = (float)(y_reduced - top);
    for (int corner = 0; corner < 4; ++corner) {
      const int is_right = corner & 1, is_bottom = corner >> 1;
      const float weight = (is_right ? right_share : 1.0f - right_share) *
                           (is_bottom ? bottom_share : 1.0f - bottom_share);
      if (weight > 0.0f)
        add_block(color, weight, bytes, frame, view.block, left + is_right, top + is_bottom);
    }
  }
  const float channels[3] = {
    target.is_rgb ? color.red : color.blue, color.green, target.is_rgb ? color.blue : color.red};
  const int plane = target.width * target.height;
  int index = blockIdx.z * 3 * plane + y * target.width + x;
  for (int channel = 0; channel < 3; ++channel, index += plane) {
    const float value = (channels[channel] - target.mean[channel]) / target.std[channel];
    write_number(input, target.is_half, index, value);
  }
}
