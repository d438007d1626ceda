// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// One pixel of a camera frame as blue, green, red in 0..255, from whatever encoding it has.
// Every conversion gives the bytes that OpenCV's cvtColor gives, which the CPU path uses.
#pragma once

#include "structs.cuh"

enum FrameFormat {
  BGR8, RGB8, BGRA8, RGBA8, MONO8, UYVY, YUY2, NV12, NV21,
  BAYER_RGGB8, BAYER_BGGR8, BAYER_GBRG8, BAYER_GRBG8,
};

struct Pixel {
  int blue, green, red;
};

__device__ inline int clamp_int(int value, int low, int high)
{
  return value < low ? low : value > high ? high : value;
}

// ITU-R BT.601, limited range, in units of 2^-20: OpenCV's constants (color_yuv.simd.hpp).
__device__ inline Pixel pixel_from_yuv(int y, int u, int v)
{
  const int half_unit = 1 << 19;
  const int luma = (y > 16 ? y - 16 : 0) * 1220542;
  u -= 128;
  v -= 128;
  Pixel pixel;
  pixel.blue = clamp_int((luma + 2116026 * u + half_unit) >> 20, 0, 255);
  pixel.green = clamp_int((luma - 409993 * u - 852492 * v + half_unit) >> 20, 0, 255);
  pixel.red = clamp_int((luma + 1673527 * v + half_unit) >> 20, 0, 255);
  return pixel;
}

// Bilinear demosaicing: the mean of the neighbours that have the colour.
__device__ inline Pixel pixel_from_bayer(const unsigned char *bytes, const Frame &frame, int x, int y)
{
  // The outermost pixels have no neighbours on one side: they take the colours of the next one.
  x = clamp_int(x, 1, frame.width - 2);
  y = clamp_int(y, 1, frame.height - 2);
  const unsigned char *above = bytes + (y - 1) * frame.step + x;
  const unsigned char *here = above + frame.step;
  const unsigned char *below = here + frame.step;
  const bool odd_red_column = frame.format == BAYER_BGGR8 || frame.format == BAYER_GRBG8;
  const bool odd_red_row = frame.format == BAYER_BGGR8 || frame.format == BAYER_GBRG8;
  const bool red_column = (x & 1) == (int)odd_red_column;
  const bool red_row = (y & 1) == (int)odd_red_row;
  int red, green, blue;
  if (red_column == red_row) {  // a red pixel, or a blue one
    const int other = (above[-1] + above[1] + below[-1] + below[1] + 2) >> 2;
    green = (above[0] + below[0] + here[-1] + here[1] + 2) >> 2;
    red = red_row ? here[0] : other;
    blue = red_row ? other : here[0];
  } else {
    const int beside = (here[-1] + here[1] + 1) >> 1;
    const int over_under = (above[0] + below[0] + 1) >> 1;
    green = here[0];
    red = red_row ? beside : over_under;
    blue = red_row ? over_under : beside;
  }
  Pixel pixel = {blue, green, red};
  return pixel;
}

__device__ inline Pixel pixel_at(const unsigned char *bytes, const Frame &frame, int x, int y)
{
  const unsigned char *row = bytes + (size_t)y * frame.step;
  Pixel pixel;
  switch (frame.format) {
    case BGR8:
    case BGRA8:
      row += x * (frame.format == BGR8 ? 3 : 4);
      pixel.blue = row[0];
      pixel.green = row[1];
      pixel.red = row[2];
      return pixel;
    case RGB8:
    case RGBA8:
      row += x * (frame.format == RGB8 ? 3 : 4);
      pixel.red = row[0];
      pixel.green = row[1];
      pixel.blue = row[2];
      return pixel;
    case MONO8:
      pixel.blue = pixel.green = pixel.red = row[x];
      return pixel;
    case UYVY:
      row += (x & ~1) * 2;
      return pixel_from_yuv(row[1 + 2 * (x & 1)], row[0], row[2]);
    case YUY2:
      row += (x & ~1) * 2;
      return pixel_from_yuv(row[2 * (x & 1)], row[1], row[3]);
    case NV12:
    case NV21: {
      const unsigned char *chroma =
        bytes + (size_t)(frame.height + y / 2) * frame.step + (x & ~1);
      const int first = chroma[0], second = chroma[1];
      const bool nv12 = frame.format == NV12;
      return pixel_from_yuv(row[x], nv12 ? first : second, nv12 ? second : first);
    }
    default:
      return pixel_from_bayer(bytes, frame, x, y);
  }
}
