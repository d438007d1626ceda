// SPDX-FileCopyrightText: 2026 pose_ros contributors
// SPDX-License-Identifier: Apache-2.0
//
// What the host uploads: structs.py has the same as NumPy dtypes.
#pragma once

// The camera's frame as it came. `format`: index in FRAME_FORMATS of structs.py.
struct Frame {
  int width, height;  // pixels
  int step;           // bytes from row to row
  int format;
};

// The network's input: (B, 3, height, width), input = (pixel - mean) / std, mean on 0..255.
struct Target {
  int width, height;
  int is_rgb;   // order of the channels, else BGR
  int is_half;  // type of the numbers, else float
  float mean[3], std[3];
};

// One region of the frame. The affine is 2x3, row by row, and double: float is a thousandth of a
// pixel off at the far side of a large frame.
struct View {
  double image_from_input[6];
  int block;  // the frame is averaged over blocks of `block` x `block` pixels
  // A whole frame that is only made smaller: where it lies in the input; else the width is 0.
  int resized_left, resized_top, resized_width, resized_height;
  int unused;
};

// How a peak is found below the map pixel: index in REFINEMENTS of core/model_spec.py.
enum Refinement { ARGMAX, QUARTER, TAYLOR, UDP };

// The network's maps and how they are read: fields of ModelSpec. Sizes in map pixels.
struct Decoder {
  int width, height, keypoints;
  int max_people;          // per view
  int is_half;             // type of the maps, else float
  int is_gaussian;         // weighting, else reciprocal
  float weighting;         // sigma or softening, map pixels
  float min_center;        // lower centres are nobody
  float x_scale, y_scale;  // input pixels per map pixel
  float offset_px;         // of map pixel 0, input pixels
  int refinement;
  float blur_sigma;  // map pixels
  int blur_radius;
  float score_scale;  // of a height, before it is clipped to 0..1
};
